"""
Holds one attempt at a task. It is a process of its own, in a session of its own, so that the task goes on when the
server that began it ends, whichever way. It runs the command in a process group, writes its output to the log, keeps
the limits, and says at the end how it went.

Python 3.8 or later and its standard library, on any Linux. Started as `python3 -I -S shim.py`, with the files beside it,
wherever they lie, or by zygote.py; what to do comes on standard input, or its connection, as `name NUL value NUL` pairs
that `end` closes (json would take as long to import as all the rest). An input without `end` is one whose sender died:
nothing is begun.

How it is reached: TERM ends the task (TERM to the group, the grace, then KILL). How it answers: `exit.json` in the
attempt's folder, which appears whole, when nothing of the task is left.
"""

import os
import select
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # which -I leaves out

from disk import Disk
from files import Files
from log import Capped, Mask
from orders import read_spec
from proc import signal
from task import Task

DRAIN_S = 1.0  # output may come for so long after the command has ended and its group was killed
LOOK_S = 5.0  # how often it looks whether its folder is still there
SAMPLE_S = 0.25  # how often it adds up memory and processes of the task, where no cgroup does it
EXCESS = ("out_of_memory", "too_many_processes", "out_of_disk")
NEVER = float("inf")


class Shim:
    """Runs the command to its end. `say` is how it speaks: `write` of the log, `is_wanted`, `finish`."""

    def __init__(self, spec, say):
        self.say = say
        self.woken = wake_up()
        room = spec.number("disk")
        self.disk = Disk(spec.one("folder"), room) if room else None
        self.task = Task(spec)
        self.mask = Mask(spec.all("mask"))
        self.log = Capped(say.write, say.room)
        self.poll = select.poll()
        self.poll.register(self.woken, select.POLLIN)
        self.poll.register(self.task.output, select.POLLIN | select.POLLHUP)
        self.is_open = True  # the task's output
        self.drained_at = None  # set when the task has ended
        self.stopped = None  # why it was ended before it ended itself
        self.grace = (spec.number("graceMs") or 0) / 1000
        began = time.monotonic()
        timeout = spec.number("timeoutMs")
        self.deadline = began + timeout / 1000 if timeout else NEVER
        self.kill_at = NEVER
        self.look_at = began + LOOK_S
        self.sample_at = began if self.task.memory or self.task.processes else NEVER
        self.disk_at = began if self.disk else NEVER

    def run(self):
        while True:
            events = self.wait()
            now = time.monotonic()
            if self.task.output in events and self.is_open:
                self.hear()
            wishes = os.read(self.woken, 512) if self.woken in events else b""
            if self.drained_at is None and self.task.has_ended():
                # What it has left in the background holds its output open, and has nothing to live for.
                self.task.kill(everywhere=self.stopped is not None)
                self.drained_at = now + DRAIN_S
            if self.drained_at is None:
                self.keep(now, wishes)
            elif not self.is_open or now >= self.drained_at:
                return self.finish()

    def wait(self):
        """For output, a signal, or the next moment at which something is to be done."""
        until = self.drained_at
        if until is None:
            until = min(self.deadline, self.kill_at, self.look_at, self.sample_at, self.disk_at)
        left = None if until == NEVER else max(0, (until - time.monotonic()) * 1000 + 1)
        return dict(self.poll.poll(left))

    def hear(self):
        data = os.read(self.task.output, 1 << 16)
        if data:
            self.log.feed(self.mask.feed(data))
        else:
            self.is_open = False
            self.poll.unregister(self.task.output)

    def keep(self, now, wishes):
        """Ends the task when it is to end: asks it, and kills what is left of it after the grace."""
        if self.stopped is None:
            self.stopped = self.excess(now) or self.order(now, wishes)
            if self.stopped is not None:
                self.task.ask()
                # Whoever takes too much is given no grace, and what nobody wants needs none.
                self.kill_at = now if self.stopped in EXCESS + ("unwanted",) else now + self.grace
                self.deadline = self.look_at = self.sample_at = self.disk_at = NEVER
        if now >= self.kill_at:
            self.task.kill(everywhere=True)
            self.kill_at = now + 1

    def excess(self, now):
        """Which limit it is over, where no cgroup keeps them."""
        met = None
        if now >= self.sample_at:
            self.sample_at = now + SAMPLE_S
            met = self.task.excess()
        if now >= self.disk_at:
            is_over, pause = self.disk.look()
            self.disk_at = now + pause
            met = "out_of_disk" if is_over else met
        return met

    def order(self, now, wishes):
        """Who wants it to end."""
        if signal.SIGTERM in wishes:
            return "stopped"
        if now >= self.deadline:
            return "timeout"
        if now < self.look_at:
            return None
        self.look_at = now + LOOK_S
        return None if self.say.is_wanted() else "unwanted"

    def finish(self):
        self.log.feed(self.mask.end())
        self.log.end()
        result = self.task.reap()
        if self.task.cage:
            self.task.cage.clear()
        if self.stopped is not None:
            result["cause"] = self.stopped
        self.say.finish(result)


def wake_up():
    """The end of a pipe in which each signal that has come stands as a byte."""
    woken, inner = os.pipe()
    os.set_blocking(inner, False)
    signal.set_wakeup_fd(inner)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    return woken


def obey(fd):
    """Does what is told there."""
    spec = read_spec(fd)
    if spec is not None:
        Shim(spec, Files(spec)).run()


if __name__ == "__main__":
    obey(0)
