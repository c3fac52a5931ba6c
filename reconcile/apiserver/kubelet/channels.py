"""The streams of a session in one WebSocket: the first byte of each message is its channel.

Protocols `v5.channel.k8s.io` and `v4.channel.k8s.io` of upstream's remote commands; 5 adds that a client may
close one of its channels, by a message on channel 255. Ports have two channels each, data and errors, which
begin with the port's number, least byte first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Protocol

import msgspec

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
CLOSE: Final = 255
COMMAND_PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
PORT_PROTOCOLS: Final = ("v4.channel.k8s.io",)
# Messages of a client that wait to be read; then its socket is not read either.
_WAITING: Final = 16


class Socket(Protocol):
    """A WebSocket of whole binary messages."""

    async def send(self, message: bytes) -> None: ...

    async def receive(self) -> bytes | None:
        """The next message; None at the end."""
        ...


class Inbox:
    """The messages of one channel, in order, until it is closed."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)
        self._closed = False

    async def put(self, message: bytes) -> None:
        if not self._closed:
            await self._queue.put(message)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._queue.put(None)

    async def read(self) -> AsyncIterator[bytes]:
        while (message := await self._queue.get()) is not None:
            yield message


class _Size(msgspec.Struct):
    width: int = msgspec.field(default=0, name="Width")
    height: int = msgspec.field(default=0, name="Height")


_size_of = msgspec.json.Decoder(_Size).decode


class CommandStreams:
    """`Streams` over a socket; see there.

    Arguments:
        socket: the client's.
        wanted: the channels that the client asked for.
        tty: it has a terminal.
    """

    def __init__(self, socket: Socket, wanted: frozenset[int], tty: bool) -> None:
        self.tty = tty
        self._socket = socket
        self._wanted = wanted
        self._inboxes = {STDIN: Inbox(), RESIZE: Inbox()}

    def stdin(self) -> AsyncIterator[bytes]:
        return self._inboxes[STDIN].read()

    async def sizes(self) -> AsyncIterator[tuple[int, int]]:
        async for message in self._inboxes[RESIZE].read():
            try:
                size = _size_of(message)
            except msgspec.DecodeError:
                continue
            yield size.width, size.height

    async def stdout(self, data: bytes) -> None:
        await self._write(STDOUT, data)

    async def stderr(self, data: bytes) -> None:
        await self._write(STDOUT if self.tty else STDERR, data)

    async def _write(self, channel: int, data: bytes) -> None:
        if data and channel in self._wanted:
            await self._socket.send(bytes((channel,)) + data)

    async def serve(self) -> None:
        """Hand on what the client sends, until it goes."""
        if STDIN not in self._wanted:
            await self._inboxes[STDIN].close()
        while (message := await self._socket.receive()) is not None:
            if len(message) == 2 and message[0] == CLOSE and message[1] in self._inboxes:
                await self._inboxes[message[1]].close()
            elif len(message) > 1 and (inbox := self._inboxes.get(message[0])) is not None:
                await inbox.put(message[1:])


class PortConnection:
    """`Connection` over a socket: one port's bytes on channel `2 * index`."""

    def __init__(self, socket: Socket, index: int) -> None:
        self._socket = socket
        self._channel = 2 * index
        self.inbox = Inbox()

    def read(self) -> AsyncIterator[bytes]:
        return self.inbox.read()

    async def write(self, data: bytes) -> None:
        if data:
            await self._socket.send(bytes((self._channel,)) + data)

    async def fail(self, text: str) -> None:
        """What went wrong, on the port's channel of errors."""
        await self._socket.send(bytes((self._channel + 1,)) + text.encode())

    async def open(self, port: int) -> None:
        number = port.to_bytes(2, "little")
        for channel in (self._channel, self._channel + 1):
            await self._socket.send(bytes((channel,)) + number)
