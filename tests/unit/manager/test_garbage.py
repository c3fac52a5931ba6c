"""Full garbage collections of a process that a manager runs: in moments without work, or at last anyway."""

from __future__ import annotations

import asyncio
import gc

import pytest

from reconcile.manager.garbage import LATEST, PERIOD, collecting_when_idle


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: calls.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: calls.append("freeze"))
    monkeypatch.setattr(gc, "unfreeze", lambda: calls.append("unfreeze"))
    return calls


async def test_what_lives_at_the_start_and_after_the_sync_is_set_aside(collections: list[str]) -> None:
    async with collecting_when_idle(lambda: True):
        assert collections == ["collect", "freeze"]
        await asyncio.sleep(PERIOD + 1)
        assert collections[2:] == ["collect", "freeze"]
        await asyncio.sleep(2 * PERIOD)
        assert collections[4:] == ["collect", "collect"]


async def test_a_busy_process_collects_late_but_it_does(collections: list[str]) -> None:
    async with collecting_when_idle(lambda: False):
        await asyncio.sleep(LATEST - PERIOD)
        assert collections == ["collect", "freeze"]
        await asyncio.sleep(2 * PERIOD)
        assert collections[2:] == ["collect", "freeze"]


async def test_the_collector_is_left_as_it_was(collections: list[str]) -> None:
    before = gc.get_threshold()
    async with collecting_when_idle(lambda: True):
        assert gc.get_threshold()[:2] == before[:2]
        assert gc.get_threshold()[2] > 1_000_000
    assert gc.get_threshold() == before
    assert collections[-1] == "unfreeze"


async def test_a_collector_that_was_turned_off_stays_so(collections: list[str]) -> None:
    gc.disable()
    try:
        async with collecting_when_idle(lambda: True):
            await asyncio.sleep(PERIOD + 1)
    finally:
        gc.enable()
    assert collections == []
