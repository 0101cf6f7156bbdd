"""
Holds one attempt at a task. It is a process of its own, in a session of its own, so that the task goes on when the
server that began it ends, whichever way. It runs the command in a process group, writes its output to the log, keeps
the limits, and says at the end how it went.

Python 3.8 or later and its standard library, on any Linux. Started as `python3 -I -S shim.py`; what to do comes on
standard input, as `name NUL value NUL` pairs that `end` closes (json would take as long to import as all the rest).
An input without `end` is one whose sender died: nothing is begun.

How it is reached: TERM ends the task (TERM to the group, the grace, then KILL). How it answers: `exit.json` in the
attempt's folder, which appears whole, when nothing of the task is left.
"""

import os
import select
import sys
import time

try:
    import _signal as signal  # what `signal` wraps: the wrapping costs a quarter of the start
except ImportError:
    import signal

DRAIN_S = 1.0  # output may come for so long after the command has ended and its group was killed
LOOK_S = 5.0  # how often it looks whether its folder is still there
SAMPLE_S = 0.25  # how often it adds up memory and processes of the task, where no cgroup does it
DISK_S = 0.5  # how often, at most, it adds up the task's folder; it takes one part in twenty of the time at most
CPU_PERIOD_US = 100000  # [cgroup-v2, cpu.max]
TAIL_BYTES = 64 * 1024
EXIT_BYTES = 1024  # reserved for exit.json at the start, so that a full disk does not swallow the end
EXCESS = ("out_of_memory", "too_many_processes", "out_of_disk")  # whoever takes too much is given no grace
OOM_SCORE = b"500"  # the kernel takes the task before its shim


class Spec:
    """What to do, in order of arrival; a name may stand more than once."""

    def __init__(self, pairs):
        self.pairs = pairs

    def all(self, name):
        return [value for other, value in self.pairs if other == name]

    def one(self, name, default=None):
        values = self.all(name)
        return values[-1] if values else default

    def number(self, name):
        value = self.one(name)
        return None if value is None else float(value)


def read_spec(fd):
    data = b""
    while True:
        some = os.read(fd, 1 << 16)
        if not some:
            break
        data += some
    parts = data.split(b"\0")
    pairs = [(parts[i].decode(), parts[i + 1]) for i in range(0, len(parts) - 1, 2)]
    return Spec(pairs[:-1]) if pairs and pairs[-1][0] == "end" else None


MASKED = "•••".encode()


class Mask:
    """Puts ••• for secrets in a stream, also for those that arrive in pieces: what may become one is held back."""

    def __init__(self, secrets):
        self.secrets = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self.held = b""

    def feed(self, data):
        if not self.secrets:
            return data
        data = self.held + data
        out = []
        at = 0
        hold = self._unfinished(data, at)
        while True:
            found = [(i, secret) for secret in self.secrets for i in (data.find(secret, at),) if i >= 0]
            start, secret = min(found, key=lambda match: match[0]) if found else (len(data), b"")
            if start >= hold:
                break
            out += [data[at:start], MASKED]
            at = start + len(secret)
            if at > hold:
                hold = self._unfinished(data, at)
        self.held = data[hold:]
        return b"".join(out + [data[at:hold]])

    def end(self):
        """What was held back is no secret, or the beginning of one that never came."""
        rest, self.held = self.held, b""
        for secret in self.secrets:
            rest = rest.replace(secret, MASKED)
        return rest

    def _unfinished(self, data, start):
        """Where the earliest piece begins that is a secret's beginning up to the end of the data."""
        longest = len(self.secrets[0])
        for i in range(max(start, len(data) - longest + 1), len(data)):
            piece = data[i:]
            if any(len(secret) > len(piece) and secret.startswith(piece) for secret in self.secrets):
                return i
        return len(data)


class Capped:
    """Lets the first bytes through, and at the end the last ones, with a line between that says what is left out."""

    def __init__(self, write, room):
        self.write = write
        self.room = room
        self.tail = []
        self.tail_bytes = 0
        self.left_out = 0

    def feed(self, data):
        head = data[: self.room] if self.room > 0 else b""
        self.room -= len(head)
        if head:
            self.write(head)
        rest = data[len(head) :]
        if not rest:
            return
        self.tail.append(rest)
        self.tail_bytes += len(rest)
        while self.tail_bytes - len(self.tail[0]) >= TAIL_BYTES:
            gone = len(self.tail.pop(0))
            self.tail_bytes -= gone
            self.left_out += gone

    def end(self):
        if self.left_out:
            note = "\n\u2026 the log is full: %d bytes are left out here \u2026\n" % self.left_out
            self.write(note.encode())
        if self.tail:
            self.write(b"".join(self.tail))
        self.tail = []


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
        """A wrapper that is asked to end takes its task with it at once: only the task is asked."""
        spared = self.wrappers() if self.is_wrapped else ()
        if not spared:
            return self.signal(signal.SIGTERM)
        for pid in self.members():
            if pid not in spared:
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
            "startedAt": int(self.started * 1000),
            "seconds": round(time.time() - self.started, 3),
            "cpuSeconds": round(usage.ru_utime + usage.ru_stime, 3),
            "peakRssBytes": usage.ru_maxrss * 1024,
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


def become(spec, output, cage):
    """In the child: turns into the command. Never returns."""
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if cage:
            cage.enter()
        limit(spec, cage)
        os.chdir(spec.one("cwd"))
        environment = dict(entry.split(b"=", 1) for entry in spec.all("env"))
        command = spec.all("arg")
        os.execvpe(command[0], command, environment)
    except BaseException as error:
        os.write(2, ("The command cannot be started: %s\n" % error).encode())
    os._exit(127)


def limit(spec, cage):
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, OOM_SCORE)
        os.close(fd)
    except OSError:
        pass
    cpus = spec.number("cpus")
    if cpus and not cage:
        some = sorted(os.sched_getaffinity(0))
        first = os.getpid() % len(some)  # not all tasks on the same
        os.sched_setaffinity(0, (some + some)[first : first + max(1, int(cpus))])
    size = spec.number("fileSize")
    if size is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))


def run(spec, say):
    """Runs the command to its end. `say` is how the shim speaks: `write` of the log, `is_wanted`, `finish`."""
    woken = wake_up()
    room = spec.number("disk")
    disk = Disk(spec.one("folder"), room) if room else None
    task = Task(spec)
    mask = Mask(spec.all("mask"))
    log = Capped(say.write, say.room)
    grace = (spec.number("graceMs") or 0) / 1000
    began = time.monotonic()
    timeout = spec.number("timeoutMs")
    deadline = began + timeout / 1000 if timeout else float("inf")
    kill_at = float("inf")
    look_at = began + LOOK_S
    sample_at = began if task.memory or task.processes else float("inf")
    disk_at = began if disk else float("inf")
    stopped = None  # why it was ended before it ended itself

    poll = select.poll()
    poll.register(woken, select.POLLIN)
    poll.register(task.output, select.POLLIN | select.POLLHUP)
    is_open = True
    drained_at = None

    while True:
        now = time.monotonic()
        until = drained_at if drained_at is not None else min(deadline, kill_at, look_at, sample_at, disk_at)
        events = dict(poll.poll(None if until == float("inf") else max(0, (until - now) * 1000 + 1)))
        now = time.monotonic()

        if task.output in events and is_open:
            data = os.read(task.output, 1 << 16)
            if data:
                log.feed(mask.feed(data))
            else:
                is_open = False
                poll.unregister(task.output)
        wishes = os.read(woken, 512) if woken in events else b""

        if drained_at is not None:
            if not is_open or now >= drained_at:
                break
            continue
        if task.has_ended():
            # What it has left in the background holds its output open, and has nothing to live for.
            task.kill(everywhere=stopped is not None)
            drained_at = now + DRAIN_S
            if not is_open:
                break
            continue
        if stopped is None:
            if signal.SIGTERM in wishes:
                stopped = "stopped"
            elif now >= deadline:
                stopped = "timeout"
            elif now >= look_at:
                look_at = now + LOOK_S
                if not say.is_wanted():
                    stopped, grace = "unwanted", 0
            if now >= sample_at:
                sample_at = now + SAMPLE_S
                stopped = task.excess() or stopped
            if now >= disk_at:
                is_over, pause = disk.look()
                disk_at = now + pause
                if is_over:
                    stopped = "out_of_disk"
            if stopped in EXCESS:
                grace = 0
            if stopped is not None:
                task.ask()
                kill_at = now + grace
                deadline = look_at = sample_at = disk_at = float("inf")
        if now >= kill_at:
            task.kill(everywhere=True)
            kill_at = now + 1

    log.feed(mask.end())
    log.end()
    result = task.reap()
    if task.cage:
        task.cage.clear()
    if stopped is not None:
        result["cause"] = stopped
    say.finish(result)


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


if __name__ == "__main__":
    given = read_spec(0)
    if given is not None:
        run(given, Files(given))
