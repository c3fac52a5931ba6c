"""API servers behind a SOCKS proxy (`proxy-url: socks5://user:password@bastion:1080`).

The proxy looks names up, as kubectl has it. TLS goes through the proxy to the server, so whom to trust is
the connection's business as without one. aiohttp-socks, an optional dependency, makes the connections.
"""

from __future__ import annotations

import ssl as tls
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reconcile.client.connection_errors import tls_failure
from reconcile.client.credentials.connection import SOCKS_SCHEMES, Connection
from reconcile.errors import ConfigurationError, TransportError

if TYPE_CHECKING:
    import asyncio

    import aiohttp


def is_socks(proxy: str | None) -> bool:
    return proxy is not None and urlsplit(proxy).scheme in SOCKS_SCHEMES


def require_socks(proxy: str) -> None:
    """Raises `ConfigurationError` where the optional dependency is missing."""
    if find_spec("aiohttp_socks") is None:
        raise ConfigurationError(
            f"proxy-url {proxy!r}: SOCKS proxies need the package aiohttp-socks; "
            "install it with: pip install 'reconcile[socks]'"
        )


def socks_connector(proxy: str, connection: Connection, **options: Any) -> aiohttp.TCPConnector:
    """A connector of aiohttp whose connections all go through the proxy; to be made on the loop."""
    from aiohttp.client_proto import ResponseHandler
    from aiohttp_socks import ProxyConnector
    from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError
    from python_socks.async_.asyncio import Proxy

    parts = urlsplit(proxy)
    # socks5h says that the proxy looks names up, which here it does anyhow.
    url = parts._replace(scheme="socks5").geturl()
    shown = f"{parts.scheme}://{parts.hostname}:{parts.port or 1080}"
    where = connection.server + (f" ({connection.origin})" if connection.origin else "")

    class Connector(ProxyConnector):
        async def _connect_via_proxy(
            self, host: str, port: int, ssl: tls.SSLContext | None = None, timeout: float | None = None
        ) -> tuple[asyncio.Transport, ResponseHandler]:
            # Errors of this library pass through aiohttp as they are: nothing was sent yet.
            try:
                socket = await Proxy.from_url(url, rdns=True).connect(host, port, timeout=timeout)
            except (ProxyError, ProxyConnectionError, ProxyTimeoutError) as error:
                raise TransportError(
                    f"cannot connect to {where} through the proxy {shown}: {error}; check proxy-url"
                ) from error
            loop = self._loop
            try:
                return await loop.create_connection(
                    lambda: ResponseHandler(loop),
                    sock=socket,
                    ssl=ssl,
                    server_hostname=(connection.server_name or host) if ssl else None,
                )
            except tls.SSLError as error:
                raise tls_failure(error, connection) from error
            except OSError as error:
                raise TransportError(
                    f"the connection to {where} through the proxy {shown} broke: {error}"
                ) from error

    return Connector.from_url(url, **options)
