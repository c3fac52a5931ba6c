"""Certificates of a webhook server: how they are made, read, and put into TLS without touching a disk.

A pair is a certificate and its key. What the operator makes itself is an authority that signs one server
certificate and nothing else ever: its own key is thrown away at once, so none has to be kept secret.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from reconcile.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

BACKDATED: Final = timedelta(hours=1)
"""How long before its making a certificate begins: clocks of other machines may be behind."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A server certificate and its key, PEM.

    Attributes:
        certificate: the certificate, and after it those between it and its authority.
        key: its private key.
    """

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Issued:
    """A pair that was made, and the authority that signed it, PEM."""

    pair: Pair
    authority: bytes


@dataclass(frozen=True, slots=True)
class Facts:
    """What a certificate says: its dates, aware and in UTC, and the names that it is for."""

    not_before: datetime
    not_after: datetime
    names: frozenset[str]


def service_names(service: str) -> tuple[str, ...]:
    """The DNS names of a service given as `namespace/name`: the one that API servers call first.

    >>> service_names("shop/database")
    ('database.shop.svc', 'database.shop.svc.cluster.local', 'database.shop', 'database')

    Raises:
        ConfigurationError: it is not written as `namespace/name`.
    """
    namespace, slash, name = service.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise ConfigurationError(f"the service {service!r} of a webhook server: write it as namespace/name")
    return (f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.cluster.local", f"{name}.{namespace}", name)


def issue(names: Sequence[str], now: datetime, lifetime: timedelta) -> Issued:
    """A new authority and a server certificate of it, good from an hour ago until `lifetime` from now.

    Args:
        names: DNS names and IP addresses that the certificate is for.
        now: the wall clock.
        lifetime: of both.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    begin, end = now - BACKDATED, now + lifetime
    authority_key = ec.generate_private_key(ec.SECP256R1())
    # Two authorities of one name and different keys would be taken for one by some verifiers.
    serial = x509.random_serial_number()
    authority_name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"reconcile-webhook-ca-{serial:x}"[:64])]
    )
    authority_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(authority_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    certificate = (
        _builder(subject, authority_name, key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    return Issued(Pair(_pem(certificate), _key_pem(key)), _pem(authority))


def facts_of(certificate: bytes) -> Facts:
    """What a PEM certificate says. Raises `ValueError` for bytes that are none."""
    from cryptography import x509

    found = x509.load_pem_x509_certificate(certificate)
    names: set[str] = set()
    with contextlib.suppress(x509.ExtensionNotFound):
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names.update(alternatives.get_values_for_type(x509.DNSName))
        names.update(str(address) for address in alternatives.get_values_for_type(x509.IPAddress))
    return Facts(found.not_valid_before_utc, found.not_valid_after_utc, frozenset(names))


def authorities_in(bundle: bytes) -> list[bytes]:
    """The certificates of a PEM bundle, one by one; what is none is left out."""
    from cryptography import x509

    found: list[bytes] = []
    for block in bundle.split(b"-----END CERTIFICATE-----"):
        begin = block.find(b"-----BEGIN CERTIFICATE-----")
        if begin < 0:
            continue
        pem = block[begin:] + b"-----END CERTIFICATE-----\n"
        with contextlib.suppress(ValueError):
            x509.load_pem_x509_certificate(pem)
            found.append(pem)
    return found


def new_server_context() -> ssl.SSLContext:
    """A TLS context without a certificate: `load_pair` gives it one, and another one at any time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def load_pair(context: ssl.SSLContext, pair: Pair) -> None:
    """Have a context show this certificate from the next connection on.

    Raises:
        ConfigurationError: the two do not belong together, or one of them is not what it should be.
    """
    with _as_file(pair.certificate + b"\n" + pair.key) as path:
        try:
            context.load_cert_chain(path)
        except (ssl.SSLError, ValueError, OSError) as error:
            raise ConfigurationError(
                f"the webhook server's certificate and key cannot be used: {getattr(error, 'reason', error)}"
            ) from None


@contextlib.contextmanager
def _as_file(content: bytes) -> Generator[str]:
    """The ssl module reads files only, and a pod may have no file system that it can write to."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("webhook-certificate", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(content)
        file.flush()
        yield file.name


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin.astimezone(UTC))
        .not_valid_after(end.astimezone(UTC))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
