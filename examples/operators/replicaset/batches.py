"""Slow start: a creation that cannot work is tried once, not five hundred times."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

AT_ONCE = 200
"""Requests under way at the same time. Each is a connection of its own, so more would be more handshakes;
with fewer a busy API server gives others a larger share of its time."""


async def slow_start(
    count: int, create: Callable[[], Awaitable[object]], *, initial: int = 1
) -> tuple[int, Exception | None]:
    """Call `create` `count` times in batches of 1, 2, 4, …, the calls of a batch side by side.

    The first batch with a failure is the last. Returns how many calls worked, and the first error.
    """
    done = 0
    size = min(count, initial)
    while size > 0:
        outcomes = await side_by_side(create for _ in range(size))
        done += sum(not isinstance(outcome, BaseException) for outcome in outcomes)
        if error := first_error(outcomes):
            return done, error
        size = min(2 * size, count - done)
    return done, None


async def side_by_side(calls: Iterable[Callable[[], Awaitable[object]]]) -> list[object]:
    """Make every call, at most `AT_ONCE` at the same time; what each returned or raised, in their order."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(call: Callable[[], Awaitable[object]]) -> object:
        async with turn:
            return await call()

    return await asyncio.gather(*map(one, calls), return_exceptions=True)


def first_error(outcomes: Iterable[object]) -> Exception | None:
    """The first error among what `gather` returned; a cancellation is raised."""
    first: Exception | None = None
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            first = first or outcome
        elif isinstance(outcome, BaseException):
            raise outcome
    return first
