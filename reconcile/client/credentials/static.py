"""Credentials that need no conversation: tokens, passwords, certificates, in text or in files."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from reconcile.client.credentials.base import ClientCertificate, Credentials, Proof
from reconcile.client.credentials.files import RotatingFile
from reconcile.errors import ConfigurationError, CredentialsError


@dataclass(frozen=True, slots=True)
class CertificateSource:
    """Where a client certificate comes from: text, or files that may rotate."""

    certificate: bytes | RotatingFile
    key: bytes | RotatingFile

    def read(self, *, now: bool = False) -> ClientCertificate:
        return ClientCertificate(_content(self.certificate, now), _content(self.key, now))


def _content(source: bytes | RotatingFile, now: bool) -> bytes:
    return source if isinstance(source, bytes) else source.read(now=now)


class StaticCredentials(Credentials):
    """A token, a password or none, with or without a client certificate.

    Args:
        token: a bearer token, or the file that holds it; a file is read again when it changes.
        username, password: for basic authentication.
        certificate: a client certificate.
        user: the name of the user in the configuration, for error texts.
    """

    def __init__(
        self,
        *,
        token: str | RotatingFile | None = None,
        username: str | None = None,
        password: str | None = None,
        certificate: CertificateSource | None = None,
        user: str = "",
    ) -> None:
        if isinstance(token, str) and not token.strip():
            raise ConfigurationError("the bearer token is empty")
        self._token = token
        self._basic = _basic(username, password) if username else ""
        self._certificate = certificate
        self._user = user
        self._proof = Proof({})

    async def proof(self) -> Proof:
        return self._read(now=False)

    async def renew(self, refused: Proof) -> bool:
        return self._read(now=True) is not refused

    def _read(self, *, now: bool) -> Proof:
        authorization = self._basic
        if isinstance(self._token, RotatingFile):
            authorization = f"Bearer {_token_in(self._token, now)}"
        elif self._token:
            authorization = f"Bearer {self._token}"
        certificate = self._certificate.read(now=now) if self._certificate else None
        proof = self._proof
        if proof.headers.get("authorization", "") != authorization or proof.certificate != certificate:
            headers = {"authorization": authorization} if authorization else {}
            self._proof = proof = Proof(headers, certificate)
        return proof

    @property
    def describes(self) -> str:
        parts: list[str] = []
        if isinstance(self._token, RotatingFile):
            parts.append(f"the token in {self._token.path}")
        elif self._token:
            parts.append("the token")
        if self._basic:
            parts.append("the password")
        if self._certificate:
            parts.append("the client certificate")
        of_user = f' of user "{self._user}"' if self._user else ""
        return " and ".join(parts) + of_user


def _token_in(file: RotatingFile, now: bool) -> str:
    try:
        return file.read(now=now).decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise CredentialsError(f"{file.path} holds no token") from error


def _basic(username: str, password: str | None) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password or ''}".encode()).decode()
