"""What a task reads and what it makes."""

import os

from door import patiently
from failure import Failure
from tree import Tree, files_of


class Goods:
    """Inputs from the platform to a folder, and outputs from there to the platform."""

    def __init__(self, folder, assignment, platform, me, pulse):
        self.folder, self.assignment, self.platform, self.me, self.pulse = folder, assignment, platform, me, pulse

    def lay_out(self, code, checkpoint, folders):
        for name in ("code", "inputs", "outputs", "tmp", "checkpoint"):
            os.mkdir(os.path.join(self.folder, name))
        self.lay_out_tree("code", code)
        self.lay_out_tree("checkpoint", checkpoint)
        for given in self.assignment["inputs"]:
            target = os.path.join(self.folder, "inputs", given["name"])
            if given["name"] in folders:
                os.mkdir(target)
                self.lay_out_tree(os.path.join("inputs", given["name"]), folders[given["name"]])
            elif "digest" in given:
                self.fetch(given["digest"], target, 0o444)
            else:
                with open(target, "w", encoding="utf-8") as file:
                    file.write(given["value"])
                os.chmod(target, 0o444)

    def lay_out_tree(self, name, files):
        for file in files:
            target = os.path.join(self.folder, name, file["path"])
            os.makedirs(os.path.dirname(target), exist_ok=True)
            self.fetch(file["digest"], target, 0o755 if file["executable"] else 0o644)

    def fetch(self, digest, target, mode):
        patiently(lambda: self.platform.download(digest, target), self.pulse.deadline)
        os.chmod(target, mode)

    def hand_in(self):
        for name in self.assignment["outputs"]:
            path = os.path.join(self.folder, "outputs", name)
            if os.path.isdir(path):
                self.hand_in_folder("/outputs/" + name, path)
            elif os.path.isfile(path):
                self.upload("/outputs/" + name, path)
            else:
                what = "is neither file nor folder" if os.path.lexists(path) else "was not written"
                raise Failure("output", "The task ended without an error, but its output %s %s." % (name, what))
        metrics = os.path.join(self.folder, "metrics.jsonl")
        if os.path.isfile(metrics):
            self.upload("/metrics", metrics)

    def hand_in_folder(self, route, path):
        tree = Tree(path, self.platform, self.me)
        tree.hand_in(route, files_of(path), lambda work: patiently(work, self.pulse.deadline))
        self.pulse.hear()

    def upload(self, route, path):
        def once():
            with open(path, "rb") as file:
                return self.platform.call("PUT", route, file, self.me, os.fstat(file.fileno()).st_size)

        patiently(once, self.pulse.deadline)
        self.pulse.hear()
