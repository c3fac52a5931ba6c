"""Acting as somebody else, as `kubectl --as` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from reconcile.client.credentials.base import Credentials, Proof
from reconcile.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Impersonation:
    """Who requests are made as; the real user needs the permission to impersonate.

    Attributes:
        user: user name, such as `jane` or `system:serviceaccount:ns:name`; required with any other.
        groups: groups of that user, in order.
        uid: uid of that user; empty for none.
        extra: further attributes of that user, each with its values.
    """

    user: str
    groups: Sequence[str] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])

    def __post_init__(self) -> None:
        if not self.user and (self.groups or self.uid or self.extra):
            raise ConfigurationError("impersonating a group, uid or extra needs a user (`as`) as well")


class ImpersonatingCredentials(Credentials):
    """Other credentials, with the headers that ask for an impersonation."""

    def __init__(self, inner: Credentials, who: Impersonation) -> None:
        self._inner = inner
        self._who = who
        self._headers = _headers(who)
        self._seen: Proof | None = None
        self._proof = Proof({})

    async def proof(self) -> Proof:
        inner = await self._inner.proof()
        if inner is not self._seen:
            self._seen = inner
            self._proof = Proof({**inner.headers, **self._headers}, inner.certificate)
        return self._proof

    async def renew(self, refused: Proof) -> bool:
        if refused is not self._proof or self._seen is None:
            return True
        return await self._inner.renew(self._seen)

    @property
    def describes(self) -> str:
        return f'{self._inner.describes}, acting as "{self._who.user}"'


def _headers(who: Impersonation) -> dict[str, str | tuple[str, ...]]:
    headers: dict[str, str | tuple[str, ...]] = {"impersonate-user": who.user}
    if who.uid:
        headers["impersonate-uid"] = who.uid
    if who.groups:
        headers["impersonate-group"] = tuple(who.groups)
    for name, values in who.extra.items():
        # The server takes header names in lower case and undoes percent-encoding of what they cannot hold.
        headers[f"impersonate-extra-{quote(name.lower(), safe='')}"] = tuple(values)
    return headers
