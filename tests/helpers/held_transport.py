"""Between a client and its server: every answer and every event of a watch comes when the test says so.

    client ──request──▶ carried out at once ──▶ answer waits ──release──▶ client
    server ──lines of a watch──▶ stream waits ──deliver(n)──▶ informer

A request is carried out when it is sent, unless it is to be `dropped` or `late`; what the test holds back is
the answer. So a list may come after later events, an event before the answer of the write that it is the
event of, an answer never. Each watch keeps its order; streams are independent of one another.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import OutcomeUnknownError, TransportError

Kind = Literal["list", "get", "write"]
Fate = Literal["dropped", "late"]

GONE = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "reason": "Expired",
    "message": "too old resource version",
    "code": 410,
}


@dataclass(eq=False)
class Carried:
    """What one call of a client did on the server: one entry of `effects` for each object it changed."""

    effects: list[Any] = field(default_factory=list[Any])


_carried: ContextVar[Carried | None] = ContextVar("carried", default=None)


@contextmanager
def carrying() -> Generator[Carried]:
    """Everything that is written inside, and carried out while it is waited for, is noted."""
    carried = Carried()
    token = _carried.set(carried)
    try:
        yield carried
    finally:
        _carried.reset(token)


def note_effect(effect: Any) -> None:
    """For a probe of the server: what happens now is the work of the request that is being carried out."""
    carried = _carried.get()
    if carried is not None:
        carried.effects.append(effect)


@dataclass(eq=False)
class HeldAnswer:
    """A request that was carried out, and whose answer waits.

    Attributes:
        kind: a list, the read of one object, or a write.
        request: as sent.
        go: done when the answer may go on.
    """

    kind: Kind
    request: TransportRequest
    go: asyncio.Future[None] = field(default_factory=asyncio.Future)


class HeldStream(TransportResponse):
    """One watch: lines wait until they are delivered.

    Attributes:
        path: of the collection.
        labels: the label selector; empty for everything.
        lines: what waits.
        budget: how many of them may go.
    """

    def __init__(self, inner: TransportResponse, owner: HeldTransport, request: TransportRequest) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self.path = request.path
        self.labels = dict(request.query).get("labelSelector", "")
        self.lines: deque[bytes] = deque()
        self.budget = 0
        self._inner = inner
        self._owner = owner
        self._wake = asyncio.Event()
        self._ended: BaseException | None = None
        self._pump: asyncio.Task[None] | None = None

    def deliver(self, count: int) -> None:
        """Let this many of the lines that wait go."""
        self.budget = min(len(self.lines), self.budget + count)
        self._wake.set()

    def cut(self) -> None:
        """The connection breaks; what waits is lost."""
        self.lines.clear()
        self._ended = TransportError("the connection was cut by the test")
        self._wake.set()

    def expire(self) -> None:
        """The server says that it no longer knows the version; what waits is lost."""
        self.lines.clear()
        self.lines.append(json.dumps({"type": "ERROR", "object": GONE}).encode() + b"\n")
        self.budget = 1
        self._wake.set()

    def wake(self) -> None:
        """The owner's `hold_events` is another one."""
        self._wake.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        self._pump = loop.create_task(self._read(), name=f"held watch {self.path}")
        try:
            while True:
                while not self._ended and not (
                    self.lines and (self.budget > 0 or not self._owner.hold_events)
                ):
                    self._wake.clear()
                    await self._wake.wait()
                if self._ended is not None:
                    if isinstance(self._ended, StopAsyncIteration):
                        return
                    raise self._ended
                self.budget = max(0, self.budget - 1)
                yield self.lines.popleft()
                # Others run between two reads of a socket.
                await asyncio.sleep(0)
        finally:
            await self.close()

    async def _read(self) -> None:
        begun = b""
        try:
            async for chunk in self._inner.chunks():
                *whole, begun = (begun + chunk).split(b"\n")
                self.lines.extend(line + b"\n" for line in whole if line)
                self._wake.set()
            end: BaseException = StopAsyncIteration()
        except TransportError as error:
            end = error
        # What was sent before the end still arrives before it.
        while self.lines:
            await asyncio.sleep(1.0)
        self._ended = self._ended or end
        self._wake.set()

    async def read(self) -> bytes:
        return await self._inner.read()

    async def close(self) -> None:
        if self in self._owner.streams:
            self._owner.streams.remove(self)
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.wait([pump])
        await self._inner.close()


class HeldTransport(Transport):
    """Holds back what it is told to.

    Attributes:
        hold_events: whether watches wait for `deliver`.
        holding: the kinds of requests whose answers wait.
        fates: what becomes of the next writes that are sent, in turn; None: nothing special. `dropped`: it
            is not carried out, and the client learns nothing. `late`: the client learns nothing, and it is
            carried out when `arrive_late` is called.
        waiting: answers that wait, oldest first.
        streams: open watches, oldest first.
        underway: late writes that have not arrived.
    """

    def __init__(self, inner: Transport) -> None:
        self.hold_events = False
        self.holding: set[Kind] = set()
        self.fates: deque[Fate | None] = deque()
        self.waiting: list[HeldAnswer] = []
        self.streams: list[HeldStream] = []
        self.underway: list[TransportRequest] = []
        self._inner = inner

    # ---- what the test does

    def release(self, number: int = 0) -> None:
        """Let an answer that waits go; by default the oldest."""
        self.waiting.pop(number).go.set_result(None)

    def lose(self, number: int = 0) -> None:
        """An answer that waits never arrives: the client does not know whether it was carried out."""
        held = self.waiting.pop(number)
        held.go.set_exception(_unknown(held.request))

    async def arrive_late(self, number: int = 0) -> int:
        """A late write reaches the server; returns the status of the answer that nobody gets."""
        request = self.underway.pop(number)
        response = await self._inner.send(request)
        try:
            await response.read()
        finally:
            await response.close()
        return response.status

    def open_all(self) -> None:
        """Hold nothing any more."""
        self.hold_events = False
        self.holding.clear()
        self.fates.clear()
        while self.waiting:
            self.release()
        for stream in self.streams:
            stream.wake()

    # ---- Transport

    async def send(self, request: TransportRequest) -> TransportResponse:
        if request.method != "GET":
            return await self._write(request)
        if any(name == "watch" for name, _ in request.query):
            stream = HeldStream(await self._inner.send(request), self, request)
            if stream.status < 300:
                self.streams.append(stream)
            return stream
        return await self._hold("list" if _is_list(request) else "get", request)

    async def _write(self, request: TransportRequest) -> TransportResponse:
        fate = self.fates.popleft() if self.fates else None
        if fate is None:
            return await self._hold("write", request)
        await asyncio.sleep(0)
        if fate == "late":
            self.underway.append(request)
        raise _unknown(request)

    async def _hold(self, kind: Kind, request: TransportRequest) -> TransportResponse:
        response = await self._inner.send(request)
        try:
            body = await response.read()
        finally:
            await response.close()
        if kind in self.holding:
            held = HeldAnswer(kind, request)
            self.waiting.append(held)
            try:
                await held.go
            finally:
                if held in self.waiting:
                    self.waiting.remove(held)
        return _Answer(response.status, response.headers, body)

    async def close(self) -> None:
        for stream in list(self.streams):
            stream.cut()
        await self._inner.close()


class _Answer(TransportResponse):
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def read(self) -> bytes:
        return self._body

    async def close(self) -> None:
        return


def _is_list(request: TransportRequest) -> bool:
    """By the number of path segments after the group's version and namespace."""
    parts = request.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts and parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    return len(parts) == 1


def _unknown(request: TransportRequest) -> OutcomeUnknownError:
    return OutcomeUnknownError(f"{request.method} {request.path}: the answer was lost by the test")
