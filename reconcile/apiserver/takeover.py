"""A connection that stops to be HTTP: after the answer 101 its bytes go to whoever takes it over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

    from reconcile.apiserver.kubelet.sessions import Takeover

_PART: Final = 64 * 1024


class _Sent(web.StreamResponse):
    """Stands for an answer that was sent by other means; the connection ends with it."""

    def __init__(self) -> None:
        super().__init__(status=101)
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


class _Bytes:
    """`Pipe` over a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        return await self._reader.read(_PART)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


async def take_over(request: web.BaseRequest, takeover: Takeover) -> web.StreamResponse:
    """Answer 101, and serve the connection until one side is done.

    The client sends nothing of the new protocol before it has the answer, so that no byte of it has been
    taken for HTTP.
    """
    transport, http = request.transport, request.protocol
    if transport is None:
        raise ConnectionResetError
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_PART, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    try:
        lines = [f"{name}: {value}" for name, value in takeover.headers.items()]
        writer.write("\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines, "", ""]).encode())
        transport.resume_reading()
        await takeover.run(_Bytes(reader, writer))
    finally:
        # Whose connection it was learns of its end.
        transport.set_protocol(http)
        transport.close()
    return _Sent()
