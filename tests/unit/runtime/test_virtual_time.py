"""Virtual time: the clock jumps to the next timer, and only when nothing else can run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from reconcile.runtime import DeadlockError, VirtualTimeLoop


@pytest.fixture
def loop() -> Iterator[VirtualTimeLoop]:
    loop = VirtualTimeLoop()
    yield loop
    loop.close()


def test_a_sleep_of_a_year_ends_at_its_time(loop: VirtualTimeLoop) -> None:
    loop.run_until_complete(asyncio.sleep(365 * 24 * 3600))
    assert loop.time() == 365 * 24 * 3600


def test_timers_run_in_the_order_of_their_times(loop: VirtualTimeLoop) -> None:
    seen: list[tuple[str, float]] = []

    async def note(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        seen.append((name, loop.time()))

    async def main() -> None:
        await asyncio.gather(note("late", 2), note("early", 1), note("same", 2))

    loop.run_until_complete(main())
    assert seen == [("early", 1), ("late", 2), ("same", 2)]


def test_a_timeout_fires_at_its_time(loop: VirtualTimeLoop) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()

    loop.run_until_complete(main())
    assert loop.time() == 30


def test_running_until_idle_lets_no_time_pass(loop: VirtualTimeLoop) -> None:
    steps: list[int] = []

    async def work() -> None:
        for step in range(3):
            steps.append(step)
            await asyncio.sleep(0)
        await asyncio.sleep(1)
        steps.append(99)

    task = loop.create_task(work())
    loop.run_until_idle()
    assert (steps, loop.time()) == ([0, 1, 2], 0)
    loop.run_until_idle(until=1)
    assert steps[-1] == 99
    assert task.done()


def test_running_until_a_time_stops_exactly_there(loop: VirtualTimeLoop) -> None:
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            await asyncio.sleep(10)
            ticks.append(loop.time())

    task = loop.create_task(tick())
    loop.run_until_idle(until=25)
    assert (ticks, loop.time(), loop.next_timer()) == ([10, 20], 25, 30)
    task.cancel()
    loop.run_until_idle()


def test_the_clock_reaches_the_time_even_when_nothing_waits_for_it(loop: VirtualTimeLoop) -> None:
    loop.run_until_idle(until=60)
    assert loop.time() == 60


def test_waiting_for_what_can_never_happen_is_an_error_and_no_hang(loop: VirtualTimeLoop) -> None:
    with pytest.raises(DeadlockError, match="no timer is pending"):
        loop.run_until_complete(asyncio.Event().wait())
