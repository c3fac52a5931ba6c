"""Numbers, times and durations as Go reads and writes them."""

from __future__ import annotations

import math
import re
from datetime import date
from fractions import Fraction
from typing import Final

MAX_INT: Final = 2**63 - 1
MIN_INT: Final = -(2**63)
MAX_UINT: Final = 2**64 - 1
SECOND: Final = 10**9
MIN_SECONDS: Final = -62135596800
"""0001-01-01T00:00:00Z, in seconds since 1970."""
MAX_SECONDS: Final = 253402300799
"""9999-12-31T23:59:59Z."""

_INT = re.compile(r"[-+]?[0-9]+")
_DOUBLE = re.compile(
    r"[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|inf(?:inity)?|nan"
    r"|0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[-+]?[0-9]+)",
    re.IGNORECASE,
)


def parse_int(text: str) -> int | None:
    """`strconv.ParseInt(text, 10, 64)`; None where it fails."""
    if not _INT.fullmatch(text) or not text.isascii():
        return None
    value = int(text)
    return value if MIN_INT <= value <= MAX_INT else None


def parse_uint(text: str) -> int | None:
    """`strconv.ParseUint(text, 10, 64)`."""
    if not text.isascii() or not text.isdigit():
        return None
    value = int(text)
    return value if value <= MAX_UINT else None


def parse_double(text: str) -> float | None:
    """`strconv.ParseFloat(text, 64)`: no spaces, no underscores; out of range fails."""
    match = _DOUBLE.fullmatch(text)
    if match is None:
        return None
    lower = text.lower()
    try:
        value = float.fromhex(lower) if "0x" in lower else float(lower)
    except OverflowError:
        return None
    if math.isinf(value) and "inf" not in lower:
        return None
    if math.isnan(value) and lower[0] in "+-":
        return None
    return value


def parse_bool(text: str) -> bool | None:
    """`strconv.ParseBool`."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    return False if text in ("0", "f", "F", "false", "FALSE", "False") else None


def format_general(value: float) -> str:
    """`%g`: the shortest text that reads back, with an exponent below -4 and from 6 on."""
    return _special(value) or _general(value)


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return ""


def _general(value: float) -> str:
    sign, digits, point = _shortest(value)
    exponent = point - 1
    if exponent < -4 or exponent >= 6:
        mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return sign + _plain(digits, point)


def format_plain(value: float) -> str:
    """`strconv.FormatFloat(value, 'f', -1, 64)`."""
    special = _special(value)
    if special:
        return special
    sign, digits, point = _shortest(value)
    return sign + _plain(digits, point)


def _shortest(value: float) -> tuple[str, str, int]:
    """Sign, digits without zeros at the ends, and where the point stands among them."""
    text = repr(abs(value))
    sign = "-" if math.copysign(1, value) < 0 else ""
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits, point = whole + fraction, len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    stripped = stripped.rstrip("0")
    return (sign, stripped, point) if stripped else (sign, "0", 1)


def _plain(digits: str, point: int) -> str:
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


# Durations

_UNITS: Final = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9,
    "h": 3600 * 10**9,
}  # fmt: skip
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text: str) -> int | None:
    """`time.ParseDuration` in nanoseconds; None where it fails."""
    sign, rest = 1, text
    if rest[:1] in ("-", "+"):
        sign, rest = (-1 if rest[0] == "-" else 1), rest[1:]
    if rest == "0":
        return 0
    if not rest:
        return None
    total, place = 0, 0
    while place < len(rest):
        match = _PART.match(rest, place)
        if match is None or not (match.group(1) or match.group(2)):
            return None
        unit = _UNITS[match.group(3)]
        amount = int(match.group(1) or 0) * unit
        if match.group(2):
            amount += int(Fraction(int(match.group(2)) * unit, 10 ** len(match.group(2))))
        total += amount
        if total > 2**63:
            return None
        place = match.end()
    if sign < 0:
        return -total
    return total if total <= MAX_INT else None


# Times

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([-+])(\d\d):(\d\d))", re.ASCII
)


def parse_time(text: str) -> tuple[int, int] | None:
    """`time.Parse(time.RFC3339, text)`: nanoseconds since 1970, and the offset it was written with (s)."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    days = days_since_1970(year, month, day)
    if days is None or hour > 23 or minute > 59 or second > 59:
        return None
    east = 0
    if match.group(8):
        hours, minutes = int(match.group(9)), int(match.group(10))
        if hours > 24 or minutes > 60:
            return None
        east = (hours * 3600 + minutes * 60) * (-1 if match.group(8) == "-" else 1)
    nanos = int((match.group(7) or "")[:9].ljust(9, "0"))
    return ((days * 24 + hour) * 3600 + minute * 60 + second - east) * SECOND + nanos, east


def days_since_1970(year: int, month: int, day: int) -> int | None:
    """Days since 1970 of a date in the years 0 to 9999; None where there is no such day."""
    shift = 0
    if year == 0:
        # Python's years begin with 1; 400 years are 146097 days.
        year, shift = 400, 146097
    try:
        return date(year, month, day).toordinal() - 719163 - shift
    except ValueError:
        return None


def civil(seconds: int) -> tuple[int, int, int, int, int, int]:
    """Year, month, day, hour, minute and second of a time in seconds since 1970, in UTC."""
    days, rest = divmod(seconds, 86400)
    eras, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + eras * 400 + (month <= 2)
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60


def format_time(nanos: int, east: int) -> str:
    """`time.RFC3339Nano`."""
    seconds, fraction = divmod(nanos, SECOND)
    year, month, day, hour, minute, second = civil(seconds + east)
    text = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}"
    if fraction:
        text += f".{fraction:09d}".rstrip("0")
    if east == 0:
        return text + "Z"
    hours, minutes = divmod(abs(east) // 60, 60)
    return f"{text}{'-' if east < 0 else '+'}{hours:02d}:{minutes:02d}"
