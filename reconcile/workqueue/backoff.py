"""When a failing key may be tried again: exponential delay per key, and a token bucket for all.

A key that fails gets a deadline. An event during the wait may start the key early, once: whatever failed
may have been repaired by what the event tells of. Should that early run fail as well, the deadline and
the count of failures stay as they are, and further events wait for the deadline. So a storm of events
neither drives the delay up in seconds to its maximum nor turns backing off into a busy loop: a key runs
at most twice per delay.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from reconcile.workqueue.options import QueueOptions

K = TypeVar("K", bound=Hashable)


class TokenBucket:
    """Lets `burst` pass at once and `rate` a second from then on; callers are told how long to wait."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = 0.0

    def reserve(self, now: float) -> float:
        """Take the next token and return the seconds until it is due."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        self._tokens -= 1.0
        return 0.0 if self._tokens >= 0 else -self._tokens / self._rate


class Failing:
    """One failing key: how often it failed in turn, and when its next turn is."""

    __slots__ = ("count", "cut_short", "deadline")

    def __init__(self) -> None:
        self.count = 0
        self.deadline = 0.0
        self.cut_short = False


class Backoff(Generic[K]):
    """The failing keys of one queue. Pure: the time is an argument.

    Attributes:
        failing: the state of each failing key; mostly empty, which is quick to see.
    """

    def __init__(self, options: QueueOptions) -> None:
        self._base = options.base_delay
        self._max = options.max_delay
        self._bucket = (
            TokenBucket(options.retries_per_second, options.retry_burst)
            if options.retries_per_second is not None
            else None
        )
        self.failing: dict[K, Failing] = {}

    def failures(self, key: K) -> int:
        """How often the key failed since it last succeeded; early runs do not count."""
        state = self.failing.get(key)
        return 0 if state is None else state.count

    def begin(self, key: K, now: float) -> int:
        """A run of the key begins: before its deadline that is its early one. Returns its failures."""
        state = self.failing.get(key)
        if state is None:
            return 0
        if now < state.deadline:
            state.cut_short = True
        return state.count

    def failed(self, key: K, now: float) -> float:
        """Note a failure and return the time of the retry."""
        state = self.failing.get(key)
        if state is None:
            state = self.failing[key] = Failing()
        elif state.cut_short and now < state.deadline:
            return state.deadline
        delay = min(self._max, self._base * 2.0 ** min(state.count, 60))
        if self._bucket is not None:
            delay = max(delay, self._bucket.reserve(now))
        state.count += 1
        state.deadline = now + delay
        state.cut_short = False
        return state.deadline

    def earliest(self, key: K, wanted: float) -> float:
        """When a key that an event wants at the time `wanted` may run; uses up its one early run."""
        state = self.failing.get(key)
        if state is None or wanted >= state.deadline:
            return wanted
        if state.cut_short:
            return state.deadline
        state.cut_short = True
        return wanted

    def forget(self, key: K) -> None:
        """The key succeeded: its next failure is its first."""
        self.failing.pop(key, None)
