"""An HTTP proxy in front of a real API server that understands what it carries: it can delay single watches.

    operator ──http──▶ WatchProxy ──https──▶ kube-apiserver
                          │ watches of one kind late · cut · answered with 410 when they are resumed
                          │ answers to writes late, or lost with the connection

`faults` is the transport that the tests of the embedded server plan their faults on.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from reconcile.client.credentials.connection import Connection
from reconcile.client.credentials.kubeconfig import kubeconfig_connection
from reconcile.client.http_transport import HTTPTransport
from reconcile.client.transport import TransportRequest, TransportResponse
from reconcile.errors import TransportError
from reconcile.testing.faults import FaultyTransport

_PASSED_ON = ("content-type", "warning", "retry-after")
_NOT_PASSED_ON = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding")
_TOO_OLD = msgspec.json.encode(
    {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "too old resource version, says the proxy",
        "reason": "Expired",
        "code": 410,
    }
)


class WatchProxy:
    """Listens at a port of its own and passes on to a kubeconfig's server, as its user.

    An async context manager.

    Attributes:
        faults: what goes wrong on the way, counted for all who come through.
        expired: watches that were answered with 410.
        writes_under_way: writes that the server has not answered yet.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self.faults = FaultyTransport(HTTPTransport(kubeconfig_connection(kubeconfig)))
        self.expired = 0
        self.writes_under_way = 0
        self._to_expire: set[str] = set()
        server = web.Server(self._serve, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.0)
        self._under_way: set[asyncio.Task[Any]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.sever()
        await self._runner.cleanup()
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self.faults.close()

    @property
    def connection(self) -> Connection:
        """How an operator reaches the server through the proxy."""
        return Connection(f"http://127.0.0.1:{self.port}", proxy="none")

    def expire(self, resource: str) -> None:
        """Cut the watches of a resource, such as `pods`; the next one that is resumed is told 410."""
        self._to_expire.add(resource)
        self.faults.cut_watches(resource)

    async def quiet(self) -> None:
        """Wait until the server has answered every write that came through."""
        while self.writes_under_way:
            await asyncio.sleep(0.01)

    async def _serve(self, incoming: web.BaseRequest) -> web.StreamResponse:
        body = await incoming.read()
        headers = {name.lower(): value for name, value in incoming.headers.items()}
        request = TransportRequest(
            method=incoming.method,
            path=incoming.rel_url.raw_path,
            query=tuple(incoming.rel_url.query.items()),
            headers={name: value for name, value in headers.items() if name not in _NOT_PASSED_ON},
            body=body or None,
        )
        is_watch = incoming.rel_url.query.get("watch") in ("1", "true")
        resource = request.path.rsplit("/", 1)[-1]
        if is_watch and resource in self._to_expire:
            self._to_expire.discard(resource)
            self.expired += 1
            return web.Response(status=410, body=_TOO_OLD, content_type="application/json")
        try:
            response = await (self._carry_on(request) if incoming.method != "GET" else self._send(request))
            return await self._answer(incoming, response, is_watch)
        except (TransportError, ConnectionError):
            # Nobody gets to read this: the connection ends here, in the middle of an answer or before it.
            if incoming.transport is not None:
                incoming.transport.abort()
            return web.Response(status=502)

    async def _carry_on(self, request: TransportRequest) -> TransportResponse:
        """A write that has come this far reaches the server, whether or not anybody waits for its answer."""
        sending = asyncio.get_running_loop().create_task(self._send(request), name="watch proxy write")
        self._under_way.add(sending)
        self.writes_under_way += 1

        def done(task: asyncio.Task[TransportResponse]) -> None:
            self.writes_under_way -= 1
            self._under_way.discard(task)
            if not task.cancelled():
                task.exception()

        sending.add_done_callback(done)
        return await asyncio.shield(sending)

    async def _send(self, request: TransportRequest) -> TransportResponse:
        return await self.faults.send(request)

    @staticmethod
    async def _answer(
        incoming: web.BaseRequest, response: TransportResponse, is_watch: bool
    ) -> web.StreamResponse:
        headers = {name: response.headers[name] for name in _PASSED_ON if name in response.headers}
        async with response:
            if not is_watch:
                return web.Response(status=response.status, headers=headers, body=await response.read())
            stream = web.StreamResponse(status=response.status, headers=headers)
            stream.enable_chunked_encoding()
            await stream.prepare(incoming)
            async for chunk in response.chunks():
                await stream.write(chunk)
            await stream.write_eof()
            return stream
