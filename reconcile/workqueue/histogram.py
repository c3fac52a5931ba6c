"""A histogram in plain integers: hot paths count here, a scrape reads it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate


class Histogram:
    """Counts observations into buckets with inclusive upper bounds.

    >>> times = Histogram((0.1, 1.0))
    >>> for seconds in (0.05, 0.1, 0.5, 3.0):
    ...     times.observe(seconds)
    >>> times.cumulative(), times.count, times.sum
    ([2, 3, 4], 4, 3.65)
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds: tuple[float, ...] = tuple(bounds)
        self.counts: list[int] = [0] * (len(self.bounds) + 1)
        self.sum: float = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        return sum(self.counts)

    def cumulative(self) -> list[int]:
        """For each bound, and last for infinity, how many observations were not above it."""
        return list(accumulate(self.counts))
