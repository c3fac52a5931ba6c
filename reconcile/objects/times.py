"""Times and durations as the API writes them.

Objects carry times as strings, in the form the server sent: a `datetime` would lose the precision it was
written with. These functions are for computing with them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))"
)
_DURATION: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_NANOSECONDS: Final = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6,
    "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip


def parse_time(text: str) -> datetime:
    """The moment of an RFC 3339 time, aware, in UTC; digits beyond microseconds are cut off.

    Raises:
        ValueError: it is none.

    >>> parse_time("2026-01-02T03:04:05.5+01:00")
    datetime.datetime(2026, 1, 2, 2, 4, 5, 500000, tzinfo=datetime.timezone.utc)
    """
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    year, month, day, hour, minute, second, fraction, _, sign, offset_hours, offset_minutes = found.groups()
    micros = int((fraction or "")[:6].ljust(6, "0"))
    moment = datetime(
        int(year), int(month), int(day), int(hour), int(minute), int(second), micros, tzinfo=UTC
    )
    if sign:
        offset = timedelta(hours=int(offset_hours), minutes=int(offset_minutes))
        moment = moment - offset if sign == "+" else moment + offset
    return moment


def format_time(moment: datetime) -> str:
    """As `meta/v1` Time: UTC, whole seconds, the rest cut off.

    >>> format_time(datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC))
    '2026-01-02T03:04:05Z'
    """
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def format_micro_time(moment: datetime) -> str:
    """As `meta/v1` MicroTime: UTC, always six digits of a second.

    >>> format_micro_time(datetime(2026, 1, 2, 3, 4, 5, 678900, tzinfo=UTC))
    '2026-01-02T03:04:05.678900Z'
    """
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("the time has no zone; give an aware datetime, such as runtime.now()")
    return moment.astimezone(UTC)


def parse_duration(text: str) -> timedelta:
    """A duration as Go writes it, such as `1h30m`, `300ms` or `-1.5s`; below a microsecond is cut off.

    >>> parse_duration("1h30m").total_seconds()
    5400.0
    """
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return timedelta()
    nanoseconds, end = 0, 0
    for found in _DURATION.finditer(rest):
        if found.start() != end:
            break
        end = found.end()
        number, unit = found.groups()
        whole, _, fraction = number.partition(".")
        scale = _NANOSECONDS[unit]
        nanoseconds += int(whole or 0) * scale + int(fraction or 0) * scale // 10 ** len(fraction)
    if not rest or end != len(rest):
        raise ValueError(f"{text!r} is not a duration such as 1h30m, 15s or 300ms")
    return sign * timedelta(microseconds=nanoseconds // 1000)


def format_duration(span: timedelta | float) -> str:
    """A span (a number: seconds) as Go writes durations.

    >>> [format_duration(span) for span in (5400, 0.3, 0, 61.5)]
    ['1h30m0s', '300ms', '0s', '1m1.5s']
    """
    micros = round((span.total_seconds() if isinstance(span, timedelta) else span) * 1_000_000)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    if micros == 0:
        return "0s"
    if micros < 1_000:
        return f"{sign}{micros}µs"
    if micros < 1_000_000:
        return f"{sign}{_decimal(micros, 1_000)}ms"
    minutes, micros = divmod(micros, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(micros, 1_000_000)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else f"{sign}{seconds}"


def _decimal(value: int, scale: int) -> str:
    whole, fraction = divmod(value, scale)
    digits = str(fraction).rjust(len(str(scale)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
