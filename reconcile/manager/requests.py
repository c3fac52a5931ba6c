"""Counts requests by status code, method and host, around any transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import TransportError

if TYPE_CHECKING:
    from reconcile.client.client import Client

RequestCounts: TypeAlias = dict[tuple[str, str, str], int]
"""By code (`<error>` when no answer came), method and host."""


def counting_transport_of(client: Client) -> CountingTransport:
    """The client's transport, counted from now on; managers that share a client share the counts."""
    transport = client.transport
    if not isinstance(transport, CountingTransport):
        transport = CountingTransport(transport, _host_of(transport))
        client.transport = transport
    return transport


class CountingTransport(Transport):
    """The transport inside, counted: the metric `rest_client_requests_total`."""

    def __init__(self, inner: Transport, host: str) -> None:
        self.inner = inner
        self.counts: RequestCounts = {}
        self.host = host

    async def send(self, request: TransportRequest) -> TransportResponse:
        try:
            response = await self.inner.send(request)
        except TransportError:
            self._count("<error>", request.method)
            raise
        self._count(str(response.status), request.method)
        return response

    def _count(self, code: str, method: str) -> None:
        key = (code, method, self.host)
        self.counts[key] = self.counts.get(key, 0) + 1

    async def close(self) -> None:
        await self.inner.close()


def _host_of(transport: Transport) -> str:
    """Host and port behind a network transport; empty for one inside the process."""
    from urllib.parse import urlsplit

    from reconcile.client.http_transport import HTTPTransport

    return urlsplit(transport.connection.server).netloc if isinstance(transport, HTTPTransport) else ""
