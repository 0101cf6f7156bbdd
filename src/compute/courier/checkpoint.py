"""What a task leaves for its next attempt."""

import json
import os
import time

from door import Away, patiently

UNFINISHED = (".tmp", ".part", ".partial")  # written beside, to be renamed


class Checkpoint:
    """The folder that outlives the attempt: filled before it begins, and handed in whenever it has changed."""

    def __init__(self, folder, terms, platform, me, pulse):
        self.folder, self.platform, self.me, self.pulse = folder, platform, me, pulse
        self.every = terms["everyMs"] / 1000
        self.next = time.monotonic() + self.every
        self.kept = None
        self.known = {}  # the digest of each file, by what it was when it was handed in

    def tend(self):
        if time.monotonic() < self.next:
            return
        try:
            self.hand_in(once)
        except Away:
            pass
        self.next = time.monotonic() + self.every

    def end(self):
        """What is there at the end, however long that takes."""
        self.hand_in(lambda work: patiently(work, self.pulse.deadline), is_over=True)

    def hand_in(self, trying, is_over=False):
        try:
            state = self.state()
            if not state or state == self.kept:
                return
            files = [self.handed_in(path, seen, trying) for path, seen in state.items()]
            # What has changed meanwhile may be half of the one and half of the other.
            if not is_over and self.state() != state:
                return
        except FileNotFoundError:  # it went while it was read
            return
        trying(lambda: self.platform.json("POST", "/checkpoint", dict(self.me, files=files)))
        self.pulse.hear()
        self.kept = state

    def state(self):
        """Changes whenever a file does."""
        found = {}
        for place, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(place, name)
                if os.path.isfile(path) and not os.path.islink(path) and not name.endswith(UNFINISHED):
                    it = os.stat(path)
                    found[os.path.relpath(path, self.folder)] = (it.st_ino, it.st_size, it.st_mtime_ns, it.st_mode)
        return found

    def handed_in(self, path, seen, trying):
        if self.known.get(path, (None,))[0] != seen:
            answer = trying(lambda: self.upload(os.path.join(self.folder, path)))
            self.known[path] = (seen, answer["digest"])
        return {"path": path, "digest": self.known[path][1], "executable": bool(seen[3] & 0o100)}

    def upload(self, path):
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return json.loads(self.platform.call("PUT", "/checkpoint/files", file, self.me, size))


def once(work):
    return work()
