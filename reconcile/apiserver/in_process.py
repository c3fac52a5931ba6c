"""The server as a `Transport`: no socket and no thread, and still no kinder than a network.

Always bytes, at least one suspension a request, and a watch whose reader stops reading stops receiving.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from reconcile.apiserver.handlers.handler import Handler
from reconcile.apiserver.handlers.messages import Request, Response
from reconcile.apiserver.interfaces import User
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import IdleTimeoutError, OutcomeUnknownError, TransportError


class InProcessTransport(Transport):
    """Carries requests to a handler in this process, as one user.

    Without a user the headers of each request say who asks, as on a connection without a certificate.

    Closing it ends its open answers with `TransportError`, as a network would.
    """

    def __init__(self, handler: Handler, user: User | None) -> None:
        self._handler = handler
        self._user = user
        self._open: dict[_InProcessResponse, None] = {}
        self._closed = False

    async def send(self, request: TransportRequest) -> TransportResponse:
        if self._closed:
            raise TransportError("the in-process transport is closed")
        # The one suspension that every request has: others run between sending and arrival.
        await asyncio.sleep(0)
        if self._closed:
            raise TransportError("the in-process transport was closed")
        message = Request(
            request.method,
            request.path,
            request.query,
            request.headers,
            request.body or b"",
            self._user,
        )
        if request.timeout is None:
            answer = await self._handler.handle(message)
        else:
            try:
                async with asyncio.timeout(request.timeout):
                    answer = await self._handler.handle(message)
            except TimeoutError:
                # The handler had the request: how far it came is not known.
                raise OutcomeUnknownError(
                    f"{request.method} {request.path}: no answer within {request.timeout:g} s"
                ) from None
        response = _InProcessResponse(answer, request.idle_timeout, self._open)
        self._open[response] = None
        return response

    async def close(self) -> None:
        self._closed = True
        for response in list(self._open):
            response.cut()
        await asyncio.sleep(0)


class _InProcessResponse(TransportResponse):
    def __init__(
        self, response: Response, idle_timeout: float | None, register: dict[_InProcessResponse, None]
    ) -> None:
        self.status = response.status
        headers: dict[str, str] = response.headers
        if response.warnings:
            headers = {**headers, "warning": ", ".join(response.warnings)}
        self.headers: Mapping[str, str] = headers
        self._response = response
        self._idle_timeout = idle_timeout
        self._register = register
        self._cut = False

    async def chunks(self) -> AsyncIterator[bytes]:
        stream = self._response.stream
        if stream is None:
            yield self._response.body
            return
        frames = aiter(stream)
        while True:
            try:
                if self._idle_timeout is None:
                    frame = await anext(frames)
                else:
                    async with asyncio.timeout(self._idle_timeout):
                        frame = await anext(frames)
            except StopAsyncIteration:
                if self._cut:
                    raise TransportError("the in-process transport was closed") from None
                return
            except TimeoutError:
                stream.close()
                raise IdleTimeoutError(f"no data within {self._idle_timeout:g} s") from None
            # What is ready is not all taken in one go: others run between two reads of a socket.
            await asyncio.sleep(0)
            yield frame

    async def read(self) -> bytes:
        if self._response.stream is None:
            return self._response.body
        return b"".join([chunk async for chunk in self.chunks()])

    def cut(self) -> None:
        self._cut = True
        if self._response.stream is not None:
            self._response.stream.close()
        self._register.pop(self, None)

    async def close(self) -> None:
        if self._response.stream is not None:
            self._response.stream.close()
        self._register.pop(self, None)
