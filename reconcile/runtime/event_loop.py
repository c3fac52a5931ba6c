"""Which event loop a program of this library runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def default_loop_factory(*, use_uvloop: bool = True) -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's loop where it is wanted and installed, asyncio's otherwise."""
    if use_uvloop:
        try:
            import uvloop
        except ImportError:
            pass
        else:
            return uvloop.new_event_loop
    return asyncio.new_event_loop
