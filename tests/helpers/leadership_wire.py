"""The network between machines of a simulation and an embedded API server.

    Manager on a Machine ─▶ Wire (late, cut, silent, losing answers) ─▶ embedded API server

What the server does for a request it does on no machine of the simulation: one that is frozen after it sent a
request does not keep the server from carrying it out. Who asked is what the wire knows of the request that is
being served, not what anybody claims.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from dataclasses import replace

from helpers.leadership_machines import MachineLoop

from reconcile.apiserver import APIServer
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import OutcomeUnknownError, TransportError

asking: ContextVar[tuple[str, float]] = ContextVar("asking", default=("", 0.0))
"""Whose request the server carries out, and when it arrived."""


class Wire(Transport):
    """The network between one machine and the server.

    Attributes:
        latest: seconds that a request or an answer is under way at most; at least none.
        down: whether nothing can be sent.
        silent: whether what is sent never arrives, and nothing comes back.
        loses_answers: whether requests are carried out and their answers lost.
        dead: whether the machine is gone: not even what is under way arrives.
    """

    def __init__(self, server: APIServer, who: str, dice: random.Random, loop: MachineLoop) -> None:
        self.latest = 0.02
        self.down = False
        self.silent = False
        self.loses_answers = False
        self.dead = False
        self._inner = server.transport()
        self._who = who
        self._dice = dice
        self._loop = loop
        self._streams: dict[_Stream, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._outside = contextvars.Context()

    async def send(self, request: TransportRequest) -> TransportResponse:
        if self.down or self.dead:
            await asyncio.sleep(0.001)
            raise TransportError("the network is down")
        if self._dice.random() < 0.3:
            await self.delay()  # a connection is opened first
        if request.before_sending is not None:
            request.before_sending()
        answer: asyncio.Future[TransportResponse] = self._loop.create_future()
        task = self._loop.create_task(self._carry(request, answer), context=self._outside.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(request.timeout or request.idle_timeout):
                return await answer
        except TimeoutError:
            raise OutcomeUnknownError(f"{request.method} {request.path}: no answer in time") from None

    def cut(self) -> None:
        """Every open stream breaks off."""
        for stream in list(self._streams):
            stream.break_off("the connection was cut")

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.cut()
        await self._inner.close()

    def forget(self, stream: _Stream) -> None:
        self._streams.pop(stream, None)

    async def delay(self) -> None:
        await asyncio.sleep(self._dice.random() * self.latest)

    async def _carry(self, request: TransportRequest, answer: asyncio.Future[TransportResponse]) -> None:
        """On nobody's machine: what the network and the server do."""
        await self.delay()
        if self.silent or self.dead:
            return
        asking.set((self._who, self._loop.true_time()))
        try:
            response = await self._inner.send(replace(request, timeout=None, idle_timeout=None))
        except TransportError as error:
            if not answer.done():
                answer.set_exception(error)
            return
        watches = any(name == "watch" and value in ("1", "true") for name, value in request.query)
        if watches and response.status < 300:
            stream = _Stream(self, response, request.idle_timeout)
            self._streams[stream] = None
            if not answer.done():
                answer.set_result(stream)
            await stream.pump()
            return
        body = await response.read()
        await response.close()
        await self.delay()
        if not (self.silent or self.loses_answers or answer.done()):
            answer.set_result(_Answer(response.status, response.headers, body))


class _Answer(TransportResponse):
    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self._body = body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def read(self) -> bytes:
        return self._body

    async def close(self) -> None:
        return


class _Stream(TransportResponse):
    """A watch as it arrives; silent where the wire is."""

    def __init__(self, wire: Wire, inner: TransportResponse, idle: float | None) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self._wire = wire
        self._inner = inner
        self._idle = idle
        self._arrived: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    async def pump(self) -> None:
        try:
            async for chunk in self._inner.chunks():
                await self._wire.delay()
                if not self._wire.silent:
                    self._arrived.put_nowait(chunk)
            self._arrived.put_nowait(None)
        except TransportError as error:
            self._arrived.put_nowait(error)

    def break_off(self, why: str) -> None:
        self._arrived.put_nowait(TransportError(why))
        self._wire.forget(self)

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._idle):
                    chunk = await self._arrived.get()
            except TimeoutError:
                raise TransportError("the stream is silent") from None
            if chunk is None:
                return
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        self._wire.forget(self)
        await self._inner.close()
