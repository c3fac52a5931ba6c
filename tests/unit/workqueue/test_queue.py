"""The queue on an event loop: waiting workers, the timer, the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from reconcile.workqueue import QueueOptions, QueueShutDown, WorkQueue


async def test_a_waiting_worker_is_woken_by_an_add() -> None:
    queue: WorkQueue[str] = WorkQueue()
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.add("a", cause="why", priority=3)
    item = await worker
    assert (item.key, item.causes, item.priority) == ("a", ("why",), 3)
    queue.done(item)


async def test_a_delayed_key_comes_when_it_is_due() -> None:
    loop = asyncio.get_running_loop()
    queue: WorkQueue[str] = WorkQueue()
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add_after("a", 3600)
    queue.add_after("b", 60)
    assert (await worker).key == "b"
    assert loop.time() == pytest.approx(60)
    assert (await queue.get()).key == "a"
    assert loop.time() == pytest.approx(3600)
    queue.shut_down()


async def test_a_retry_comes_after_its_backoff() -> None:
    loop = asyncio.get_running_loop()
    queue: WorkQueue[str] = WorkQueue(QueueOptions(base_delay=2))
    queue.add("a")
    item = await queue.get()
    queue.add_rate_limited("a")
    queue.done(item)
    again = await queue.get()
    assert loop.time() == pytest.approx(2) and again.attempts == 1


async def test_many_workers_share_the_keys_and_never_one_key() -> None:
    queue: WorkQueue[int] = WorkQueue()
    busy: set[int] = set()
    served: dict[int, int] = {}

    async def worker() -> None:
        while True:
            try:
                item = await queue.get()
            except QueueShutDown:
                return
            assert item.key not in busy
            busy.add(item.key)
            await asyncio.sleep(0.5)
            busy.discard(item.key)
            served[item.key] = served.get(item.key, 0) + 1
            queue.done(item)

    workers = [asyncio.create_task(worker()) for _ in range(4)]
    for _ in range(20):
        for key in range(10):
            queue.add(key)
        await asyncio.sleep(0.3)
    await asyncio.sleep(60)
    queue.shut_down()
    await asyncio.gather(*workers)
    assert set(served) == set(range(10))


async def test_a_cancelled_worker_passes_its_wake_up_on() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    item = await second
    assert item.key == "a"
    assert first.cancelled() or (await asyncio.gather(first, return_exceptions=True))


async def test_shut_down_ends_waiting_workers_and_join_waits_for_busy_ones() -> None:
    loop = asyncio.get_running_loop()
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    item = await queue.get()
    idle = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.shut_down()
    with pytest.raises(QueueShutDown):
        await idle
    loop.call_later(5, queue.done, item)
    await asyncio.gather(queue.join(), queue.join())
    assert loop.time() == pytest.approx(5)
    with pytest.raises(QueueShutDown):
        await queue.get()


async def test_a_draining_queue_hands_out_what_is_ready_and_what_comes_from_busy_workers() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    item = await queue.get()
    queue.add("a")
    queue.add("b")
    queue.shut_down(drain=True)
    b = await queue.get()
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(1)
    queue.done(item)
    again = await waiting
    assert (b.key, again.key) == ("b", "a")
    queue.done(b)
    queue.done(again)
    with pytest.raises(QueueShutDown):
        await queue.get()


async def test_a_loop_whose_handles_know_no_time_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """As uvloop's: for a time that has come its `call_at` gives what `call_soon` gives."""
    loop = asyncio.get_running_loop()
    call_at = loop.call_at

    class Handle:
        def __init__(self, when: float, callback: Callable[[], object]) -> None:
            self.cancel = call_at(when, callback).cancel

    monkeypatch.setattr(loop, "call_at", Handle)
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("b", 2)
    workers = [asyncio.create_task(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.add_after("a", 1)
    assert [(await worker).key for worker in workers] == ["a", "b"]
    queue.shut_down()
