"""What a process asks of its surroundings: threads, time and dice, real and simulated."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import time

import pytest

from reconcile.runtime import Runtime, SimulatedRuntime, SystemRuntime, VirtualTimeLoop

RUNTIMES = [SystemRuntime, SimulatedRuntime]


@pytest.fixture(params=RUNTIMES, ids=lambda kind: kind.__name__)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return request.param()


@pytest.mark.real_time
async def test_blocking_code_runs_in_another_thread(runtime: Runtime) -> None:
    here = threading.current_thread()
    assert await runtime.run_in_thread(threading.current_thread, name="blocking") is not here


@pytest.mark.real_time
async def test_an_exception_of_the_thread_reaches_the_caller(runtime: Runtime) -> None:
    def fail() -> None:
        raise KeyError("web")

    with pytest.raises(KeyError, match="web"):
        await runtime.run_in_thread(fail, name="blocking")


@pytest.mark.real_time
async def test_a_thread_can_call_coroutines_of_the_loop(runtime: Runtime) -> None:
    loop = asyncio.get_running_loop()

    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    def body() -> int:
        return runtime.call_from_thread(double(1), loop) + runtime.call_from_thread(double(10), loop)

    assert await runtime.run_in_thread(body, name="blocking") == 22


@pytest.mark.real_time
async def test_an_exception_of_the_coroutine_reaches_the_thread(runtime: Runtime) -> None:
    loop = asyncio.get_running_loop()

    async def fail() -> None:
        raise KeyError("web")

    def body() -> str:
        try:
            runtime.call_from_thread(fail(), loop)
        except KeyError:
            return "caught"
        return "missed"

    assert await runtime.run_in_thread(body, name="blocking") == "caught"


@pytest.mark.real_time
async def test_context_variables_are_visible_in_the_thread(runtime: Runtime) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    variable.set("set")
    assert await runtime.run_in_thread(variable.get, name="blocking") == "set"


@pytest.mark.real_time
async def test_a_cancelled_caller_waits_until_the_thread_has_returned() -> None:
    runtime = SystemRuntime()
    started, release, returned = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def body() -> None:
        loop.call_soon_threadsafe(started.set)
        release.wait()
        returned.set()

    task = asyncio.create_task(runtime.run_in_thread(body, name="blocking"))
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert returned.is_set()


async def test_simulated_threads_meet_virtual_time() -> None:
    runtime = SimulatedRuntime()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)

    async def nap() -> float:
        await asyncio.sleep(3600)
        return loop.time()

    assert await runtime.run_in_thread(lambda: runtime.call_from_thread(nap(), loop), name="nap") == 3600


async def test_the_simulated_wall_clock_moves_with_the_loop() -> None:
    runtime = SimulatedRuntime()
    before = runtime.now()
    await asyncio.sleep(90)
    assert (runtime.now() - before).total_seconds() == 90


async def test_one_seed_gives_the_same_dice_and_uuids() -> None:
    one, two, other = SimulatedRuntime(7), SimulatedRuntime(7), SimulatedRuntime(8)
    assert [one.uuid(), one.random.random()] == [two.uuid(), two.random.random()]
    assert one.uuid() != other.uuid()


async def test_simulated_threads_take_turns_in_the_order_the_loop_decides() -> None:
    runtime = SimulatedRuntime()
    loop = asyncio.get_running_loop()
    order: list[str] = []

    async def step(name: str) -> None:
        order.append(name)
        await asyncio.sleep(1)

    def body(name: str) -> None:
        for part in (1, 2):
            runtime.call_from_thread(step(f"{name}{part}"), loop)

    await asyncio.gather(*(runtime.run_in_thread(lambda n=n: body(n), name=n) for n in "abc"))
    assert order == ["a1", "b1", "c1", "a2", "b2", "c2"]


@pytest.mark.real_time
async def test_the_systems_clock_of_elapsed_time_counts_suspended_time_where_there_is_one() -> None:
    runtime = SystemRuntime()
    before = runtime.elapsed()
    if sys.platform == "linux":
        assert before <= time.clock_gettime(time.CLOCK_BOOTTIME) <= runtime.elapsed()
    assert runtime.elapsed() >= before


async def test_the_simulated_clock_of_elapsed_time_is_the_loops() -> None:
    runtime = SimulatedRuntime(1)
    before = runtime.elapsed()
    await asyncio.sleep(1000)
    assert runtime.elapsed() - before == 1000
