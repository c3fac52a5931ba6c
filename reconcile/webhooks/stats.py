"""What a webhook counts, in plain integers."""

from __future__ import annotations

from collections import Counter
from typing import Final

from reconcile.workqueue import Histogram

LATENCY_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


class HookStats:
    """Counts of one path.

    Attributes:
        requests: answers by HTTP status; 200 and 500 are there from the start, so that rates have a zero.
        in_flight: requests that are being answered.
        latency: seconds of each.
        panics: hooks that raised something else than a verdict.
    """

    __slots__ = ("in_flight", "latency", "panics", "requests")

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter({200: 0, 500: 0})
        self.in_flight = 0
        self.latency = Histogram(LATENCY_BOUNDS)
        self.panics = 0
