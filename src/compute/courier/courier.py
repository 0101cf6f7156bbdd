"""
Brings one attempt at a task to a node of a cluster, and its results back. It asks the platform what to do, lays out a
folder as on the platform's own machine, lets the shim hold the command, and meanwhile carries the log to the platform
and says that it is there. The platform may be away: the log waits on the disk, the task goes on, and what was made is
handed in when the platform is back.

Python 3.8 or later and its standard library, on any Linux. Started with the sources of the shim by name (see
courier.ts), and in the environment TRAINYARD_URL, TRAINYARD_TOKEN and TRAINYARD_JOB (the attempt). The token is good
for this attempt alone. An answer that refuses (4xx) means that nobody wants the attempt any more: the task is ended.
"""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from carrier import Carrier
from checkpoint import Checkpoint
from door import Away, Platform, Refused, patiently
from environment import Environments
from failure import Failure
from goods import Goods
from orders import orders_of
from pulse import Pulse

FIRST_S = 120  # how long the first answer may take to come: a platform that was never reached is at a wrong address
EXIT_UNREACHED = 75  # [sysexits.h, EX_TEMPFAIL]
EXIT_UNWANTED = 77  # [sysexits.h, EX_NOPERM]


class Courier:
    def __init__(self, sources):
        env = os.environ
        self.sources = sources
        self.platform = self.connect()
        self.is_one_of_many = int(env.get("WORLD_SIZE", "1")) > 1
        self.rank = int(env.get("RANK", "0")) if self.is_one_of_many else 0
        self.me = {"rank": self.rank, "instance": os.urandom(16).hex()}
        self.folder = tempfile.mkdtemp(prefix="trainyard-")
        self.log = os.path.join(self.folder, "log")
        self.shim = None
        self.was_terminated = False
        signal.signal(signal.SIGTERM, self.terminated)
        signal.signal(signal.SIGINT, self.terminated)

    @staticmethod
    def connect():
        env = os.environ
        return Platform(env["TRAINYARD_URL"], env["TRAINYARD_TOKEN"], env["TRAINYARD_JOB"])

    def terminated(self, *_):
        self.was_terminated = True
        self.end_task()

    def run(self):
        began = time.monotonic()
        body = dict(self.me, host=host())
        try:
            given = patiently(lambda: self.platform.json("POST", "/claim", body), lambda: began + FIRST_S)
        except Away as error:
            return stop(EXIT_UNREACHED, "The platform at %s was not reached: %s" % (os.environ["TRAINYARD_URL"], error))
        self.assignment = given["assignment"]
        self.pulse = Pulse(self.connect(), self.me, self.assignment, self.end_task)
        self.pulse.start()
        open(self.log, "wb").close()
        rank = self.rank if self.is_one_of_many else None
        self.carrier = Carrier(self.log, self.platform, self.me, self.pulse, rank)
        end = self.perform(given)
        end["wasTerminated"] = self.was_terminated
        patiently(lambda: self.carrier.carry(drain=True), self.pulse.deadline)
        patiently(lambda: self.platform.json("POST", "/end", dict(self.me, end=end)), self.pulse.deadline)
        return 0 if self.rank > 0 or end.get("exit", {}).get("code") == 0 else 1

    def perform(self, given):
        """From the inputs to the outputs. What goes wrong is an end like any other."""
        self.checkpoint = self.checkpoint_of(self.assignment)
        goods = Goods(self.folder, self.assignment, self.platform, self.me, self.pulse)
        environments = Environments(self.log, self.carrier.tend, self.is_unwanted)
        try:
            goods.lay_out(given["files"], given["checkpoint"], given["folders"])
            environment, path = environments.of(self.assignment, os.path.join(self.folder, "code"))
            orders = orders_of(self.assignment, self.folder, self.log, path)
        except (Failure, OSError) as failure:
            return {"failure": {"cause": getattr(failure, "cause", "input"), "message": str(failure)[:4000]}}
        end = dict({} if environment is None else {"environment": environment})
        exit = self.hold(orders)
        if self.checkpoint is not None and (exit is None or exit["cause"] != "succeeded"):
            self.checkpoint.end()
        if exit is None:
            end["failure"] = {"cause": "node", "message": "The shim was killed."}
            return end
        end["exit"] = exit
        if exit["code"] == 0 and exit["cause"] == "succeeded" and self.rank == 0:
            try:
                goods.hand_in()
            except (Failure, OSError) as failure:
                end["failure"] = {"cause": "output", "message": str(failure)[:4000]}
        return end

    def checkpoint_of(self, assignment):
        """Of several nodes the first keeps it."""
        if "checkpoint" not in assignment or self.rank > 0:
            return None
        folder = os.path.join(self.folder, "checkpoint")
        return Checkpoint(folder, assignment["checkpoint"], self.platform, self.me, self.pulse, self.log)

    def hold(self, orders):
        """Lets the shim run the command; its last word, or None when it had none."""
        if self.is_unwanted():
            return stopped()
        program = os.path.join(self.folder, "shim")
        os.mkdir(program)
        for name, source in self.sources.items():
            with open(os.path.join(program, name + ".py"), "w", encoding="utf-8") as file:
                file.write(source)
        shim = subprocess.Popen(
            [sys.executable, "-I", "-S", os.path.join(program, "shim.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={},
            cwd=self.folder,
            start_new_session=True,
        )
        shim.stdin.write(b"".join(b"%s\0%s\0" % pair for pair in orders))
        shim.stdin.close()
        self.shim = shim
        if self.is_unwanted():  # since it was looked
            self.end_task()
        while shim.poll() is None:
            self.carrier.tend()
            if self.checkpoint is not None:
                self.checkpoint.tend()
        self.shim = None
        try:
            with open(os.path.join(self.folder, "exit.json"), encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            return None

    def is_unwanted(self):
        return self.was_terminated or self.pulse.is_ended

    def end_task(self):
        shim = self.shim
        if shim is not None:
            shim.terminate()


def host():
    return {
        "name": socket.gethostname()[:300],
        "platform": ("%s %s" % (platform.system(), platform.machine())).lower()[:300],
        "cpus": len(os.sched_getaffinity(0)),
        "memoryBytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
    }


def stopped():
    """The shim's word for a task that was ended before it began."""
    word = {"code": None, "signal": "SIGTERM", "cause": "stopped", "pid": os.getpid()}
    return dict(word, seconds=0, cpuSeconds=0, peakRssBytes=0)


def stop(code, message):
    print(message, file=sys.stderr, flush=True)
    return code


def main(sources):
    courier = Courier(sources)
    try:
        code = courier.run()
    except Refused as error:
        code = stop(EXIT_UNWANTED, "The platform does not want this attempt: %s" % error)
    except Away as error:
        code = stop(EXIT_UNREACHED, "The platform has been away for too long: %s" % error)
    finally:
        if courier.shim is not None:
            courier.shim.terminate()
            courier.shim.wait()
        shutil.rmtree(courier.folder, ignore_errors=True)
    sys.exit(code)
