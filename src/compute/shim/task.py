"""A command that is held."""

import os
import sys
import time

from cage import Cage
from child import become
from proc import marked, number_in, oom_kills, pids, send, signal, signal_name, stat_of, threads_of


class Task:
    """The command, in a process group of its own."""

    def __init__(self, spec):
        self.mark = spec.one("mark")
        self.is_wrapped = spec.one("wrapped") == b"1"
        self.cage = Cage(spec) if spec.one("cgroup") else None
        self.memory = None if self.cage else spec.number("memory")
        self.processes = None if self.cage else spec.number("processes")
        self.output, inner = os.pipe()
        self.started = time.time()
        self.oom_kills = oom_kills()
        self.pid = os.fork()
        if self.pid == 0:
            become(spec, inner, self.cage)
        os.close(inner)
        try:
            os.setpgid(self.pid, self.pid)  # by both, so that neither has to wait for the other
        except OSError:
            pass

    def has_ended(self):
        """Looks without reaping: while its leader is not reaped, the group's number is nobody else's."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def ask(self):
        """A wrapper that is asked to end takes its task with it at once: only the task is asked. One whose task is elsewhere passes it on."""
        spared = self.wrappers() if self.is_wrapped else ()
        asked = [pid for pid in self.members() if pid not in spared] if spared else ()
        if not asked:
            return self.signal(signal.SIGTERM)
        for pid in asked:
            send(pid, signal.SIGTERM)

    def wrappers(self):
        return {self.pid} | {pid for pid in self.members() if stat_of(pid)[1:2] == [str(self.pid)]}

    def kill(self, everywhere=False):
        self.signal(signal.SIGKILL)
        if self.cage:
            self.cage.kill()
        if everywhere:
            for pid in marked(self.mark):
                send(pid, signal.SIGKILL)

    def signal(self, number):
        try:
            os.killpg(self.pid, number)
        except OSError:
            pass

    def members(self):
        """What is in this session but the shim, whatever group it has moved to."""
        session = str(os.getpid())
        return [pid for pid in pids() if pid != os.getpid() and stat_of(pid)[3:4] == [session]]

    def excess(self):
        """Which limit it is over, where no cgroup keeps them."""
        members = self.members()
        page = os.sysconf("SC_PAGE_SIZE")
        if self.memory and sum(number_in("/proc/%d/statm" % pid, 1) for pid in members) * page > self.memory:
            return "out_of_memory"
        if self.processes and sum(threads_of(pid) for pid in members) > self.processes:
            return "too_many_processes"
        return None

    def reap(self):
        """How it ended, in the words of the platform."""
        _, status, usage = os.wait4(self.pid, 0)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        if self.is_wrapped and code is not None and 128 < code < 160:
            code, number = None, code - 128
        return {
            "code": code,
            "signal": None if number is None else signal_name(number),
            "cause": self.cause_of(code, number),
            "pid": self.pid,
            "seconds": round(time.time() - self.started, 3),
            "cpuSeconds": round(usage.ru_utime + usage.ru_stime, 3),
            # Kibibytes, but bytes on macOS [getrusage(2)].
            "peakRssBytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        }

    def cause_of(self, code, number):
        if code == 0:
            return "succeeded"
        met = self.cage.excess() if self.cage else None
        if met or code is not None:
            return met or "exit"
        if number == signal.SIGKILL and oom_kills() > self.oom_kills:
            return "out_of_memory"
        return "out_of_disk" if number == signal.SIGXFSZ else "signal"
