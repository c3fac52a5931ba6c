"""The time limit of the running reconcile, as a write guard sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from reconcile.client.seams import Write
from reconcile.errors import WriteRefusedError

_deadline: ContextVar[float | None] = ContextVar("reconcile_deadline", default=None)


@contextmanager
def limited(deadline: float | None) -> Generator[None]:
    """Everything inside, tasks and threads started inside too, may write until this time of the loop."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


class DeadlineGuard:
    """Refuses writes of a reconcile whose time is over, and bounds the others by what is left of it.

    This is what makes a time-out mean something for a plain reconciler, whose thread cannot be stopped,
    and for tasks that an async one left behind.
    """

    def check(self, write: Write, /) -> float | None:
        deadline = _deadline.get()
        if deadline is None:
            return None
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            raise WriteRefusedError(
                f"{write.verb} of {write.resource_type.group_resource} {write.key} refused: the reconcile "
                "it belongs to has timed out"
            )
        return left
