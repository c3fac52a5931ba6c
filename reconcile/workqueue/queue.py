"""The workqueue of an event loop: the pure core plus waiting workers and one timer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from reconcile.workqueue.core import QueueCore, QueueItem
from reconcile.workqueue.options import QueueOptions

K = TypeVar("K", bound=Hashable)


class QueueShutDown(Exception):
    """Raised by `get` once the queue will hand out nothing more."""


class WorkQueue(Generic[K]):
    """A queue of keys for workers on one event loop; its guarantees are those of `QueueCore`.

    All methods belong to the loop's thread. A worker's turn is

        item = await queue.get()
        try: ...            # then add_rate_limited(key) on failure, forget(key) on success
        finally: queue.done(item)

    Must be made where the loop runs. Give it back with `shut_down`, which also ends its timer.
    """

    def __init__(self, options: QueueOptions | None = None) -> None:
        self.core: QueueCore[K] = QueueCore(options)
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._getters: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._idle: asyncio.Event | None = None

    def __len__(self) -> int:
        """Ready keys."""
        return self.core.ready

    def add(self, key: K, *, cause: object = None, priority: int = 0) -> None:
        """Let the key run soon; a key that is known already only gains the cause and the priority."""
        self.core.add(key, self._now(), cause, priority)
        if self._getters:
            self._wake()

    def add_after(self, key: K, delay: float, *, cause: object = None, priority: int = 0) -> None:
        """Let the key run `delay` seconds from now; of several delays the earliest counts."""
        self.core.add_after(key, delay, self._now(), cause, priority)
        if self._getters:
            self._wake()

    def add_rate_limited(self, key: K, *, cause: object = None, priority: int = 0) -> None:
        """Note a failure of the key and let it run when its backoff is over."""
        self.core.add_rate_limited(key, self._now(), cause, priority)
        if self._getters:
            self._wake()

    async def get(self) -> QueueItem[K]:
        """The next key; waits for one. Raises `QueueShutDown` when there will be none."""
        while True:
            item = self.core.take(self._now())
            if item is not None:
                return item
            if self.core.exhausted:
                self._wake()
                raise QueueShutDown
            getter: asyncio.Future[None] = self._loop.create_future()
            self._getters.append(getter)
            self._set_timer()
            try:
                await getter
            except BaseException:
                # A wake-up that came with the cancellation goes to the next worker.
                if getter.done() and not getter.cancelled():
                    self._wake()
                else:
                    getter.cancel()
                raise

    def done(self, item: QueueItem[K]) -> None:
        """The worker has finished with the item."""
        core = self.core
        core.done(item, self._now())
        if self._getters:
            self._wake()
        if core.shutting_down and self._idle is not None and not core.processing_count:
            self._idle.set()

    def forget(self, key: K) -> None:
        """The key succeeded: its next failure is its first."""
        self.core.forget(key)

    def retries(self, key: K) -> int:
        """Failures of the key in turn."""
        return self.core.retries(key)

    def shut_down(self, *, drain: bool = False) -> None:
        """Take no more keys; waiting workers end. May be called again, first with `drain`, then without.

        With `drain` keys that are ready now, and those added while their key was in a worker, are still
        handed out; keys that wait for a delay or a retry are dropped, as is everything without `drain`:
        what they stood for is in the API server, and the next start finds it there.
        """
        self.core.shut_down(drain=drain)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._idle is not None and not self.core.processing_count:
            self._idle.set()
        while self._getters:
            self._release(self._getters.popleft())

    async def join(self) -> None:
        """After `shut_down`: wait until no item is in a worker."""
        if self.core.processing_count:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()

    def _wake(self) -> None:
        """Let as many workers look as there are ready keys; keep the timer on the next delayed one."""
        if self.core.exhausted:
            while self._getters:
                self._release(self._getters.popleft())
            return
        wake = self.core.ready
        while wake and self._getters:
            if self._release(self._getters.popleft()):
                wake -= 1
        if self._getters:
            self._set_timer()

    @staticmethod
    def _release(getter: asyncio.Future[None]) -> bool:
        if getter.done():
            return False
        getter.set_result(None)
        return True

    def _set_timer(self) -> None:
        due = self.core.next_due()
        if due is None:
            return
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        # The time is kept here: for what is due already uvloop gives a handle that knows none.
        self._timer_due = due
        self._timer = self._loop.call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._getters:
            # One looks, which makes all that is due ready; the others are woken by what it finds.
            self.core.release_due(self._now())
            self._wake()
