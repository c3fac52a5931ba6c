"""A handler at an informer: its buffer, its calls, its errors.

    informer ──offers──▶ HandlerBuffer ──pump──▶ handler.on_add / on_update / on_delete

While the handler keeps up, calls are made at once, in the slice that wrote the store. What does not fit into
a slice stays in the buffer and is delivered by a task of the registration, slice by slice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.informers.handler_buffer import Delivery, DeliveryType, HandlerBuffer
from reconcile.informers.pacing import Pacer
from reconcile.informers.stats import InformerStats


@runtime_checkable
class Handler(Protocol):
    """Told of every change of an informer's objects. Plain functions that return soon: no I/O, no waiting.

    The store already holds what a call tells. Calls of one handler never overlap. An exception is logged
    and counted; the delivery is not repeated.
    """

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        """An object is there; `initial` for those of the first list, or of a late handler's replay."""
        ...

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        """An object changed; `old` is what this handler saw last. Never another UID.

        In a resync the two are the same.
        """
        ...

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        """An object is gone; `old` is its final state, or the last one known when nobody watched."""
        ...


class Registration:
    """One handler's place at an informer.

    Attributes:
        handler: the handler.
        needs: how much of each object it must be given.
        name: for logs; the handler's class by default.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        needs: Detail,
        name: str,
        stats: InformerStats,
        log: Any,
        synced: Callable[[], bool],
        forget: Callable[[Registration], None],
    ) -> None:
        self.handler = handler
        self.needs = needs
        self.name = name
        self.buffer = HandlerBuffer()
        self._stats = stats
        self._log = log
        self._informer_synced = synced
        self._forget = forget
        self._drain: asyncio.Task[None] | None = None
        self._replays = 0
        self._removed = False
        self._synced = asyncio.Event()

    @property
    def has_synced(self) -> bool:
        """Whether the handler has been called for every object of the initial list (or of its replay)."""
        return self._synced.is_set()

    @property
    def removed(self) -> bool:
        return self._removed

    @property
    def backlog(self) -> int:
        """Keys that wait to be delivered."""
        return len(self.buffer)

    async def wait_synced(self) -> None:
        """Return when `has_synced`."""
        await self._synced.wait()

    def remove(self) -> None:
        """Take the handler out; when this returns it is not called any more."""
        if self._removed:
            return
        self._removed = True
        self.buffer.clear()
        if self._drain is not None:
            self._drain.cancel()
        self._forget(self)

    # ---- for the informer

    def replay_planned(self) -> None:
        """A replay of what some stream already holds is going to be offered."""
        self._replays += 1

    def replay_offered(self) -> None:
        """That replay has been offered to its end."""
        self._replays -= 1
        self.check_synced()

    def check_synced(self) -> None:
        """Look whether the handler is synced now."""
        if (
            not self._replays
            and not self._synced.is_set()
            and not self.buffer.initial_pending
            and self._informer_synced()
        ):
            self._synced.set()

    def pump(self, pacer: Pacer) -> None:
        """Make the calls that wait, as far as the slice goes; the rest is left to a task."""
        if self._drain is None and not self._removed and len(self.buffer) and not self._pump(pacer):
            self._drain = asyncio.get_running_loop().create_task(
                self._drain_slowly(), name=f"informer handler {self.name}"
            )
        if not self._synced.is_set():
            self.check_synced()

    async def close(self) -> None:
        """Remove the handler and wait until its task is gone."""
        drain = self._drain
        self.remove()
        if drain is not None:
            await asyncio.wait((drain,))

    def _pump(self, pacer: Pacer) -> bool:
        """Whether everything was delivered before the slice was over."""
        take = self.buffer.take
        while (delivery := take()) is not None:
            self._call(delivery)
            if self._removed:
                return True
            if pacer.over():
                return not len(self.buffer)
        return True

    async def _drain_slowly(self) -> None:
        pacer = Pacer()
        try:
            while True:
                # First the others: the slice that started this task is over.
                await pacer.rest()
                done = self._pump(pacer)
                if not self._synced.is_set():
                    self.check_synced()
                if done:
                    return
        finally:
            self._drain = None

    def _call(self, delivery: Delivery) -> None:
        self._stats.deliveries += 1
        handler, old, new = self.handler, delivery.old, delivery.new
        try:
            if delivery.type is DeliveryType.UPDATE and old is not None and new is not None:
                handler.on_update(old, new)
            elif delivery.type is DeliveryType.ADD and new is not None:
                handler.on_add(new, delivery.initial)
            elif old is not None:
                handler.on_delete(old, delivery.final_state_unknown)
        except Exception:
            self._stats.handler_errors += 1
            key = new.key if new is not None else old.key if old is not None else ""
            self._log.exception(
                "informer handler failed", handler=self.name, delivery=delivery.type.value, key=str(key)
            )
