"""TLS contexts from what a configuration names: authorities, client certificates, or no verification."""

from __future__ import annotations

import os
import ssl
import tempfile

from reconcile.client.credentials.base import ClientCertificate
from reconcile.client.credentials.files import RotatingFile
from reconcile.errors import ConfigurationError


class TLSContexts:
    """The TLS context to connect with now; a new one when authority or certificate rotated.

    Connections that are open keep theirs; a new context means new connections.

    Args:
        authority: PEM, or the file that holds it, to trust instead of the system's authorities.
        verify: False turns all verification off (`insecure-skip-tls-verify`).
    """

    def __init__(self, authority: bytes | RotatingFile | None = None, *, verify: bool = True) -> None:
        self._authority = authority
        self._verify = verify
        self._context: ssl.SSLContext | None = None
        self._made_of: tuple[bytes | None, ClientCertificate | None] | None = None

    def context(self, certificate: ClientCertificate | None) -> ssl.SSLContext:
        """Raises `ConfigurationError` when authority or certificate is no PEM or does not fit its key."""
        authority = self._authority
        content = authority.read() if isinstance(authority, RotatingFile) else authority
        made_of = self._made_of
        context = self._context
        if context is not None and made_of is not None:
            same_authority = made_of[0] is content or made_of[0] == content
            if same_authority and (made_of[1] is certificate or made_of[1] == certificate):
                return context
        name = str(authority.path) if isinstance(authority, RotatingFile) else "certificate-authority-data"
        context = trusting_context(content, name) if self._verify else _trusting_all()
        if certificate is not None:
            _present(context, certificate)
        self._context, self._made_of = context, (content, certificate)
        return context


def trusting_context(authority: bytes | None, name: str) -> ssl.SSLContext:
    """A context that trusts these authorities (PEM; `name` says in errors whose), else the system's."""
    try:
        context = ssl.create_default_context(cadata=authority.decode("ascii") if authority else None)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(f"{name} holds no PEM certificates: {error}") from error
    # Python 3.13 demands extensions that the authorities of many clusters do not have.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _trusting_all() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _present(context: ssl.SSLContext, certificate: ClientCertificate) -> None:
    """Load a client certificate; OpenSSL takes it from a file only, which lives for that moment."""
    descriptor, path = tempfile.mkstemp(prefix="reconcile-")  # readable by this user alone
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate.certificate.rstrip() + b"\n" + certificate.key)
        # An empty password: an encrypted key fails instead of asking the terminal.
        context.load_cert_chain(path, password=lambda: b"")
    except (ssl.SSLError, OSError) as error:
        raise ConfigurationError(f"the client certificate and its key cannot be used: {error}") from error
    finally:
        os.unlink(path)
