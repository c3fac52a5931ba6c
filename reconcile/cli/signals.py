"""Waiting for the user to end a command."""

from __future__ import annotations

import asyncio
import signal


async def until_signal() -> None:
    """Return at the first SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    received = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, received.set)
    try:
        await received.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
