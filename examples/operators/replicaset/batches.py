"""Slow start: a creation that cannot work is tried once, not five hundred times."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable


async def slow_start(
    count: int, create: Callable[[], Awaitable[object]], *, initial: int = 1
) -> tuple[int, Exception | None]:
    """Call `create` `count` times in batches of 1, 2, 4, …, each batch at once.

    The first batch with a failure is the last. Returns how many calls worked, and the first error.
    """
    done = 0
    size = min(count, initial)
    while size > 0:
        outcomes = await asyncio.gather(*(create() for _ in range(size)), return_exceptions=True)
        done += sum(not isinstance(outcome, BaseException) for outcome in outcomes)
        if error := first_error(outcomes):
            return done, error
        size = min(2 * size, count - done)
    return done, None


def first_error(outcomes: Iterable[object]) -> Exception | None:
    """The first error among what `gather` returned; a cancellation is raised."""
    first: Exception | None = None
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            first = first or outcome
        elif isinstance(outcome, BaseException):
            raise outcome
    return first
