"""What went wrong with a connection, in words that say what to try; and whether the request was sent."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime
from urllib.parse import urlsplit

from reconcile.client.credentials.connection import Connection
from reconcile.client.transport import TransportRequest
from reconcile.errors import IdleTimeoutError, OutcomeUnknownError, TLSError, TransportError

# OpenSSL's numbers for why a certificate was not accepted (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
_WRONG_NAME = (62, 64)


def explained(
    error: BaseException, connection: Connection, request: TransportRequest, *, reading: bool = False
) -> TransportError:
    """The error of this library for one of aiohttp's, the system's or OpenSSL's.

    `reading` says that status and headers had arrived. Otherwise failures to connect are known not to have
    sent anything; any other leaves it unknown.
    """
    import aiohttp

    where = _where(connection)
    asked = f"{request.method} {request.path}"
    if reading:
        if isinstance(error, TimeoutError):
            if isinstance(error, aiohttp.SocketTimeoutError):
                return IdleTimeoutError(
                    f"{asked}: nothing came from {where} for {request.idle_timeout or 0:g} s"
                )
            return TransportError(
                f"{asked}: {where} had not answered to the end within {request.timeout or 0:g} s"
            )
        return TransportError(
            f"{asked}: the connection to {where} broke while the answer was read: {_of(error)}"
        )
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _untrusted(error.certificate_error, connection, where)
    if isinstance(error, ssl.SSLError):
        return tls_failure(error, connection)
    if isinstance(error, aiohttp.ClientSSLError):
        return _no_tls(error, connection, where)
    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        return TransportError(f"the proxy to {where} refused the connection: {_of(error)}; check proxy-url")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        host = urlsplit(connection.server).hostname
        return TransportError(
            f"{where}: no address found for the host {host}; check the server's URL and DNS"
        )
    if isinstance(error, aiohttp.ClientConnectorError):
        return TransportError(
            f"cannot connect to {where}: {_of(error)}; is the API server running and reachable from here?"
        )
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return TransportError(
            f"cannot connect to {where} in time; is the address right, and is a firewall or VPN in the way?"
        )
    if isinstance(error, aiohttp.InvalidURL):
        return TransportError(f"{asked} makes no valid URL with the server {where}")
    if isinstance(error, TimeoutError):
        limit = request.timeout or request.idle_timeout or 0
        return OutcomeUnknownError(f"{asked}: no answer from {where} within {limit:g} s")
    return OutcomeUnknownError(f"{asked}: the connection to {where} broke before the answer: {_of(error)}")


def tls_failure(error: ssl.SSLError, connection: Connection) -> TransportError:
    """The error of this library for a TLS handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, connection, _where(connection))
    return _no_tls(error, connection, _where(connection))


def _where(connection: Connection) -> str:
    return connection.server + (f" ({connection.origin})" if connection.origin else "")


def _untrusted(error: BaseException, connection: Connection, where: str) -> TLSError:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if code == _EXPIRED:
        hint = "its certificate has expired; renew it on the server, and check this machine's clock"
    elif code == _NOT_YET_VALID:
        hint = "its certificate is not valid yet; check the clocks of both machines"
    elif code in _UNKNOWN_AUTHORITY:
        hint = "its certificate is signed by an authority that is not trusted; " + (
            "check certificate-authority(-data): it may belong to another cluster"
            if connection.authority is not None
            else "set certificate-authority or certificate-authority-data"
        )
    elif code in _WRONG_NAME:
        hint = "its certificate is for another name; use a server URL that it names, or tls-server-name"
    else:
        hint = "its certificate is not accepted"
    return TLSError(f"no trust in {where}: {hint} ({_of(error)})")


def _no_tls(error: BaseException, connection: Connection, where: str) -> TransportError:
    text = _of(error)
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text.lower():
        return TLSError(f"{where} does not speak TLS; should the server's URL begin with http://? ({text})")
    if "certificate_expired" in text.lower() or "certificate expired" in text.lower():
        return TLSError(f"{where} refused the client certificate as expired; get a new one ({text})")
    return TLSError(f"no TLS connection with {where}: {text}")


def certificate_end(certificate: bytes) -> datetime | None:
    """Until when a PEM certificate is valid; None for what is none."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    except ValueError:
        return None


def _of(error: BaseException) -> str:
    inner = getattr(error, "os_error", None)
    if isinstance(inner, ssl.SSLError):
        return inner.reason or str(inner)
    if isinstance(inner, socket.gaierror | OSError):
        return inner.strerror or str(inner) or type(inner).__name__
    return str(error) or type(error).__name__
