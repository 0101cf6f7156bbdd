"""Computes features of a request as the model server does (features/expression/run.ts): the same operations, by name."""

import datetime
import math
import re

TEXT_MAX = 65_536
SAFE_MAX = 2**53 - 1
DAY = 86_400_000
EPOCH = datetime.datetime(1970, 1, 1)
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
NUMBER = re.compile(r" *[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)? *")
INTEGER = re.compile(r" *[-+]?[0-9]+ *")
WORDS = {**dict.fromkeys(("true", "t", "yes", "y", "1"), True), **dict.fromkeys(("false", "f", "no", "n", "0"), False)}


def compile_expression(expression, needs):
    """A function of the values of what it needs, in their order."""
    if "value" in expression:
        value = expression["value"]
        return lambda row: value
    if "column" in expression:
        place = needs.index(expression["column"])
        return lambda row: row[place]
    given = [compile_expression(each, needs) for each in expression["of"]]
    if expression["call"] in LENIENT:
        return LENIENT[expression["call"]](given)
    operation = STRICT[expression["call"]]

    def compute(row):
        values = [each(row) for each in given]
        if any(value is None for value in values):
            return None
        try:
            return operation(*values)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return compute


def parse_instant(text):
    """Milliseconds since 1970 of ISO 8601; UTC without a zone; digits behind milliseconds are cut off."""
    found = ISO.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        date = datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    digits = (zone or "Z").lstrip("Z+-").replace(":", "").ljust(4, "0")
    offset = (int(digits[:2]) * 60 + int(digits[2:])) * (-60_000 if zone and zone[0] == "-" else 60_000)
    return _within(_ms(date) + int((fraction or "").ljust(3, "0")[:3]) - offset)


def parse_day(text):
    return None if parse_instant(text) is None else parse_instant(text[:10])


def _ms(date):
    return (date - EPOCH) // datetime.timedelta(milliseconds=1)


def _date(ms):
    return EPOCH + datetime.timedelta(milliseconds=ms)


def _within(ms):
    return ms if FIRST <= ms <= LAST else None


def _finite(value):
    value = float(value)
    return value + 0 if math.isfinite(value) else None


def _exact(value):
    return value if abs(value) <= SAFE_MAX else None


def _round(value):
    whole = math.floor(abs(value))
    up = whole + 1 if abs(value) - whole >= 0.5 else whole
    return -up if value < 0 else up


def _round_to(value, digits):
    scale = 10.0**digits
    scaled = value * scale
    rounded = _finite(_round(scaled) / scale) if math.isfinite(scaled) else None
    return _finite(value) if rounded is None else rounded


def _remainder(x, y):
    if isinstance(x, int) and isinstance(y, int):
        rest = abs(x) % abs(y)
        return -rest if x < 0 else rest
    return _finite(math.fmod(x, y))


def _divide_integers(x, y):
    whole = abs(x) // abs(y)
    return _exact(whole if (x < 0) == (y < 0) else -whole)


def _real(operation):
    return lambda x: _finite(operation(float(x)))


def _units(text):
    return len(text) + sum(1 for point in text if point > "\uffff")


def _bounded(text):
    return text if _units(text) <= TEXT_MAX else None


def _each(change):
    return lambda text: "".join(other if len(other) == 1 else point for point, other in ((p, change(p)) for p in text))


def _substring(text, start, count=math.inf):
    if count < 0:
        return None
    begin = start - 1 if start > 0 else max(0, len(text) + start) if start < 0 else -1
    end = len(text) if count == math.inf else max(0, begin + count)
    return text[max(0, begin) : end]


def _left(text, count):
    return text[: max(0, len(text) + count) if count < 0 else count]


def _right(text, count):
    return text[-count if count < 0 else max(0, len(text) - count) :]


def _replace(text, part, other):
    if part == "":
        return text
    size = _units(text) + text.count(part) * (_units(other) - _units(part))
    return text.replace(part, other) if size <= TEXT_MAX else None


def _show_instant(ms):
    return _date(ms).isoformat(" ", "milliseconds").rstrip("0").rstrip(".") if ms % 1_000 else _date(ms).isoformat(" ")


def _month(year, month):
    return _ms(datetime.datetime(year, month, 1))


PARTS = {
    "year": lambda date: date.year,
    "quarter": lambda date: (date.month - 1) // 3 + 1,
    "month": lambda date: date.month,
    "week": lambda date: date.isocalendar()[1],
    "day": lambda date: date.day,
    "dayofyear": lambda date: date.timetuple().tm_yday,
    "dayofweek": lambda date: date.isoweekday() % 7,
    "isodow": lambda date: date.isoweekday(),
    "hour": lambda date: date.hour,
    "minute": lambda date: date.minute,
    "second": lambda date: date.second,
}
BEGINNINGS = {
    "year": lambda ms: _month(_date(ms).year, 1),
    "quarter": lambda ms: _month(_date(ms).year, (_date(ms).month - 1) // 3 * 3 + 1),
    "month": lambda ms: _month(_date(ms).year, _date(ms).month),
    "week": lambda ms: ms // DAY * DAY - (_date(ms).isoweekday() - 1) * DAY,
    "day": lambda ms: ms // DAY * DAY,
    "hour": lambda ms: ms // 3_600_000 * 3_600_000,
    "minute": lambda ms: ms // 60_000 * 60_000,
    "second": lambda ms: ms // 1_000 * 1_000,
}
COUNTS = {
    "year": lambda ms: _date(ms).year,
    "quarter": lambda ms: _date(ms).year * 4 + (_date(ms).month - 1) // 3,
    "month": lambda ms: _date(ms).year * 12 + _date(ms).month,
    "day": lambda ms: ms // DAY,
    "hour": lambda ms: ms // 3_600_000,
    "minute": lambda ms: ms // 60_000,
    "second": lambda ms: ms // 1_000,
    "millisecond": lambda ms: ms,
}


def _local(ms, zone):
    import zoneinfo

    date = _date(ms).replace(tzinfo=datetime.timezone.utc).astimezone(zoneinfo.ZoneInfo(zone))
    return _within(_ms(date.replace(tzinfo=None)))


STRICT = {
    "itself": lambda x: x,
    "add": lambda x, y: _finite(x + y),
    "subtract": lambda x, y: _finite(x - y),
    "multiply": lambda x, y: _finite(x * y),
    "divide": lambda x, y: _finite(x / y),
    "remainder": _remainder,
    "add_integers": lambda x, y: _exact(x + y),
    "subtract_integers": lambda x, y: _exact(x - y),
    "multiply_integers": lambda x, y: _exact(x * y),
    "divide_integers": _divide_integers,
    "negate": lambda x: 0 - x,
    "equal": lambda x, y: x == y,
    "unequal": lambda x, y: x != y,
    **dict.fromkeys(("less", "less_text"), lambda x, y: x < y),
    **dict.fromkeys(("at_most", "at_most_text"), lambda x, y: x <= y),
    **dict.fromkeys(("more", "more_text"), lambda x, y: x > y),
    **dict.fromkeys(("at_least", "at_least_text"), lambda x, y: x >= y),
    "not": lambda x: not x,
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "floor": _real(math.floor),
    "ceil": _real(math.ceil),
    "round": _real(_round),
    "round_to": lambda x, digits: _round_to(float(x), digits),
    "power": lambda x, y: _finite(math.pow(x, y)),
    **{name: _real(getattr(math, name)) for name in "sqrt exp log2 log10 sin cos tan asin acos atan".split()},
    "ln": _real(math.log),
    "atan2": lambda x, y: _finite(math.atan2(x, y)),
    "radians": lambda x: _finite(x * (math.pi / 180)),
    "degrees": lambda x: _finite(x * (180 / math.pi)),
    "pi": lambda: math.pi,
    "join": lambda x, y: _bounded(x + y),
    "length": len,
    "lower": _each(str.lower),
    "upper": _each(str.upper),
    "trim": lambda x: x.strip(SPACES),
    "trim_left": lambda x: x.lstrip(SPACES),
    "trim_right": lambda x: x.rstrip(SPACES),
    "substring_from": _substring,
    "substring": _substring,
    "left": _left,
    "right": _right,
    "replace": _replace,
    "contains": lambda x, y: y in x,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "position": lambda x, y: x.find(y) + 1,
    "add_days": lambda x, y: _within(x + y * DAY),
    "add_days_to": lambda x, y: _within(y + x * DAY),
    "subtract_days": lambda x, y: _within(x - y * DAY),
    "days_between": lambda x, y: (x - y) // DAY,
    "epoch": lambda x: x / 1_000,
    "instant": _within,
    "local": _local,
    "day_of": BEGINNINGS["day"],
    "to_integer": lambda x: _exact(round(x)),
    "to_boolean": lambda x: x != 0,
    "read_boolean": lambda x: WORDS.get(STRICT["lower"](x)),
    "read_integer": lambda x: _exact(int(x.strip(" "))) if INTEGER.fullmatch(x) else None,
    "read_number": lambda x: _finite(x.strip(" ")) if NUMBER.fullmatch(x) else None,
    "read_day": parse_day,
    "read_instant": parse_instant,
    "show_boolean": lambda x: "true" if x else "false",
    "show_integer": str,
    "show_day": lambda x: _date(x).date().isoformat(),
    "show_instant": _show_instant,
    **{name: (lambda part: lambda x: part(_date(x)))(part) for name, part in PARTS.items()},
    **{f"trunc_{name}": (lambda begin: lambda x: _within(begin(x)))(begin) for name, begin in BEGINNINGS.items()},
    **{f"diff_{name}": (lambda count: lambda x, y: count(y) - count(x))(count) for name, count in COUNTS.items()},
}


def _and(given):
    def compute(row):
        x, y = given[0](row), given[1](row)
        return False if x is False or y is False else None if x is None or y is None else True

    return compute


def _or(given):
    def compute(row):
        x, y = given[0](row), given[1](row)
        return True if x is True or y is True else None if x is None or y is None else False

    return compute


def _nullif(given):
    def compute(row):
        value, other = given[0](row), given[1](row)
        return None if value == other else value

    return compute


def _in(given):
    def compute(row):
        value, *others = [each(row) for each in given]
        if value is None:
            return None
        return True if value in others else None if None in others else False

    return compute


def _case(given):
    def compute(row):
        for at in range(0, len(given) - 1, 2):
            if given[at](row) is True:
                return given[at + 1](row)
        return given[-1](row)

    return compute


def _outermost(choose):
    def begin(given):
        def compute(row):
            values = [value for value in (each(row) for each in given) if value is not None]
            return choose(values) if values else None

        return compute

    return begin


LENIENT = {
    "and": _and,
    "or": _or,
    "same": lambda given: lambda row: given[0](row) == given[1](row),
    "coalesce": lambda given: lambda row: next((value for value in (each(row) for each in given) if value is not None), None),
    "nullif": _nullif,
    "in": _in,
    "case": _case,
    **dict.fromkeys(("greatest", "greatest_text"), _outermost(max)),
    **dict.fromkeys(("least", "least_text"), _outermost(min)),
}
