"""An event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A selector event loop in virtual time.

    `loop.time()` starts at 0 and moves only when nothing is ready to run: then it jumps to the earliest
    timer. Hours of sleeps pass in microseconds, and the order of callbacks is that of asyncio, the same
    in every run. Real sockets are polled but never waited for while a timer is pending; a loop with
    nothing to run, no timer and no socket raises `DeadlockError` instead of hanging.

    Attributes:
        horizon: when set, the clock does not jump past this time: `run_until_idle` stops there.
        running_until_idle: whether `run_until_idle` is what runs the loop now.
    """

    # The base loop's own, which typeshed does not know.
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        self._virtual_now = 0.0
        self.horizon: float | None = None
        self.running_until_idle = False
        super().__init__(_VirtualSelector(self))
        # asyncio runs a timer when its time is below now plus this. The real clock's nanosecond vanishes
        # in the rounding of a float after some months, and the timer would never be due.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual_now

    def run_until_idle(self, *, until: float | None = None) -> None:
        """Run what is ready, and timers up to the time `until`, then return.

        Without `until` no time passes: the loop runs until every task waits for a timer or for something
        outside. With it the clock stands at `until` when the call returns.
        """
        self.horizon = self._virtual_now if until is None else max(until, self._virtual_now)
        self.running_until_idle = True
        try:
            self.run_forever()
        finally:
            self.running_until_idle = False
            self._virtual_now = max(self._virtual_now, self.horizon)
            self.horizon = None

    def next_timer(self) -> float | None:
        """The time of the earliest pending timer, or None when there is none."""
        times = [handle.when() for handle in self._scheduled if not handle.cancelled()]
        return min(times, default=None)

    def pass_time(self, timeout: float | None, *, sockets: bool) -> bool:
        """Let `timeout` seconds pass at once; False when the clock may not move that far.

        Called by the loop's selector, not by users of the loop.
        """
        if timeout is None:
            if self.running_until_idle:
                self.stop()
                return True
            if not sockets:
                raise DeadlockError("every task waits and no timer is pending: nothing can ever happen")
            return False
        target = self._virtual_now + timeout
        if self.horizon is not None and target > self.horizon:
            self._virtual_now = self.horizon
            self.stop()
            return True
        self._virtual_now = target
        return True


class DeadlockError(RuntimeError):
    """A virtual-time loop has nothing left that could ever run."""


class _VirtualSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        # The loop's own self-pipe is always registered.
        sockets = len(self.get_map()) > 1
        if timeout is not None and timeout < 0:
            timeout = 0
        if self._loop.pass_time(timeout, sockets=sockets):
            return ready
        return super().select(timeout)
