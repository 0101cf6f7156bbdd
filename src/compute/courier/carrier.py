"""The way of a log to the platform."""

import json
import random
import time

from door import PAUSE_MAX_S, Away, Refused

LOOK_S = 0.2
PIECE_BYTES = 256 * 1024


class Carrier:
    """
    Sends what a log has grown by. `rank` is this node's among several, if it is one of several. The platform may be away:
    the log waits on the disk.
    """

    def __init__(self, path, platform, me, pulse, rank):
        self.path, self.platform, self.me, self.pulse, self.rank = path, platform, me, pulse, rank
        self.sent = 0  # bytes of the log that the platform has
        self.read = 0  # bytes of the file that are in what was sent
        self.piece = b""  # on its way
        self.pause = 0.5  # before the platform is asked again when it did not answer
        self.quiet_until = 0

    def tend(self):
        """A moment of waiting, in which the platform is sent what the log has grown by."""
        time.sleep(LOOK_S)
        if time.monotonic() < self.quiet_until or self.pulse.is_ended:
            return
        try:
            self.carry()
            self.pause = 0.5
        except Away:
            self.pause = min(PAUSE_MAX_S, self.pause * 2)
            self.quiet_until = time.monotonic() + self.pause * (0.75 + random.random() / 2)
        except Refused:
            self.pulse.end()

    def carry(self, drain=False):
        """Sends what the log has grown by. In a piece that was not answered nothing is changed before it was."""
        while True:
            if not self.piece:
                self.piece = self.next_piece(drain)
            if not self.piece:
                return
            query = dict(self.me, position=self.sent)
            answer = json.loads(self.platform.call("POST", "/log", self.piece, query, len(self.piece)))
            # After an answer that was lost, the piece has come already.
            self.piece = self.piece[max(0, answer["next"] - self.sent) :]
            self.sent = answer["next"]
            self.pulse.hear()

    def next_piece(self, drain):
        with open(self.path, "rb") as file:
            file.seek(self.read)
            data = file.read(PIECE_BYTES)
        if self.rank is None:
            self.read += len(data)
            return data
        # Of several nodes each line says whose it is.
        whole = len(data) if drain or len(data) == PIECE_BYTES else data.rfind(b"\n") + 1
        self.read += whole
        lines = data[:whole].splitlines(keepends=True)
        return b"".join(b"[%d] %s" % (self.rank, line) for line in lines)
