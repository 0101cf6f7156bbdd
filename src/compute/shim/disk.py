"""The limit of a task's folder."""

import os
import time

DISK_S = 0.5  # how often, at most, it adds up the task's folder; it takes one part in twenty of the time at most


class Disk:
    """What the task's folder has grown by since it began."""

    def __init__(self, folder, limit):
        self.folder = folder
        self.began = bytes_in(folder)
        self.limit = limit

    def look(self):
        """Whether it is over its limit, and how long until the next look."""
        began = time.monotonic()
        is_over = bytes_in(self.folder) - self.began > self.limit
        return is_over, max(DISK_S, (time.monotonic() - began) * 20)


def bytes_in(folder):
    """What a folder takes on the disk; what is being removed meanwhile does not count."""
    total = 0
    folders = [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue
    return total
