"""
Begins shims at the price of a fork: it has Python and the shim's files loaded, and waits. A server has one, which ends
with it; the shims go on.

Started as `python3 -I -S zygote.py <path>`, with the files beside it. It says a line when it listens there, and ends when
its standard input does. Whoever connects is given a shim: it says the attempt's folder and a NUL, hears the shim's pid
on a line, and then tells it what to do (shim.py). The connection ends with the shim.
"""

import os
import select
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # which -I leaves out

from proc import signal
from shim import obey

WAITING_MAX = 512  # connections that were not looked at yet


def serve(path):
    listener = listen(path)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # shims are nobody's to wait for
    os.write(1, b"\n")
    try:
        answer(listener)
    finally:
        os.unlink(path)


def listen(path):
    """At a place that is its owner's alone: who connects must be allowed to write there [unix(7)]."""
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o077)
    listener.bind(path)
    os.umask(before)
    listener.listen(WAITING_MAX)
    return listener


def answer(listener):
    server = os.getppid()
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    poll.register(listener, select.POLLIN)
    while 0 not in dict(poll.poll()):
        line, _ = listener.accept()
        if is_from(line, server):
            begin(line, listener)
        line.close()


def is_from(line, server):
    """Nobody but its server is answered: a task of the same owner, isolated too, could leave its bounds by a shim of its own."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    peer = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)  # pid, user and group, each 4 bytes
    return int.from_bytes(peer[:4], sys.byteorder) == server


def begin(line, listener):
    try:
        pid = os.fork()
    except OSError as error:
        return print("A shim cannot be started: %s" % error, file=sys.stderr, flush=True)
    if pid == 0:
        try:
            listener.close()  # who connects after this process has died is not to wait for a shim
            hold(line)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)


def hold(line):
    """In the child: a shim, in a session of its own, that stands in the attempt's folder."""
    os.setsid()
    folder = b""
    while not folder.endswith(b"\0"):
        some = line.recv(4096)
        if not some:
            return
        folder += some
    os.chdir(folder[:-1])
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(os.open("shim.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), 2)
    line.sendall(b"%d\n" % os.getpid())
    obey(line.fileno())


if __name__ == "__main__":
    serve(sys.argv[1])
