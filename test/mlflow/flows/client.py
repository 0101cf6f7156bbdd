"""
Runs flows with the installed mlflow client and prints what it saw, a line of JSON for each:
  python client.py <prefix of names> <flow> ...             against MLFLOW_TRACKING_URI
  python client.py <prefix of names> <flow> ... -- <server> <server> ...
The latter runs them against all servers at once, in a process for each that has nothing more to import; what was seen
from the first is printed, from the next ones written to file descriptors 3, 4 ...
"""

import contextlib
import importlib
import json
import logging
import os
import pathlib
import shutil
import sys
import tempfile
import time
import traceback
import warnings

import mlflow
from mlflow.exceptions import MlflowException

from seen import Names, plain

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


class Flow:
    """One flow's view: its client, its own names and folder, and what it has seen."""

    def __init__(self, name, prefix):
        self.prefix = f"{prefix}-{name}"
        self.version = tuple(int(part) for part in mlflow.__version__.split(".")[:2])
        self.client = mlflow.MlflowClient()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="flow-")).resolve()
        self.names = Names({mlflow.get_tracking_uri(): "<server>", str(self.folder): "<folder>", self.prefix: "<flow>"})
        self.seen = {}

    def name(self, text):
        """A name that no other flow or client uses."""
        return f"{self.prefix}-{text}"

    def experiment(self, text="experiment"):
        """A new experiment of this flow, set as the active one."""
        experiment_id = self.client.create_experiment(self.name(text))
        mlflow.set_experiment(self.name(text))
        return experiment_id

    def see(self, what, value):
        """Notes a value; of a function the result, or the error that the client raises."""
        what = label = self.names.text(what)
        count = 1
        while label in self.seen:
            count += 1
            label = f"{what} ({count})"
        try:
            result = value() if callable(value) else value
        except MlflowException as error:
            seen = {"raises": type(error).__name__, "code": error.error_code}
        except Exception as error:
            seen = {"raises": type(error).__name__}
        else:
            seen = plain(result)
        self.seen[label] = self.names.stable(seen)

    def until(self, get, done, seconds=15):
        """Asks until `done` holds: for what a client does in the background."""
        end = time.time() + seconds
        while True:
            result = get()
            if done(result) or time.time() > end:
                return result
            time.sleep(0.1)


def pages(search, **arguments):
    """All pages of a search, as the client gets them."""
    found, token = [], None
    while True:
        page = search(page_token=token, **arguments)
        found.append(list(page))
        token = page.token
        if not token:
            return found


def run_flow(name, prefix, answers):
    before = time.time()
    flow = Flow(name, prefix)
    line = {"flow": name}
    try:
        importlib.import_module(name).flow(flow)
    except Exception:
        line["failed"] = traceback.format_exc()
    finally:
        while mlflow.active_run():
            mlflow.end_run()
        shutil.rmtree(flow.folder, ignore_errors=True)
    print(json.dumps({**line, "seen": flow.seen, "seconds": round(time.time() - before, 2)}), file=answers, flush=True)


def run_flows(prefix, flows, answers):
    for name in flows:
        run_flow(name, prefix, answers)


def run_everywhere(prefix, flows, servers, answers):
    """What takes longest is to import the client with all that it uses: it is done once. Ends as the worst of them did."""
    for name in flows:
        # One that this client cannot import fails when it is run, where it is seen.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    children = []
    for index, server in enumerate(servers):
        child = os.fork()
        if child == 0:
            os.environ["MLFLOW_TRACKING_URI"] = server
            run_flows(prefix, flows, answers if index == 0 else os.fdopen(2 + index, "w", encoding="utf-8"))
            sys.exit()
        children.append(child)
    return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


if __name__ == "__main__":
    # `from client import …` in a flow is this very module, not a second copy of it.
    sys.modules["client"] = sys.modules["__main__"]
    # What the client prints by itself goes with the errors.
    own_output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    own_prefix, *arguments = sys.argv[1:]
    if "--" not in arguments:
        run_flows(own_prefix, arguments, own_output)
    else:
        end = arguments.index("--")
        sys.exit(run_everywhere(own_prefix, arguments[:end], arguments[end + 1 :], own_output))
