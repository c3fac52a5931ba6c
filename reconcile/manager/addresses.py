"""Where a server listens, as operators write it."""

from __future__ import annotations

from typing import NamedTuple

from reconcile.errors import ConfigurationError


class Address(NamedTuple):
    """Host and port; an empty host is every interface, port 0 any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str | None, *, flag: str) -> Address | None:
    """`:8080`, `127.0.0.1:8080` or `[::1]:8080`; None for `0`, an empty text or None (off).

    >>> parse_address(":8080", flag="metrics_address")
    Address(host='', port=8080)
    >>> parse_address("0", flag="metrics_address") is None
    True
    """
    if text is None or text in ("", "0"):
        return None
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ConfigurationError(f"{flag}: expected host:port or :port (0 turns it off), got {text!r}")
    return Address(host, int(port))
