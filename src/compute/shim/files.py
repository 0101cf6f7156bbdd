"""How a shim speaks."""

import os

EXIT_BYTES = 1024  # reserved for exit.json at the start, so that a full disk does not swallow the end


class Files:
    """How the shim speaks where the server sees its files: a log that is appended to, and a folder for its last word."""

    def __init__(self, spec):
        self.folder = spec.one("folder").decode()
        self.path = os.path.join(self.folder, "exit.json")
        self.log = os.open(spec.one("log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.room = int(spec.number("logMax")) - os.fstat(self.log).st_size
        with open(self.path + ".part", "wb") as file:
            file.write(b" " * EXIT_BYTES)

    def write(self, data):
        """A full disk makes the log shorter; it does not end the task."""
        while data:
            try:
                data = data[os.write(self.log, data) :]
            except OSError:
                return

    def is_wanted(self):
        """A task whose folder was removed is nobody's any more."""
        return os.path.exists(self.folder)

    def finish(self, result):
        fd = os.open(self.path + ".part", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.write(fd, json_of(result).encode().ljust(EXIT_BYTES))
        os.close(fd)
        os.rename(self.path + ".part", self.path)


def json_of(result):
    """Of names, numbers and plain words only."""
    text = {None: "null", True: "true", False: "false"}
    values = (
        '"%s": %s' % (name, '"%s"' % value if isinstance(value, str) else text[value] if value is None else repr(value))
        for name, value in result.items()
    )
    return "{%s}\n" % ", ".join(values)
