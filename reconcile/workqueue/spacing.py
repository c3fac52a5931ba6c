"""How closely the runs of one key follow each other."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Spacing(Generic[K]):
    """The keys of one queue that ran a moment ago. Pure: the time is an argument.

    Args:
        seconds: the least time between the end of a run and the start of the next.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._free_at: dict[K, float] = {}

    def ended(self, key: K, now: float) -> None:
        """A run of the key is over."""
        free_at = self._free_at
        free_at.pop(key, None)
        free_at[key] = now + self._seconds
        # Runs end in order of time, so those that are over stand first.
        while free_at[oldest := next(iter(free_at))] <= now:
            del free_at[oldest]

    def earliest(self, key: K, wanted: float) -> float:
        """When a key that is wanted at a time may run."""
        return max(wanted, self._free_at.get(key, wanted))

    def __len__(self) -> int:
        """Keys that are remembered: no more than ran within the time."""
        return len(self._free_at)
