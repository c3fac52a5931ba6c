"""What befalls a group of operators on a real control plane, and schedules of it at random.

Each fault is a function of the group alone; it returns when it is over, and everything may be hurt again. A
schedule is the dice of one seed: it says which faults, when, and whom they hit.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from helpers.leadership_arena import SCALED, Arena, Group, Slot
from helpers.leadership_operator import ELECTION
from helpers.leadership_verdict import Verdict

from reconcile.api.coordination.v1 import Lease
from reconcile.errors import AlreadyExistsError, ConflictError, NotFoundError

Fault = Callable[[Group], Awaitable[None]]


async def kill_the_leader(group: Group) -> None:
    """SIGKILL; it is back sooner or later than another leads."""
    if (slot := await group.leader()) is not None:
        await group.kill(slot)
        await _pause(group, 0.0, 1.6)
        await group.start(slot)


async def kill_anybody(group: Group) -> None:
    """SIGKILL, and back at once."""
    slot = _anybody(group)
    await group.kill(slot)
    await group.start(slot)


async def freeze_the_leader(group: Group) -> None:
    """SIGSTOP for longer than the lease, then SIGCONT: it wakes as a leader that is none any more."""
    if (slot := await group.leader()) is not None:
        group.freeze(slot)
        await _pause(group, 1.1, 2.2)
        group.thaw(slot)


async def freeze_the_leader_shortly(group: Group) -> None:
    """SIGSTOP for less than the lease: around the moment at which it must stop by itself."""
    if (slot := await group.leader()) is not None:
        group.freeze(slot)
        await _pause(group, 0.4, 1.1)
        group.thaw(slot)


async def freeze_anybody(group: Group) -> None:
    """SIGSTOP and SIGCONT."""
    slot = _anybody(group)
    group.freeze(slot)
    await _pause(group, 0.2, 1.6)
    group.thaw(slot)


async def terminate_the_leader(group: Group) -> None:
    """SIGTERM: it gives the lease away."""
    if (slot := await group.leader()) is not None:
        status = await group.terminate(slot)
        assert status == 0, f"{group.namespace}: an operator ended with status {status} after SIGTERM"
        await group.start(slot)


async def cut_the_leader_off(group: Group) -> None:
    """No connection to the server for a while."""
    if (slot := await group.leader()) is not None:
        slot.proxy.down()
        await _pause(group, 0.3, 2.0)
        slot.proxy.up()


async def cut_connections(group: Group) -> None:
    """Every connection of one operator is reset."""
    (await group.leader() or _anybody(group)).proxy.cut()


async def silence_the_leader(group: Group) -> None:
    """Its open connections stay open and carry nothing any more; new ones work."""
    if (slot := await group.leader()) is not None:
        slot.proxy.silence()


async def delay_the_leader(group: Group) -> None:
    """What it sends and is sent comes later, by less than a leader stops before others take over."""
    if (slot := await group.leader()) is not None:
        slot.proxy.slow_down(group.dice.uniform(0.02, 0.25) * group.numbers.slack)
        await _pause(group, 0.5, 1.5)
        slot.proxy.slow_down(0.0)


async def half_close(group: Group) -> None:
    """The server's half of the leader's connections ends, somewhere inside what it sends."""
    slot = await group.leader() or _anybody(group)
    slot.proxy.cut_after(group.dice.randrange(1, 3000), half_close=True)


async def delete_the_lease(group: Group) -> None:
    """An administrator deletes it."""
    name = await _some_lease(group)

    async def delete() -> None:
        await group.arena.client.delete(Lease, f"{group.namespace}/{name}")

    try:
        await group.arena.patiently(delete)
    except NotFoundError:
        return


async def let_a_stranger_hold_it(group: Group) -> None:
    """Something else writes itself into the Lease, perhaps renews it, and is never heard of again."""
    name = await _some_lease(group)
    for renewal in range(1 + group.dice.randrange(3)):

        async def take(renewal: int = renewal) -> None:
            client = group.arena.client
            lease = await client.get(Lease, f"{group.namespace}/{name}")
            lease.spec.holder_identity = "stranger"
            lease.spec.lease_transitions = (lease.spec.lease_transitions or 0) + (renewal == 0)
            lease.spec.renew_time = "2020-01-01T00:00:00.000000Z"
            lease.spec.acquire_time = f"2020-01-01T00:00:00.{group.dice.randrange(1000000):06d}Z"
            await client.update(lease)

        try:
            await group.arena.patiently(lambda: _retried(take))
        except NotFoundError:
            return
        await _pause(group, 0.2, 0.7)


async def _some_lease(group: Group) -> str:
    """The name of one that is there; of the only one when there is none."""
    names = sorted(lease.metadata.name or "" for lease in await group.leases())
    return group.dice.choice(names) if names else ELECTION


async def _retried(ask: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await ask()
        except (ConflictError, AlreadyExistsError):
            continue


FAULTS: tuple[Fault, ...] = (
    kill_the_leader,
    kill_anybody,
    freeze_the_leader,
    freeze_the_leader_shortly,
    freeze_anybody,
    terminate_the_leader,
    cut_the_leader_off,
    cut_connections,
    silence_the_leader,
    delay_the_leader,
    half_close,
    delete_the_lease,
    let_a_stranger_hold_it,
)


async def run_schedule(
    group: Group, *, rounds: int, faults: tuple[Fault, ...] = FAULTS, ends_right: bool = True
) -> None:
    """So many faults, one after the other or two at once; then nothing, until every object is right.

    With `ends_right` False the end is not waited for: what an unfenced leader wrote last stays.
    """
    await group.until_led()
    enough = asyncio.Event()
    churning = asyncio.create_task(group.churn(enough), name="churn")
    try:
        for _ in range(rounds):
            await _pause(group, 0.1, 0.8)
            chosen = [group.dice.choice(faults)]
            if group.dice.random() < 0.25:
                chosen.append(group.dice.choice(faults))
            await asyncio.gather(*(_hit(group, fault) for fault in chosen))
            group.assert_alive()
    finally:
        enough.set()
        await asyncio.wait([churning])
    churning.result()
    await group.heal()
    if ends_right:
        await group.until_right()
    group.assert_alive()


async def _hit(group: Group, fault: Fault) -> None:
    await fault(group)
    group.happened[fault.__name__] += 1


def _anybody(group: Group) -> Slot:
    return group.dice.choice(group.slots)


async def _pause(group: Group, least: float, most: float) -> None:
    """Multiples of the lease duration."""
    await asyncio.sleep(group.dice.uniform(least, most) * group.numbers.lease_duration)


# ---- what befalls the server, and so every group on it


async def restart_the_server(arena: Arena, dice: random.Random) -> None:
    """In order: connections end, and none is taken for some seconds."""
    await asyncio.to_thread(arena.plane.restart_apiserver)


async def kill_the_server(arena: Arena, dice: random.Random) -> None:
    """SIGKILL: what was committed and not answered stays unknown to whoever asked."""
    await asyncio.to_thread(arena.plane.restart_apiserver, kill=True)


async def freeze_the_server(arena: Arena, dice: random.Random) -> None:
    """SIGSTOP and SIGCONT: what was sent before is carried out after."""
    process = arena.plane.processes["kube-apiserver"]
    process.signal(signal.SIGSTOP)
    await asyncio.sleep(dice.uniform(0.5, 2.5) * SCALED.lease_duration)
    process.signal(signal.SIGCONT)


ServerFault = Callable[[Arena, random.Random], Awaitable[None]]
SERVER_FAULTS: tuple[ServerFault, ...] = (restart_the_server, kill_the_server, freeze_the_server)


async def run_batch(
    arena: Arena,
    seeds: Sequence[int],
    *,
    rounds: int,
    sharded: Sequence[int] = (),
    server_fault: ServerFault | None = None,
) -> tuple[Verdict, Counter[str]]:
    """A schedule for each seed, all at once; during them, perhaps, a fault of the server they share.

    The groups of the seeds `sharded` have five shards.
    """
    dice = random.Random(seeds[0] if seeds else sharded[0])
    numbers = await arena.pace()

    async def one(seed: int, shards: int = 0) -> Group:
        name = f"s{seed}" if not shards else f"p{seed}"
        size, objects = (2 + seed % 2, 4) if not shards else (3, 8)
        async with Group(
            arena, name, seed, size=size, shards=shards, objects=objects, numbers=numbers
        ) as group:
            await run_schedule(group, rounds=rounds)
        return group

    async def hurt() -> None:
        if server_fault is not None:
            await asyncio.sleep(dice.uniform(2.0, 5.0) * numbers.lease_duration)
            await server_fault(arena, dice)

    *groups, _ = await asyncio.gather(
        *(one(seed) for seed in seeds), *(one(seed, 5) for seed in sharded), hurt()
    )
    verdict, happened = Verdict(), Counter[str]()
    audit = await asyncio.to_thread(arena.new_audit)
    for group in groups:
        assert isinstance(group, Group)
        verdict.add(await asyncio.to_thread(group.verdict, audit))
        happened += group.happened
    if server_fault is not None:
        happened[server_fault.__name__] += 1
    return verdict, happened
