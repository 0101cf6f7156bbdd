"""What is in a folder that is handed in, file by file."""

import json
import os

from failure import Failure

FILES_MAX = 10000
IGNORED = {".git", "node_modules", ".trainyard", "__pycache__", ".venv"}  # as the platform leaves them out


def files_of(folder, is_left_out=lambda name: False):
    """Each file by its path in the folder, and what it is now: another inode, size, time or mode is another file.

    A link to what is in the folder is that once more; one that leads elsewhere is nothing.
    """
    found, links = {}, []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in IGNORED]
        for name in folders + names:
            path = os.path.join(place, name)
            if name in IGNORED or is_left_out(name):
                continue
            if os.path.islink(path):
                links.append(path)
            elif os.path.isfile(path):
                it = os.stat(path)
                found[os.path.relpath(path, folder)] = (it.st_ino, it.st_size, it.st_mtime_ns, it.st_mode)
    real = dict(found)
    for link in links:
        target = os.path.relpath(os.path.realpath(link), os.path.realpath(folder))
        for path, state in real.items():
            if path == target or path.startswith(target + os.sep):
                found[os.path.relpath(link, folder) + path[len(target) :]] = state
    return found


class Tree:
    """A folder on its way to the platform: what it has taken already is not sent again."""

    def __init__(self, folder, platform, me):
        self.folder, self.platform, self.me = folder, platform, me
        self.known = {}  # digests, by what the files were

    def hand_in(self, route, files, trying, is_settled=lambda: True):
        """Sends the files, and then, if they still are what they were, what the folder holds. Answers whether it did.

        `trying` does each, again if need be.
        """
        if len(files) > FILES_MAX:
            raise Failure("output", "%s has %d files. Allowed: %d." % (self.folder, len(files), FILES_MAX))
        entries = [self.entry(path, seen, trying) for path, seen in files.items()]
        if not is_settled():
            return False
        trying(lambda: self.platform.json("POST", route, dict(self.me, files=entries)))
        self.known = {seen: self.known[seen] for seen in files.values()}
        return True

    def entry(self, path, seen, trying):
        if seen not in self.known:
            self.known[seen] = trying(lambda: self.upload(os.path.join(self.folder, path)))["digest"]
        return {"path": path, "digest": self.known[seen], "executable": bool(seen[3] & 0o100)}

    def upload(self, path):
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return json.loads(self.platform.call("PUT", "/files", file, self.me, size))
