"""
Holds one model and answers for it: a process of its own, so that what a model file makes Python do is done here and not
in the server. Python 3.8 or later and its standard library; what the model needs is in the environment that it runs in.

Started with a socket as file descriptor 3. Both sides send frames: two unsigned 32-bit little-endian lengths, a JSON
object, and raw columns one after the other. It answers each frame with one, in order, with the memory that it has had at
most, and ends when the socket closes. Before the answer to `stream` there is a frame for each part of the text; `cancel`,
which is not answered, ends it early, and means nothing when it has ended.
"""

import ctypes
import json
import os
import resource
import select
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # which -I leaves out

import columns
import loaders

LENGTHS = struct.Struct("<II")
PR_SET_PDEATHSIG = 1  # [prctl(2)]
ERROR_CHARACTERS = 2000
KIBIBYTE = 1024  # in which Linux counts [getrusage(2)]


def main():
    end_with_parent()
    channel = socket.socket(fileno=3)
    model = None
    while True:
        frame = receive(channel)
        if frame is None:
            return
        header, tail = frame
        if header["op"] == "cancel":
            continue
        try:
            if header["op"] == "load":
                limit_memory(header.get("memoryBytes"))
                model = loaders.load(header)
                answer, parts = {"streams": hasattr(model, "whole")}, []
            elif header["op"] == "convert":
                import conversion  # which needs packages that no other worker has

                limit_memory(header.get("memoryBytes"))
                answer, parts = {}, [conversion.convert(header)]
            elif header["op"] == "stream":
                answer, parts = stream(channel, model, header, tail)
            else:
                answer, parts = run(model, header, tail)
        except Exception as error:  # whatever the model's code throws is an answer
            answer, parts = {"error": sentence(error)}, []
        answer["memoryBytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE
        send(channel, answer, parts)


def run(model, header, tail):
    rows = header["rows"]
    given = columns.read(header["inputs"], tail, rows)
    answer = model(given, rows)
    return columns.write(answer, rows)


def stream(channel, model, header, tail):
    """The answer to one row, whose parts have been sent."""

    def told(part):
        send(channel, {"part": part}, [])
        # All that the server says before it has its answer is that it does not want it, or, by closing, that it is gone.
        return not select.select([channel], [], [], 0)[0]

    text = model.whole(columns.read(header["inputs"], tail, 1), told)
    return columns.write(model.answer([text]), 1)


def sentence(error):
    text = str(error)
    if isinstance(error, MemoryError):
        text = text or "the model's worker is over its memory limit"
    return ("%s: %s" % (type(error).__name__, text))[:ERROR_CHARACTERS]


def limit_memory(size):
    """Heap and private mappings [getrlimit(2), RLIMIT_DATA]: beyond it allocations fail, which Python says as MemoryError."""
    if size:
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def end_with_parent():
    """Also while it computes, when it would not notice that the socket is closed."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        pass


def receive(channel):
    lengths = exactly(channel, LENGTHS.size)
    if lengths is None:
        return None
    header, tail = LENGTHS.unpack(lengths)
    body = exactly(channel, header + tail)
    return None if body is None else (json.loads(bytes(body[:header])), body[header:])


def exactly(channel, size):
    data = bytearray(size)
    view, filled = memoryview(data), 0
    while filled < size:
        count = channel.recv_into(view[filled:])
        if count == 0:
            return None
        filled += count
    return view


def send(channel, answer, parts):
    header = json.dumps(answer, allow_nan=True).encode()
    channel.sendall(b"".join([LENGTHS.pack(len(header), sum(len(part) for part in parts)), header, *parts]))


if __name__ == "__main__":
    main()
