"""What the shim of an attempt does."""

import os

from environment import inherited
from failure import Failure


def orders_of(assignment, folder, log, path):
    """What the shim is told."""
    inside = lambda *names: os.path.join(folder, *names)
    env = inherited()
    env["PATH"] = os.pathsep.join(path + [env.get("PATH", os.defpath)])
    env.update(assignment["variables"])
    env.update({"HOME": folder, "TMPDIR": inside("tmp"), "TRAINYARD_METRICS": inside("metrics.jsonl")})
    if "checkpoint" in assignment:
        env["TRAINYARD_CHECKPOINT"] = inside("checkpoint")
    for given in assignment["inputs"]:
        env["TRAINYARD_INPUT_" + variable(given["name"])] = inside("inputs", given["name"])
    for name in assignment["outputs"]:
        env["TRAINYARD_OUTPUT_" + variable(name)] = inside("outputs", name)
    pairs = [
        ("folder", folder),
        ("log", log),
        ("logMax", str(assignment["logMax"])),
        ("cwd", inside("code")),
        ("mark", assignment["mark"]),
        ("graceMs", str(assignment["graceMs"])),
        ("timeoutMs", str(assignment["timeoutMs"])),
    ]
    if "memoryBytes" in assignment:
        pairs.append(("memory", str(assignment["memoryBytes"])))
    pairs += [("arg", word) for word in ("/bin/sh", "-c", assignment["command"])]
    pairs += [("env", "%s=%s" % entry) for entry in env.items()]
    pairs += [("mask", secret) for secret in assignment["mask"]]
    pairs.append(("end", ""))
    if any("\0" in value for _, value in pairs):
        raise Failure("input", "A program cannot be given text with U+0000.")
    return [(os.fsencode(name), os.fsencode(value)) for name, value in pairs]


def variable(name):
    return name.upper().replace("-", "_")
