"""Programs that a task needs on its node."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys

from failure import Failure


class Environments:
    """Folders of a node with the programs of lock files. `tend` is a moment of waiting; the builder's words go to the log."""

    def __init__(self, log, tend, is_unwanted):
        self.log, self.tend, self.is_unwanted = log, tend, is_unwanted

    def of(self, assignment, code):
        """The folder of the lock file's programs, built when nobody has built it on this node yet."""
        if "python" not in assignment:
            return None, []
        lock = os.path.join(code, assignment["python"])
        with open(lock, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        runtime = sys.version.replace("\n", " ")
        name = hashlib.sha256(("%s %s %s" % (digest, runtime, platform.machine())).encode()).hexdigest()
        home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        place = os.path.join(home, "trainyard", "environments", name)
        os.makedirs(place, exist_ok=True)
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
                name = os.path.basename(lock)
                raise Failure("environment", "The environment of %s cannot be built: see the log." % name)
        open(os.path.join(place, ".complete"), "w").close()


def inherited():
    """What the node gives its jobs, without what is only ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRAINYARD_")}
