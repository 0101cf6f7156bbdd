"""What a shim is told: `name NUL value NUL` pairs."""

import os


class Spec:
    """What to do, in order of arrival; a name may stand more than once."""

    def __init__(self, pairs):
        self.pairs = pairs

    def all(self, name):
        return [value for other, value in self.pairs if other == name]

    def one(self, name, default=None):
        values = self.all(name)
        return values[-1] if values else default

    def number(self, name):
        value = self.one(name)
        return None if value is None else float(value)


def read_spec(fd):
    data = b""
    while True:
        some = os.read(fd, 1 << 16)
        if not some:
            break
        data += some
    parts = data.split(b"\0")
    pairs = [(parts[i].decode(), parts[i + 1]) for i in range(0, len(parts) - 1, 2)]
    return Spec(pairs[:-1]) if pairs and pairs[-1][0] == "end" else None
