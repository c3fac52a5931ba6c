"""An informer against every fault of a list or watch: the store ends right and handlers miss nothing."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.informing import Recorder, World, held, on_server, settle
from helpers.scripted_server import GONE, PODS, TOO_LARGE, status_of

from reconcile.errors import CacheNotSyncedError, TransportError
from reconcile.informers import Cache, Condition, InformerOptions, ListMode


async def test_first_list_is_initial_and_changes_follow() -> None:
    async with World() as world:
        world.server.put("a")
        recorder = Recorder()
        informer = world.factory.informer(PODS)
        registration = informer.add_handler(recorder)
        await world.factory.start()
        await informer.wait_synced(5)
        await registration.wait_synced()
        world.server.put("b")
        world.server.put("a")
        world.server.delete("b")
        await settle()
        assert recorder.calls == [
            ("add", "a", "2", True),
            ("add", "b", "3", False),
            ("update", "a", "2", "4"),
            ("delete", "b", "5", False),
        ]
        assert held(informer) == on_server(world.server)


async def test_list_never_asks_for_an_old_version() -> None:
    async with World() as world:
        await world.informer()
        world.server.compact()
        world.server.put("a")
        world.server.watch.send("ERROR", GONE)
        await settle(5)
        assert len(world.server.lists()) == 2
        assert all("resourceVersion" not in dict(request.query) for request in world.server.lists())


async def test_watch_asks_for_bookmarks_and_ends_itself_in_5_to_10_minutes() -> None:
    async with World() as world:
        await world.informer()
        await settle(3600)
        times = [int(dict(request.query)["timeoutSeconds"]) for request in world.server.watches()]
        assert len(times) > 5 and len(set(times)) > 3
        assert all(300 <= seconds <= 600 for seconds in times)
        assert all(dict(request.query)["allowWatchBookmarks"] == "true" for request in world.server.watches())
        assert len(world.server.lists()) == 1


@pytest.mark.parametrize("where", ["at start", "in the stream"])
async def test_410_lists_again_and_delivers_what_was_missed(where: str) -> None:
    async with World() as world:
        world.server.put("stays")
        world.server.put("goes")
        world.server.put("changes")
        informer = await world.informer()
        recorder = Recorder()
        informer.add_handler(recorder)
        await settle()
        recorder.calls.clear()
        pipe = world.server.watch
        pipe.silent = True
        last_known = world.server.objects["default", "goes"]["metadata"]["resourceVersion"]
        world.server.delete("goes")
        world.server.put("changes")
        world.server.put("new")
        world.server.compact()
        if where == "at start":
            pipe.end()
            await settle(2)
            assert "Compacted" in world.server.met
        else:
            pipe.silent = False
            pipe.send("ERROR", GONE)
        await settle(5)
        assert sorted(recorder.calls) == [
            ("add", "new", "7", False),
            ("delete", "goes", last_known, True),
            ("update", "changes", "4", "6"),
        ]
        assert held(informer) == on_server(world.server)
        assert informer.stats().relists == {"expired": 1}
        assert informer.stats().unchanged == 1


async def test_permanent_410_is_not_a_hot_loop() -> None:
    async with World() as world:
        world.server.refuse_watches.extend([GONE] * 1000)
        world.factory.informer(PODS)
        await world.factory.start()
        await settle(120)
        assert len(world.server.lists()) < 20


async def test_expired_continue_token_falls_back_to_one_list() -> None:
    async with World(InformerOptions(list_mode=ListMode.PAGES, page_size=2)) as world:
        for number in range(5):
            world.server.put(f"pod-{number}")
        world.server.expire_tokens = 1
        informer = await world.informer()
        assert world.server.met == ["ExpiredToken"]
        assert held(informer) == on_server(world.server)
        assert "limit" not in dict(world.server.lists()[-1].query)


async def test_pages_are_read_to_the_last() -> None:
    async with World(InformerOptions(list_mode=ListMode.PAGES, page_size=2)) as world:
        for number in range(5):
            world.server.put(f"pod-{number}")
        informer = await world.informer()
        assert len(world.server.lists()) == 3
        assert held(informer) == on_server(world.server)


async def test_too_large_version_is_asked_once_without_one_then_backs_off() -> None:
    async with World() as world:
        world.server.refuse_watches.extend([TOO_LARGE] * 100)
        world.factory.informer(PODS)
        await world.factory.start()
        await settle(0.5)
        assert len(world.server.lists()) == 2
        await settle(120)
        assert 4 < len(world.server.lists()) < 20


async def test_error_status_in_the_stream_keeps_the_version() -> None:
    async with World() as world:
        informer = await world.informer()
        world.server.put("a")
        await settle()
        world.server.watch.send("ERROR", status_of(500, "InternalError", "etcd is sad"))
        await settle(5)
        world.server.put("b")
        await settle()
        assert len(world.server.lists()) == 1
        assert dict(world.server.watches()[-1].query)["resourceVersion"] == "2"
        assert held(informer) == on_server(world.server)


async def test_throttled_watch_waits_as_long_as_the_server_says() -> None:
    async with World() as world:
        world.server.refuse_watches.append(status_of(429, "TooManyRequests", retryAfterSeconds=7))
        await world.informer()
        await settle(6.5)
        assert len(world.server.watches()) == 1
        await settle(1)
        assert len(world.server.watches()) == 2


async def test_bookmarks_alone_move_the_version() -> None:
    async with World() as world:
        informer = await world.informer()
        world.server.version = 50
        world.server.watch.bookmark(50)
        await settle()
        assert informer.last_resource_version() == "50"
        world.server.watch.end()
        await settle(5)
        assert dict(world.server.watches()[-1].query)["resourceVersion"] == "50"
        assert informer.stats().bookmarks == 1


async def test_silent_connection_is_found_dead_and_resumed() -> None:
    async with World() as world:
        informer = await world.informer()
        world.server.watch.silent = True
        world.server.put("unheard")
        await settle(100)
        assert held(informer) == {}
        await settle(100)
        assert held(informer) == on_server(world.server)
        assert len(world.server.lists()) == 1
        assert informer.stats().failures == {"silent": 1}


async def test_connection_cut_inside_an_event_resumes_before_it() -> None:
    async with World() as world:
        informer = await world.informer()
        pipe = world.server.watch
        pipe.silent = True
        world.server.put("half")
        pipe.cut(inside=b'{"type":"ADDED","object":{"metadata":{"name":"ha')
        await settle(5)
        assert held(informer) == on_server(world.server)
        assert len(world.server.lists()) == 1


async def test_duplicate_and_older_events_are_dropped() -> None:
    async with World() as world:
        informer = await world.informer()
        recorder = Recorder()
        informer.add_handler(recorder)
        first = world.server.put("a")
        second = world.server.put("a")
        await settle()
        pipe = world.server.watch
        pipe.send("ADDED", first)
        pipe.send("MODIFIED", second)
        pipe.send("MODIFIED", first)
        deleted = world.server.delete("a")
        pipe.send("DELETED", deleted)
        pipe.send("MODIFIED", second)
        await settle()
        assert recorder.kinds() == ["add", "update", "delete"]
        assert held(informer) == {}
        assert informer.stats().duplicates == 5


async def test_keys_that_expire_in_one_revision_all_go() -> None:
    async with World() as world:
        world.server.put("a")
        world.server.put("b")
        informer = await world.informer()
        for name in ("a", "b"):
            obj: dict[str, Any] = world.server.objects.pop(("default", name))
            obj["metadata"]["resourceVersion"] = "9"
            world.server.watch.send("DELETED", obj)
        await settle()
        assert held(informer) == {}


async def test_delete_and_recreate_while_the_watch_is_down_is_a_delete_and_an_add() -> None:
    async with World() as world:
        world.server.put("a")
        informer = await world.informer()
        recorder = Recorder()
        informer.add_handler(recorder)
        await settle()
        pipe = world.server.watch
        pipe.silent = True
        world.server.delete("a")
        world.server.put("a")
        world.server.compact()
        pipe.end()
        await settle(5)
        assert recorder.calls == [
            ("add", "a", "2", True),
            ("delete", "a", "2", True),
            ("add", "a", "4", False),
        ]


async def test_object_without_readable_metadata_is_left_out_and_the_rest_goes_on() -> None:
    async with World() as world:
        informer = await world.informer()
        world.server.watch.send("ADDED", {"metadata": {"name": 7}})
        world.server.put("fine")
        await settle()
        assert held(informer) == on_server(world.server)
        assert informer.stats().undecodable == 1
        assert len(world.server.lists()) == 1


async def test_absent_resource_is_a_condition_with_slow_retry_and_resyncs_on_return() -> None:
    async with World() as world:
        world.server.put("a")
        world.server.put("b")
        informer = await world.informer()
        recorder = Recorder()
        informer.add_handler(recorder)
        await settle()
        world.server.absent = True
        world.server.watch.end()
        await settle(600)
        (status,) = informer.status()
        assert status.condition is Condition.ABSENT
        assert "CustomResourceDefinition" in status.message
        assert len(world.server.requests) < 80
        assert held(informer) == {"a": "2", "b": "3"}, "kept until the server says what is true"
        world.server.absent = False
        world.server.objects.clear()
        world.server.put("b")
        informer.retry_now()
        await settle()
        assert informer.status()[0].condition is Condition.WORKING
        assert recorder.calls[2:] == [
            ("delete", "a", "2", True),
            ("delete", "b", "3", True),
            ("add", "b", "4", False),
        ]


async def test_forbidden_namespace_names_the_rule_and_the_others_go_on() -> None:
    async with World() as world:
        world.server.put("a", "one")
        world.server.put("b", "two")
        world.server.forbidden.add("two")
        informer = world.factory.informer(PODS, namespaces=["one", "two"])
        cache = Cache(world.factory)
        await world.factory.start()
        await informer.wait_synced(5)
        assert cache.get(PODS, "one/a") is not None
        with pytest.raises(
            CacheNotSyncedError, match=r'resources: \["pods"\], verbs: \["list", "watch"\].*two'
        ):
            cache.get(PODS, "two/b")
        with pytest.raises(CacheNotSyncedError, match="two"):
            cache.list(PODS)
        world.server.forbidden.clear()
        await settle(60)
        assert len(cache.list(PODS)) == 2


async def test_forbidden_cluster_says_so_when_waiting_ends() -> None:
    async with World() as world:
        world.server.forbidden.add("*")
        informer = world.factory.informer(PODS)
        await world.factory.start()
        with pytest.raises(CacheNotSyncedError, match="ClusterRole"):
            await informer.wait_synced(5)


async def test_unreachable_server_backs_off_from_800_ms_to_30_s() -> None:
    async with World() as world:
        world.server.refuse_lists.extend([TransportError("connection refused")] * 1000)
        world.factory.informer(PODS)
        await world.factory.start()
        await settle(0.7)
        assert len(world.server.lists()) == 1
        await settle(3600)
        assert 60 < len(world.server.lists()) < 3600 / 30 + 12


async def test_watch_list_brings_the_collection_and_goes_on() -> None:
    async with World(InformerOptions(list_mode=ListMode.WATCH_LIST)) as world:
        world.server.put("a")
        informer = await world.informer()
        world.server.put("b")
        await settle()
        assert held(informer) == on_server(world.server)
        assert world.server.lists() == [] and len(world.server.watches()) == 1
        world.server.watch.end()
        await settle(5)
        assert dict(world.server.watches()[-1].query).get("sendInitialEvents") is None


@pytest.mark.parametrize("fault", ["refused", "no closing bookmark", "ended early"])
async def test_watch_list_falls_back_to_a_list(fault: str) -> None:
    async with World(InformerOptions(list_mode=ListMode.WATCH_LIST)) as world:
        world.server.put("a")
        world.server.watch_list = fault != "refused"
        world.server.send_initial_end = False
        informer = world.factory.informer(PODS)
        await world.factory.start()
        await settle()
        if fault == "ended early":
            world.server.watch.end()
        await informer.wait_synced(60)
        assert held(informer) == on_server(world.server)
        assert len(world.server.lists()) == 1


async def test_list_cut_in_the_middle_is_forgotten_and_read_again() -> None:
    async with World() as world:
        for number in range(20):
            world.server.put(f"pod-{number}")
        cuts = [1]
        world.server.list_hook = lambda body: body[: len(body) // 2] if cuts and cuts.pop() else body
        informer = await world.informer()
        assert cuts == []
        assert held(informer) == on_server(world.server)
        assert len(world.server.lists()) == 2
