"""Managers that share the keys of one controller, in virtual time on the embedded server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.leadership_virtual import LEASE, RETRY, Replica, VirtualGroup, World

from reconcile.api.coordination.v1 import Lease
from reconcile.leaderelection.sharding import shard_of
from reconcile.objects.identity import ObjectKey

SHARDS = 6


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def owned(group: VirtualGroup) -> dict[str, tuple[int, ...]]:
    """The shards of each replica that runs."""
    return {
        replica.name: replica.here.manager.shards.owned
        for replica in group.replicas
        if replica.here is not None and replica.here.manager.shards is not None
    }


def shares(group: VirtualGroup) -> list[int]:
    return sorted(len(shards) for shards in owned(group).values())


async def settled(group: VirtualGroup) -> None:
    """Wait until every shard has a replica, and the replicas their shares."""
    count = sum(replica.here is not None for replica in group.replicas)
    share, rest = divmod(group.shards, count)

    async def fair() -> bool:
        return shares(group) == sorted([share] * (count - rest) + [share + 1] * rest)

    await group.until(fair, f"{group.shards} shards on {count} replicas: {owned(group)}")


def test_replicas_share_the_shards_and_the_keys(world: World) -> None:
    async def story() -> None:
        async with VirtualGroup(world, 1, size=3, shards=SHARDS, skewed=False, objects=12) as group:
            await settled(group)
            await group.until_right()
            assert sorted(shard for shards in owned(group).values() for shard in shards) == list(
                range(SHARDS)
            )
            writers = Counter(write.writer for write in group.writes)
            assert len(writers) == 3, "each of them works"
            assert group.verdict().violations == []

    world.run(story())


def test_a_newcomer_gets_its_share_within_seconds_and_nothing_else_moves(world: World) -> None:
    async def story() -> None:
        async with VirtualGroup(world, 2, size=3, shards=SHARDS, skewed=False, objects=6) as group:
            newcomer = group.replicas[2]
            await group.terminate(newcomer)
            await settled(group)
            before = owned(group)
            began = world.loop.true_time()
            group.start(newcomer)
            await settled(group)
            # It announces itself, the others see it and drain, it sees what they gave away: each within
            # one look at the Leases.
            assert world.loop.true_time() - began < 4 * RETRY + 1
            for name, shards in before.items():
                assert set(owned(group)[name]) < set(shards)
            await group.until_right()
            verdict = group.verdict()
            assert (verdict.violations, verdict.takeovers) == ([], [])
            assert verdict.releases >= 2

    world.run(story())


def test_one_that_ends_in_order_hands_its_shards_over_at_once(world: World) -> None:
    async def story() -> None:
        async with VirtualGroup(world, 3, size=3, shards=SHARDS, skewed=False, objects=6) as group:
            await settled(group)
            began = world.loop.true_time()
            await group.terminate(group.replicas[0])
            await settled(group)
            assert world.loop.true_time() - began < 3 * RETRY + 1
            await group.until_right()
            verdict = group.verdict()
            assert (verdict.violations, verdict.takeovers) == ([], [])

    world.run(story())


def test_the_shards_of_one_that_dies_go_to_the_others_when_their_leases_end(world: World) -> None:
    async def story() -> None:
        async with VirtualGroup(world, 4, size=3, shards=SHARDS, skewed=False, objects=6) as group:
            await settled(group)
            began = world.loop.true_time()
            group.kill(group.replicas[0])
            await settled(group)
            # Its announcement was renewed up to a retry period before it died, and was seen one later.
            assert world.loop.true_time() - began < LEASE + 2.4 * RETRY + 1
            await group.until_right()
            assert group.verdict().violations == []

    world.run(story())


def test_a_reconcile_under_way_ends_before_its_shard_is_given_away(world: World) -> None:
    async def story() -> None:
        async with VirtualGroup(world, 5, size=2, shards=2, skewed=False, objects=8) as group:
            first, second = group.replicas
            await group.terminate(second)
            await settled(group)
            go_on = _slow_writes(group, first, shard=1)
            # Both shards have keys that are copied again every second.
            await asyncio.sleep(5.0)
            group.start(second)
            await asyncio.sleep(40.0)
            assert shares(group) == [0, 2], "it is waited for, and the lease renewed meanwhile"
            go_on.set()
            await settled(group)
            await group.until_right()
            assert group.verdict().violations == []

    world.run(story())


def _slow_writes(group: VirtualGroup, replica: Replica, shard: int) -> asyncio.Event:
    """Makes the copying of a shard's keys wait; returns what lets it go on."""
    assert replica.here is not None
    (controller,) = replica.here.manager.controllers
    reconciler: Any = controller.definition.reconciler
    put, go_on = reconciler._put, asyncio.Event()

    async def slowly(key: ObjectKey, value: str) -> None:
        if shard_of(ObjectKey(key.namespace, key.name.partition("-")[2]), group.shards) == shard:
            await go_on.wait()
        await put(key, value)

    reconciler._put = slowly
    return go_on


def test_replicas_of_another_number_of_shards_wait_until_the_others_are_gone(world: World) -> None:
    async def story() -> None:
        async with VirtualGroup(world, 6, size=2, shards=SHARDS, skewed=False, objects=6) as group:
            await settled(group)
            group.shards = 4
            other = Replica("z", 1.0, 0.0)
            group.replicas.append(other)
            group.start(other)
            await asyncio.sleep(60.0)
            assert other.here is not None and other.here.manager.shards is not None
            assert other.here.manager.shards.owned == ()
            assert "which counts 6 shards" in other.here.manager.shards.waits_for
            old = group.replicas[:2]
            del group.replicas[:2]
            for replica in old:
                await group.terminate(replica)
            await settled(group)
            assert other.here.manager.shards.owned == (0, 1, 2, 3)
            await group.until_right()

    world.run(story())


def test_announcements_and_shards_say_in_their_leases_what_they_are(world: World) -> None:
    async def story() -> None:
        async with VirtualGroup(world, 7, size=2, shards=2, skewed=False) as group:
            await settled(group)
            leases = await world.client.list(Lease, namespace=group.namespace)
            names = sorted(lease.metadata.name or "" for lease in leases)
            assert names[:2] == ["operator-0-of-2", "operator-1-of-2"]
            assert all(name.startswith("operator-replica-") for name in names[2:])
            assert {lease.metadata.labels["reconcile/election"] for lease in leases} == {"operator"}

    world.run(story())
