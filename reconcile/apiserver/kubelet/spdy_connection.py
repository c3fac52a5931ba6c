"""Streams in a connection that speaks SPDY: what a client opens, sends and is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final, Protocol

from reconcile.apiserver.kubelet.channels import Inbox
from reconcile.apiserver.kubelet.spdy import (
    CANCEL,
    DATA,
    GOAWAY,
    INVALID_STREAM,
    PING,
    REFUSED_STREAM,
    RST_STREAM,
    SYN_STREAM,
    Frame,
    Reader,
    SPDYError,
    Writer,
)

# Streams that a client may have open at once, and the bytes of one frame of data.
_STREAMS: Final = 1000
_PART: Final = 32 * 1024


class Pipe(Protocol):
    """The bytes of a connection that was upgraded."""

    async def read(self) -> bytes:
        """What comes next; nothing at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send; waits for a slow client."""
        ...


class Stream:
    """One stream: two directions, each of which ends by itself."""

    def __init__(self, connection: Connection, number: int, headers: Mapping[str, str]) -> None:
        self.number = number
        self.headers = headers
        self.inbox = Inbox()
        self._connection = connection
        self._closed = False

    def read(self) -> AsyncIterator[bytes]:
        """What the client sends, until it closes its direction."""
        return self.inbox.read()

    async def write(self, data: bytes) -> None:
        """Send; passed over once this direction is closed."""
        for at in range(0, len(data), _PART):
            if self._closed:
                return
            await self._connection.send(lambda writer, at=at: writer.data(self.number, data[at : at + _PART]))

    async def close(self) -> None:
        """Nothing more comes from here. Idempotent."""
        if not self._closed:
            self._closed = True
            await self._connection.send(lambda writer: writer.data(self.number, b"", fin=True))

    async def reset(self) -> None:
        """End both directions."""
        self._closed = True
        await self._connection.send(lambda writer: writer.reset(self.number, CANCEL))
        await self.leave()

    async def leave(self) -> None:
        """Nobody here reads it any more: what still comes is passed over."""
        self._connection.forget(self)
        await self.inbox.drop()

    def ended(self) -> None:
        """The client ended both directions."""
        self._closed = True


class Connection:
    """Reads what a client sends and hands each part to its stream; a stream that nobody reads holds up all.

    Arguments:
        pipe: the bytes.
        accept: called for each stream that the client opens; False: the stream is refused.
    """

    def __init__(self, pipe: Pipe, accept: Callable[[Stream], bool]) -> None:
        self._pipe = pipe
        self._accept = accept
        self._reader = Reader()
        self._writer = Writer()
        self._lock = asyncio.Lock()
        self._streams: dict[int, Stream] = {}
        self._last = 0

    async def send(self, make: Callable[[Writer], bytes]) -> None:
        """Make a frame and send it, one after the other."""
        async with self._lock:
            await self._pipe.write(make(self._writer))

    def forget(self, stream: Stream) -> None:
        """The stream is over; what still comes for it is passed over."""
        self._streams.pop(stream.number, None)

    async def serve(self) -> None:
        """Read until the client goes. Raises SPDYError for what is no SPDY."""
        try:
            while data := await self._pipe.read():
                for frame in self._reader.feed(data):
                    if frame.type == GOAWAY:
                        return
                    await self._take(frame)
        finally:
            for stream in self._streams.values():
                stream.ended()
                await stream.inbox.close()

    async def go_away(self) -> None:
        await self.send(lambda writer: writer.go_away(self._last))

    async def _take(self, frame: Frame) -> None:
        if frame.type == SYN_STREAM:
            await self._open(frame)
            return
        if frame.type == PING:
            await self.send(lambda writer: writer.ping(frame.data))
            return
        stream = self._streams.get(frame.stream)
        if stream is None:
            return
        if frame.type == DATA and frame.data:
            await stream.inbox.put(frame.data)
        if frame.type == RST_STREAM:
            stream.ended()
            self.forget(stream)
        if frame.fin or frame.type == RST_STREAM:
            await stream.inbox.close()

    async def _open(self, frame: Frame) -> None:
        number = frame.stream
        if number <= self._last or not number % 2:
            raise SPDYError(f"a stream with the number {number}")
        self._last = number
        stream = Stream(self, number, frame.headers)
        status = REFUSED_STREAM if len(self._streams) >= _STREAMS else INVALID_STREAM
        if status == REFUSED_STREAM or not self._accept(stream):
            await self.send(lambda writer: writer.reset(number, status))
            return
        self._streams[number] = stream
        await self.send(lambda writer: writer.syn_reply(number))
        if frame.fin:
            await stream.inbox.close()
