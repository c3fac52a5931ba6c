"""Runs one coroutine on a loop of its own, and leaves even when a thread does not return."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

_LAST_SECONDS = 2.0


def run_on_own_loop(
    main: Callable[[], Coroutine[Any, Any, None]], loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Like `asyncio.run`, but tasks that do not end when cancelled are waited for only shortly.

    `asyncio.run` waits for them for ever: one reconciler stuck in a thread would keep the process from
    exiting. Such threads are daemons and end with the process.
    """
    loop = loop_factory()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(main())
    finally:
        try:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.wait(left, timeout=_LAST_SECONDS))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()
