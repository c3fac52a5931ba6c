"""Where an API server is, whether to trust it, and who asks: all that a transport needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from reconcile.client.credentials.base import Anonymous, Credentials
from reconcile.client.credentials.files import RotatingFile
from reconcile.client.credentials.impersonation import ImpersonatingCredentials, Impersonation
from reconcile.errors import ConfigurationError

SOCKS_SCHEMES: Final = ("socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one API server.

    Attributes:
        server: URL, with a path where the API is not at the root.
        credentials: who asks.
        authority: PEM of the authorities to trust, or the file with it; None trusts the system's.
        verify: False trusts whatever answers (`insecure-skip-tls-verify`).
        server_name: the name to expect in the server's certificate, when not the URL's host.
        proxy: URL of a proxy (`http`, `https`, `socks5`); empty takes the environment's (HTTPS_PROXY,
            NO_PROXY), `"none"` none. SOCKS needs the extra `reconcile[socks]`.
        namespace: the namespace that the configuration names; `default` when none.
        origin: what this was read from, for error texts, such as `context "kind" of /root/.kube/config`.
    """

    server: str
    credentials: Credentials = field(default_factory=Anonymous)
    authority: bytes | RotatingFile | None = None
    verify: bool = True
    server_name: str = ""
    proxy: str = ""
    namespace: str = "default"
    origin: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            where = f" ({self.origin})" if self.origin else ""
            raise ConfigurationError(
                f"the server {self.server!r}{where} is no URL such as https://10.0.0.1:6443"
            )
        known = ("http", "https", *SOCKS_SCHEMES)
        if self.proxy and self.proxy != "none" and urlsplit(self.proxy).scheme not in known:
            raise ConfigurationError(
                f"proxy-url {self.proxy!r}: only http://, https:// and socks5:// proxies are supported"
            )

    def acting_as(self, who: Impersonation | str) -> Connection:
        """The same connection, impersonating somebody else."""
        if isinstance(who, str):
            who = Impersonation(who)
        return replace(self, credentials=ImpersonatingCredentials(self.credentials, who))
