"""Parts of times and durations: `getFullYear()` and its like, in UTC or in a named zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.numerals import SECOND, civil, days_since_1970
from reconcile.cel.types import DURATION, INT, STRING, TIMESTAMP
from reconcile.cel.values import Duration, Timestamp


class _Local:
    """A time on the clocks of a place."""

    def __init__(self, time: Timestamp, east: int) -> None:
        self.seconds, self.nanos = divmod(time.nanos, SECOND)
        self.seconds += east
        self.year, self.month, self.day, self.hour, self.minute, self.second = civil(self.seconds)

    @property
    def day_of_year(self) -> int:
        return self.seconds // 86400 - (days_since_1970(self.year, 1, 1) or 0)

    @property
    def day_of_week(self) -> int:
        return (self.seconds // 86400 + 4) % 7


_PARTS: dict[str, tuple[str, Callable[[_Local], int]]] = {
    "getFullYear": ("timestamp_to_year", lambda local: local.year),
    "getMonth": ("timestamp_to_month", lambda local: local.month - 1),
    "getDayOfYear": ("timestamp_to_day_of_year", lambda local: local.day_of_year),
    "getDayOfMonth": ("timestamp_to_day_of_month", lambda local: local.day - 1),
    "getDate": ("timestamp_to_day_of_month_1_based", lambda local: local.day),
    "getDayOfWeek": ("timestamp_to_day_of_week", lambda local: local.day_of_week),
    "getHours": ("timestamp_to_hours", lambda local: local.hour),
    "getMinutes": ("timestamp_to_minutes", lambda local: local.minute),
    "getSeconds": ("timestamp_to_seconds", lambda local: local.second),
    "getMilliseconds": ("timestamp_to_milliseconds", lambda local: local.nanos // 10**6),
}
_OF_DURATIONS: dict[str, int] = {
    "getHours": 3600 * SECOND,
    "getMinutes": 60 * SECOND,
    "getSeconds": SECOND,
    "getMilliseconds": 10**6,
}


def declarations() -> list[Function]:
    return [_part(name, id, read) for name, (id, read) in _PARTS.items()]


def _part(name: str, id: str, read: Callable[[_Local], int]) -> Function:
    def in_utc(time: Timestamp) -> int:
        return read(_Local(time, 0))

    def in_zone(time: Timestamp, zone: str) -> int:
        return read(_Local(time, _east(zone, time)))

    zoned = "timestamp_to_seconds_tz" if name == "getSeconds" else f"{id}_with_tz"
    overloads = [
        Overload(id, (TIMESTAMP,), INT, in_utc, True),
        Overload(zoned, (TIMESTAMP, STRING), INT, in_zone, True),
    ]
    if name in _OF_DURATIONS:
        unit = _OF_DURATIONS[name]

        def of_duration(duration: Duration) -> int:
            whole = abs(duration.nanos) // unit
            return -whole if duration.nanos < 0 else whole

        overloads.append(Overload(f"duration_to_{name[3:].lower()}", (DURATION,), INT, of_duration, True))
    return Function(name, overloads)


def _east(zone: str, time: Timestamp) -> int:
    """How far a zone's clocks are ahead of UTC then, in seconds."""
    hours, colon, minutes = zone.partition(":")
    if colon:
        # An offset: as cel-go reads it, any two integers.
        ahead, past = _integer(hours), _integer(minutes)
        return (ahead * 60 + (-past if zone[0] == "-" else past)) * 60
    if zone in ("", "UTC"):
        return 0
    if not re.fullmatch(r"[A-Za-z0-9_+\-/]+", zone) or zone == "Local":
        raise Failure(f"unknown time zone {zone}")
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Failure(f"unknown time zone {zone}") from None
    seconds = time.nanos // SECOND
    try:
        moment: Any = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
        ahead = moment.astimezone(place).utcoffset()
    except OverflowError:
        return 0
    return int(ahead.total_seconds()) if ahead is not None else 0


def _integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]+", text, re.ASCII):
        raise Failure(f'strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
