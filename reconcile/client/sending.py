"""A write at the moment its bytes go out: asked once more, bounded by what is left, and cut for good.

    guard ──▶ credentials ──▶ connection, TLS ──▶ guard again ──▶ socket
                      may take seconds                  └ refuses, or says how long the server may take

Between the guard's first answer and the socket lie a credential plugin, a look-up, a handshake; a process
may be stopped there for a minute. So the guard is asked again when the connection is there. A request that
is given up afterwards takes its connection along by a reset: what the kernel still holds of it is dropped
and not delivered when a network comes back.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import aiohttp
from yarl import URL

from reconcile.client.addressing import server_timeout
from reconcile.errors import ReconcileError

# A limit that has shrunk by less than this since the URL was made is not worth making it anew.
_TOLERANCE = 0.01
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Question = Callable[[], float | None]


class Sending:
    """One write on its way through aiohttp.

    Args:
        ask: the last question; raises to have nothing sent, returns the seconds the request may take.
        limit: what the request's `timeout` parameter says, in seconds.
    """

    def __init__(self, ask: Question, limit: float | None) -> None:
        self._ask = ask
        self._limit = limit
        self._transport: asyncio.Transport | None = None

    def connected(self, transport: asyncio.Transport | None, url: URL) -> URL:
        """The connection is there: the URL to ask for now. Raises to have nothing sent."""
        self._transport = transport
        left = self._ask()
        if left is None or self._limit is None or left > self._limit - _TOLERANCE:
            return url
        before, now = f"timeout={server_timeout(self._limit)}", f"timeout={server_timeout(left)}"
        text = str(url)
        for separator in "?&":
            text = text.replace(separator + before, separator + now)
        return URL(text, encoded=True)

    def ask(self) -> None:
        """The bytes go out in this very turn of the loop. Raises to have nothing sent."""
        self._ask()

    def abort(self) -> None:
        """Give the request up: nothing more of it leaves this machine."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # Without it the kernel goes on to deliver what it has, for minutes.
            with suppress(OSError, AttributeError, TypeError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()


sending: ContextVar[Sending | None] = ContextVar("reconcile_sending", default=None)


class AskingRequest(aiohttp.ClientRequest):
    """aiohttp's request, which asks before its first byte is written."""

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        current = sending.get()
        if current is not None:
            self.url = current.connected(conn.transport, self.url)
        return await super().send(conn)

    async def write_bytes(self, writer: Any, conn: Any, *rest: Any, **more: Any) -> None:
        # Runs as a task of its own. Headers wait for the body, so nothing has been written yet.
        current = sending.get()
        if current is not None:
            try:
                current.ask()
            except ReconcileError as error:
                conn.protocol.set_exception(error)
                return
        await super().write_bytes(writer, conn, *rest, **more)
