"""Limits that the kernel keeps."""

import os
import time

from proc import text_of

CPU_PERIOD_US = 100000  # [cgroup-v2, cpu.max]


class Cage:
    """A cgroup of the task's own [cgroup-v2], in which the kernel keeps its limits, whatever it starts and wherever that goes."""

    def __init__(self, spec):
        name = b"trainyard-" + spec.one("mark").partition(b"=")[2]
        self.folder = os.path.join(spec.one("cgroup"), name).decode()
        self.limits = [spec.number(limit) for limit in ("memory", "processes", "cpus")]

    def enter(self):
        """What this process becomes, and all that it starts, is inside."""
        self.clear()
        os.mkdir(self.folder)
        memory, processes, cpus = self.limits
        if processes:
            self.set("pids.max", int(processes))
        if memory:
            self.set("memory.max", int(memory))
            self.set("memory.oom.group", 1)
            if os.path.exists(self.file("memory.swap.max")):
                self.set("memory.swap.max", 0)
        if cpus:
            self.set("cpu.max", "%d %d" % (cpus * CPU_PERIOD_US, CPU_PERIOD_US))
        self.set("cgroup.procs", 0)

    def file(self, name):
        return os.path.join(self.folder, name)

    def set(self, name, value):
        with open(self.file(name), "w") as file:
            file.write(str(value))

    def excess(self):
        """Which limit it has met."""
        if self.count("memory.events", "oom_kill") > 0:
            return "out_of_memory"
        return "too_many_processes" if self.count("pids.events", "max") > 0 else None

    def count(self, name, event):
        lines = (line.split() for line in text_of(self.file(name)).splitlines())
        return next((int(line[1]) for line in lines if line[:1] == [event]), 0)

    def kill(self):
        """All of it at once; kernels before 5.14 cannot, and what is left is known by its mark."""
        try:
            self.set("cgroup.kill", 1)
        except OSError:
            pass

    def clear(self):
        """Also of what a shim that was killed has left. What is in it takes a moment to end."""
        for _ in range(100):
            try:
                return os.rmdir(self.folder)
            except FileNotFoundError:
                return None
            except OSError:
                self.kill()
                time.sleep(0.02)
