"""Checks rows against a signature, and says what is wrong in the words of the model server (server/bind.ts, table.ts)."""

import datetime
import json
import math
from decimal import Decimal

from .features import compile_expression, parse_day, parse_instant

ROWS_MAX = 10_000
COLUMNS_MAX = 10_000
TEXT_MAX = 65_536
KEY_MAX = 200
FLOAT32_MAX = 3.4028234663852886e38
SAFE_MAX = 2**53 - 1

# A name that a row does not have, which is something else than None.
NOTHING = object()


class RequestError(ValueError):
    """Rows that are not as the signature has them."""


def bind(manifest, requested, rows, now):
    """Answers columns by input, keys, instants, and the inputs that were filled."""
    records = _records(rows)
    inputs = {tensor["name"]: tensor for tensor in (requested or manifest["signature"])["inputs"]}
    names = list(dict.fromkeys(name for record in records for name in record))
    if len(names) > COLUMNS_MAX:
        raise RequestError(f"The table: {len(names)} columns, expected at most {COLUMNS_MAX}.")
    service = manifest.get("service")
    columns, filled, keys, at = {}, [], None, None
    for name in names:
        elements = [_element(record.get(name, NOTHING)) for record in records]
        if name in inputs:
            columns[name] = _column(manifest, inputs[name], elements, filled)
        elif service and name == service["entityKey"]:
            keys = elements
        elif name == "event_time":
            at = elements
    keys = None if keys is None else [_key(key) for key in keys]
    at = None if at is None else [_instant(instant) for instant in at]
    features = [feature for feature in (requested or {}).get("features", ()) if feature["name"] not in columns]
    computed = {feature["name"] for feature in features}
    _fill(manifest, columns, computed, len(records), filled)
    if features:
        times = [now] * len(records) if at is None else at
        known = {"event_time": times, **({} if keys is None else {service["entityKey"]: keys})}
        _compute(manifest, requested, features, columns, known, filled)
    return columns, keys, at, filled


def _fill(manifest, columns, computed, rows, filled):
    """An embedded copy looks no features up: what is in no row is filled as its rule says, or refused."""
    missing = [
        tensor
        for tensor in manifest["signature"]["inputs"]
        if tensor["name"] not in columns and tensor["name"] not in computed
    ]
    fillings = {tensor["name"]: _filling(_rule(manifest, tensor["name"]), tensor["datatype"]) for tensor in missing}
    needed = [name for name, filling in fillings.items() if filling is NOTHING]
    if needed:
        raise RequestError(f"Missing inputs: {', '.join(needed)}. This deployment looks no features up.")
    for name, filling in fillings.items():
        filled.append(name)
        columns[name] = [filling] * rows


def _compute(manifest, requested, features, columns, known, filled):
    """Computes features as the model server does (server/request-features.ts)."""
    inputs = {tensor["name"]: tensor for tensor in requested["inputs"]}
    rows = len(known["event_time"])
    sent = dict(columns)
    reasons = {}
    for feature in features:
        for name in feature["needs"]:
            if name not in known and name not in reasons:
                _know(manifest, requested, name, (features, sent, rows, filled), known, reasons)
    for feature in features:
        name = feature["name"]
        datatype = inputs[name]["datatype"]
        filling = _filling(_rule(manifest, name), datatype)
        reason = next((reasons[each] for each in feature["needs"] if each in reasons), None)
        if reason is not None:
            if filling is NOTHING:
                raise RequestError(reason)
            _note(filled, name)
            columns[name] = [filling] * rows
            continue
        compute = compile_expression(feature["expression"], feature["needs"])
        values = zip(*(known[each] for each in feature["needs"])) if feature["needs"] else [()] * rows
        columns[name] = []
        for row, given in enumerate(values):
            value = compute(given)
            if value is None:
                if filling is NOTHING:
                    raise RequestError(
                        f"Feature {name} of request view {feature['view']}, row {row + 1}: it is null for what is known of the row."
                    )
                _note(filled, name)
                columns[name].append(filling)
                continue
            checked = CHECKS[datatype](int(value) if isinstance(value, bool) else value)
            if checked is None:
                raise RequestError(f"Input {name}, row {row + 1}: {show(value)} is not {WANTED[datatype]}.")
            columns[name].append(checked)


def _know(manifest, requested, name, asked, known, reasons):
    """Finds the values of what features need, or why they are not known."""
    features, columns, rows, filled = asked
    users = ", ".join(feature["name"] for feature in features if name in feature["needs"])
    column = next((each for each in [*requested["columns"], *requested["reads"]] if each["name"] == name), None)
    if column is None:
        key = manifest["service"]["entityKey"]
        reasons[name] = f"Missing inputs: {users}. Send them, or name the {key} in parameters.entity to have them looked up."
        return
    kind = column["type"]
    if name in columns:
        known[name] = [_value(value, kind, name, row) for row, value in enumerate(columns[name])]
        return
    if column in requested["reads"]:
        wanted = [
            read["name"]
            for read in requested["reads"]
            if read["name"] not in columns and any(read["name"] in feature["needs"] for feature in features)
        ]
        reasons[name] = f"Missing inputs: {', '.join(wanted)}. This deployment looks no features up."
        return
    filling = _filling(_rule(manifest, name), KINDS[kind])
    if filling is NOTHING:
        reasons[name] = f"Missing input: {name} ({kind}). It must be sent, or {users}, which is computed of it."
        return
    filled.append(name)
    known[name] = [_value(filling, kind, name, 0)] * rows


def _value(value, kind, name, row):
    """A value as expressions have it."""
    if isinstance(value, float) and math.isnan(value):
        return None
    checked = value if kind in ("date", "timestamp") else CHECKS[KINDS[kind]](value)
    if checked is None:
        raise RequestError(f"Input {name}, row {row + 1}: {show(value)} is not of type {kind}.")
    return bool(checked) if kind == "boolean" else float(checked) if kind == "number" else checked


def _note(filled, name):
    if filled[-1:] != [name]:
        filled.append(name)


def _records(rows):
    what = "dataframe_records"
    if hasattr(rows, "to_dict"):
        rows = rows.to_dict("records")
    rows = list(rows)
    if not 0 < len(rows) <= ROWS_MAX:
        raise RequestError(f"{what}: {len(rows)} rows, expected 1 to {ROWS_MAX}.")
    for row, record in enumerate(rows):
        if not isinstance(record, dict):
            raise RequestError(f"{what}, row {row + 1}: expected an object, not {show(record)}.")
    return rows


def _element(value):
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def _column(manifest, tensor, elements, filled):
    name, datatype = tensor["name"], tensor["datatype"]
    rule = _rule(manifest, name)
    check = CHECKS.get(datatype, CHECKS["BYTES"])
    column = []
    for row, element in enumerate(elements):
        value = check(element)
        if value is not None:
            if rule:
                _require_allowed(rule, value, name, row)
            column.append(value)
            continue
        is_missing = element is None or element is NOTHING or (isinstance(element, float) and math.isnan(element))
        filling = _filling(rule, datatype) if is_missing else NOTHING
        if filling is NOTHING:
            wanted = WANTED.get(datatype, "of the expected kind")
            raise RequestError(f"Input {name}, row {row + 1}: {show(element)} is not {wanted}.")
        _note(filled, name)
        column.append(filling)
    return column


def _rule(manifest, name):
    return (manifest.get("inputs") or {}).get(name)


def _filling(rule, datatype):
    if not rule:
        return NOTHING
    if rule.get("missing") == "pass":
        return math.nan
    if rule.get("missing") != "default":
        return NOTHING
    value = CHECKS[datatype](rule.get("default"))
    return NOTHING if value is None else value


def _require_allowed(rule, value, name, row):
    low, high, values = rule.get("min"), rule.get("max"), rule.get("values")
    if low is not None and value < low:
        allowed = f"less than {show(low)}"
    elif high is not None and value > high:
        allowed = f"more than {show(high)}"
    elif values is not None and value not in values:
        allowed = f"not one of {', '.join(show(each) for each in values)}"
    else:
        return
    raise RequestError(f"Input {name}, row {row + 1}: {show(value)} is {allowed}.")


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _float32(value):
    return value if _number(value) and abs(value) <= FLOAT32_MAX else None


def _float64(value):
    return value if _number(value) and (isinstance(value, int) or math.isfinite(value)) else None


def _integer(limit):
    def check(value):
        if isinstance(value, float) and value.is_integer() and abs(value) <= SAFE_MAX:
            value = int(value)
        return value if _number(value) and isinstance(value, int) and -limit <= value < limit else None

    return check


def _boolean(value):
    return int(value) if isinstance(value, bool) or (_number(value) and value in (0, 1)) else None


def _text(value):
    return value if isinstance(value, str) and len(value.encode("utf-16-le")) // 2 <= TEXT_MAX else None


def _whole(value):
    value = _integer(2**63)(value)
    return value if value is not None and abs(value) <= SAFE_MAX else None


def _instants(parse):
    def check(value):
        if isinstance(value, str):
            return parse(value)
        if isinstance(value, datetime.date):
            return parse(value.isoformat().replace("+00:00", "Z"))
        value = _whole(value)
        return value if value is not None and abs(value) <= INSTANT_MAX else None

    return check


INSTANT_MAX = 253_402_300_799_999

CHECKS = {
    "FP32": _float32,
    "FP64": _float64,
    "INT64": _integer(2**63),
    "INT32": _integer(2**31),
    "BOOL": _boolean,
    "BYTES": _text,
    "WHOLE": _whole,
    "DATE": _instants(parse_day),
    "TIMESTAMP": _instants(parse_instant),
}

KINDS = {
    "boolean": "BOOL",
    "integer": "WHOLE",
    "number": "FP64",
    "string": "BYTES",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}

WANTED = {
    "FP32": "a finite number of 32 bits; missing values are not accepted",
    "FP64": "a finite number; missing values are not accepted",
    "INT64": "a whole number of 64 bits; missing values are not accepted",
    "INT32": "a whole number of 32 bits; missing values are not accepted",
    "BOOL": "true or false",
    "BYTES": f"a text of at most {TEXT_MAX} characters",
    "WHOLE": f"a whole number of at most {SAFE_MAX}; missing values are not accepted",
    "DATE": "a date as 2026-11-29",
    "TIMESTAMP": "an instant: milliseconds since 1970, or ISO 8601",
}


def _key(value):
    if _number(value):
        return show(value)
    if isinstance(value, str) and 0 < len(value) <= KEY_MAX:
        return value
    raise RequestError(f"Parameter entity: {show(value)} is not a key, a text of 1 to {KEY_MAX} characters.")


def _instant(value):
    at = _milliseconds(value)
    if isinstance(at, float) and at.is_integer():
        at = int(at)
    if isinstance(at, int) and not isinstance(at, bool) and abs(at) <= SAFE_MAX:
        return at
    raise RequestError(f"Parameter event_time: {show(value)} is not an instant: milliseconds since 1970, or ISO 8601.")


def _milliseconds(value):
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            return None
        # JavaScript reads a day alone as of UTC, and so is a time without a zone here.
        value = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
    return round(value.timestamp() * 1_000) if isinstance(value, datetime.datetime) else value


def show(value):
    """Any value as a short text, as JavaScript writes it."""
    text = _plain(value)
    return f"{text[:57]}…" if len(text) > 60 else text


def _plain(value):
    if value is NOTHING:
        return "nothing"
    if _number(value):
        return _digits(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return "[…]" if isinstance(value, (list, tuple)) else "{…}"


def _digits(value):
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value == 0:
        return "0"
    if 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = repr(value).split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
