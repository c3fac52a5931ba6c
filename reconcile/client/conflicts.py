"""Trying a read-modify-write again after a conflict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from reconcile.errors import ConflictError
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")


async def retry_on_conflict(
    attempt: Callable[[], Awaitable[T]],
    *,
    runtime: Runtime,
    attempts: int = 5,
    initial_delay: float = 0.01,
    factor: float = 2.0,
) -> T:
    """Await `attempt()` until it does not raise `ConflictError`.

    Args:
        attempt: reads the object anew, changes it and writes it: all three, each time.
        runtime: dice for the pauses.
        attempts: how often in total; the last one's `ConflictError` is raised.
        initial_delay: seconds before the second attempt; each further pause is `factor` times as long,
            plus up to a tenth at random.
    """
    import tenacity

    def pause(state: RetryCallState) -> float:
        return initial_delay * factor ** (state.attempt_number - 1) * (1 + 0.1 * runtime.random.random())

    retrying = tenacity.AsyncRetrying(
        sleep=asyncio.sleep,
        stop=tenacity.stop_after_attempt(attempts),
        wait=pause,
        retry=tenacity.retry_if_exception_type(ConflictError),
        reraise=True,
    )
    return await retrying(attempt)
