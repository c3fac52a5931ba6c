"""When self-made certificates are made, announced, put to use and forgotten. Pure: a state and a time in.

    fresh ──a third of the lifetime is left──▶ announced ──an overlap later──▶ in use ──two overlaps──▶ alone
      bundle: its authority          + the next one's           the next pair serves         the old one goes

An API server must know the next authority before anybody shows a certificate of it, and the old one as long
as some replica still shows the old certificate. So the bundle is always a step ahead of what is served, and a
step behind in forgetting. Every replica takes the same steps on one Secret; whoever comes first wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from reconcile.errors import ConfigurationError
from reconcile.webhooks.certificates import (
    BACKDATED,
    Issued,
    Pair,
    authorities_in,
    facts_of,
    load_pair,
    new_server_context,
)

AUTHORITIES: Final = "ca.crt"
CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
NEXT_CERTIFICATE: Final = "next.crt"
NEXT_KEY: Final = "next.key"


@dataclass(frozen=True, slots=True)
class RotationTimes:
    """How long things last.

    Attributes:
        lifetime: of a certificate and its authority.
        renew_before: how long before its end a certificate is followed by the next one.
        overlap: how long an authority is announced before a certificate of it is shown, and how much longer
            than that an old one is kept. Longer than replicas and API servers need to hear of a change.
    """

    lifetime: timedelta
    renew_before: timedelta
    overlap: timedelta


@dataclass(frozen=True, slots=True)
class Kept:
    """What replicas share.

    Attributes:
        authorities: PEM bundle of what API servers are to trust.
        current: what is served.
        following: what is served next; None while none is announced.
    """

    authorities: bytes
    current: Pair
    following: Pair | None = None

    @classmethod
    def from_data(cls, data: Mapping[str, bytes]) -> Kept | None:
        """What a Secret holds; None where it is not that."""
        authorities, certificate, key = (data.get(name) or b"" for name in (AUTHORITIES, CERTIFICATE, KEY))
        if not authorities_in(authorities) or not certificate or not key:
            return None
        following = None
        if data.get(NEXT_CERTIFICATE) and data.get(NEXT_KEY):
            following = Pair(data[NEXT_CERTIFICATE], data[NEXT_KEY])
        return cls(authorities, Pair(certificate, key), following)

    def to_data(self) -> dict[str, bytes]:
        """As a Secret holds it."""
        data = {
            AUTHORITIES: self.authorities,
            CERTIFICATE: self.current.certificate,
            KEY: self.current.key,
        }
        if self.following is not None:
            data |= {NEXT_CERTIFICATE: self.following.certificate, NEXT_KEY: self.following.key}
        return data


def next_kept(
    kept: Kept | None,
    names: frozenset[str],
    now: datetime,
    times: RotationTimes,
    make: Callable[[], Issued],
) -> Kept | None:
    """What is to be kept in the place of what is kept now; None where it stays.

    Args:
        kept: what the Secret holds; None for nothing, or nothing that can be used.
        names: what the certificate must be for.
        now: the wall clock.
        times: how long things last.
        make: makes a certificate of a new authority.
    """
    if kept is None or not _serves(kept.current, kept.authorities, names, now):
        # Served at once: what there is serves nobody, or not by all its names.
        made = make()
        return Kept(made.authority + (b"" if kept is None else kept.authorities), made.pair)
    if kept.following is not None:
        if not _serves(kept.following, kept.authorities, names, now):
            return _without_strangers(replace(kept, following=None))
        if now - _made(kept.following) >= times.overlap:
            return replace(kept, current=kept.following, following=None)
        return None
    if _ends(kept.current) - now <= times.renew_before:
        made = make()
        return Kept(made.authority + kept.authorities, kept.current, made.pair)
    alone = now - _made(kept.current) >= 3 * times.overlap
    if alone and len(authorities_in(kept.authorities)) > 1:
        return _without_strangers(kept)
    return None


def _serves(pair: Pair, authorities: bytes, names: frozenset[str], now: datetime) -> bool:
    """Whether it can be shown: a Secret may have been written by anybody."""
    try:
        facts = facts_of(pair.certificate)
        load_pair(new_server_context(), pair)
    except (ValueError, ConfigurationError):
        return False
    signed = any(_signed(each, pair) for each in authorities_in(authorities))
    return signed and names <= facts.names and facts.not_before <= now < facts.not_after


def _made(pair: Pair) -> datetime:
    return facts_of(pair.certificate).not_before + BACKDATED


def _ends(pair: Pair) -> datetime:
    return facts_of(pair.certificate).not_after


def _without_strangers(kept: Kept) -> Kept:
    """With only those authorities that signed something that is kept."""
    pairs = [kept.current, *([] if kept.following is None else [kept.following])]
    used = [each for each in authorities_in(kept.authorities) if any(_signed(each, pair) for pair in pairs)]
    return replace(kept, authorities=b"".join(used) or kept.authorities)


def _signed(authority: bytes, pair: Pair) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    certificate = x509.load_pem_x509_certificate(pair.certificate)
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
