"""An authority of the server's own, its serving certificate, and a client certificate for administrators."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reconcile.apiserver.interfaces import User
from reconcile.runtime import SystemRuntime

USER_UID = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")
"""The attribute in which a certificate may carry its user's uid."""


@dataclass(frozen=True, slots=True)
class ServingCertificates:
    """PEM of everything a server and its first client need."""

    authority: bytes
    certificate: bytes
    key: bytes
    client_certificate: bytes
    client_key: bytes
    authority_key: bytes

    def server_context(self) -> ssl.SSLContext:
        """A TLS context that shows the certificate, and takes client certificates of the authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # The ssl module reads files only; these live for a moment, for their owner.
        descriptor, path = tempfile.mkstemp(suffix=".pem")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(self.certificate + self.key)
            context.load_cert_chain(path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(path)
        context.load_verify_locations(cadata=self.authority.decode())
        context.verify_mode = ssl.CERT_OPTIONAL
        return context


def make_certificates(host: str) -> ServingCertificates:
    """Certificates for a server on `host`, valid for a year from an hour ago by the machine's clock."""
    # TLS peers check against the machine's clock, whatever the server's runtime simulates.
    begin = SystemRuntime().now() - timedelta(hours=1)
    end = begin + timedelta(days=365)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reconcile-apiserver-ca")])
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())

    def issue(subject: x509.Name, usage: x509.ObjectIdentifier, names: list[x509.GeneralName]) -> _Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, authority_name, key.public_key(), begin, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(sign_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(identifier, critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(authority_key, hashes.SHA256())
        return _Issued(_pem(certificate), _key_pem(key))

    names: list[x509.GeneralName] = [
        x509.DNSName(name)
        for name in ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
    ]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    names += _name_of(host)
    server = issue(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")]),
        ExtendedKeyUsageOID.SERVER_AUTH,
        names,
    )
    client = issue(
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters"),
                x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes-admin"),
            ]
        ),
        ExtendedKeyUsageOID.CLIENT_AUTH,
        [],
    )
    return ServingCertificates(
        _pem(authority),
        server.certificate,
        server.key,
        client.certificate,
        client.key,
        _key_pem(authority_key),
    )


def issue_client(authority: bytes, authority_key: bytes, user: User) -> tuple[bytes, bytes]:
    """A certificate of the authority that says who a client is, and its key, PEM; good for a year.

    The user's name is its common name, the groups are its organizations.
    """
    issuer = x509.load_pem_x509_certificate(authority)
    signer = serialization.load_pem_private_key(authority_key, None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    names = [(NameOID.ORGANIZATION_NAME, group) for group in user.groups]
    names.append((NameOID.COMMON_NAME, user.name))
    if user.uid:
        names.append((USER_UID, user.uid))
    begin = SystemRuntime().now() - timedelta(hours=1)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in names if value])
    certificate = (
        _builder(subject, issuer.subject, key.public_key(), begin, begin + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    return _pem(certificate), _key_pem(key)


@dataclass(frozen=True, slots=True)
class _Issued:
    certificate: bytes
    key: bytes


def _name_of(host: str) -> list[x509.GeneralName]:
    if host in ("", "0.0.0.0", "::", "127.0.0.1", "::1", "localhost"):
        return []
    try:
        return [x509.IPAddress(ipaddress.ip_address(host))]
    except ValueError:
        return [x509.DNSName(host)]


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """In the form of RFC 5915, which Java's fabric8 client reads, too."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
