"""Self-made certificates: what is made when, and that no caller ever meets one that it does not trust."""

from __future__ import annotations

import itertools
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from reconcile import ConfigurationError
from reconcile.webhooks.certificates import (
    Pair,
    authorities_in,
    facts_of,
    issue,
    load_pair,
    new_server_context,
    service_names,
)
from reconcile.webhooks.options import OwnCertificates
from reconcile.webhooks.rotation import Kept, next_kept

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = service_names("shop/database")
TIMES = OwnCertificates("shop/database").times


def step(kept: Kept | None, now: datetime, names: tuple[str, ...] = NAMES) -> Kept | None:
    return next_kept(kept, frozenset(names), now, TIMES, lambda: issue(names, now, TIMES.lifetime))


def trusted_by(authorities: bytes, pair: Pair) -> bool:
    """Whether a client that trusts the bundle takes the certificate: a handshake in memory."""
    client = ssl.create_default_context(cadata=authorities.decode())
    # The machine's clock is not the test's.
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    server = new_server_context()
    load_pair(server, pair)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=NAMES[0])
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return True


def test_a_certificate_is_for_the_service_and_for_a_while() -> None:
    made = issue((*NAMES, "127.0.0.1"), START, timedelta(days=90))
    facts = facts_of(made.pair.certificate)
    assert facts.names == {*NAMES, "127.0.0.1"}
    assert facts.not_before == START - timedelta(hours=1)
    assert facts.not_after == START + timedelta(days=90)


def test_a_bundle_trusts_what_it_signed_and_nothing_else() -> None:
    now = datetime.now(UTC)
    one, other = (issue(NAMES, now, timedelta(days=1)) for _ in range(2))
    assert trusted_by(one.authority, one.pair)
    assert not trusted_by(one.authority, other.pair)
    assert trusted_by(one.authority + other.authority, other.pair)
    assert authorities_in(b"rubbish" + one.authority + b"\n" + other.authority) == [
        one.authority,
        other.authority,
    ]


def test_a_certificate_and_a_key_that_are_no_pair_are_refused() -> None:
    one, other = (issue(NAMES, START, timedelta(days=1)).pair for _ in range(2))
    for wrong in (Pair(one.certificate, other.key), Pair(b"x", b"y"), Pair(one.certificate, b"")):
        with pytest.raises(ConfigurationError, match="certificate and key cannot be used"):
            load_pair(new_server_context(), wrong)


def test_nothing_is_made_while_nothing_is_due() -> None:
    kept = step(None, START)
    assert kept is not None and kept.following is None
    for days in range(60):
        assert step(kept, START + timedelta(days=days)) is None


def test_the_next_authority_is_announced_then_used_then_alone() -> None:
    kept = step(None, START)
    assert kept is not None
    first = kept
    due = START + TIMES.lifetime - TIMES.renew_before
    announced = step(kept, due)
    assert announced is not None and announced.current == first.current
    assert len(authorities_in(announced.authorities)) == 2
    assert step(announced, due + TIMES.overlap - timedelta(seconds=1)) is None
    used = step(announced, due + TIMES.overlap)
    assert used is not None and used.current == announced.following
    assert len(authorities_in(used.authorities)) == 2
    assert step(used, due + 3 * TIMES.overlap - timedelta(seconds=1)) is None
    alone = step(used, due + 3 * TIMES.overlap)
    assert alone is not None and len(authorities_in(alone.authorities)) == 1
    assert step(alone, due + 3 * TIMES.overlap) is None


def test_through_two_years_every_certificate_shown_is_trusted_before_and_after() -> None:
    """Looked at once a day: what matters is the order of the steps."""
    looks = timedelta(days=1)
    now, kept = START, step(None, START)
    assert kept is not None
    history = [(now, kept)]
    while now < START + timedelta(days=730):
        now += looks
        if (made := step(kept, now)) is not None:
            kept = made
            history.append((now, kept))
    assert len(history) > 30
    shown = {each.current for _, each in history}
    assert len(shown) >= 11
    for (_, before), (_, after) in itertools.pairwise(history):
        for bundle, pair in ((before.authorities, after.current), (after.authorities, before.current)):
            signers = authorities_in(bundle)
            assert any(_signed(each, pair) for each in signers)
    for when, each in history:
        facts = facts_of(each.current.certificate)
        assert facts.not_before <= when and when + TIMES.renew_before - 2 * looks <= facts.not_after


def _signed(authority: bytes, pair: Pair) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
    except (ValueError, InvalidSignature):
        return False
    return True


def test_one_that_ended_or_is_for_other_names_is_replaced_at_once() -> None:
    kept = step(None, START)
    assert kept is not None
    ended = step(kept, START + TIMES.lifetime)
    assert ended is not None and ended.current != kept.current and ended.following is None
    more = (*NAMES, "database.example.com")
    named = step(kept, START, more)
    assert named is not None and facts_of(named.current.certificate).names == set(more)
    # Replicas of the older revision go on with it: its names are among those.
    assert step(named, START) is None
    assert len(authorities_in(named.authorities)) == 2


def test_what_a_secret_holds_comes_back_and_rubbish_is_nothing() -> None:
    kept = step(None, START)
    assert kept is not None
    announced = step(kept, START + TIMES.lifetime - TIMES.renew_before)
    assert announced is not None
    assert Kept.from_data(announced.to_data()) == announced
    assert Kept.from_data(kept.to_data()) == kept
    for data in ({}, {"ca.crt": b"x", "tls.crt": b"y", "tls.key": b"z"}, {**kept.to_data(), "tls.key": b""}):
        assert Kept.from_data(data) is None
    stranger = issue(NAMES, START, TIMES.lifetime)
    for rubbish in (
        Kept(kept.authorities, Pair(b"x", b"y")),
        Kept(kept.authorities, Pair(kept.current.certificate, stranger.pair.key)),
        Kept(kept.authorities, stranger.pair),
    ):
        again = step(rubbish, START)
        assert again is not None and step(again, START) is None
        load_pair(new_server_context(), again.current)


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": "database"},
        {"service": "a/b", "secret": "c"},
        {"service": "a/b", "renew_before": 90.0},
        {"service": "a/b", "renew_before": 0.01},
    ],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        OwnCertificates(**wrong)  # type: ignore[arg-type]
