"""The platform, as a node reaches it."""

import hashlib
import http.client
import json
import random
import ssl
import time
import urllib.parse

ANSWER_S = 30  # how long one answer may take
PAUSE_MAX_S = 15
AGAIN = (408, 425, 429)  # of the answers 4xx, those that another try may change


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
