"""What of a task's output becomes its log."""

TAIL_BYTES = 64 * 1024
MASKED = "•••".encode()


class Mask:
    """Puts ••• for secrets in a stream, also for those that arrive in pieces: what may become one is held back."""

    def __init__(self, secrets):
        self.secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self.held = b""

    def feed(self, data):
        if not self.secrets:
            return data
        data = self.held + data
        out = []
        at = 0
        hold = self._unfinished(data, at)
        while True:
            found = [(i, secret) for secret in self.secrets for i in (data.find(secret, at),) if i >= 0]
            start, secret = min(found, key=lambda match: match[0]) if found else (len(data), b"")
            if start >= hold:
                break
            out += [data[at:start], MASKED]
            at = start + len(secret)
            if at > hold:
                hold = self._unfinished(data, at)
        self.held = data[hold:]
        return b"".join(out + [data[at:hold]])

    def end(self):
        """What was held back is no secret, or the beginning of one that never came."""
        rest, self.held = self.held, b""
        for secret in self.secrets:
            rest = rest.replace(secret, MASKED)
        return rest

    def _unfinished(self, data, start):
        """Where the earliest piece begins that is a secret's beginning up to the end of the data."""
        longest = len(self.secrets[0])
        for i in range(max(start, len(data) - longest + 1), len(data)):
            piece = data[i:]
            if any(len(secret) > len(piece) and secret.startswith(piece) for secret in self.secrets):
                return i
        return len(data)


class Capped:
    """Lets the first bytes through, and at the end the last ones, with a line between that says what is left out."""

    def __init__(self, write, room):
        self.write = write
        self.room = room
        self.tail = []
        self.tail_bytes = 0
        self.left_out = 0

    def feed(self, data):
        head = data[: self.room] if self.room > 0 else b""
        self.room -= len(head)
        if head:
            self.write(head)
        rest = data[len(head) :]
        if not rest:
            return
        self.tail.append(rest)
        self.tail_bytes += len(rest)
        while self.tail_bytes - len(self.tail[0]) >= TAIL_BYTES:
            gone = len(self.tail.pop(0))
            self.tail_bytes -= gone
            self.left_out += gone

    def end(self):
        if self.left_out:
            note = "\n\u2026 the log is full: %d bytes are left out here \u2026\n" % self.left_out
            self.write(note.encode())
        if self.tail:
            self.write(b"".join(self.tail))
        self.tail = []
