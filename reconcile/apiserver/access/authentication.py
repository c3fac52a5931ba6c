"""Who asks: certificate, token of the token file, service account token, or nobody.

The order and the messages are those of kube-apiserver: the certificate of the connection first, then the
bearer token, which is looked for in the token file and then taken for one of a service account. A bad token
is an error, not anonymity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconcile.apiserver.access.service_account_tokens import (
    Authenticated,
    ServiceAccountTokens,
    TokenError,
)
from reconcile.apiserver.access.user import ANONYMOUS, authenticated
from reconcile.apiserver.interfaces import Access, User

_BAD_TOKEN: Final = "invalid bearer token"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the credentials.

    Attributes:
        user: who it is; None when that is not known.
        audiences: for whom the credentials are good.
        error: what is wrong with them; empty when nothing is.
    """

    user: User | None = None
    audiences: tuple[str, ...] = ()
    error: str = ""


class Authentication:
    """Arguments: tokens: static ones; service_accounts: checks tokens of service accounts."""

    def __init__(
        self, tokens: Mapping[str, User], service_accounts: ServiceAccountTokens, *, anonymous: bool
    ) -> None:
        self._tokens = {token: authenticated(user) for token, user in tokens.items()}
        self._service_accounts = service_accounts
        self._anonymous = anonymous

    def identify(
        self,
        certified: User | None,
        authorization: str,
        access: Access,
        audiences: Sequence[str] = (),
    ) -> Verdict:
        """Who it is.

        Arguments:
            certified: whom the connection's certificate names.
            authorization: the `Authorization` header.
            access: where service accounts and what their tokens are bound to are looked up.
            audiences: for whom the credentials must be good; empty: for this server.
        """
        wanted = tuple(audiences) or self._service_accounts.audiences
        if certified is not None:
            return Verdict(authenticated(certified), wanted)
        token = _bearer(authorization)
        if token:
            return self._of_token(token, wanted, access)
        if self._anonymous:
            return Verdict(ANONYMOUS, wanted)
        return Verdict()

    def _of_token(self, token: str, wanted: tuple[str, ...], access: Access) -> Verdict:
        static = self._tokens.get(token)
        own = self._service_accounts.audiences
        if static is not None and (common := tuple(each for each in own if each in wanted)):
            return Verdict(static, common)
        try:
            found: Authenticated | None = self._service_accounts.authenticate(token, wanted, access)
        except TokenError as error:
            return Verdict(error=f"[{_BAD_TOKEN}, {error}]")
        if found is None:
            return Verdict(error=_BAD_TOKEN)
        return Verdict(authenticated(found.user), found.audiences)


def _bearer(authorization: str) -> str:
    """The token of an `Authorization` header; empty when it has none."""
    parts = authorization.strip().split(" ", 2)
    return parts[1] if len(parts) > 1 and parts[0].lower() == "bearer" else ""
