"""Keeps full collections of Python's garbage collector away from busy moments.

A full collection visits every tracked object and stops the event loop for as long: 20 to 30 ms for the
modules of an operator alone, more than 70 while tens of thousands of keys are queued after a sync. Young
generations are collected as ever, in a few milliseconds. What changes for a process that a manager runs:

- what lives when it starts, modules and classes mostly, is set aside (`gc.freeze`) and never visited again;
- a full collection happens when no controller has anything to do, once every `PERIOD` seconds, and at the
  latest after `LATEST` seconds;
- what survives the first one, the filled caches, is set aside as well. (Cached objects are not even tracked.)

Memory that only a full collection frees, cycles that lived long, is so freed a little later than usual.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from reconcile.controllers.loop import Controller

PERIOD: Final = 60.0
LATEST: Final = 900.0

_NEVER: Final = 1_000_000_000


def are_idle(controllers: Iterable[Controller]) -> bool:
    """Whether no controller has a key to run now or is running one."""
    queues = [each.queue for each in controllers]
    return not any(queue is not None and (len(queue) or queue.core.processing_count) for queue in queues)


@asynccontextmanager
async def collecting_when_idle(idle: Callable[[], bool]) -> AsyncGenerator[None]:
    """Collect in full when `idle()` says so, until the context is left; then everything is as it was.

    For a process of one's own: the collector belongs to the whole process. Does nothing where the
    collector was turned off (`gc.disable`), and may be entered once at a time.
    """
    if not gc.isenabled():
        yield
        return
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(before[0], before[1], _NEVER)
    task = asyncio.create_task(_collect_forever(idle), name="garbage collection")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        gc.set_threshold(*before)
        gc.unfreeze()


async def _collect_forever(idle: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    last, first = loop.time(), True
    while True:
        await asyncio.sleep(PERIOD)
        if not idle() and loop.time() < last + LATEST:
            continue
        gc.collect()
        if first:
            gc.freeze()
        last, first = loop.time(), False
