"""What a client sees, as JSON that is the same for every server that behaves the same."""

import dataclasses
import enum
import math
import re
from collections.abc import Mapping

import numpy
import pandas
from mlflow.entities import Experiment

# The base class of the client's entities, whose name changed.
Entity = Experiment.__mro__[1]
# Values of these names depend on the clock or the machine's speed.
CLOCK = re.compile(r"(^|[._])(execution_(time|duration)(_ms)?|duration(_ms)?|(create|last_update)_time)$")
# Milliseconds since 1970 between 2017 and 2049; flows that choose their own times choose smaller ones.
NOW = range(1_500_000_000_000, 2_500_000_000_000)
IDS = re.compile(
    r"(?<![0-9a-f])(?P<kind>\b(?:m|tr|a|d|dr|wh)-)?"
    r"(?:[0-9a-f]{32}(?:[0-9a-f]{8})?\b|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)"
)
KINDS = {"m-": "model", "tr-": "trace", "a-": "assessment", "d-": "dataset", "dr-": "record", "wh-": "webhook"}
RANDOM_NAME = re.compile(r"^[a-z]+-[a-z]+-\d{1,3}$")
RFC3339 = re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")


def plain(value):
    """Any value of the client as dicts, lists, text and numbers."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (int, numpy.integer)):
        return int(value)
    if isinstance(value, (float, numpy.floating)):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, pandas.DataFrame):
        return {"columns": list(value.columns), "rows": [plain(list(row)) for row in value.itertuples(index=False)]}
    if isinstance(value, numpy.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Entity):
        return {key: plain(item) for key, item in value}
    return f"<{type(value).__name__}>"


class Names:
    """Stable names for what is chosen by chance: numbered by first appearance."""

    def __init__(self, replace):
        self.replace = replace  # text → placeholder: server, folders
        self.given = {}

    def name(self, kind, value):
        if (kind, value) not in self.given:
            count = sum(1 for known, _ in self.given if known == kind)
            self.given[(kind, value)] = f"<{kind} {count + 1}>"
        return self.given[(kind, value)]

    def text(self, value):
        for text, placeholder in self.replace.items():
            value = value.replace(text, placeholder)
        value = RFC3339.sub("<time>", value)
        value = re.sub(r"(mlflow-artifacts:/|experiments/)(\d+)", lambda m: m[1] + self.name("experiment", m[2]), value)
        return IDS.sub(lambda m: self.name(KINDS.get(m["kind"], "id"), m[0]), value)

    def stable(self, value, key=""):
        if key in ("experiment_id", "_experiment_id") and value is not None:
            return self.name("experiment", str(value))
        if isinstance(value, dict):
            return {self.text(name): self.stable(item, name) for name, item in sorted(value.items())}
        if isinstance(value, list):
            inner = key[:-1] if key == "experiment_ids" else ""
            # Tags have no order.
            if value and all(isinstance(item, dict) and item.keys() == {"key", "value"} for item in value):
                value = sorted(value, key=lambda tag: tag["key"])
            return [self.stable(item, inner) for item in value]
        if CLOCK.search(key) and value is not None:
            return "<time>"
        if isinstance(value, (int, float)) and not isinstance(value, bool) and int(value) in NOW:
            return "<time>"
        if not isinstance(value, str):
            return value
        return "<random name>" if RANDOM_NAME.match(value) else self.text(value)
