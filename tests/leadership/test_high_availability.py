"""The usual configuration of high availability: three replicas, leader election on, one active."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from helpers.leadership_arena import Arena, Group, Numbers

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.real_time,
    pytest.mark.usefixtures("needs_control_plane"),
    pytest.mark.timeout(900),
]

CALM = Numbers(3.0, 2.0, 0.4)
"""Long enough that a busy machine takes the lead from nobody."""


async def test_high_availability_three_replicas_leader_election_on_one_active(tmp_path: Path) -> None:
    async with Arena(tmp_path) as arena:
        async with Group(arena, "ha", 1, size=3, skewed=False, numbers=CALM) as group:
            first = await group.until_led()
            await group.until_right()

            # The node of the active replica dies.
            await group.kill(first)
            second = await group.until_led(first)
            await group.want("d-0")
            await group.until_right()

            # It comes back as a replica that waits, and the active one is drained away.
            await group.start(first)
            assert await group.terminate(second) == 0
            third = await group.until_led(second)
            await group.want("d-1")
            await group.until_right()

            # The active one stands still, as on a stalled node, and comes back when another is active.
            await group.start(second)
            group.freeze(third)
            fourth = await group.until_led(third)
            group.thaw(third)
            await group.want_no_more("d-2")
            await group.until_right()
            assert fourth is not third
            group.assert_alive()
        verdict = await asyncio.to_thread(group.verdict, await asyncio.to_thread(arena.new_audit))
    print(verdict.counts())
    assert verdict.violations == []
    assert verdict.tolerated == 0
    assert verdict.releases >= 1
    assert len(verdict.takeovers) >= 2
