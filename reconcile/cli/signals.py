"""Waiting for the user to end a command."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def user_may_end() -> Generator[asyncio.Event]:
    """Listen for SIGINT and SIGTERM while inside; the event is set by the first.

    To be entered before anything is printed: who reads that a server runs may end it at once, and a process
    started in the background of a shell ignores SIGINT until somebody listens.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    try:
        yield asked
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
