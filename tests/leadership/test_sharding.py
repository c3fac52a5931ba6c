"""Which keys are in which shard, and which shards on which replica: even, stable, and never in doubt."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.errors import ConfigurationError
from reconcile.leaderelection import LeaseOptions
from reconcile.leaderelection.record import LeaseRecord
from reconcile.leaderelection.sharding import ShardElector, shard_of
from reconcile.leaderelection.sharding.assignment import assign
from reconcile.leaderelection.sharding.view import Listing, Member, View
from reconcile.manager import Manager
from reconcile.objects.identity import ObjectKey

KEYS = [ObjectKey(f"team-{number % 97}", f"database-{number}") for number in range(20_000)]
REPLICAS = [f"operator-{number}" for number in range(8)]


# ---- keys to shards


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 16, 20])
def test_keys_are_even_within_a_fifth(shards: int) -> None:
    counts = Counter(shard_of(key, shards) for key in KEYS)
    fair = len(KEYS) / shards
    assert sorted(counts) == list(range(shards))
    assert all(abs(count - fair) <= 0.2 * fair for count in counts.values()), counts


@pytest.mark.parametrize("shards", [1, 4, 9])
def test_another_number_of_shards_moves_no_more_keys_than_it_must(shards: int) -> None:
    moved = [key for key in KEYS if shard_of(key, shards) != shard_of(key, shards + 1)]
    assert len(moved) <= 1.1 * len(KEYS) / (shards + 1)
    assert {shard_of(key, shards + 1) for key in moved} == {shards}, "they move to the new shard alone"


def test_the_shard_of_a_key_is_the_same_in_every_version() -> None:
    assert [shard_of(ObjectKey("shop", f"web-{number}"), 10) for number in range(6)] == [3, 6, 5, 0, 0, 1]


# ---- shards to replicas


def settle(members: list[str], holders: list[str | None]) -> tuple[list[str | None], int]:
    """What comes of it when all follow their assignments in turn; the holders, and how many shards moved."""
    moves = 0
    for _ in range(4 * len(holders) + 4):
        quiet = True
        for member in members:
            assignment = assign(member, members, holders)
            for shard in assignment.give_up:
                assert holders[shard] == member
                holders[shard] = ""
            for shard in assignment.take:
                assert holders[shard] == ""
                holders[shard] = member
            moves += len(assignment.give_up)
            quiet = quiet and assignment == assign(member, members, holders) and not assignment.take
        if quiet:
            return holders, moves
    raise AssertionError(f"never at rest: {holders}")


@given(
    shards=st.integers(1, 40),
    before=st.lists(st.sampled_from([*REPLICAS, ""]), min_size=40, max_size=40),
    count=st.integers(1, len(REPLICAS)),
)
def test_every_replica_ends_with_its_share(shards: int, before: list[str], count: int) -> None:
    members = REPLICAS[:count]
    start: list[str | None] = [holder if holder in members else "" for holder in before[:shards]]
    held = Counter(holder for holder in start if holder)
    holders, moves = settle(members, list(start))
    shares = [holders.count(member) for member in members]
    assert sum(shares) == shards, "every shard has somebody"
    assert max(shares) - min(shares) <= 1, "shares differ by one at most"
    surplus = sum(max(0, held[member] - -(-shards // count)) for member in members)
    assert surplus <= moves <= surplus + count, "nothing is moved for nothing"


def test_a_newcomer_gets_its_share_and_nobody_else_moves() -> None:
    holders: list[str | None] = ["a", "a", "a", "b", "b", "b"]
    after, moves = settle(["a", "b", "c"], list(holders))
    assert moves == 2
    assert after.count("c") == 2
    assert all(now in (was, "c") for was, now in zip(holders, after, strict=True))


def test_what_cannot_be_had_now_is_left_alone() -> None:
    assert assign("a", ["a"], [None, "", "gone"]).take == (1,)


@given(st.lists(st.sampled_from(REPLICAS), min_size=1, max_size=30), st.integers(1, 8))
def test_two_never_try_for_the_same_shard(held: list[str], count: int) -> None:
    members = REPLICAS[:count]
    holders: list[str | None] = [holder if holder in members else "" for holder in held]
    wanted = [shard for member in members for shard in assign(member, members, holders).take]
    assert len(wanted) == len(set(wanted))


# ---- replicas that disagree about the number of shards


def view(identity: str = "a") -> View:
    return View(LeaseOptions("operator"), identity, 4)


def test_nobody_takes_a_shard_while_a_replica_counts_another_number() -> None:
    seen = view()
    seen.see(Listing((Member("a", 4, "1"), Member("b", 5, "2"))), now=0.0)
    plan = seen.plan(["", "", "", "a"], now=0.0)
    assert (plan.take, plan.give_up) == ((), ())
    assert plan.waits_for == "b, which counts 5 shards"
    # It is gone when it was silent for as long as a lease lasts.
    seen.see(Listing((Member("a", 4, "3"), Member("b", 5, "2"))), now=15.0)
    assert seen.plan(["", "", "", "a"], now=15.0).take == (0, 1, 2)


def test_shards_of_another_number_are_waited_for_as_long_as_they_are_held() -> None:
    seen = view()
    held = LeaseRecord("b", 15, "", "1")
    seen.see(Listing((Member("a", 4, "1"),), {"operator-0-of-5": held}), now=0.0)
    assert seen.plan([""] * 4, now=14.9).waits_for == "b, which holds operator-0-of-5"
    seen.see(Listing((Member("a", 4, "2"),), {"operator-0-of-5": held}), now=15.0)
    assert seen.plan([""] * 4, now=15.0).take == (0, 1, 2, 3)
    seen.see(Listing((Member("a", 4, "3"),), {"operator-0-of-5": held.released("2")}), now=16.0)
    assert not seen.plan([""] * 4, now=16.0).waits_for


def test_a_replica_that_has_not_announced_itself_takes_nothing() -> None:
    seen = view()
    seen.see(Listing((Member("b", 4, "1"),)), now=0.0)
    assert seen.plan([""] * 4, now=0.0).take == ()


def test_what_is_being_given_up_is_not_given_up_twice() -> None:
    seen = view()
    seen.see(Listing((Member("a", 4, "1"), Member("b", 4, "2"))), now=0.0)
    assert seen.plan(["a"] * 4, now=0.0).give_up == (2, 3)
    assert seen.plan(["a"] * 4, now=0.0, giving_up=(3,)).give_up == (2,)
    assert seen.plan(["a"] * 4, now=0.0, giving_up=(2, 3)).give_up == ()


def test_announcements_of_the_dead_are_swept_away_in_time() -> None:
    seen = view()
    seen.see(Listing((Member("b", 4, "1"),)), now=0.0)
    assert seen.gone(149.9) == []
    assert seen.gone(150.0) == ["b"]


# ---- what a manager is given


def test_shards_want_a_name_and_a_sensible_number() -> None:
    with pytest.raises(ConfigurationError, match="leader_election"):
        Manager(shards=3)
    with pytest.raises(ConfigurationError, match="from 1 to"):
        Manager(leader_election="default/operator", shards=0)
    with pytest.raises(ConfigurationError, match="longer than 40"):
        ShardElector("o" * 41, 3)
