"""`python -m benchmarks.overlay_reads`: what the read-your-writes overlay costs a read, a write and an event.

Everything goes through the public Manager in front of a server that costs next to nothing. Reads through the
overlay with 0, 10 and 1,000 entries in it take turns with reads of the bare store; writes and events take
turns between managers with the overlay on and off.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.processes import end_at_sigterm
from benchmarks.report import Column, Sample, medians, table, write_json
from benchmarks.still_server import StillServer
from reconcile.api.core.v1 import Pod
from reconcile.client.client import Client
from reconcile.informers.indexes import Index
from reconcile.informers.informer import Informer
from reconcile.informers.lister import Lister
from reconcile.manager.manager import Manager
from reconcile.manager.options import ManagerOptions
from reconcile.objects.identity import ObjectKey

ENTRIES = (0, 10, 1_000)
BATCH = 500
BY_NODE = Index("spec.nodeName")

BARE = "bare"
Read = Callable[[Lister[Pod]], object]


@dataclass(frozen=True)
class ReadCase:
    """One kind of read.

    Attributes:
        title: in the table.
        read: makes it once.
        times: how often it is made for one figure.
    """

    title: str
    read: Read
    times: int


class World:
    """A synced informer of pods behind a manager."""

    def __init__(self, objects: int, *, read_your_writes: bool) -> None:
        self.server = StillServer(objects)
        self.client = Client(self.server)
        options = ManagerOptions(
            log_level="error", connect_timeout=None, read_your_writes=read_your_writes, event_flush_timeout=0
        )
        self.manager = Manager(self.client, options=options)

    async def __aenter__(self) -> Self:
        await self.manager.start()
        self.manager.cache.add_index(Pod, BY_NODE)
        await self.informer.wait_synced()
        self.through: Lister[Pod] = Lister(self.informer, Pod)
        self.bare: Lister[Pod] = Lister(self.informer, Pod, bare=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.manager.stop()
        await self.client.close()

    @property
    def informer(self) -> Informer:
        return self.manager.informers.informer(Pod)

    def key(self, number: int) -> ObjectKey:
        """Of a pod."""
        return ObjectKey(*self.server.place(number))

    async def write(self, numbers: Sequence[int]) -> None:
        """One patch of each pod."""
        patch = {"metadata": {"labels": {"written": "yes"}}}
        for number in numbers:
            await self.manager.client.patch(Pod, self.key(number), patch)

    async def hear(self, numbers: Sequence[int], *, changed: bool) -> None:
        """Events of these pods, until the store has them all."""
        self.server.tell(numbers, changed=changed)
        key, wanted = self.key(numbers[-1]), str(self.server.version_of(numbers[-1]))
        while (found := self.bare.metadata(key)) is None or found.resource_version != wanted:
            await asyncio.sleep(0)


def read_cases(world: World) -> Sequence[ReadCase]:
    node = world.server.node(0)
    present = world.key(7)
    scale = max(1, 50_000 // world.server.objects)
    return (
        ReadCase("list of all", lambda lister: lister.list().cached, 5 * scale),
        ReadCase("list of one namespace in 100", lambda lister: lister.list(namespace="ns-3").cached, 300),
        ReadCase(
            "list of all by label, 1 in 50", lambda lister: lister.list(labels={"app": "app-3"}).cached, scale
        ),
        ReadCase("index, 100 objects", lambda lister: lister.list(index=(BY_NODE.name, node)).cached, 1_000),
        ReadCase(
            "index, 100 objects decoded", lambda lister: list(lister.list(index=(BY_NODE.name, node))), 20
        ),
        ReadCase("metadata of one", lambda lister: lister.metadata(present), 20_000),
        ReadCase("get of one", lambda lister: lister.get(present), 2_000),
    )


def timed(case: ReadCase, lister: Lister[Pod]) -> float:
    """Seconds of CPU for one read."""
    read, times = case.read, case.times
    read(lister)
    begin = time.process_time()
    for _ in range(times):
        read(lister)
    return (time.process_time() - begin) / times


async def measure_reads(objects: int, rounds: int) -> dict[str, dict[str, list[Sample]]]:
    """Figures by number of entries, by case, for the bare store and for the overlay."""
    found: dict[str, dict[str, list[Sample]]] = {}
    async with World(objects, read_your_writes=True) as world:
        settle_memory()
        cases = read_cases(world)
        for turn in range(rounds):
            written = 0
            for entries in ENTRIES:
                await world.write(range(written, entries))
                written = entries
                for case in cases:
                    bare_first = turn % 2 == 0
                    first = timed(case, world.bare if bare_first else world.through)
                    second = timed(case, world.through if bare_first else world.bare)
                    bare, through = (first, second) if bare_first else (second, first)
                    of_case = found.setdefault(case.title, {})
                    of_case.setdefault(BARE, []).append({"seconds": bare})
                    of_case.setdefault(str(entries), []).append({"seconds": through, "ratio": through / bare})
            await world.hear(range(written), changed=False)
            print(f"reads: round {turn + 1} of {rounds}", file=sys.stderr)
    return found


async def measure_work(sizes: Sequence[int], rounds: int) -> dict[str, list[Sample]]:
    """Seconds of CPU of one write and one event, by case and number of objects."""
    found: dict[str, list[Sample]] = {}

    async def one(name: str, objects: int, work: Awaitable[None]) -> None:
        begin = time.process_time()
        await work
        spent = (time.process_time() - begin) / BATCH
        found.setdefault(name, []).append({f"seconds_{objects}": spent})

    others = range(BATCH)
    for objects in sizes:
        # The pods that are written, and as many others that only change.
        changing = range(objects // 2, objects // 2 + BATCH) if objects >= 2 * BATCH else others
        async with (
            World(objects, read_your_writes=False) as off,
            World(objects, read_your_writes=True) as on,
        ):
            settle_memory()
            worlds = (("off", off), ("on", on))
            for turn in range(rounds):
                order = worlds if turn % 2 == 0 else worlds[::-1]
                for name, world in order:
                    await one(
                        f"event, overlay {name}, nothing written", objects, world.hear(changing, changed=True)
                    )
                for name, world in order:
                    await one(f"write, overlay {name}", objects, world.write(others))
                if changing is not others:
                    name = f"event of another object, {BATCH:,} entries"
                    await one(name, objects, on.hear(changing, changed=True))
                    name = f"write of the same again, {BATCH:,} entries"
                    await one(name, objects, on.write(others))
                await one("event that retires an entry", objects, on.hear(others, changed=False))
                await off.hear(others, changed=False)
                print(f"writes and events, {objects:,} objects: round {turn + 1}", file=sys.stderr)
    return found


def settle_memory() -> None:
    """What was loaded is not looked at by the collector while something is timed."""
    gc.collect()
    gc.freeze()


def read_table(found: dict[str, dict[str, list[Sample]]]) -> str:
    """Bare time, and the overlay's ratio to it by number of entries."""
    head = ["", "bare, µs", *(f"{entries:,} entries" for entries in ENTRIES)]
    rows = [head, ["---", *("---:" for _ in head[1:])]]
    for title, by_entries in found.items():
        bare = statistics.median(sample["seconds"] for sample in by_entries[BARE])
        row = [title, f"{bare * 1e6:,.1f}"]
        for entries in ENTRIES:
            figures = medians(by_entries[str(entries)])
            row.append(f"{figures['ratio']:.2f}× ({figures['seconds'] * 1e6:,.1f} µs)")
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overlay_reads", description=__doc__)
    parser.add_argument("--objects", type=int, default=50_000, help="pods in the cache (default 50000)")
    parser.add_argument("--fewer", type=int, default=1_000, help="pods to compare writes and events with")
    parser.add_argument("--rounds", type=int, default=11, help="turns; medians are reported (default 11)")
    parser.add_argument("--json", type=Path, help="file for every figure of every round")
    options = parser.parse_args()
    reads = asyncio.run(measure_reads(options.objects, options.rounds))
    sizes = (options.fewer, options.objects)
    work = asyncio.run(measure_work(sizes, options.rounds))
    print(f"Reads of {options.objects:,} pods; medians of {options.rounds} rounds\n")
    print(read_table(reads))
    print(f"\nCPU of one write and of one event, µs; medians of {options.rounds} rounds of {BATCH:,}\n")
    columns = [Column(f"{size:,} objects", f"seconds_{size}", 1e6, 1) for size in sizes]
    print(table(columns, work, {name: name for name in work}, ""))
    if options.json:
        samples: dict[str, Any] = {**work}
        for title, by_entries in reads.items():
            samples |= {f"{title}: {entries}": runs for entries, runs in by_entries.items()}
        parameters = {"objects": options.objects, "fewer": options.fewer, "rounds": options.rounds}
        write_json(options.json, "overlay_reads", parameters, samples)
    return 0


if __name__ == "__main__":
    end_at_sigterm()
    sys.exit(main())
