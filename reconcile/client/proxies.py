"""Which proxy a server is reached through, and how: HTTP proxies, and SOCKS (`socks5://user:password@bastion:1080`).

A SOCKS proxy looks names up, as kubectl has it. TLS goes through every proxy to the server, so whom to trust
is the connection's business as without one. python-socks, an optional dependency, speaks SOCKS.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from reconcile.client.credentials.connection import SOCKS_SCHEMES, Connection
from reconcile.errors import ConfigurationError

if TYPE_CHECKING:
    import socket


@dataclass(frozen=True, slots=True)
class HTTPProxy:
    """A proxy that speaks HTTP.

    Attributes:
        host, port: where it is.
        secure: whether it is spoken to through TLS.
        authorization: the value of `proxy-authorization`; empty for none.
    """

    host: str
    port: int
    secure: bool
    authorization: str


@dataclass(frozen=True, slots=True)
class SOCKSProxy:
    """A proxy that speaks SOCKS5.

    Attributes:
        url: where it is, with what it wants to be told of the user.
        shown: the same for error texts.
    """

    url: str
    shown: str

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connection to a host that the proxy looks up. Raises `OSError`."""
        from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError
        from python_socks.async_.asyncio import Proxy

        try:
            return await Proxy.from_url(self.url, rdns=True).connect(host, port)
        except (ProxyError, ProxyConnectionError, ProxyTimeoutError) as error:
            raise OSError(str(error)) from error


def proxy_for(connection: Connection) -> HTTPProxy | SOCKSProxy | None:
    """The proxy to use: the configuration's, else the environment's as for every other program.

    Raises `ConfigurationError` where an optional dependency is missing.
    """
    url = _url_of_proxy(connection)
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme in SOCKS_SCHEMES:
        if find_spec("python_socks") is None:
            raise ConfigurationError(
                f"proxy-url {url!r}: SOCKS proxies need the package python-socks; "
                "install it with: pip install 'reconcile[socks]'"
            )
        # socks5h says that the proxy looks names up, which here it does anyhow.
        shown = f"{parts.scheme}://{parts.hostname}:{parts.port or 1080}"
        return SOCKSProxy(parts._replace(scheme="socks5").geturl(), shown)
    secure = parts.scheme == "https"
    authorization = ""
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(user.encode()).decode()}"
    return HTTPProxy(parts.hostname or "", parts.port or (443 if secure else 80), secure, authorization)


def _url_of_proxy(connection: Connection) -> str | None:
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
