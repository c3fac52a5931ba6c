"""Schedules of faults at random, against a real API server: nobody writes who does not lead.

    operators (processes) ─▶ fault proxies ─▶ kube-apiserver ─▶ audit log ┐
                                                    └──▶ etcd's history ──┴─▶ judge

The leases are a tenth of the usual ones (1.5, 1 and 0.2 seconds; longer on a machine that is busy), so that a
takeover takes seconds; the nightly suite has some at the usual numbers too. Groups of operators run side by
side on one server.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from helpers.leadership_arena import REAL, Arena, Group, Numbers
from helpers.leadership_faults import (
    FAULTS,
    SERVER_FAULTS,
    freeze_the_leader,
    kill_the_server,
    run_batch,
    run_schedule,
)
from helpers.leadership_verdict import Verdict

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.real_time,
    pytest.mark.usefixtures("needs_control_plane"),
    pytest.mark.timeout(900),
]


async def test_nobody_writes_who_does_not_lead(tmp_path: Path) -> None:
    async with Arena(tmp_path) as arena:
        verdict, happened = await run_batch(
            arena, range(5), sharded=[5], rounds=3, server_fault=kill_the_server
        )
    print(f"6 schedules, one of them of shards: {verdict.counts()}; {dict(happened)}")
    assert verdict.violations == []
    assert verdict.writes > 100
    assert verdict.changes > 6


async def test_the_judge_finds_what_leaders_write_that_are_not_fenced(tmp_path: Path) -> None:
    async def unguarded(arena: Arena, seed: int, numbers: Numbers) -> Group:
        async with Group(arena, f"u{seed}", seed, size=2, guarded=False, numbers=numbers) as group:
            await run_schedule(group, rounds=2, faults=(freeze_the_leader,), ends_right=False)
        return group

    verdict = Verdict()
    async with Arena(tmp_path) as arena:
        numbers = await arena.pace()
        groups = await asyncio.gather(*(unguarded(arena, seed, numbers) for seed in range(3)))
        audit = await asyncio.to_thread(arena.new_audit)
        for group in groups:
            verdict.add(await asyncio.to_thread(group.verdict, audit))
            # The server lived on, so its log has everything but what an operator had under way when it was
            # killed: the log then names no version.
            assert group.unaudited <= 4, "writes that the audit log does not have"
    print(f"3 schedules without a guard: {verdict.counts()}")
    assert any("led until" in violation for violation in verdict.violations)


@pytest.mark.nightly
@pytest.mark.timeout(5400)
async def test_two_hundred_schedules(tmp_path: Path) -> None:
    side_by_side, batches = 5, 40
    total, happened = Verdict(), Counter[str]()
    async with Arena(tmp_path) as arena:
        for number in range(batches):
            fault = (None, *SERVER_FAULTS)[number % (1 + len(SERVER_FAULTS))]
            seeds = range(1000 + number * side_by_side, 1000 + (number + 1) * side_by_side)
            verdict, hits = await run_batch(arena, seeds, rounds=5, server_fault=fault)
            total.add(verdict)
            happened += hits
            print(
                f"{(number + 1) * side_by_side} schedules, pace {arena.factor:.1f}: {total.counts()}",
                flush=True,
            )
    print(f"{side_by_side * batches} schedules: {total.counts()}; {dict(happened)}")
    assert total.violations == []
    missed = {fault.__name__ for fault in (*FAULTS, *SERVER_FAULTS)} - happened.keys()
    assert not missed, f"faults that never hit: {missed}"


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_thirty_schedules_of_shards(tmp_path: Path) -> None:
    total, happened = Verdict(), Counter[str]()
    async with Arena(tmp_path) as arena:
        for number in range(6):
            fault = (None, *SERVER_FAULTS)[number % (1 + len(SERVER_FAULTS))]
            seeds = range(3000 + number * 5, 3000 + (number + 1) * 5)
            verdict, hits = await run_batch(arena, (), sharded=seeds, rounds=5, server_fault=fault)
            total.add(verdict)
            happened += hits
    print(f"30 schedules of shards: {total.counts()}; {dict(happened)}")
    assert total.violations == []


@pytest.mark.nightly
@pytest.mark.timeout(1800)
async def test_five_schedules_at_the_usual_numbers(tmp_path: Path) -> None:
    async def usual(arena: Arena, seed: int) -> Group:
        async with Group(arena, f"r{seed}", seed, size=2 + seed % 2, numbers=REAL, tick=0.2) as group:
            await run_schedule(group, rounds=4)
        return group

    verdict, happened = Verdict(), Counter[str]()
    async with Arena(tmp_path) as arena:
        groups = await asyncio.gather(*(usual(arena, seed) for seed in range(5)))
        audit = await asyncio.to_thread(arena.new_audit)
        for group in groups:
            verdict.add(await asyncio.to_thread(group.verdict, audit))
            happened += group.happened
    print(f"5 schedules at 15/10/2 s: {verdict.counts()}; {dict(happened)}")
    assert verdict.violations == []
    assert verdict.takeovers
