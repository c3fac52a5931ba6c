"""Requests to the servers behind APIServices: in this process where one is named, else over the network."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from reconcile.apiserver.access.user import header_fields
from reconcile.apiserver.admission.webhooks.network import trusting, unreachable, untrusted
from reconcile.apiserver.admission.webhooks.options import DialError
from reconcile.apiserver.aggregation.remote import Remote
from reconcile.apiserver.interfaces import Access, User
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import TransportError

if TYPE_CHECKING:
    import aiohttp

_SAFE: Final = "$&+,/:;=@-_.~%"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the server behind an APIService.

    Attributes:
        method: HTTP method.
        path: percent-encoded.
        query: in order, decoded.
        headers: names in lower case, without who asks.
        body: the body.
        user: who asks.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes
    user: User

    @property
    def target(self) -> str:
        query = urlencode(sorted(self.query, key=lambda each: each[0]))
        return f"{quote(self.path, safe=_SAFE)}{f'?{query}' if query else ''}"

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Every header field, who asks among them."""
        kept = (each for each in self.headers if not each[0].startswith("x-remote-"))
        return (*kept, *header_fields(self.user))


class Calls:
    """Belongs to one server; `close` when it stops.

    Arguments:
        servers: servers in this process, by `NAMESPACE/NAME` of their service.
        addresses: `host:port` of services, as there is no kube-proxy here. A service that is not named is
            looked for in its endpoints.
    """

    def __init__(
        self, servers: Mapping[str, Transport], addresses: Mapping[str, str], access: Access
    ) -> None:
        self._servers = servers
        self._addresses = addresses
        self._access = access
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, remote: Remote, call: Call) -> TransportResponse:
        """The answer's head. Raises DialError in the words of a client written in Go."""
        server = self._servers.get(remote.backend)
        if server is None:
            return await self._over_network(remote, call)
        request = TransportRequest(
            call.method, call.path, call.query, _joined(call.fields), call.body or None
        )
        try:
            return await server.send(request)
        except TransportError as error:
            raise DialError(str(error)) from None

    def url(self, remote: Remote, path: str) -> str:
        """The address of a server as messages show it. Raises DialError."""
        service = self._access.read("services", remote.namespace, remote.service)
        if service is None:
            raise DialError(f'service "{remote.service}" not found')
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return f"https://{_host(spec['externalName'], remote.port)}{path}"
        if spec.get("clusterIP") == "None":
            raise DialError('cannot route to service with ClusterIP "None"')
        if not any(each.get("port") == remote.port for each in spec.get("ports") or ()):
            raise DialError(f'no service port {remote.port} found for service "{remote.service}"')
        return f"https://{_host(spec['clusterIP'], remote.port)}{path}"

    def _address(self, remote: Remote) -> str:
        told = self._addresses.get(remote.backend)
        if told is not None:
            return told
        from reconcile.apiserver.admission.webhooks.calling import endpoint_of

        service = {"namespace": remote.namespace, "name": remote.service, "port": remote.port}
        return endpoint_of(service, self._access)

    async def _over_network(self, remote: Remote, call: Call) -> TransportResponse:
        import aiohttp
        from multidict import CIMultiDict
        from yarl import URL

        address = self._address(remote)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            )
        try:
            response = await self._session.request(
                call.method,
                URL(f"https://{address}{call.target}", encoded=True),
                data=call.body or None,
                headers=CIMultiDict(call.fields),
                ssl=_context(remote),
                server_hostname=remote.server_name,
                allow_redirects=False,
                skip_auto_headers=("user-agent", "accept", "content-type"),
            )
        except aiohttp.ClientConnectorCertificateError as error:
            raise DialError(untrusted(error.certificate_error, remote.server_name)) from error
        except aiohttp.ClientConnectorError as error:
            raise DialError(unreachable(error.os_error, address, remote.server_name)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise DialError("EOF") from error
        return _Answer(response)


class _Answer(TransportResponse):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response

    async def chunks(self) -> AsyncIterator[bytes]:
        import aiohttp

        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(str(error)) from error

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def close(self) -> None:
        self._response.close()
        await asyncio.sleep(0)


def _context(remote: Remote) -> ssl.SSLContext:
    if not remote.insecure:
        return trusting(remote.authority)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _joined(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _host(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
