"""
Brings one attempt at a task to a node of a cluster, and its results back. It asks the platform what to do, lays out a
folder as on the platform's own machine, lets the shim hold the command, and meanwhile carries the log to the platform
and says that it is there. The platform may be away: the log waits on the disk, the task goes on, and what was made is
handed in when the platform is back.

Python 3.8 or later and its standard library, on any Linux. Started with the source of the shim in SHIM (see
courier.ts), and in the environment TRAINYARD_URL, TRAINYARD_TOKEN and TRAINYARD_JOB (the attempt). The token is good
for this attempt alone. An answer that refuses (4xx) means that nobody wants the attempt any more: the task is ended.
"""

import hashlib
import http.client
import json
import os
import platform
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ANSWER_S = 30  # how long one answer may take
FIRST_S = 120  # how long the first answer may take to come: a platform that was never reached is at a wrong address
PAUSE_MAX_S = 15
LOOK_S = 0.2
PIECE_BYTES = 256 * 1024
AGAIN = (408, 425, 429)  # of the answers 4xx, those that another try may change
EXIT_UNREACHED = 75  # [sysexits.h, EX_TEMPFAIL]
EXIT_UNWANTED = 77  # [sysexits.h, EX_NOPERM]


class Refused(Exception):
    """The platform does not want to hear of this attempt any more."""


class Away(Exception):
    """No answer, or none that says anything."""


class Platform:
    """The routes of one attempt. A connection is kept, and made anew when it breaks."""

    def __init__(self, url, token, attempt):
        self.url = urllib.parse.urlsplit(url)
        self.path = "%s/api/v1/attempts/%s" % (self.url.path.rstrip("/"), attempt)
        self.headers = {"authorization": "Bearer " + token}
        self.connection = None

    def call(self, method, path, body=None, query=None, size=None):
        """The answer's bytes. A file as body is sent from its beginning, however often it takes."""
        try:
            return self._once(method, path, body, query, size)
        except (OSError, http.client.HTTPException) as error:
            self._close()
            raise Away(error)

    def json(self, method, path, body=None, query=None):
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.call(method, path, data, query) or b"null")

    def download(self, digest, target):
        """Into a file, whose bytes are then what the digest says."""
        sha = hashlib.sha256()
        try:
            answer = self._ask("GET", "/blobs/" + digest)
            with open(target, "wb") as file:
                for chunk in iter(lambda: answer.read(1 << 20), b""):
                    sha.update(chunk)
                    file.write(chunk)
        except (OSError, http.client.HTTPException) as error:
            self._close()
            raise Away(error)
        if sha.hexdigest() != digest:
            self._close()
            raise Away("the bytes of %s were cut off" % digest)

    def _once(self, method, path, body, query, size):
        return self._ask(method, path, body, query, size).read()

    def _ask(self, method, path, body=None, query=None, size=None):
        if self.connection is None:
            self.connection = self._connect()
        headers = dict(self.headers)
        if body is not None:
            headers["content-type"] = "application/json" if size is None else "application/octet-stream"
            headers["content-length"] = str(len(body) if size is None else size)
        target = self.path + path + ("?" + urllib.parse.urlencode(query) if query else "")
        self.connection.request(method, target, body, headers)
        answer = self.connection.getresponse()
        if answer.status < 300:
            return answer
        text = answer.read(4096).decode("utf-8", "replace")
        if 400 <= answer.status < 500 and answer.status not in AGAIN:
            raise Refused(text)
        raise Away("%d: %s" % (answer.status, text))

    def _connect(self):
        if self.url.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self.url.netloc, timeout=ANSWER_S, context=context)
        return http.client.HTTPConnection(self.url.netloc, timeout=ANSWER_S)

    def _close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def patiently(work, until):
    """Tries again after growing pauses, until the clock says that it has been long enough."""
    pause = 0.5
    while True:
        try:
            return work()
        except Away:
            left = until() - time.monotonic()
            if left <= 0:
                raise
            time.sleep(min(left, pause * (0.75 + random.random() / 2)))
            pause = min(PAUSE_MAX_S, pause * 2)


class Pulse(threading.Thread):
    """Says that this node is there, whatever else it is doing, and hears whether the task is to end."""

    def __init__(self, platform, me, todo, ended):
        super().__init__(daemon=True)
        self.platform, self.me, self.todo, self.ended = platform, me, todo, ended
        self.heard = time.monotonic()
        self.over = threading.Event()
        self.is_ended = False  # the platform wants the task to end, or nothing more of it

    def run(self):
        pause = self.todo["beatMs"] / 1000
        while not self.over.wait(pause):
            try:
                answer = self.platform.json("POST", "/heartbeat", self.me)
                self.hear()
                if answer.get("stop") is not None:
                    self.end()
            except Refused:
                self.heard = float("-inf")
                self.end()
            except Away:
                if time.monotonic() > self.deadline():
                    self.end()

    def hear(self):
        self.heard = time.monotonic()

    def deadline(self):
        return self.heard + self.todo["patienceMs"] / 1000

    def end(self):
        if not self.is_ended:
            self.is_ended = True
            self.ended()


class Courier:
    def __init__(self):
        env = os.environ
        self.platform = self.connect()
        self.is_one_of_many = int(env.get("WORLD_SIZE", "1")) > 1
        self.rank = int(env.get("RANK", "0")) if self.is_one_of_many else 0
        self.me = {"rank": self.rank, "instance": os.urandom(16).hex()}
        self.folder = tempfile.mkdtemp(prefix="trainyard-")
        self.log = os.path.join(self.folder, "log")
        self.shim = None
        self.was_terminated = False
        self.sent = 0  # bytes of the log that the platform has
        self.read = 0  # bytes of the file that are in what was sent
        self.piece = b""  # on its way
        self.pause = 0.5  # before the platform is asked again when it did not answer
        self.quiet_until = 0
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
        host = {
            "name": socket.gethostname()[:300],
            "platform": ("%s %s" % (platform.system(), platform.machine())).lower()[:300],
            "cpus": len(os.sched_getaffinity(0)),
            "memoryBytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "python": platform.python_version(),
        }
        body = dict(self.me, host=host)
        try:
            given = patiently(lambda: self.platform.json("POST", "/claim", body), lambda: began + FIRST_S)
        except Away as error:
            return stop(EXIT_UNREACHED, "The platform at %s was not reached: %s" % (os.environ["TRAINYARD_URL"], error))
        self.todo = given["assignment"]
        self.pulse = Pulse(self.connect(), self.me, self.todo, self.end_task)
        self.pulse.start()
        open(self.log, "wb").close()
        end = self.perform(given["files"])
        end["wasTerminated"] = self.was_terminated
        patiently(lambda: self.carry(drain=True), self.pulse.deadline)
        patiently(lambda: self.platform.json("POST", "/end", dict(self.me, end=end)), self.pulse.deadline)
        return 0 if self.rank > 0 or end.get("exit", {}).get("code") == 0 else 1

    def perform(self, files):
        """From the inputs to the outputs. What goes wrong is an end like any other."""
        try:
            self.lay_out(files)
            environment, path = self.environment()
            orders = self.orders(path)
        except (Failure, OSError) as failure:
            return {"failure": {"cause": getattr(failure, "cause", "input"), "message": str(failure)[:4000]}}
        end = dict({} if environment is None else {"environment": environment})
        exit = self.hold(orders)
        if exit is None:
            end["failure"] = {"cause": "node", "message": "The shim was killed."}
            return end
        end["exit"] = exit
        if exit["code"] == 0 and exit["cause"] == "succeeded" and self.rank == 0:
            try:
                self.hand_in()
            except (Failure, OSError) as failure:
                end["failure"] = {"cause": "output", "message": str(failure)[:4000]}
        return end

    def lay_out(self, files):
        for name in ("code", "inputs", "outputs", "tmp"):
            os.mkdir(os.path.join(self.folder, name))
        for file in files:
            target = os.path.join(self.folder, "code", file["path"])
            os.makedirs(os.path.dirname(target), exist_ok=True)
            self.fetch(file["digest"], target, 0o755 if file["executable"] else 0o644)
        for given in self.todo["inputs"]:
            target = os.path.join(self.folder, "inputs", given["name"])
            if "digest" in given:
                self.fetch(given["digest"], target, 0o444)
            else:
                with open(target, "w", encoding="utf-8") as file:
                    file.write(given["value"])
                os.chmod(target, 0o444)

    def fetch(self, digest, target, mode):
        patiently(lambda: self.platform.download(digest, target), self.pulse.deadline)
        os.chmod(target, mode)

    def environment(self):
        """The folder of the lock file's programs, built when nobody has built it on this node yet."""
        if "python" not in self.todo:
            return None, []
        lock = os.path.join(self.folder, "code", self.todo["python"])
        with open(lock, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        runtime = sys.version.replace("\n", " ")
        name = hashlib.sha256(("%s %s %s" % (digest, runtime, platform.machine())).encode()).hexdigest()
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        place = os.path.join(home, "trainyard", "environments", name)
        os.makedirs(place, exist_ok=True)
        import fcntl

        with open(os.path.join(place, "lock"), "w") as held:
            while True:
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:  # another attempt builds it
                    self.tend()
            if not os.path.exists(os.path.join(place, ".complete")):
                self.build(place, lock)
        return {"lockDigest": digest, "runtime": runtime[:300]}, [os.path.join(place, "venv", "bin")]

    def build(self, place, lock):
        venv = os.path.join(place, "venv")
        shutil.rmtree(venv, ignore_errors=True)
        steps = [
            [sys.executable, "-m", "venv", venv],
            [os.path.join(venv, "bin", "python"), "-m", "pip", "install", "--no-input", "--require-hashes", "-r", lock],
        ]
        for step in steps:
            with open(self.log, "ab") as log:
                log.write(("$ %s\n" % " ".join(step)).encode())
                log.flush()
                child = subprocess.Popen(step, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=inherited())
            while child.poll() is None:
                if self.is_unwanted():
                    child.kill()
                self.tend()
            if child.returncode != 0:
                name = os.path.basename(self.todo["python"])
                raise Failure("environment", "The environment of %s cannot be built: see the log." % name)
        open(os.path.join(place, ".complete"), "w").close()

    def hold(self, orders):
        """Lets the shim run the command; its last word, or None when it had none."""
        if self.is_unwanted():
            return stopped()
        program = os.path.join(self.folder, "shim.py")
        with open(program, "w", encoding="utf-8") as file:
            file.write(SHIM)
        shim = subprocess.Popen(
            [sys.executable, "-I", "-S", program],
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
            self.tend()
        self.shim = None
        try:
            with open(os.path.join(self.folder, "exit.json"), encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            return None

    def orders(self, path):
        inside = lambda *names: os.path.join(self.folder, *names)
        env = inherited()
        env["PATH"] = os.pathsep.join(path + [env.get("PATH", os.defpath)])
        env.update(self.todo["variables"])
        env.update({"HOME": self.folder, "TMPDIR": inside("tmp"), "TRAINYARD_METRICS": inside("metrics.jsonl")})
        for given in self.todo["inputs"]:
            env["TRAINYARD_INPUT_" + variable(given["name"])] = inside("inputs", given["name"])
        for name in self.todo["outputs"]:
            env["TRAINYARD_OUTPUT_" + variable(name)] = inside("outputs", name)
        pairs = [
            ("folder", self.folder),
            ("log", self.log),
            ("logMax", str(self.todo["logMax"])),
            ("cwd", inside("code")),
            ("mark", self.todo["mark"]),
            ("graceMs", str(self.todo["graceMs"])),
            ("timeoutMs", str(self.todo["timeoutMs"])),
        ]
        if "memoryBytes" in self.todo:
            pairs.append(("memory", str(self.todo["memoryBytes"])))
        pairs += [("arg", word) for word in ("/bin/sh", "-c", self.todo["command"])]
        pairs += [("env", "%s=%s" % entry) for entry in env.items()]
        pairs += [("mask", secret) for secret in self.todo["mask"]]
        pairs.append(("end", ""))
        if any("\0" in value for _, value in pairs):
            raise Failure("input", "A program cannot be given text with U+0000.")
        return [(os.fsencode(name), os.fsencode(value)) for name, value in pairs]

    def hand_in(self):
        for name in self.todo["outputs"]:
            path = os.path.join(self.folder, "outputs", name)
            if not os.path.isfile(path):
                what = "is a folder; an output is one file" if os.path.isdir(path) else "was not written"
                raise Failure("output", "The task ended without an error, but its output %s %s." % (name, what))
            self.upload("/outputs/" + name, path)
        metrics = os.path.join(self.folder, "metrics.jsonl")
        if os.path.isfile(metrics):
            self.upload("/metrics", metrics)

    def upload(self, route, path):
        def once():
            with open(path, "rb") as file:
                return self.platform.call("PUT", route, file, self.me, os.fstat(file.fileno()).st_size)

        patiently(once, self.pulse.deadline)
        self.pulse.hear()

    def tend(self):
        """A moment of waiting, in which the platform is sent what the log has grown by."""
        time.sleep(LOOK_S)
        if time.monotonic() < self.quiet_until or self.pulse.is_ended:
            return
        try:
            self.carry()
            self.pause = 0.5
        except Away:
            self.pause = min(PAUSE_MAX_S, self.pause * 2)
            self.quiet_until = time.monotonic() + self.pause * (0.75 + random.random() / 2)
        except Refused:
            self.pulse.end()

    def carry(self, drain=False):
        """Sends what the log has grown by. In a piece that was not answered nothing is changed before it was."""
        while True:
            if not self.piece:
                self.piece = self.next_piece(drain)
            if not self.piece:
                return
            query = dict(self.me, position=self.sent)
            answer = json.loads(self.platform.call("POST", "/log", self.piece, query, len(self.piece)))
            # After an answer that was lost, the piece has come already.
            self.piece = self.piece[max(0, answer["next"] - self.sent) :]
            self.sent = answer["next"]
            self.pulse.hear()

    def next_piece(self, drain):
        with open(self.log, "rb") as file:
            file.seek(self.read)
            data = file.read(PIECE_BYTES)
        if not self.is_one_of_many:
            self.read += len(data)
            return data
        # Of several nodes each line says whose it is.
        whole = len(data) if drain or len(data) == PIECE_BYTES else data.rfind(b"\n") + 1
        self.read += whole
        lines = data[:whole].splitlines(keepends=True)
        return b"".join(b"[%d] %s" % (self.rank, line) for line in lines)

    def is_unwanted(self):
        return self.was_terminated or self.pulse.is_ended

    def end_task(self):
        shim = self.shim
        if shim is not None:
            shim.terminate()


class Failure(Exception):
    def __init__(self, cause, message):
        super().__init__(message)
        self.cause = cause


def inherited():
    """What the node gives its jobs, without what is only ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRAINYARD_")}


def variable(name):
    return name.upper().replace("-", "_")


def stopped():
    """The shim's word for a task that was ended before it began."""
    word = {"code": None, "signal": "SIGTERM", "cause": "stopped", "pid": os.getpid()}
    return dict(word, seconds=0, cpuSeconds=0, peakRssBytes=0)


def stop(code, message):
    print(message, file=sys.stderr, flush=True)
    return code


def main():
    courier = Courier()
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


if __name__ == "__main__":
    main()
