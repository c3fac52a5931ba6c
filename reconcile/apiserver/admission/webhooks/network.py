"""Calls over the network, with errors in the words of the client in kube-apiserver."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reconcile.apiserver.admission.webhooks.options import DialError, WebhookAnswer, WebhookCall

if TYPE_CHECKING:
    import aiohttp

_EXPIRED = 10
_HOSTNAME = 62
_ADDRESS = 64


class NetworkDialer:
    """HTTP/1.1 over TLS, connections kept open between calls."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._contexts: dict[bytes, ssl.SSLContext] = {}

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)
            )
            self._loop = loop
        return self._session

    def _context(self, ca_bundle: bytes) -> ssl.SSLContext:
        found = self._contexts.get(ca_bundle)
        if found is None:
            found = trusting(ca_bundle)
            self._contexts[ca_bundle] = found
        return found

    async def post(self, call: WebhookCall) -> WebhookAnswer:
        import aiohttp

        parts = urlsplit(call.url)
        target = f"{parts.scheme}://{call.address}{parts.path or '/'}"
        if parts.query:
            target += f"?{parts.query}"
        headers = {
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "Accept": "application/json, */*",
        }
        try:
            async with self._open().post(
                target,
                data=call.body,
                headers=headers,
                ssl=self._context(call.ca_bundle),
                server_hostname=call.server_name,
                allow_redirects=False,
            ) as response:
                # Whole, however long, as the client in kube-apiserver reads it: a list may be many megabytes.
                body = await response.read()
                return WebhookAnswer(response.status, response.headers.get("Content-Type", ""), body)
        except aiohttp.ClientConnectorCertificateError as error:
            raise DialError(untrusted(error.certificate_error, call.server_name)) from error
        except aiohttp.ClientConnectorError as error:
            raise DialError(unreachable(error.os_error, call.address, call.server_name)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise DialError("EOF") from error

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def trusting(ca_bundle: bytes) -> ssl.SSLContext:
    """What trusts these certificates, PEM; those of the machine where there are none. Raises DialError."""
    try:
        found = ssl.create_default_context(cadata=ca_bundle.decode() if ca_bundle else None)
    except (ssl.SSLError, ValueError):
        raise DialError("unable to load root certificates: unable to parse bytes as PEM block") from None
    # As Go has it: each certificate of the bundle is trusted by itself, a server's own included, and a name
    # counts only among the alternative names.
    found.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    found.hostname_checks_common_name = False
    return found


def untrusted(error: Exception, server_name: str) -> str:
    """What a client written in Go says of a certificate that it does not trust."""
    prefix = "tls: failed to verify certificate: x509:"
    code = getattr(error, "verify_code", 0)
    if code == _EXPIRED:
        return f"{prefix} certificate has expired or is not yet valid"
    if code in (_HOSTNAME, _ADDRESS):
        return f"{prefix} certificate is not valid for {server_name}"
    return f"{prefix} certificate signed by unknown authority"


def unreachable(error: OSError, address: str, server_name: str) -> str:
    """What a client written in Go says where there is no connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return untrusted(error, server_name)
    if isinstance(error, ssl.SSLError):
        return "http: server gave HTTP response to HTTPS client"
    host = address.rpartition(":")[0]
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {address}: connect: connection refused"
    if isinstance(error, ConnectionError):
        return "EOF"
    if error.errno is not None and error.errno < 0:
        return f"dial tcp: lookup {host}: no such host"
    return f"dial tcp {address}: connect: {(error.strerror or str(error)).lower()}"
