"""What proves to the API server who is asking."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class ClientCertificate:
    """A certificate chain and its private key, both PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Proof:
    """What one request is sent with.

    Attributes:
        headers: header fields, `authorization` and `impersonate-…`; names in lower case.
        certificate: presented in the TLS handshake, or None.
    """

    headers: Mapping[str, str | tuple[str, ...]]
    certificate: ClientCertificate | None = None


NOTHING = Proof({})


class Credentials(ABC):
    """Gives the proof for each request, and keeps it fresh.

    Used by many tasks at once. Fails with `CredentialsError` when there is no proof to give: a request is
    never sent without one because getting it failed.
    """

    @abstractmethod
    async def proof(self) -> Proof:
        """The proof to send now; the same instance until it changes."""

    async def renew(self, refused: Proof) -> bool:
        """The server answered 401 to this proof; True when there is another one worth trying."""
        return await self.proof() is not refused

    @property
    def describes(self) -> str:
        """What the proof is, for error texts, such as `the client certificate of user "admin"`."""
        return "the credentials"


class Anonymous(Credentials):
    """No proof at all: what a configuration asks for that names no user."""

    async def proof(self) -> Proof:
        return NOTHING

    async def renew(self, refused: Proof) -> bool:
        return False

    @property
    def describes(self) -> str:
        return "no credentials (the configuration names none)"
