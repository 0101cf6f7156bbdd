"""Columns of numbers as raw bytes, texts as JSON: what the server sends, and what a model answers."""

import array

try:
    import numpy
except ImportError:  # a class may do without
    numpy = None

CODES = {"FP32": "f", "FP64": "d", "INT64": "q", "INT32": "i", "BOOL": "B"}
TYPES = {"FP32": "<f4", "FP64": "<f8", "INT64": "<i8", "INT32": "<i4", "BOOL": "?"}
OUTPUTS = {("f", 4): "FP32", ("f", 8): "FP64", ("i", 8): "INT64", ("i", 4): "INT32", ("b", 1): "BOOL"}
INT64_MAX = 2**63 - 1


def read(inputs, tail, rows):
    """By name: numpy arrays where numpy is installed, else lists; of shape [rows], or [rows, width]."""
    given, start = {}, 0
    for column in inputs:
        name, datatype, width = column["name"], column["datatype"], column["width"]
        if datatype == "BYTES":
            given[name] = column["values"] if numpy is None else numpy.array(column["values"], dtype=object)
            continue
        end = start + rows * width * array.array(CODES[datatype]).itemsize
        given[name] = numbers(datatype, tail[start:end], width)
        start = end
    return given


def numbers(datatype, data, width):
    if numpy is not None:
        values = numpy.frombuffer(data, dtype=TYPES[datatype])
        return values if width == 1 else values.reshape(-1, width)
    values = array.array(CODES[datatype])
    values.frombytes(bytes(data))
    plain = [bool(value) for value in values] if datatype == "BOOL" else values.tolist()
    return plain if width == 1 else [plain[at : at + width] for at in range(0, len(plain), width)]


def write(answer, rows):
    """The header and the raw columns of an answer: a dict of what has one value, or one list of values, for each row."""
    if not isinstance(answer, dict) or not answer:
        raise TypeError("the model answered %s; allowed: columns by name" % type(answer).__name__)
    header, parts = [], []
    for name, values in answer.items():
        datatype, width, data = packed(str(name), values, rows)
        output = {"name": str(name), "datatype": datatype, "width": width}
        if datatype == "BYTES":
            output["values"] = data
        else:
            parts.append(data)
        header.append(output)
    return {"outputs": header}, parts


def packed(name, values, rows):
    """Datatype, width, and the values row by row: bytes of numbers, a list of texts."""
    plain = values.tolist() if hasattr(values, "tolist") else [value_of(value) for value in values]
    if len(plain) != rows:
        raise ValueError("output %s has %d values for %d rows" % (name, len(plain), rows))
    width = 1
    if plain and isinstance(plain[0], (list, tuple)):
        width = len(plain[0])
        if width == 0 or any(len(row) != width for row in plain):
            raise ValueError("output %s has rows of different lengths, or empty ones" % name)
        plain = [value for row in plain for value in row]
    datatype = type_of(name, values, plain)
    if datatype == "BYTES":
        return datatype, width, plain
    return datatype, width, array.array(CODES[datatype], plain).tobytes()


def value_of(value):
    """A number of numpy, or an array of them, as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else value


def type_of(name, values, plain):
    if hasattr(values, "dtype"):
        known = OUTPUTS.get((values.dtype.kind, values.dtype.itemsize))
        if known:
            return known
    if all(isinstance(value, str) for value in plain):
        return "BYTES"
    if all(isinstance(value, bool) for value in plain):
        return "BOOL"
    if all(isinstance(value, int) and abs(value) <= INT64_MAX for value in plain):
        return "INT64"
    if all(isinstance(value, (int, float)) for value in plain):
        return "FP64"
    odd = next(value for value in plain if not isinstance(value, (int, float)))
    raise TypeError("output %s holds %s; allowed: numbers, texts or truth values, all of one kind" % (name, type(odd).__name__))
