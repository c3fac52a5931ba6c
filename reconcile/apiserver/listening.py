"""Connections that say too little: who connects and sends no whole request head is cut off in time."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

# As of kube-apiserver: a head of more than this is refused.
_HEAD: Final = 1024 * 1024


class PatientServer(web.Server):
    """aiohttp's server, whose patience with each new connection has an end.

    Arguments:
        handler: answers a request.
        head_timeout: seconds in which a new connection must have sent its first request's head.
        idle_timeout: seconds after an answer in which the next one's must have come.
    """

    def __init__(self, handler: Any, *, head_timeout: float, idle_timeout: float) -> None:
        super().__init__(
            self._begin,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=idle_timeout,
            max_line_size=_HEAD,
            max_field_size=_HEAD,
        )
        self._answer = handler
        self._head_timeout = head_timeout
        self._waiting: dict[RequestHandler, asyncio.TimerHandle] = {}

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        loop = asyncio.get_running_loop()
        self._waiting[handler] = loop.call_later(self._head_timeout, transport.abort)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        self._forget(handler)
        super().connection_lost(handler, exc)

    async def _begin(self, request: web.BaseRequest) -> web.StreamResponse:
        self._forget(request.protocol)
        return await self._answer(request)

    def _forget(self, handler: RequestHandler) -> None:
        if (timer := self._waiting.pop(handler, None)) is not None:
            timer.cancel()
