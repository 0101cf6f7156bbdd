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
        self.known = {}  # the digests of files that were handed in, by what they were

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
        self.known = {seen: self.known[seen] for seen in state.values()}

    def state(self):
        """Changes whenever a file does."""
        found, links = {}, []
        for place, folders, names in os.walk(self.folder):
            for name in folders + names:
                path = os.path.join(place, name)
                if name.endswith(UNFINISHED):
                    continue
                if os.path.islink(path):
                    links.append(path)
                elif os.path.isfile(path):
                    it = os.stat(path)
                    found[self.inside(path)] = (it.st_ino, it.st_size, it.st_mtime_ns, it.st_mode)
        # A link to what is in the folder is that once more; one that leads elsewhere is nothing.
        real = dict(found)
        for link in links:
            target = os.path.relpath(os.path.realpath(link), os.path.realpath(self.folder))
            for path, state in real.items():
                if path == target or path.startswith(target + os.sep):
                    found[self.inside(link) + path[len(target) :]] = state
        return found

    def inside(self, path):
        return os.path.relpath(path, self.folder)

    def handed_in(self, path, seen, trying):
        if seen not in self.known:
            self.known[seen] = trying(lambda: self.upload(os.path.join(self.folder, path)))["digest"]
        return {"path": path, "digest": self.known[seen], "executable": bool(seen[3] & 0o100)}

    def upload(self, path):
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return json.loads(self.platform.call("PUT", "/checkpoint/files", file, self.me, size))


def once(work):
    return work()
