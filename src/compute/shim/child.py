"""What a task's process does before it is the command."""

import os

from proc import signal

OOM_SCORE = b"500"  # the kernel takes the task before its shim


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
