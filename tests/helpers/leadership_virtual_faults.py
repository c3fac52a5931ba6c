"""What befalls a group of operators in virtual time, and schedules of it at random."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from helpers.leadership_verdict import Verdict
from helpers.leadership_virtual import LEASE, Replica, VirtualGroup, World

Fault = Callable[[VirtualGroup], Awaitable[None]]


async def kill_the_leader(group: VirtualGroup) -> None:
    """As SIGKILL; it is back sooner or later than another leads."""
    if (replica := group.leader()) is not None:
        group.kill(replica)
        await _pause(group, 0.0, 1.6)
        group.start(replica)


async def freeze_the_leader(group: VirtualGroup) -> None:
    """It stands still for longer than the lease, and wakes as a leader that is none any more."""
    await _freeze(group, group.leader(), 1.1, 2.2)


async def freeze_the_leader_shortly(group: VirtualGroup) -> None:
    """It stands still around the moment at which it must stop by itself."""
    await _freeze(group, group.leader(), 0.4, 1.1)


async def freeze_anybody(group: VirtualGroup) -> None:
    await _freeze(group, _anybody(group), 0.1, 1.6)


async def terminate_the_leader(group: VirtualGroup) -> None:
    """As SIGTERM: it gives the lease away."""
    replica = group.leader()
    if replica is not None and replica.here is not None and not replica.here.machine.frozen:
        await group.terminate(replica)
        group.start(replica)


async def terminate_while_writes_are_late(group: VirtualGroup) -> None:
    """As SIGTERM, when what it sends takes its time and the answer to the release does not."""
    replica = group.leader()
    here = None if replica is None else replica.here
    if replica is not None and here is not None and not here.machine.frozen:
        here.wire.latest = 3.0
        await asyncio.sleep(4.0)
        here.wire.latest = 0.02
        await group.terminate(replica)
        group.start(replica)


async def cut_the_leader_off(group: VirtualGroup) -> None:
    """It can send nothing for a while."""
    if (replica := group.leader()) is not None and (here := replica.here) is not None:
        here.wire.down = True
        here.wire.cut()
        await _pause(group, 0.2, 2.0)
        here.wire.down = False


async def silence_the_leader(group: VirtualGroup) -> None:
    """What it sends never arrives, and it hears nothing; no error tells it."""
    if (replica := group.leader()) is not None and (here := replica.here) is not None:
        here.wire.silent = True
        await _pause(group, 0.2, 2.0)
        here.wire.silent = False
        here.wire.cut()


async def lose_answers(group: VirtualGroup) -> None:
    """What it asks for is done, and it is not told."""
    if (replica := group.leader()) is not None and (here := replica.here) is not None:
        here.wire.loses_answers = True
        await _pause(group, 0.1, 1.2)
        here.wire.loses_answers = False


async def delay_the_leader(group: VirtualGroup) -> None:
    """What it sends and hears is late, by less than a leader stops before others take over."""
    if (replica := group.leader()) is not None and (here := replica.here) is not None:
        here.wire.latest = group.dice.uniform(0.1, 2.0)
        await _pause(group, 0.5, 2.0)
        here.wire.latest = 0.02


async def delete_the_lease(group: VirtualGroup) -> None:
    """An administrator deletes it."""
    await group.delete_lease()


async def let_a_stranger_hold_it(group: VirtualGroup) -> None:
    """Something else writes itself into a Lease, perhaps renews it, and is never heard of again."""
    for _ in range(1 + group.dice.randrange(3)):
        await group.seize()
        await _pause(group, 0.2, 0.7)


FAULTS: tuple[Fault, ...] = (
    kill_the_leader,
    freeze_the_leader,
    freeze_the_leader_shortly,
    freeze_anybody,
    terminate_the_leader,
    cut_the_leader_off,
    silence_the_leader,
    lose_answers,
    delay_the_leader,
    delete_the_lease,
    let_a_stranger_hold_it,
)


async def run_schedule(
    group: VirtualGroup, *, rounds: int, faults: tuple[Fault, ...] = FAULTS, ends_right: bool = True
) -> None:
    """So many faults, one after the other or two at once; then nothing, until every object is right."""

    async def led() -> bool:
        return group.leader() is not None

    await group.until(led, "somebody leads")
    enough = asyncio.Event()
    churning = asyncio.create_task(group.churn(enough), name="churn")
    try:
        for _ in range(rounds):
            await _pause(group, 0.0, 0.6)
            chosen = [group.dice.choice(faults)]
            if group.dice.random() < 0.25:
                chosen.append(group.dice.choice(faults))
            await asyncio.gather(*(fault(group) for fault in chosen))
            group.happened.update(fault.__name__ for fault in chosen)
            group.assert_alive()
    finally:
        enough.set()
        await asyncio.wait([churning])
    churning.result()
    group.heal()
    if ends_right:
        await group.until_right()


async def _freeze(group: VirtualGroup, replica: Replica | None, least: float, most: float) -> None:
    here = None if replica is None else replica.here
    if here is not None and not here.machine.frozen:
        here.machine.freeze()
        await _pause(group, least, most)
        if replica is not None and replica.here is here:
            here.machine.thaw()


def _anybody(group: VirtualGroup) -> Replica:
    return group.dice.choice(group.replicas)


async def _pause(group: VirtualGroup, least: float, most: float) -> None:
    """Multiples of the lease duration."""
    await asyncio.sleep(group.dice.uniform(least, most) * LEASE)


# ---- many schedules

_SCHEDULES_A_WORLD = 50


@dataclass(frozen=True)
class Sweep:
    """Which schedules to run; can be sent to another process.

    Attributes:
        seeds: one a schedule.
        shards: as of `Manager(shards=…)`; 0 for one leader.
        rounds: faults of a schedule.
        objects: what is copied.
        tick: seconds between two copies.
        guarded: False switches the client's guard off.
        faults: names of those to choose from; empty for the usual ones.
        grace: seconds that reconciles have to end at a stop; None for longer than a write may take.
        skewed: whether clocks differ in rate.
    """

    seeds: range
    shards: int = 0
    rounds: int = 2
    objects: int = 2
    tick: float = 1.0
    guarded: bool = True
    faults: tuple[str, ...] = ()
    grace: float | None = None
    skewed: bool = True

    def parts(self, size: int) -> list[Sweep]:
        """The same in parts of so many schedules."""
        starts = range(self.seeds.start, self.seeds.stop, size)
        return [replace(self, seeds=range(at, min(at + size, self.seeds.stop))) for at in starts]


def run_sweep(sweep: Sweep) -> tuple[Verdict, Counter[str]]:
    """Run the schedules one after the other; every violation names its seed."""
    verdict, happened = Verdict(), Counter[str]()
    special = (*FAULTS, terminate_while_writes_are_late)
    faults = tuple(each for each in special if each.__name__ in sweep.faults) or FAULTS
    level = logging.getLogger("operator").level
    # Faults are what these schedules are made of: each would fill the log with its consequences.
    logging.getLogger("operator").setLevel(logging.CRITICAL)
    try:
        for part in sweep.parts(_SCHEDULES_A_WORLD):
            world = World()
            for seed in part.seeds:
                found, hits = world.run(_one(world, seed, sweep, faults))
                found.violations = [f"seed {seed}: {each}" for each in found.violations]
                verdict.add(found)
                happened += hits
            world.close()
    finally:
        logging.getLogger("operator").setLevel(level)
    return verdict, happened


async def _one(
    world: World, seed: int, sweep: Sweep, faults: tuple[Fault, ...]
) -> tuple[Verdict, Counter[str]]:
    async with VirtualGroup(
        world,
        seed,
        size=2 + seed % 2,
        shards=sweep.shards,
        guarded=sweep.guarded,
        skewed=sweep.skewed,
        objects=sweep.objects,
        tick=sweep.tick,
        grace=sweep.grace,
    ) as group:
        try:
            await run_schedule(group, rounds=sweep.rounds, faults=faults, ends_right=sweep.guarded)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}; {dict(group.happened)}") from error
        return group.verdict(), group.happened
