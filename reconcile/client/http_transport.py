"""The API server behind a network: `Transport` on aiohttp.

    TransportRequest ──▶ proof (credentials) ──▶ TLS context ──▶ aiohttp ──▶ TransportResponse
                            ▲                                       │
                            └── renew, once ◀──────── 401 ◀─────────┘

aiohttp is imported when a transport is made, not before. Its own retries, redirects, cookies, environment
and decompression of lists are off: what goes out is what the layer above decided.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from io import BytesIO
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlsplit
from urllib.request import getproxies, proxy_bypass

from reconcile.client.connection_errors import certificate_end, explained
from reconcile.client.credentials.base import Proof
from reconcile.client.credentials.connection import Connection
from reconcile.client.credentials.tls import TLSContexts
from reconcile.client.socks import is_socks, require_socks, socks_connector
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import CredentialsError, OutcomeUnknownError, TransportError
from reconcile.runtime import Runtime, SystemRuntime

if TYPE_CHECKING:
    import aiohttp

# Bytes that are buffered for a reader that is behind, before the connection is paused (twice this).
_READ_BUFFER = 1 << 18
# Seconds for which a long body gathers before it is read on: less than a server takes to fill a window.
_GATHER = 0.002
# Idle connections are closed before the server (90 s) or a load balancer (60 s) does, since a request
# sent into a closing connection has an unknown outcome.
_KEEP_ALIVE = 50.0
_LARGE = 1 << 19


class HTTPTransport(Transport):
    """One API server over HTTP/1.1, with as many connections as there are requests at once.

    Args:
        connection: where it is, whom to trust, who asks.
        connect_timeout: seconds for name look-up, TCP and TLS together.
        compression: ask for gzip: worth it on slow networks only, dear on fast ones.
        runtime: the wall clock, to tell when a client certificate has expired.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        connect_timeout: float = 10.0,
        compression: bool = False,
        runtime: Runtime | None = None,
    ) -> None:
        import aiohttp
        import yarl

        from reconcile.client import sending

        self.connection = connection
        self._aiohttp = aiohttp
        self._url = yarl.URL
        self._sending = sending
        self._runtime = runtime or SystemRuntime()
        self._server = connection.server.rstrip("/")
        self._credentials = connection.credentials
        self._secure = self._server.startswith("https:")
        self._tls = TLSContexts(connection.authority, verify=connection.verify)
        self._proxy = _proxy_for(connection)
        self._socks = self._proxy if is_socks(self._proxy) else None
        if self._socks:
            require_socks(self._socks)
            self._proxy = None
        self._connect_timeout = connect_timeout
        self._compression = compression
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._timeouts: dict[tuple[float | None, float | None], aiohttp.ClientTimeout] = {}

    async def send(self, request: TransportRequest) -> TransportResponse:
        proof = await self._credentials.proof()
        try:
            response = await self._send(request, proof)
        except OutcomeUnknownError as error:
            # Some servers answer such a certificate by hanging up, after the client believes it has a
            # connection.
            if expired := self._expired(proof):
                raise OutcomeUnknownError(f"{error}; {self._credentials.describes} {expired}") from error
            raise
        if response.status == 401:
            if await self._credentials.renew(proof):
                await response.close()
                return await self._send(request, await self._credentials.proof())
            if expired := self._expired(proof):
                await response.close()
                raise CredentialsError(
                    f"{self._server} refused {self._credentials.describes}, which {expired}"
                )
        return response

    def _expired(self, proof: Proof) -> str:
        """That the client's certificate has expired, and what to do; empty when it has not."""
        certificate = proof.certificate
        until = certificate_end(certificate.certificate) if certificate is not None else None
        if until is None or until >= self._runtime.now():
            return ""
        return (
            f"expired at {until}; get a new one (kubeadm: `kubeadm certs renew`, a cloud: fetch the "
            "kubeconfig again)"
        )

    async def _send(self, request: TransportRequest, proof: Proof) -> TransportResponse:
        if request.before_sending is None:
            return await self._request(request, proof)
        current = self._sending.Sending(request.before_sending, request.timeout)
        token = self._sending.sending.set(current)
        try:
            return await self._request(request, proof)
        except BaseException:
            current.abort()
            raise
        finally:
            self._sending.sending.reset(token)

    async def _request(self, request: TransportRequest, proof: Proof) -> TransportResponse:
        session = self._session or self._open_session()
        url = self._server + request.path
        if request.query:
            url += "?" + "&".join([f"{name}={quote_plus(value)}" for name, value in request.query])
        body = request.body
        try:
            response = await session.request(
                request.method,
                self._url(url, encoded=True),
                headers=_headers(request.headers, proof.headers),
                # As a file, a large body is sent in pieces that leave the event loop its turns.
                data=body if body is None or len(body) < _LARGE else BytesIO(body),
                timeout=self._timeout(request.timeout, request.idle_timeout),
                allow_redirects=False,
                ssl=self._tls.context(proof.certificate) if self._secure else True,
                server_hostname=self.connection.server_name or None,
                proxy=self._proxy,
            )
        except (self._aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError, RuntimeError) as error:
            if self._closed:
                raise TransportError(f"{self._server}: the client is closed") from error
            raise explained(error, self.connection, request) from error
        return HTTPResponse(response, self.connection, request, self._aiohttp.ClientError)

    async def close(self) -> None:
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._closed:
            raise TransportError(f"{self._server}: the client is closed")
        aiohttp = self._aiohttp
        if self._socks:
            connector = socks_connector(self._socks, self.connection, limit=0, keepalive_timeout=_KEEP_ALIVE)
        else:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE)
        session = aiohttp.ClientSession(
            connector=connector,
            request_class=self._sending.AskingRequest,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=() if self._compression else ("Accept-Encoding",),
            read_bufsize=_READ_BUFFER,
            trust_env=False,
        )
        # aiohttp sends GET, PUT and DELETE again by itself when a kept connection turns out to be closed.
        # A write must pass its guard again first, so trying again is for the layer above alone.
        session._retry_connection = False  # pyright: ignore[reportPrivateUsage]
        self._session = session
        return session

    def _timeout(self, total: float | None, idle: float | None) -> aiohttp.ClientTimeout:
        timeout = self._timeouts.get((total, idle))
        if timeout is None:
            # Shorter than the whole, so that it is known which one passed: before or after sending.
            connect = self._connect_timeout if total is None else min(self._connect_timeout, 0.9 * total)
            timeout = self._aiohttp.ClientTimeout(
                total=total, connect=connect, sock_read=idle, ceil_threshold=float("inf")
            )
            if len(self._timeouts) < 64:
                self._timeouts[total, idle] = timeout
        return timeout


class HTTPResponse(TransportResponse):
    """An aiohttp response behind the seam."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        connection: Connection,
        request: TransportRequest,
        client_error: type[Exception],
    ) -> None:
        self.status = response.status
        # aiohttp's mapping finds names in any case.
        headers: Mapping[str, str] = response.headers
        warnings = response.headers.getall("warning", ())
        if len(warnings) > 1:
            # The one header that API servers repeat; of the others a mapping's single value is the whole.
            headers = {
                **{name.lower(): value for name, value in headers.items()},
                "warning": ", ".join(warnings),
            }
        self.headers = headers
        self._response = response
        self._connection = connection
        self._request = request
        self._closed = False
        self._failures = (client_error, TimeoutError, OSError, ssl.SSLError)

    async def chunks(self) -> AsyncIterator[bytes]:
        # aiohttp calls an answer closed as soon as its last byte has arrived, whether or not it was read.
        if self._closed:
            raise TransportError(f"{self._request.path}: the answer was closed before it was read")
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
                if self._request.bulk:
                    await self._gather(len(chunk))
        except self._failures as error:
            raise explained(error, self._connection, self._request, reading=True) from error

    async def _gather(self, came: int) -> None:
        """Leave a long body to the kernel for a moment, so that it comes in fewer and larger pieces: each
        costs a wake-up, a decryption and a parser's round, whatever its size."""
        connection = self._response.connection
        if came >= _READ_BUFFER or connection is None or connection.protocol is None:
            # It is behind, or at the end.
            return
        connection.protocol.pause_reading()
        try:
            await asyncio.sleep(_GATHER)
        finally:
            connection.protocol.resume_reading()

    async def read(self) -> bytes:
        try:
            return await self._response.read()
        except self._failures as error:
            raise explained(error, self._connection, self._request, reading=True) from error

    async def close(self) -> None:
        # An answer that was read to its end gives its connection back; any other takes it along.
        self._closed = True
        self._response.close()


def _headers(
    asked: Mapping[str, str], proof: Mapping[str, str | tuple[str, ...]]
) -> Mapping[str, str] | Iterable[tuple[str, str]]:
    headers: dict[str, Any] = {**asked, **proof}
    for value in proof.values():
        if not isinstance(value, str):
            break
    else:
        return headers
    from multidict import CIMultiDict

    repeated: CIMultiDict[str] = CIMultiDict(asked)
    for name, values in proof.items():
        for value in (values,) if isinstance(values, str) else values:
            repeated.add(name, value)
    return repeated


def _proxy_for(connection: Connection) -> str | None:
    """The proxy to use: the configuration's, else the environment's as for every other program."""
    if connection.proxy:
        return None if connection.proxy == "none" else connection.proxy
    parts = urlsplit(connection.server)
    host = parts.hostname or ""
    proxies = getproxies()
    found = proxies.get(parts.scheme)
    if not found or proxy_bypass(host) or _in_networks(host, proxies.get("no", "")):
        return None
    return found if "://" in found else f"http://{found}"


def _in_networks(host: str, no_proxy: str) -> bool:
    """Whether NO_PROXY names a network that the address is in, as clusters' own settings do."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    for entry in no_proxy.split(","):
        try:
            if address in ip_network(entry.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False
