"""A TCP proxy that breaks on demand: between a client and a server that know nothing of it.

    client ──▶ FaultProxy ──▶ server        TLS goes through untouched, end to end

Each fault counts what it did, so that a test can assert that it really happened.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from types import TracebackType
from typing import Self

_PIECE = 1 << 14


class Link:
    """One connection of a client, and the one to the server behind it.

    Attributes:
        forwarded: bytes from the server that were passed on.
        swallowed: bytes from the server that the client never got.
        cut: whether the proxy ended it.
        delay: seconds by which each piece comes later, either way.
    """

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.forwarded = 0
        self.swallowed = 0
        self.cut = False
        self.delay = 0.0
        self._client = client
        self._server = server
        self._silent = False
        self._left: int | None = None
        self._half_close = False

    async def upstream(self, reader: asyncio.StreamReader) -> None:
        while piece := await reader.read(_PIECE):
            if self.delay:
                await asyncio.sleep(self.delay)
            if not self._silent:
                self._server.write(piece)
                await self._server.drain()

    async def downstream(self, reader: asyncio.StreamReader) -> None:
        while piece := await reader.read(_PIECE):
            if self.delay:
                await asyncio.sleep(self.delay)
            if self._silent or self.cut:
                self.swallowed += len(piece)
                continue
            if self._left is not None:
                piece, rest = piece[: self._left], piece[self._left :]
                self._left -= len(piece)
                self.swallowed += len(rest)
            self._client.write(piece)
            self.forwarded += len(piece)
            await self._client.drain()
            if self._left == 0:
                self.end(half_close=self._half_close)

    def silence(self) -> None:
        """From now on nothing comes through either way, and the connection stays open."""
        self._silent = True

    def cut_after(self, count: int, *, half_close: bool) -> None:
        """End it when so many more bytes of the server have been passed on: possibly inside an event."""
        self._left, self._half_close = count, half_close

    def end(self, *, half_close: bool = False) -> None:
        """End it now: by a reset, or by the end of the server's half only."""
        self.cut = True
        if half_close:
            if self._client.can_write_eof():
                self._client.write_eof()
            return
        sock = self._client.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self) -> None:
        """Let both connections go."""
        for writer in (self._client, self._server):
            writer.transport.abort()


class FaultProxy:
    """Listens at a port of its own and passes everything on to 127.0.0.1:`port`; an async context manager.

    Attributes:
        links: the connections now open.
        refused: connections turned away while `down`.
        cut_next_after: ends the next connection after so many bytes of the server; None for none.
        cut_links: the connections that `cut_next_after` was for.
        delay: seconds by which each piece on a new connection comes later, either way.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._down = False
        self.links: list[Link] = []
        self.refused = 0
        self.cut_next_after: int | None = None
        self.cut_links: list[Link] = []
        self.delay = 0.0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for link in self.links:
            link.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def down(self) -> int:
        """Reset every connection and turn new ones away; how many were reset."""
        self._down = True
        return self.cut()

    def up(self) -> None:
        """Take connections again."""
        self._down = False

    def cut(self) -> int:
        """Reset every connection; how many."""
        links = list(self.links)
        for link in links:
            link.end()
        return len(links)

    def silence(self) -> list[Link]:
        """Let nothing through on the connections that are open now; new ones work."""
        for link in self.links:
            link.silence()
        return list(self.links)

    def slow_down(self, seconds: float) -> None:
        """Each piece comes so many seconds later, on open connections and new ones; 0 ends that."""
        self.delay = seconds
        for link in self.links:
            link.delay = seconds

    def cut_after(self, count: int, *, half_close: bool = False) -> list[Link]:
        """End each open connection after so many more bytes from the server."""
        for link in self.links:
            link.cut_after(count, half_close=half_close)
        return list(self.links)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="fault proxy link")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._down:
            self.refused += 1
            writer.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, to_server)
        link.delay = self.delay
        self.links.append(link)
        if self.cut_next_after is not None:
            link.cut_after(self.cut_next_after, half_close=False)
            self.cut_next_after = None
            self.cut_links.append(link)
        pumps = [
            asyncio.create_task(link.upstream(reader), name="fault proxy upstream"),
            asyncio.create_task(link.downstream(from_server), name="fault proxy downstream"),
        ]
        try:
            # Either end going away ends both, as with a connection without a proxy.
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.links.remove(link)
            link.close()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
