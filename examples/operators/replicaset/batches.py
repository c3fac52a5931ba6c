"""Slow start: a creation that cannot work is tried once, not five hundred times."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


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
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        done += size - len(errors)
        for error in errors:
            if not isinstance(error, Exception):
                raise error
            return done, error
        size = min(2 * size, count - done)
    return done, None
