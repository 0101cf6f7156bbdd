"""Checks rows against a signature, and says what is wrong in the words of the model server (server/bind.ts, table.ts)."""

import datetime
import json
import math
from decimal import Decimal

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


def bind(manifest, rows):
    """Answers columns by input (None where no row has one), keys, instants, and the inputs that were filled."""
    records = _records(rows)
    inputs = {tensor["name"]: tensor for tensor in manifest["signature"]["inputs"]}
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
    _fill(manifest, columns, len(records), filled)
    return columns, keys, at, filled


def _fill(manifest, columns, rows, filled):
    """An embedded copy looks no features up: what is in no row is filled as its rule says, or refused."""
    missing = [tensor for tensor in manifest["signature"]["inputs"] if tensor["name"] not in columns]
    fillings = {tensor["name"]: _filling(_rule(manifest, tensor["name"]), tensor["datatype"]) for tensor in missing}
    needed = [name for name, filling in fillings.items() if filling is NOTHING]
    if needed:
        raise RequestError(f"Missing inputs: {', '.join(needed)}. This deployment looks no features up.")
    for name, filling in fillings.items():
        filled.append(name)
        columns[name] = [filling] * rows


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
        if filled[-1:] != [name]:
            filled.append(name)
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


CHECKS = {
    "FP32": _float32,
    "FP64": _float64,
    "INT64": _integer(2**63),
    "INT32": _integer(2**31),
    "BOOL": _boolean,
    "BYTES": _text,
}

WANTED = {
    "FP32": "a finite number of 32 bits; missing values are not accepted",
    "FP64": "a finite number; missing values are not accepted",
    "INT64": "a whole number of 64 bits; missing values are not accepted",
    "INT32": "a whole number of 32 bits; missing values are not accepted",
    "BOOL": "true or false",
    "BYTES": f"a text of at most {TEXT_MAX} characters",
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
