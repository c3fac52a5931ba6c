"""The streams of a session in one WebSocket: the first byte of each message is its channel.

Protocols `v5.channel.k8s.io` and `v4.channel.k8s.io` of upstream's remote commands; 5 adds that a client may
close one of its channels, by a message on channel 255. Before 4, and for a client that names no protocol, a
command's failure is told in words instead of a Status, and its success not at all. Ports have two channels
each, data and errors, which begin with the port's number, least byte first. Base64 is not
spoken.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from typing import Final, Protocol

import msgspec

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
CLOSE: Final = 255
NONE: Final = ""
"""Of a client that names none."""
PLAIN_PROTOCOLS: Final = ("channel.k8s.io", NONE)
COMMAND_PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io", *PLAIN_PROTOCOLS)
PORT_PROTOCOLS: Final = ("v4.channel.k8s.io", NONE)
# Messages of a client that wait to be read; then its socket is not read either.
_WAITING: Final = 16


class Socket(Protocol):
    """A WebSocket of whole binary messages."""

    async def send(self, message: bytes) -> None: ...

    async def receive(self) -> bytes | None:
        """The next message; None at the end."""
        ...


class SocketPipe:
    """A WebSocket whose messages are the bytes of another protocol, one after the other."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        while True:
            message = await self._socket.receive()
            if message is None:
                return b""
            if message:
                return message

    async def write(self, data: bytes) -> None:
        await self._socket.send(data)


class Inbox:
    """The messages of one channel, in order, until it is closed. Who puts waits for who reads."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._closed = False
        self._some = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, message: bytes) -> None:
        while len(self._messages) >= _WAITING and not self._closed:
            self._room.clear()
            await self._room.wait()
        if not self._closed:
            self._messages.append(message)
            self._some.set()

    async def close(self) -> None:
        """Nothing more comes; what waits is still read."""
        self._closed = True
        self._some.set()
        self._room.set()

    async def drop(self) -> None:
        """Nobody reads any more."""
        await self.close()
        self._messages.clear()

    async def read(self) -> AsyncIterator[bytes]:
        while True:
            while self._messages:
                message = self._messages.popleft()
                self._room.set()
                yield message
            if self._closed:
                return
            self._some.clear()
            await self._some.wait()


class _Size(msgspec.Struct):
    width: int = msgspec.field(default=0, name="Width")
    height: int = msgspec.field(default=0, name="Height")


_decode_size = msgspec.json.Decoder(_Size).decode


def size_of(message: bytes) -> tuple[int, int] | None:
    """Width and height, as clients tell them; None for what is none."""
    try:
        size = _decode_size(message)
    except msgspec.DecodeError:
        return None
    return size.width, size.height


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
            if (size := size_of(message)) is not None:
                yield size

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


async def until_either(work: Awaitable[None], reading: Awaitable[None]) -> None:
    """Run both until the work is done or the client is gone; then end the other."""
    tasks = {asyncio.ensure_future(work), asyncio.ensure_future(reading)}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
