"""What went wrong with a connection, in words that say what to try; and whether the request was sent."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime
from urllib.parse import urlsplit

from reconcile.client.credentials.connection import Connection
from reconcile.client.transport import TransportRequest
from reconcile.client.wire import Silence
from reconcile.errors import IdleTimeoutError, OutcomeUnknownError, TLSError, TransportError

# OpenSSL's numbers for why a certificate was not accepted (X509_V_ERR_…).
_NOT_YET_VALID, _EXPIRED = 9, 10
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
_WRONG_NAME = (62, 64)


def unreachable(error: OSError | ValueError, connection: Connection, through: str = "") -> TransportError:
    """What to raise when no connection came to be: nothing was sent. `through` names a SOCKS proxy."""
    where = _where(connection)
    if isinstance(error, ssl.SSLError):
        return _tls_failure(error, connection)
    if through:
        return TransportError(
            f"cannot connect to {where} through the proxy {through}: {_of(error)}; check proxy-url"
        )
    if isinstance(error, socket.gaierror):
        host = urlsplit(connection.server).hostname
        return TransportError(
            f"{where}: no address found for the host {host}; check the server's URL and DNS"
        )
    return TransportError(
        f"cannot connect to {where}: {_of(error)}; is the API server running and reachable from here?"
    )


def connected_too_slowly(connection: Connection) -> TransportError:
    """What to raise when there was no connection in time: nothing was sent."""
    return TransportError(
        f"cannot connect to {_where(connection)} in time; "
        "is the address right, and is a firewall or VPN in the way?"
    )


def proxy_refused(why: str, connection: Connection) -> TransportError:
    """What to raise when an HTTP proxy does not lead to the server: nothing was sent."""
    return TransportError(f"the proxy to {_where(connection)} refused the connection: {why}; check proxy-url")


def unanswered(
    error: Exception, connection: Connection, request: TransportRequest, *, greeted: bool
) -> TransportError:
    """What to raise when the connection ended after a request was sent and before its answer.

    `greeted` says that the server has answered on this connection before. One that has not, and refuses the
    client's certificate, never began to read: with TLS 1.3 this is told after the handshake.
    """
    where = _where(connection)
    asked = f"{request.method} {request.path}"
    if isinstance(error, ssl.SSLError) and not greeted and _refuses_certificate(error):
        return _tls_failure(error, connection)
    if isinstance(error, TimeoutError) and error.errno is None:
        limit = request.timeout or request.idle_timeout or 0
        return OutcomeUnknownError(f"{asked}: no answer from {where} within {limit:g} s")
    return OutcomeUnknownError(f"{asked}: the connection to {where} broke before the answer: {_of(error)}")


def broken(error: Exception, connection: Connection, request: TransportRequest) -> TransportError:
    """What to raise when the connection ended after the head of an answer and before the body's end."""
    where = _where(connection)
    asked = f"{request.method} {request.path}"
    if isinstance(error, Silence):
        return IdleTimeoutError(f"{asked}: nothing came from {where} for {request.idle_timeout or 0:g} s")
    if isinstance(error, TimeoutError) and error.errno is None:
        return TransportError(
            f"{asked}: {where} had not answered to the end within {request.timeout or 0:g} s"
        )
    return TransportError(f"{asked}: the connection to {where} broke while the answer was read: {_of(error)}")


def _tls_failure(error: ssl.SSLError, connection: Connection) -> TransportError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(error, connection, _where(connection))
    return _no_tls(error, connection, _where(connection))


def _refuses_certificate(error: ssl.SSLError) -> bool:
    reason = error.reason or ""
    return "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason)


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
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__
