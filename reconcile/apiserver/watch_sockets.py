"""A watch over a WebSocket: each event is a message, as text where it is JSON."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

from aiohttp import WSMsgType, web

from reconcile.apiserver.handlers.messages import Response, Stream

# A client has nothing to say; what it says is dropped.
_MAX_MESSAGE: Final = 64 * 1024


async def watch_socket(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    """Send the events of a watch until it ends or the client leaves.

    As upstream, a client must say where it comes from (`Origin`), wherever that is, and gets the protocol
    that it asks for first, whatever that is.
    """
    stream = response.stream
    assert stream is not None
    try:
        if "origin" not in request.headers:
            refused = web.Response(status=403)
            refused.force_close()
            return refused
        asked = request.headers.get("sec-websocket-protocol", "").partition(",")[0].strip()
        socket = web.WebSocketResponse(
            protocols=(asked,) if asked else (), max_msg_size=_MAX_MESSAGE, compress=False, timeout=1.0
        )
        await socket.prepare(request)
        plain = response.headers.get("content-type", "").startswith("application/json")
        listening = asyncio.get_running_loop().create_task(_until_left(socket, stream))
        with contextlib.suppress(ConnectionError):
            async for frame in stream:
                for event in _events(frame, plain):
                    await (socket.send_str(event.decode()) if plain else socket.send_bytes(event))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await socket.close()
        return socket
    finally:
        stream.close()


async def _until_left(socket: web.WebSocketResponse, stream: Stream) -> None:
    """Ends the watch when the client leaves."""
    while (await socket.receive()).type not in (
        WSMsgType.CLOSE,
        WSMsgType.CLOSING,
        WSMsgType.CLOSED,
        WSMsgType.ERROR,
    ):
        pass
    stream.close()


def _events(frame: bytes, plain: bool) -> Iterator[bytes]:
    """The events of a frame: lines, or messages with their length before them."""
    if plain:
        yield from frame.splitlines(keepends=True)
        return
    at = 0
    while at < len(frame):
        size = int.from_bytes(frame[at : at + 4], "big")
        yield frame[at + 4 : at + 4 + size]
        at += 4 + size
