"""A watch stream that can come late or break off, between a process and its API server.

    server ──chunks──▶ pump ──(due time, chunk)──▶ line ──when due──▶ reader

The order of chunks is kept whatever their lag. Without a lag the pump reads no further than its reader, so
that a reader that stops reading stops receiving, as before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from reconcile.client.transport import TransportResponse

_IN_FLIGHT = 1024


class Line(Protocol):
    """What a stream asks of the transport that it belongs to."""

    def lag_of(self, resource: str, /) -> float: ...

    def stream_closed(self, stream: FaultyStream, /) -> None: ...

    def stream_expired(self, stream: FaultyStream, /) -> None: ...


class FaultyStream(TransportResponse):
    """The answer to a watch. Its chunks come as late as the line says, until it breaks off.

    Attributes:
        path: of the request.
        resource: what is watched, as in a path of the API: `pods`, `deployments.apps`.
    """

    def __init__(self, inner: TransportResponse, line: Line, path: str, resource: str) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self.path = path
        self.resource = resource
        self._inner = inner
        self._line = line
        self._chunks: deque[tuple[float, bytes | BaseException | None]] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._break: BaseException | None = None
        self._broken = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    @property
    def next_arrival(self) -> float | None:
        """The loop's time at which the next chunk that tells something arrives; None when none is under way.

        Bookmarks tell nothing: a lag longer than the pause between them would never let a cluster rest.
        """
        return next((due for due, chunk in self._chunks if not _is_bookmark(chunk)), None)

    def break_off(self, error: BaseException) -> None:
        """The reader gets this error next; what is on its way is lost."""
        self._break = error
        self._chunks.clear()
        self._broken.set()
        self._arrived.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        self._pump = loop.create_task(self._read_ahead(), name=f"watch {self.path}")
        try:
            while True:
                while not self._chunks and self._break is None:
                    self._arrived.clear()
                    await self._arrived.wait()
                if self._chunks and (due := self._chunks[0][0]) > loop.time():
                    try:
                        async with asyncio.timeout_at(due):
                            await self._broken.wait()
                    except TimeoutError:
                        pass
                if self._break is not None:
                    raise self._break
                chunk = self._chunks.popleft()[1]
                self._room.set()
                if chunk is None:
                    return
                if isinstance(chunk, BaseException):
                    raise chunk
                yield chunk
        finally:
            await self.close()

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        self._line.stream_closed(self)
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.wait([pump])
        await self._inner.close()

    async def _read_ahead(self) -> None:
        chunks = aiter(self._inner.chunks())
        while True:
            chunk: bytes | BaseException | None
            try:
                chunk = await anext(chunks, None)
            except Exception as error:
                chunk = error
            if _is_expired(chunk):
                self._line.stream_expired(self)
            lag = self._line.lag_of(self.resource)
            due = asyncio.get_running_loop().time() + lag
            if self._chunks:
                due = max(due, self._chunks[-1][0])
            self._chunks.append((due, chunk))
            self._arrived.set()
            if not isinstance(chunk, bytes):
                return
            while len(self._chunks) >= (_IN_FLIGHT if lag else 1):
                self._room.clear()
                await self._room.wait()


def _is_bookmark(chunk: bytes | BaseException | None) -> bool:
    return isinstance(chunk, bytes) and chunk.startswith(b'{"type":"BOOKMARK"')


def _is_expired(chunk: bytes | BaseException | None) -> bool:
    return isinstance(chunk, bytes) and chunk.startswith(b'{"type":"ERROR"') and b'"code":410' in chunk
