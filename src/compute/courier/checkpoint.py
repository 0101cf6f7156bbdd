"""What a task leaves for its next attempt."""

import time

from door import Away, patiently
from failure import Failure
from tree import Tree, files_of

UNFINISHED = (".tmp", ".part", ".partial")  # written beside, to be renamed


class Checkpoint:
    """The folder that outlives the attempt: filled before it begins, and handed in whenever it has changed."""

    def __init__(self, folder, terms, platform, me, pulse, log):
        self.folder, self.pulse, self.log = folder, pulse, log
        self.said = None
        self.tree = Tree(folder, platform, me)
        self.every = terms["everyMs"] / 1000
        self.next = time.monotonic() + self.every
        self.kept = None

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
        files = self.files()
        if not files or files == self.kept:
            return

        # What has changed meanwhile may be half of the one and half of the other.
        def is_settled():
            return is_over or self.files() == files

        try:
            if not self.tree.hand_in("/checkpoint", files, trying, is_settled):
                return
        except FileNotFoundError:  # it went while it was read
            return
        except Failure as failure:
            return self.say("The checkpoint could not be kept: %s\n" % failure)
        self.pulse.hear()
        self.kept = files

    def say(self, line):
        if line != self.said:
            with open(self.log, "ab") as log:
                log.write(line.encode())
        self.said = line

    def files(self):
        return files_of(self.folder, lambda name: name.endswith(UNFINISHED))


def once(work):
    return work()
