"""New connections to one API server: by its address or name, through a proxy, with TLS or without.

name ──▶ addresses ──▶ TCP, to the first that answers ──▶ [proxy] ──▶ TLS ──▶ Wire
"""

from __future__ import annotations

import asyncio
import ssl
from ipaddress import ip_address
from urllib.parse import urlsplit

from reconcile.client.answer_parser import MalformedAnswer
from reconcile.client.connection_errors import connected_too_slowly, proxy_refused, unreachable
from reconcile.client.credentials.connection import Connection
from reconcile.client.proxies import HTTPProxy, SOCKSProxy, proxy_for
from reconcile.client.wire import Wire

# Seconds that one of several addresses is given before the next one is tried beside it (RFC 8305).
_HEAD_START = 0.25


class Connector:
    """Connects to the server of a `Connection`.

    Raises `ConfigurationError` for a proxy that needs a package which is not installed.

    Attributes:
        host: the server's, as requests name it: with its port, where it is not the usual one.
        absolute: what a request's path is preceded by for a proxy that reads it; else empty.
        headers: header fields for that proxy.
    """

    def __init__(self, connection: Connection) -> None:
        parts = urlsplit(connection.server)
        name = parts.hostname or ""
        secure = parts.scheme == "https"
        usual = 443 if secure else 80
        self._connection = connection
        self._address = name, parts.port or usual
        bracketed = f"[{name}]" if ":" in name else name
        self._authority = f"{bracketed}:{self._address[1]}"
        self.host = bracketed if self._address[1] == usual else self._authority
        self._proxy = proxy_for(connection)
        self._names: dict[str, str] = {}
        self._session: ssl.SSLSession | None = None
        self._session_context: ssl.SSLContext | None = None
        self.absolute = ""
        self.headers: dict[str, str] = {}
        if isinstance(self._proxy, HTTPProxy) and not secure:
            self.absolute = f"http://{self.host}"
            if self._proxy.authorization:
                self.headers["proxy-authorization"] = self._proxy.authorization

    async def connect(self, context: ssl.SSLContext | None, limit: float) -> Wire:
        """A new connection, on which nothing was asked yet.

        Raises `TransportError`: nothing was sent.

        Args:
            context: for TLS; None for none.
            limit: seconds that all of it may take.
        """
        loop = asyncio.get_running_loop()
        wire = Wire(loop, self._names)
        proxy = self._proxy
        waited = asyncio.timeout(limit)
        try:
            async with waited:
                if isinstance(proxy, HTTPProxy):
                    await self._through(proxy, wire, context)
                elif proxy is not None:
                    sock = await proxy.connect(*self._address)
                    await loop.create_connection(lambda: wire, sock=sock)
                else:
                    await _open(wire, *self._address)
                if context is not None:
                    session = self._session if context is self._session_context else None
                    await wire.secure(context, self._connection.server_name or self._address[0], session)
                    wire.context = context
                    if session is not None and not wire.resumed:
                        # The server has forgotten it, as after a restart.
                        self._session = self._session_context = None
        except BaseException as error:
            wire.abort()
            if isinstance(error, TimeoutError) and waited.expired():
                raise connected_too_slowly(self._connection) from error
            if isinstance(error, OSError | MalformedAnswer):
                through = proxy.shown if isinstance(proxy, SOCKSProxy) else ""
                raise unreachable(error, self._connection, through) from error
            raise
        return wire

    def remember(self, wire: Wire) -> None:
        """Let later connections go on with this one's TLS session: a handshake then costs both sides half.

        To be called once the server has answered on it, which it does after it has given a ticket.
        """
        if wire.context is not self._session_context and (session := wire.session) is not None:
            self._session, self._session_context = session, wire.context

    async def _through(self, proxy: HTTPProxy, wire: Wire, context: ssl.SSLContext | None) -> None:
        try:
            await _open(wire, proxy.host, proxy.port)
            if proxy.secure:
                await wire.secure(context or ssl.create_default_context(), proxy.host)
            if context is None:
                # It reads the requests themselves.
                return
            fields = [f"CONNECT {self._authority} HTTP/1.1", f"host: {self._authority}"]
            if proxy.authorization:
                fields.append(f"proxy-authorization: {proxy.authorization}")
            head = "\r\n".join([*fields, "\r\n"])
            answer = await wire.exchange(head.encode(), None, bodiless=True)
        except (OSError, MalformedAnswer) as error:
            raise proxy_refused(str(error), self._connection) from error
        if answer.status >= 300:
            raise proxy_refused(f"it answers with status {answer.status}", self._connection)


async def _open(wire: Wire, host: str, port: int) -> None:
    loop = asyncio.get_running_loop()
    try:
        ip_address(host)
    except ValueError:
        from socket import SOCK_STREAM

        from aiohappyeyeballs import start_connection  # pyright: ignore[reportUnknownVariableType]

        addresses = await loop.getaddrinfo(host, port, type=SOCK_STREAM)
        sock = await start_connection(addresses, happy_eyeballs_delay=_HEAD_START, interleave=1)
        await loop.create_connection(lambda: wire, sock=sock)
    else:
        await loop.create_connection(lambda: wire, host, port)
