"""An informer and the network between it and a real kube-apiserver: what a handler is told when that breaks.

Each test asserts that its fault really occurred, and compares what the handler was told with what etcd
stored (`helpers.delivery_contract`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from helpers.faulty_world import SECRETS, FaultyWorld, quick, until
from helpers.recording_handler import RecordingHandler

from reconcile.informers import CachedObject, Condition, ListMode

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

World = Callable[..., FaultyWorld]


async def test_without_any_fault(world: World) -> None:
    async with world() as w:
        await w.put("there-before", "1")
        await w.start()
        await w.churn(1, 60)
        await w.assert_contract()
        assert w.stats.lists == 1
        [gap] = w.observer.gaps(w.namespace)
        listed, watched = (call.new.version for call in w.handler.calls[:2])  # type: ignore[union-attr]
        # A list is as new as the last write of anybody.
        assert gap.after == 0 and listed <= gap.until < watched


@pytest.mark.parametrize("half_close", [False, True], ids=["reset", "half-closed"])
async def test_a_connection_cut_inside_an_event_goes_on_from_the_last_whole_one(
    world: World, half_close: bool
) -> None:
    async with world() as w:
        await w.put("a", "before")
        await w.start()
        await w.put("b", "seen")
        await until(lambda: w.handler.of("b"))
        (link,) = w.proxy.cut_after(60_000, half_close=half_close)
        watches = w.stats.watches
        await w.put("big", "x" * 200_000)
        await until(lambda: link.cut, what="the cut")
        assert link.swallowed > 0, "all of the event came through"
        await w.churn(2)
        await w.assert_contract()
        assert w.stats.failures == {"connection": 1}
        assert w.stats.watches == watches + 1
        assert w.stats.lists == 1, "a cut connection costs no list"


async def test_a_watch_that_goes_silent_is_given_up_and_resumed(world: World) -> None:
    async with world(options=quick(watch_idle_timeout=0.8)) as w:
        await w.put("a", "before")
        await w.start()
        (link,) = w.proxy.silence()
        await w.churn(3)
        await until(lambda: link.swallowed, what="events that do not come through")
        assert not w.handler.of("churned-0"), "the watch was not silent"
        await w.assert_contract()
        assert not link.cut, "the proxy ended what only the informer was to end"
        assert w.stats.failures.get("silent", 0) >= 1
        assert w.stats.lists == 1


async def test_connections_cut_again_and_again_under_load(world: World) -> None:
    async with world() as w:
        await w.start()
        cuts = 0

        async def cut_often() -> None:
            nonlocal cuts
            while True:
                # Each new watch brings something before its turn comes.
                opened = w.stats.watches
                cuts += w.proxy.cut()
                await until(lambda opened=opened: w.stats.watches > opened)

        cutting = asyncio.create_task(cut_often())
        await w.churn(4, 120)
        cutting.cancel()
        await asyncio.wait([cutting])
        await w.assert_contract()
        assert cuts >= 3
        assert w.stats.watches > 3
        assert w.stats.lists == 1


async def test_delete_and_recreate_while_the_watch_is_down_is_told_as_both(world: World) -> None:
    async with world() as w:
        await w.put("a", "first")
        await w.start()
        assert w.proxy.down() >= 1
        await w.put("a", "changed")
        await w.delete("a")
        await w.put("a", "second")
        await until(lambda: w.proxy.refused, what="a watch that is turned away")
        assert len(w.handler.of("a")) == 1
        w.proxy.up()
        await w.assert_contract()
        assert w.stats.lists == 1, "the server still knew what had happened"
        kinds = [(call.type, call.final_state_unknown) for call in w.handler.of("a")]
        assert kinds[0] == ("add", False)
        assert kinds[-2:] == [("delete", False), ("add", False)]


async def test_delete_and_recreate_beyond_the_servers_memory_is_told_as_both(world: World) -> None:
    async with world(kind=SECRETS) as w:
        await w.put("a", "first")
        await w.put("deleted", "1")
        await w.put("same", "1")
        await w.start()
        w.proxy.down()
        await w.delete("a")
        created = await w.put("a", "second")
        await w.delete("deleted")
        await w.put("came-and-went")
        await w.delete("came-and-went")
        await w.churn(5)
        compacted = await asyncio.to_thread(w.plane.compact_etcd)
        assert compacted > int(created["metadata"]["resourceVersion"])
        await until(lambda: w.proxy.refused, what="a watch that is turned away")
        w.proxy.up()
        await w.assert_contract()
        assert w.stats.failures["expired"] == 1
        assert w.stats.relists == {"expired": 1}
        assert w.stats.unchanged == 1, "what did not change keeps its bytes"
        assert len(w.observer.gaps(w.namespace)) == 2
        kinds = [(call.type, call.final_state_unknown) for call in w.handler.of("a")]
        assert kinds == [("add", False), ("delete", True), ("add", False)]
        assert [call.final_state_unknown for call in w.handler.of("deleted")] == [False, True]
        assert len(w.handler.of("same")) == 1
        assert not w.handler.of("came-and-went")


@pytest.mark.parametrize("mode", ListMode, ids=lambda mode: mode.value)
async def test_a_connection_cut_inside_the_first_list_is_listed_anew(world: World, mode: ListMode) -> None:
    async with world(options=quick(list_mode=mode, page_size=10)) as w:
        await asyncio.gather(*(w.put(f"big-{number}", "x" * 20_000) for number in range(20)))
        w.proxy.cut_next_after = 150_000
        await w.start()
        (link,) = w.proxy.cut_links
        assert link.cut and link.swallowed > 0, "the list came through"
        assert w.stats.failures == {"connection": 1}
        assert len(w.handler.calls) == 20, "a part of a list was told"
        w.proxy.cut()
        await w.churn(12, 20)
        await w.assert_contract()
        assert w.stats.lists == 1


class SlowHandler(RecordingHandler):
    """Takes longer for a call than the server for a change."""

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        time.sleep(0.02)
        super().on_update(old, new)


async def test_a_handler_slower_than_the_server_is_told_less_but_nothing_wrong(world: World) -> None:
    async with world(handler=SlowHandler()) as w:
        quick_one = RecordingHandler()
        w.informer.add_handler(quick_one)
        await w.start()
        await w.put("hot", "0")
        await asyncio.gather(*(w.put("hot", str(number)) for number in range(60)))
        await w.churn(6, 30)
        w.proxy.cut()
        await w.churn(7, 30)
        await w.assert_contract()
        assert w.stats.coalesced > 0, "nothing was coalesced"
        history = await w.history()
        assert len(w.handler.of("hot")) < sum(change.place.endswith("/hot") for change in history)


async def test_a_server_that_cannot_be_reached_is_a_condition_and_reads_go_on(world: World) -> None:
    async with world() as w:
        await w.put("a", "1")
        await w.start()
        w.proxy.down()
        await until(lambda: w.informer.status()[0].condition is Condition.FAILING)
        assert w.proxy.refused >= 1
        assert w.cache.get(w.resource, f"{w.namespace}/a") is not None
        assert w.stats.watching_since is None
        w.proxy.up()
        await until(lambda: w.informer.status()[0].condition is Condition.WORKING)
        await w.churn(8, 10)
        await w.assert_contract()


async def test_a_handler_that_comes_after_a_fault_is_told_what_there_is(world: World) -> None:
    async with world() as w:
        await w.start()
        await w.churn(9, 20)
        w.proxy.cut()
        await w.churn(10, 20)
        await w.settled()
        late = RecordingHandler()
        registration = w.informer.add_handler(late)
        await registration.wait_synced()
        assert late.held() == w.handler.held()
        assert all(call.type == "add" and call.initial for call in late.calls)
        await w.churn(11, 20)
        await w.assert_contract()
        assert late.held() == w.handler.held()
