"""Machines of a simulation: each with a clock of its own rate, and each able to stand still, on one loop.

What a task does belongs to the machine in whose context it was started (`Machine.start`); tasks that it
starts inherit that. On a machine `loop.time()`, asyncio's sleeps and time-outs go by the machine's own clock,
and while it is frozen, as a process is by SIGSTOP, nothing of it runs: what became due meanwhile runs when it
is thawed, in the order in which it became due. The clock goes on, frozen or not.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from datetime import datetime, timedelta
from typing import Any, TypeVar

from reconcile.runtime import SimulatedRuntime, VirtualTimeLoop

T = TypeVar("T")

_ROUNDING = 1e-9

_machine: ContextVar[Machine | None] = ContextVar("machine", default=None)


class Machine:
    """One machine of a `MachineLoop`.

    Args:
        loop: the loop.
        name: for people.
        rate: seconds of its clock in one true second.
        wall_offset: seconds that its wall clock is ahead of the true one.
        seed: of its dice.

    Attributes:
        dead: whether it was switched off.
        frozen: whether it stands still.
        runtime: the `Runtime` of what runs on it.
    """

    def __init__(
        self, loop: MachineLoop, name: str, *, rate: float = 1.0, wall_offset: float = 0.0, seed: int = 0
    ) -> None:
        self.loop = loop
        self.name = name
        self.rate = rate
        self.frozen = False
        self.dead = False
        self.runtime = MachineRuntime(self, seed, wall_offset)
        self._parked: deque[asyncio.Handle] = deque()

    def start(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run something on this machine."""
        context = contextvars.copy_context()
        context.run(_machine.set, self)
        return self.loop.create_task(coroutine, name=name, context=context)

    def freeze(self) -> None:
        """Stand still."""
        self.frozen = True

    def thaw(self) -> None:
        """Go on, with all that became due meanwhile."""
        self.frozen = False
        parked, self._parked = self._parked, deque()
        for handle in parked:
            if not handle.cancelled():
                self.loop.run_soon(handle)

    def park(self, handle: asyncio.Handle) -> None:
        self._parked.append(handle)


class MachineRuntime(SimulatedRuntime):
    """The runtime of one machine: dice of its own, a wall clock of its own."""

    def __init__(self, machine: Machine, seed: int, wall_offset: float) -> None:
        super().__init__(seed)
        self._machine = machine
        self._offset = timedelta(seconds=wall_offset)

    def now(self) -> datetime:
        local = self._machine.loop.true_time() * self._machine.rate
        return self.start + self._offset + timedelta(seconds=local)


class MachineLoop(VirtualTimeLoop):
    """A virtual-time loop whose tasks live on machines; outside of any, time is true."""

    def true_time(self) -> float:
        """Seconds since the loop was made."""
        return super().time()

    def time(self) -> float:
        machine = _machine.get()
        # A timer that is due must not be found to be early by a rounding error, and set again for ever.
        return super().time() if machine is None else super().time() * machine.rate + _ROUNDING

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        owner = (context or contextvars.copy_context()).get(_machine)
        if owner is None:
            return super().call_at(when, callback, *args, context=context)
        timer = _MachineTimer(owner, when, callback, args, self, context)
        self._place(timer)
        return timer

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        owner = (context or contextvars.copy_context()).get(_machine)
        if owner is None:
            return super().call_soon(callback, *args, context=context)
        handle = _MachineHandle(owner, callback, args, self, context)
        self.run_soon(handle)
        return handle

    def run_soon(self, handle: asyncio.Handle) -> None:
        self._ready.append(handle)  # type: ignore[attr-defined]

    def _place(self, timer: asyncio.TimerHandle) -> None:
        from heapq import heappush

        heappush(self._scheduled, timer)
        timer._scheduled = True  # type: ignore[attr-defined]


class _MachineHandle(asyncio.Handle):
    __slots__ = ("_owner",)

    def __init__(self, owner: Machine, callback: Any, args: Any, loop: Any, context: Any) -> None:
        super().__init__(callback, args, loop, context)
        self._owner = owner

    def _run(self) -> None:
        if self._owner.frozen:
            self._owner.park(self)
        else:
            super()._run()


class _MachineTimer(asyncio.TimerHandle):
    """Filed under true time; tells its machine's."""

    __slots__ = ("_local", "_owner")

    def __init__(
        self, owner: Machine, when: float, callback: Any, args: Any, loop: Any, context: Any
    ) -> None:
        super().__init__(when / owner.rate, callback, args, loop, context)
        self._owner = owner
        self._local = when

    def when(self) -> float:
        return self._local

    def _run(self) -> None:
        if self._owner.frozen:
            self._owner.park(self)
        else:
            super()._run()
