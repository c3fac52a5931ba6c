"""Ages as kubectl prints them."""

from __future__ import annotations

from datetime import datetime


def human_duration(seconds: float) -> str:
    """`45s`, `3m20s`, `5h`, `2d3h`, `400d`, `3y`: two units while the first is small.

    >>> human_duration(200), human_duration(7200 + 300), human_duration(86400 * 3)
    ('3m20s', '125m', '3d')
    """
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 120:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 10:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours, rest = divmod(minutes, 60)
    if hours < 8:
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days, rest = divmod(hours, 24)
    if hours < 192:
        return f"{days}d{rest}h" if rest else f"{days}d"
    if hours < 24 * 365 * 2:
        return f"{days}d"
    years, rest = divmod(days, 365)
    if hours < 24 * 365 * 8:
        return f"{years}y{rest}d" if rest else f"{years}y"
    return f"{years}y"


def since(timestamp: str | None, now: datetime) -> str:
    """The age of a timestamp; `<unknown>` without one."""
    if not timestamp:
        return "<unknown>"
    return human_duration((now - parse(timestamp)).total_seconds())


def parse(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp)
