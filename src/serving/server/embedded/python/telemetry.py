"""Tells the platform of predictions, later: lines wait in files, which outlive the process, and a thread sends them.

It never raises and never waits. What was sent twice counts once, as the platform knows predictions by their ids.
"""

import atexit
import json
import os
import queue
import random
import secrets
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

MIB = 1024 * 1024
# A file is closed when it has so much, or is so old.
FILE_BYTES_MAX, FILE_LINES_MAX, FILE_SECONDS_MAX = MIB, 5_000, 1.0
# Requests that wait in memory to be written.
WAITING_MAX = 10_000
PAUSE_MIN, PAUSE_MAX, ANSWER_MAX = 1.0, 300.0, 15.0
# An open file that nobody has written to for so long is of a process that has ended.
LEFT_SECONDS = 60


class NoTelemetry:
    def append(self, lines):
        pass

    def state(self):
        return {"sent": 0, "refused": 0, "dropped": 0}

    def close(self):
        pass


class Telemetry:
    def __init__(self, deployment, url, token=None, folder=None, bytes_max=64 * MIB):
        self._url = f"{url.rstrip('/')}/v2/models/{deployment}/predictions"
        self._token = token
        self._folder = Path(folder or Path(tempfile.gettempdir()) / "trainyard-telemetry" / deployment)
        self._bytes_max = bytes_max
        self._waiting = queue.Queue(WAITING_MAX)
        self._counts = {"sent": 0, "refused": 0, "dropped": 0}
        self._error = None
        self._file = self._path = None
        self._lines = self._bytes = 0
        self._opened_at = 0.0
        self._pause, self._next_try = PAUSE_MIN, 0.0
        self._closing = threading.Event()
        self._thread = None
        self._pid = None
        atexit.register(self.close)

    def append(self, lines):
        lines = list(lines)
        try:
            self._start()
            self._waiting.put_nowait(lines)
        except queue.Full:
            self._counts["dropped"] += len(lines)

    def state(self):
        return {**self._counts, **({} if self._error is None else {"error": self._error})}

    def close(self):
        if self._thread is None or self._pid != os.getpid():
            return
        self._closing.set()
        self._thread.join(ANSWER_MAX + 1)

    def _start(self):
        """The thread is of one process: after a fork the child has one of its own."""
        if self._pid == os.getpid() and self._thread.is_alive():
            return
        self._pid, self._file = os.getpid(), None
        self._closing.clear()
        self._thread = threading.Thread(target=self._work, name="trainyard-telemetry", daemon=True)
        self._thread.start()

    def _work(self):
        self._try(self._adopt)
        while True:
            is_last = self._closing.is_set()
            self._try(self._write)
            is_due = self._file and time.monotonic() - self._opened_at >= FILE_SECONDS_MAX
            if is_last or is_due or self._lines >= FILE_LINES_MAX or self._bytes >= FILE_BYTES_MAX:
                self._try(self._close_file)
            if is_last or time.monotonic() >= self._next_try:
                self._send_all()
            if is_last:
                return

    def _try(self, work):
        try:
            work()
        except Exception as error:
            self._error = str(error)

    def _adopt(self):
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._folder.glob("*.open"):
            if time.time() - path.stat().st_mtime >= LEFT_SECONDS:
                path.rename(path.with_name(f"{path.stem}-{path.read_bytes().count(10)}.ndjson"))

    def _write(self):
        batch = []
        try:
            batch = self._waiting.get(timeout=0.0 if self._closing.is_set() else 0.2)
            while len(batch) < FILE_LINES_MAX:
                batch = batch + self._waiting.get_nowait()
        except queue.Empty:
            pass
        if not batch:
            return
        data = "".join(f"{line}\n" for line in batch).encode()
        try:
            if self._file is None:
                name = f"{time.time_ns() // 1_000_000:014d}-{os.getpid()}-{secrets.token_hex(4)}"
                self._path = self._folder / f"{name}.open"
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                self._opened_at = time.monotonic()
            os.write(self._file, data)
        except Exception:
            self._counts["dropped"] += len(batch)
            raise
        self._lines += len(batch)
        self._bytes += len(data)

    def _close_file(self):
        if self._file is None:
            return
        file, path, lines = self._file, self._path, self._lines
        self._file, self._lines, self._bytes = None, 0, 0
        os.close(file)
        path.rename(path.with_name(f"{path.stem}-{lines}.ndjson"))
        self._make_room()

    def _closed(self):
        return sorted(self._folder.glob("*.ndjson"))

    def _make_room(self):
        files = [(path, path.stat().st_size) for path in self._closed()]
        total = sum(size for _, size in files)
        for path, size in files:
            if total <= self._bytes_max:
                return
            path.unlink(missing_ok=True)
            total -= size
            self._counts["dropped"] += _lines_named(path)

    def _send_all(self):
        try:
            for path in self._closed():
                self._send(path)
            self._error, self._pause, self._next_try = None, PAUSE_MIN, 0.0
        except Exception as error:
            self._error = str(error)
            self._next_try = time.monotonic() + self._pause * (0.5 + random.random())
            self._pause = min(PAUSE_MAX, self._pause * 2)

    def _send(self, path):
        try:
            body = path.read_bytes()
        except FileNotFoundError:
            return  # Another process has sent it.
        headers = {"content-type": "application/x-ndjson"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_MAX) as response:
                answer = json.load(response)
            self._counts["sent"] += answer.get("taken", 0)
            self._counts["refused"] += answer.get("refused", 0)
        except urllib.error.HTTPError as error:
            if error.code not in (400, 413, 415):
                raise RuntimeError(f"{error.code}: {error.read().decode(errors='replace')}") from error
            self._counts["refused"] += _lines_named(path)
        path.unlink(missing_ok=True)


def _lines_named(path):
    return int(path.stem.rsplit("-", 1)[-1])
