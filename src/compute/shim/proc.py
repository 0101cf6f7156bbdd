"""Processes of this machine [proc(5)], and signals."""

import os

try:
    import _signal as signal  # what `signal` wraps: the wrapping costs a quarter of the start
except ImportError:
    import signal


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat_of(pid):
    """Fields of /proc/pid/stat after the name, which may hold anything: state, parent, group, session, ..."""
    return text_of("/proc/%d/stat" % pid).rpartition(")")[2].split()


def marked(mark):
    """Whatever was started with this entry in its environment, wherever it has gone."""
    return [pid for pid in pids() if pid != os.getpid() and mark in bytes_of("/proc/%d/environ" % pid).split(b"\0")]


def text_of(path):
    return bytes_of(path).decode("latin-1")


def bytes_of(path):
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""


def number_in(path, field):
    return int((text_of(path).split()[field : field + 1] or [0])[0])


def threads_of(pid):
    """A thread is a process to the kernel, as far as limits go."""
    return int((stat_of(pid)[17:18] or [0])[0])


def oom_kills():
    """How many processes this machine has killed for want of memory [proc(5), vmstat]."""
    found = text_of("/proc/vmstat").partition("\noom_kill ")[2].split("\n", 1)[0]
    return int(found or 0)


def signal_name(number):
    names = (name for name in dir(signal) if name.startswith("SIG") and not name.startswith("SIG_"))
    return next((name for name in names if getattr(signal, name) == number), "signal %d" % number)


def send(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        pass
