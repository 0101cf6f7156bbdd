"""Loads the model of this package, answers rows, and has what was answered told to the platform."""

import hashlib
import json
import math
import os
import secrets
import threading
import time
from pathlib import Path

import numpy

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read when it is loaded
import onnxruntime  # noqa: E402

from .signature import RequestError, bind
from .telemetry import NoTelemetry, Telemetry

__all__ = ["Model", "RequestError", "open"]

TYPES = {
    "FP32": numpy.float32,
    "FP64": numpy.float64,
    "INT64": numpy.int64,
    "INT32": numpy.int32,
    "BOOL": numpy.bool_,
    "BYTES": object,
}

# How far an answer may be from the one that was released: another build of ONNX Runtime rounds otherwise.
ABSOLUTE, RELATIVE = 1e-5, 1e-4


def open(telemetry=None):
    """Loads the model. `telemetry` is a dict of `url`, and of `token`, `folder` and `bytes_max` as far as they are wanted;
    False is none; without it the variables TRAINYARD_TELEMETRY_URL and TRAINYARD_TELEMETRY_TOKEN say."""
    return Model(Path(__file__).parent, telemetry)


class Model:
    def __init__(self, folder, telemetry):
        self._copy = json.loads((folder / "copy.json").read_text("utf-8"))
        self._manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
        self._requested = json.loads((folder / "requested.json").read_text("utf-8"))
        model = (folder / "model.onnx").read_bytes()
        digest = hashlib.sha256(model).hexdigest()
        if digest != self._copy["model"]:
            raise RuntimeError(f"model.onnx is {digest}, released was {self._copy['model']}.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        for golden in self._manifest["golden"]:
            self._require_golden(golden)
        self._telemetry = _telemetry(self._copy["deployment"], telemetry)
        self.deployment, self.revision, self.number = (self._copy[key] for key in ("deployment", "revision", "number"))

    def predict(self, rows):
        """Answers a list of dicts or a DataFrame as `/invocations` does. Raises RequestError in the words of the server."""
        started, received_at = time.perf_counter(), time.time_ns() // 1_000_000
        columns, keys, at, filled = bind(self._manifest, self._requested, rows, received_at)
        count = len(next(iter(columns.values())))
        ids = [_new_id() for _ in range(count)]

        def tell(outputs, error=None):
            told = (columns, keys, at, outputs, error)
            latency = (time.perf_counter() - started) * 1_000
            self._telemetry.append(self._line(row, ids[row], told, received_at, latency) for row in range(count))

        try:
            outputs = self._run(columns)
        except Exception as error:
            tell([], str(error))
            raise RuntimeError(f"Revision {self.number} of {self.deployment} failed: {error}") from error
        tell(outputs)
        return {"predictions": _predictions(outputs, count), "prediction_ids": ids, "filled": filled}

    def telemetry(self):
        return self._telemetry.state()

    def close(self):
        """Writes down what has been answered, and tries once to send it."""
        self._telemetry.close()

    def _run(self, columns):
        feeds = {}
        for tensor in self._manifest["signature"]["inputs"]:
            values = numpy.array(columns[tensor["name"]], dtype=TYPES.get(tensor["datatype"], object))
            feeds[tensor["name"]] = values if len(tensor["shape"]) == 1 else values.reshape(-1, 1)
        names = [tensor["name"] for tensor in self._manifest["signature"]["outputs"]]
        outputs = []
        for name, values in zip(names, self._session.run(names, feeds)):
            flat = values.reshape(len(values), -1).tolist()
            for value in (value for row in flat for value in row):
                if isinstance(value, float) and not math.isfinite(value):
                    raise ValueError(f"Output {name} is {'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'}.")
            outputs.append((name, flat))
        return outputs

    def _line(self, row, prediction, told, received_at, latency):
        columns, keys, at, outputs, error = told
        left_out = self._copy["log"]["leaveOut"]
        line = {"id": prediction, "row": row}
        if keys is not None:
            line["key"] = keys[row]
        line["event_time"] = received_at if at is None else at[row]
        line["features"] = {
            tensor["name"]: _logged(columns[tensor["name"]][row])
            for tensor in self._manifest["signature"]["inputs"]
            if tensor["name"] not in left_out
        }
        line["outputs"] = {
            _output_key(name, len(rows[row]), column): value
            for name, rows in outputs
            for column, value in enumerate(rows[row])
        }
        line.update(revision=self.revision, received_at=received_at, latency_ms=round(latency, 3))
        if error is not None:
            line["error"] = error[:10_000]
        return json.dumps(line, separators=(",", ":"))

    def _require_golden(self, golden):
        columns = {
            tensor["name"]: [math.nan if golden["inputs"].get(tensor["name"]) is None else golden["inputs"][tensor["name"]]]
            for tensor in self._manifest["signature"]["inputs"]
        }
        for name, rows in self._run(columns):
            for column, value in enumerate(rows[0]):
                expected = golden["outputs"].get(_output_key(name, len(rows[0]), column))
                if expected is not None and not _is_near(value, expected):
                    raise RuntimeError(f"Output {name} of a known row is {value}, released was {expected}.")


def _is_near(value, expected):
    if isinstance(value, str) or isinstance(expected, str):
        return value == expected
    return abs(value - expected) <= ABSOLUTE + RELATIVE * abs(expected)


def _predictions(outputs, count):
    columns = {name: [row[0] if len(row) == 1 else row for row in rows] for name, rows in outputs}
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [{name: values[row] for name, values in columns.items()} for row in range(count)]


def _logged(value):
    return None if isinstance(value, float) and math.isnan(value) else value


def _output_key(output, width, column):
    return output if width == 1 else f"{output}.{column}"


def _telemetry(deployment, told):
    if told is None:
        url = os.environ.get("TRAINYARD_TELEMETRY_URL")
        told = {"url": url, "token": os.environ.get("TRAINYARD_TELEMETRY_TOKEN")} if url else False
    return Telemetry(deployment, **told) if told else NoTelemetry()


_last = [0, 0]
_lock = threading.Lock()


def _new_id():
    """A UUID of version 7 [RFC 9562]; those of one process sort in the order of their making."""
    with _lock:
        now = time.time_ns() // 1_000_000
        if now > _last[0]:
            _last[:] = [now, 0]
        elif _last[1] < 0xFFF:
            _last[1] += 1
        else:
            _last[:] = [_last[0] + 1, 0]
        at, counter = _last
    low = secrets.randbits(62) | 1 << 63
    text = f"{at:012x}7{counter:03x}{low:016x}"
    return f"prd_{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
