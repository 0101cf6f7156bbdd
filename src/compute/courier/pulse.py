"""That a node is there."""

import threading
import time

from door import Away, Refused


class Pulse(threading.Thread):
    """Says that this node is there, whatever else it is doing, and hears whether the task is to end."""

    def __init__(self, platform, me, assignment, ended):
        super().__init__(daemon=True)
        self.platform, self.me, self.assignment, self.ended = platform, me, assignment, ended
        self.heard = time.monotonic()
        self.over = threading.Event()
        self.is_ended = False  # the platform wants the task to end, or nothing more of it

    def run(self):
        pause = self.assignment["beatMs"] / 1000
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
        return self.heard + self.assignment["patienceMs"] / 1000

    def end(self):
        if not self.is_ended:
            self.is_ended = True
            self.ended()
