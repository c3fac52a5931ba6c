"""Formats of OpenAPI as kube-openapi's `strfmt` reads them."""

from __future__ import annotations

import base64
import binascii
import re

from reconcile.cel.numerals import MAX_INT, SECOND, days_since_1970, parse_duration, parse_time

_AMOUNT = re.compile(r"([0-9]+)[ \t\n\f\r]*([A-Za-zµ]+)")
_UNITS: tuple[tuple[tuple[str, ...], int], ...] = (
    (("ns", "nano"), 1),
    (("us", "µs", "micro"), 10**3),
    (("ms", "milli"), 10**6),
    (("s", "sec"), SECOND),
    (("m", "min"), 60 * SECOND),
    (("h", "hr", "hour"), 3600 * SECOND),
    (("d", "day"), 86400 * SECOND),
    (("w", "wk", "week"), 604800 * SECOND),
)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?", re.ASCII)


def parse_format_duration(text: str) -> int | None:
    """Nanoseconds of a duration as Go writes them, or as words: `3 days`, `2w`."""
    nanos = parse_duration(text)
    if nanos is not None:
        return nanos
    total, found = 0, False
    for number, word in _AMOUNT.findall(text):
        if int(number) > MAX_INT:
            return None
        unit = word.strip().lower()
        for names, size in _UNITS:
            for index, name in enumerate(names):
                if name == unit or (index == len(names) - 1 and unit.startswith(name)):
                    found = True
                    total += int(number) * size
    if not found:
        return None
    return (total + 2**63) % 2**64 - 2**63


def parse_date_time(text: str) -> tuple[int, int] | None:
    """Nanoseconds since 1970 and the offset it was written with; a time without a zone is in UTC."""
    if not text:
        return 0, 0
    found = parse_time(text)
    if found is None and _LOCAL.fullmatch(text):
        found = parse_time(f"{text}Z")
    return found


def parse_date(text: str) -> int | None:
    """Nanoseconds since 1970 of a day's beginning in UTC."""
    match = _DATE.fullmatch(text)
    days = days_since_1970(*(int(part) for part in match.groups())) if match else None
    return None if days is None else days * 86400 * SECOND


def parse_base64(text: str) -> bytes | None:
    """As rules read format byte: in the alphabet of URLs, though schemas ask for the standard one."""
    if "+" in text or "/" in text:
        return None
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
