"""SIGTERM and SIGINT: the first drains, the second aborts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def shutdown_signals(drain: Callable[[str], None], abort: Callable[[str], None]) -> Generator[None]:
    """While inside, the first signal calls `drain` and every further one `abort`, on the running loop.

    Handlers that were there before are back afterwards.
    """
    loop = asyncio.get_running_loop()
    seen = 0

    def on_signal(number: signal.Signals) -> None:
        nonlocal seen
        seen += 1
        (drain if seen == 1 else abort)(number.name)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            if handler is not None:
                signal.signal(number, handler)
