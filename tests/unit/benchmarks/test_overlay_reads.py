"""The benchmark of the overlay does what it says: entries come by writes and go by their events."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.overlay_reads import World, read_cases, read_table  # noqa: E402


async def test_written_pods_differ_until_their_events_are_told() -> None:
    async with World(300, read_your_writes=True) as world:
        assert len(world.bare.list()) == 300
        await world.write(range(20))
        differing = [
            number
            for number in range(300)
            if (key := world.key(number)) and world.through.metadata(key) != world.bare.metadata(key)
        ]
        assert differing == list(range(20))
        for case in read_cases(world):
            assert case.read(world.through) is not None
        await world.hear(range(20), changed=False)
        assert all(
            world.through.metadata(world.key(number)) is world.bare.metadata(world.key(number))
            for number in range(20)
        )


async def test_without_read_your_writes_nothing_differs() -> None:
    async with World(300, read_your_writes=False) as world:
        await world.write(range(20))
        assert all(
            world.through.metadata(world.key(number)) is world.bare.metadata(world.key(number))
            for number in range(20)
        )


def test_the_table_has_the_bare_time_and_ratios() -> None:
    found = {
        "get": {
            "bare": [{"seconds": 1e-6}, {"seconds": 3e-6}],
            **{entries: [{"seconds": 4e-6, "ratio": 2.0}] for entries in ("0", "10", "1000")},
        }
    }
    last = read_table(found).splitlines()[-1]
    assert last == "| get | 2.0 | 2.00× (4.0 µs) | 2.00× (4.0 µs) | 2.00× (4.0 µs) |"
