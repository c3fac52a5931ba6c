"""What a process may ask of its surroundings, behind one seam."""

from __future__ import annotations

import asyncio
import contextvars
import random
import sys
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from concurrent.futures import Future as ThreadFuture
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")


class Runtime(ABC):
    """Wall clock, randomness, uuids, threads, and a clock that knows of the machine's sleep.

    Time spans are measured by the event loop's own clock (`loop.time()`, `asyncio.sleep`,
    `asyncio.timeout`), so virtual time needs nothing but another loop. The one exception are promises that
    other machines rely on, such as a lease: see `elapsed`.

    Attributes:
        random: the only source of randomness (jitter, generated names, tie-breaks).
    """

    random: random.Random

    @abstractmethod
    def now(self) -> datetime:
        """The wall-clock time, aware, in UTC."""

    @abstractmethod
    def elapsed(self) -> float:
        """Seconds since some fixed moment, those included in which the machine was suspended.

        Never goes backwards and is not set by anybody. The loop's clock stands still on Linux while the
        machine sleeps; what must end in time even then is compared with this one.
        """

    @abstractmethod
    def uuid(self) -> str:
        """A new random uuid in its canonical text form."""

    @abstractmethod
    async def run_in_thread(self, function: Callable[[], T], *, name: str) -> T:
        """Run blocking code outside the event loop and return its result or raise its exception.

        Cancelling the caller does not stop the thread: the call returns when the thread has, then raises
        the cancellation. Context variables of the caller are visible in the thread.
        """

    @abstractmethod
    def call_from_thread(self, coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
        """From a thread started by `run_in_thread`: run a coroutine on the loop and wait for its result."""

    def close(self) -> None:
        """Give back what the runtime holds. Threads still running are left to finish."""


class SystemRuntime(Runtime):
    """The real machine: system clock, operating system randomness, one thread a call."""

    def __init__(self) -> None:
        self.random = random.Random()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return _elapsed()

    def uuid(self) -> str:
        return str(uuid.uuid4())

    async def run_in_thread(self, function: Callable[[], T], *, name: str) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def settle(outcome: ThreadFuture[T]) -> None:
            if done.done():
                return
            error = outcome.exception()
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(outcome.result())

        def body() -> None:
            outcome: ThreadFuture[T] = ThreadFuture()
            try:
                outcome.set_result(context.run(function))
            except BaseException as error:
                outcome.set_exception(error)
            try:
                loop.call_soon_threadsafe(settle, outcome)
            except RuntimeError:
                # The loop is closed: nobody waits any more.
                return

        threading.Thread(target=body, name=name, daemon=True).start()
        return await _until_done(done)

    def call_from_thread(self, coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


class SimulatedRuntime(Runtime):
    """A machine made from one seed: the same seed gives the same times, dice, uuids and thread order.

    The wall clock is `start` plus the event loop's time. Threads are real, but run one at a time in
    turns with the loop: the loop stands still while a thread computes, and a thread stands still while
    the loop serves its call, so the order of everything is decided by the loop alone.
    """

    def __init__(self, seed: int = 0, *, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.random = random.Random(seed)
        self.start = start
        self._turns = threading.local()

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed())

    def elapsed(self) -> float:
        # In a thread it is the time of the loop that waits for it.
        loop: asyncio.AbstractEventLoop | None = getattr(self._turns, "loop", None)
        return (loop or asyncio.get_running_loop()).time()

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    async def run_in_thread(self, function: Callable[[], T], *, name: str) -> T:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()
        turn = _Turn()

        def body() -> None:
            self._turns.current, self._turns.loop = turn, loop
            try:
                result = context.run(function)
            except BaseException as error:
                turn.post(lambda error=error: _fail(done, error))
            else:
                turn.post(lambda: _finish(done, result))

        threading.Thread(target=body, name=name, daemon=True).start()
        turn.wait_for_thread()
        return await _until_done(done)

    def call_from_thread(self, coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
        turn: _Turn | None = getattr(self._turns, "current", None)
        if turn is None:
            raise RuntimeError("call_from_thread is for threads started by run_in_thread of the same runtime")
        answer: ThreadFuture[T] = ThreadFuture()

        async def serve() -> None:
            try:
                answer.set_result(await coroutine)
            except BaseException as error:
                answer.set_exception(error)
            turn.wait_for_thread()

        turn.post(lambda: turn.keep(loop.create_task(serve())))
        return answer.result()


def _elapsed() -> float:
    """The system's clock that counts suspended time: Linux has one of its own for it."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        # Unlike time.monotonic(), which stands still during sleep there.
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


class _Turn:
    """Hands one baton between the loop and one thread."""

    def __init__(self) -> None:
        self._posted = threading.Event()
        self._action: Callable[[], object] | None = None
        self._kept: object = None

    def post(self, action: Callable[[], object]) -> None:
        self._action = action
        self._posted.set()

    def keep(self, task: object) -> None:
        self._kept = task

    def wait_for_thread(self) -> None:
        self._posted.wait()
        self._posted.clear()
        action, self._action = self._action, None
        assert action is not None
        action()


def _finish(done: asyncio.Future[T], result: T) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[Any], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)


async def _until_done(done: asyncio.Future[T]) -> T:
    cancelled: asyncio.CancelledError | None = None
    while not done.done():
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError as error:
            if done.done() and not done.cancelled():
                break
            cancelled = error
        except BaseException:
            break
    if cancelled is not None:
        if not done.cancelled():
            done.exception()
        raise cancelled
    return done.result()
