"""What an informer promises its users: handlers, late ones, upgrades, namespaces, indexes, life."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.informing import Recorder, World, held, on_server, settle
from helpers.scripted_server import GONE, PODS

from reconcile.errors import CacheNotSyncedError, ConfigurationError, IncompleteObjectError, NotCachedError
from reconcile.informers import CachedObject, Detail, Index, InformerOptions
from reconcile.objects.codecs import codec_of
from reconcile.objects.identity import ObjectKey
from reconcile.objects.kinds import MetadataOnly


async def test_late_handler_is_replayed_and_has_a_sync_of_its_own() -> None:
    async with World() as world:
        for number in range(1000):
            world.server.put(f"pod-{number:04}")
        informer = await world.informer()
        recorder = Recorder()
        registration = informer.add_handler(recorder)
        assert not registration.has_synced
        world.server.put("pod-0999")
        world.server.put("new")
        await registration.wait_synced()
        await settle()
        assert recorder.calls[:1000] == [
            ("add", f"pod-{number:04}", str(number + 2), True) for number in range(1000)
        ]
        assert recorder.calls[1000:] == [
            ("update", "pod-0999", "1001", "1002"),
            ("add", "new", "1003", False),
        ]


async def test_handler_synced_only_after_its_initial_calls() -> None:
    async with World() as world:
        for number in range(600):
            world.server.put(f"pod-{number}")
        informer = world.factory.informer(PODS)
        recorder = Recorder()
        registration = informer.add_handler(recorder)
        await world.factory.start()
        await registration.wait_synced()
        assert len(recorder.calls) == 600 and informer.has_synced


async def test_handler_of_an_empty_collection_syncs() -> None:
    async with World() as world:
        registration = world.factory.informer(PODS).add_handler(Recorder())
        await world.factory.start()
        await registration.wait_synced()


async def test_handler_that_raises_loses_that_call_and_nobody_else_notices() -> None:
    class Bad(Recorder):
        def on_add(self, obj: CachedObject, initial: bool) -> None:
            super().on_add(obj, initial)
            raise ValueError("no")

    async with World() as world:
        informer = await world.informer()
        bad, good = Bad(), Recorder()
        informer.add_handler(bad)
        informer.add_handler(good)
        world.server.put("a")
        world.server.put("a")
        await settle()
        assert good.kinds() == bad.kinds() == ["add", "update"]
        assert informer.stats().handler_errors == 1


async def test_removed_handler_is_not_called_any_more() -> None:
    async with World() as world:
        informer = await world.informer()
        recorder = Recorder()
        registration = informer.add_handler(recorder)
        world.server.put("a")
        await settle()
        registration.remove()
        world.server.put("b")
        await settle()
        assert recorder.kinds() == ["add"]


async def test_handler_that_removes_itself_in_a_call_is_done() -> None:
    async with World() as world:
        for number in range(500):
            world.server.put(f"pod-{number}")
        informer = await world.informer()

        class Once(Recorder):
            def on_add(self, obj: CachedObject, initial: bool) -> None:
                super().on_add(obj, initial)
                registration.remove()

        once = Once()
        registration = informer.add_handler(once)
        await settle(1)
        assert once.kinds() == ["add"]


async def test_informer_is_shared_by_resource_scope_and_selection() -> None:
    async with World() as world:
        one = world.factory.informer(PODS)
        assert world.factory.informer(PODS, metadata_only=True) is one
        assert world.factory.informer(PODS, labels={"app": "web"}) is not one
        assert world.factory.informer(PODS, namespaces=["b", "a"]) is world.factory.informer(
            PODS, namespaces=["a", "b"]
        )


async def test_request_for_more_upgrades_a_metadata_informer_and_keeps_its_handlers() -> None:
    async with World() as world:
        world.server.put("a", spec={"nodeName": "n"})
        informer = await world.informer(PODS, metadata_only=True)
        early, late = Recorder(), Recorder()
        informer.add_handler(early)
        await settle()
        assert "PartialObjectMetadata" in world.server.requests[0].headers["accept"]
        with pytest.raises(IncompleteObjectError):
            informer.reader.list()[0].decode(PODS)
        assert world.factory.informer(PODS) is informer
        assert not informer.has_synced
        assert held(informer) == {"a": "2"}, "metadata reads go on meanwhile"
        registration = informer.add_handler(late)
        await informer.wait_synced(5)
        await registration.wait_synced()
        assert informer.reader.list()[0].decode(PODS)["spec"] == {"nodeName": "n"}
        world.server.put("b")
        await settle()
        assert early.calls == late.calls == [("add", "a", "2", True), ("add", "b", "3", False)]
        assert informer.stats().relists == {"upgrade": 1}
        assert "PartialObjectMetadata" not in world.server.requests[-1].headers["accept"]
        assert len(world.server.live()) == 1


@pytest.mark.parametrize("turns", range(0, 40, 3))
async def test_upgrade_at_any_moment_gives_whole_objects_to_who_needs_them(turns: int) -> None:
    class Whole(Recorder):
        def on_add(self, obj: CachedObject, initial: bool) -> None:
            super().on_add(obj, initial)
            assert obj.complete

    async with World(InformerOptions(strip_managed_fields=True)) as world:
        for number in range(300):
            world.server.put(f"pod-{number}")
        informer = world.factory.informer(PODS, metadata_only=True)
        await world.factory.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        world.factory.informer(PODS)
        assert world.factory.informer(PODS, detail=Detail.FULL) is informer
        whole = Whole()
        registration = informer.add_handler(whole)
        await informer.wait_synced(10)
        await registration.wait_synced()
        await settle()
        world.server.put("one-more")
        await settle()
        assert len(whole.calls) == 301
        assert len(world.server.live()) == 1, "one stream, however many upgrades"
        assert informer.stats().handler_errors == 0
        assert held(informer) == on_server(world.server)


async def test_stopped_informer_is_not_started_again() -> None:
    async with World() as world:
        informer = await world.informer()
        await informer.stop()
        with pytest.raises(RuntimeError, match="stopped"):
            informer.start()


async def test_several_namespaces_are_one_informer() -> None:
    async with World() as world:
        world.server.put("a", "one")
        world.server.put("b", "two")
        world.server.put("c", "three")
        informer = await world.informer(PODS, namespaces=["one", "two"])
        informer.add_index(Index("spec.nodeName"))
        recorder = Recorder()
        informer.add_handler(recorder)
        await settle()
        assert sorted(held(informer)) == ["a", "b"]
        assert [obj.key.name for obj in informer.reader.by_index("spec.nodeName", "", "two")] == ["b"]
        assert len(informer.reader.by_index("spec.nodeName", "")) == 2
        with pytest.raises(NotCachedError, match="three"):
            informer.reader.get(ObjectKey("three", "c"))
        world.server.delete("b", "two")
        await settle()
        assert recorder.kinds() == ["add", "add", "delete"]
        assert all("/namespaces/" in request.path for request in world.server.requests)


async def test_relist_of_one_namespace_leaves_the_others_alone() -> None:
    async with World() as world:
        world.server.put("a", "one")
        world.server.put("b", "two")
        informer = await world.informer(PODS, namespaces=["one", "two"])
        next(pipe for pipe in world.server.live() if pipe.namespace == "one").send("ERROR", GONE)
        await settle(5)
        assert held(informer) == on_server(world.server)


async def test_new_index_on_a_running_informer_is_built_and_kept() -> None:
    async with World() as world:
        for number in range(1000):
            world.server.put(f"pod-{number}", spec={"nodeName": f"n{number % 10}"})
        informer = await world.informer()
        informer.add_index(Index("spec.nodeName"))
        with pytest.raises(CacheNotSyncedError, match="still being built"):
            informer.reader.by_index("spec.nodeName", "n1")
        world.server.put("extra", spec={"nodeName": "n1"})
        await informer.wait_synced(5)
        await settle()
        assert len(informer.reader.by_index("spec.nodeName", "n1")) == 101
        informer.add_index(Index("spec.nodeName"))
        with pytest.raises(ConfigurationError, match="another index"):
            informer.add_index(Index("spec.nodeName", paths=("spec.other",)))
        with pytest.raises(NotCachedError, match="add_index"):
            informer.reader.by_index("nothing", "x")


async def test_one_event_costs_one_decode_for_metadata_and_indexes_together() -> None:
    async with World() as world:
        informer = world.factory.informer(PODS)
        informer.add_index(Index("spec.nodeName"))
        informer.add_index(Index("status.phase"))
        await world.factory.start()
        await informer.wait_synced()
        await settle()
        for number in range(100):
            world.server.put(f"pod-{number % 7}")
        await settle()
        stats = informer.stats()
        assert (stats.events, stats.metadata_decodes, stats.index_decodes) == (100, 100, 0)


async def test_stripped_objects_lose_managed_fields_and_cannot_be_put_back() -> None:
    async with World(InformerOptions(strip_managed_fields=True)) as world:
        obj = world.server.put("a")
        obj["metadata"]["managedFields"] = [{"manager": "kubelet"}]
        informer = await world.informer()
        (found,) = informer.reader.list()
        assert b"managedFields" not in found.raw and found.detail is Detail.STRIPPED
        decoded = found.decode(PODS)
        origin = codec_of(decoded).origin(decoded)
        assert origin is not None and not origin.complete
        assert world.factory.informer(PODS, detail=Detail.FULL) is informer
        await informer.wait_synced(5)
        (found,) = informer.reader.list()
        assert b"managedFields" in found.raw and found.complete


async def test_resync_shows_every_object_again() -> None:
    async with World(InformerOptions(resync_period=60.0)) as world:
        world.server.put("a")
        informer = await world.informer()
        recorder = Recorder()
        informer.add_handler(recorder)
        await settle(70)
        assert recorder.calls == [("add", "a", "2", True), ("update", "a", "2", "2")]


async def test_removed_informer_is_stopped_and_not_read_any_more() -> None:
    async with World() as world:
        world.server.put("a")
        informer = await world.informer()
        await world.factory.remove(informer)
        assert world.server.live() == []
        with pytest.raises(NotCachedError, match="nobody watches"):
            world.factory.find(PODS)
        again = world.factory.informer(PODS)
        assert again is not informer
        await again.wait_synced(5)
        assert held(again) == on_server(world.server)


async def test_observers_hear_of_each_change_before_handlers() -> None:
    heard: list[Any] = []

    class Observer:
        def store_changed(self, old: CachedObject | None, new: CachedObject | None) -> None:
            either = new or old
            assert either is not None
            versions = old and old.resource_version, new and new.resource_version
            heard.append(("changed", either.key.name, *versions))

        def store_deleted(self, last: CachedObject, final_state_unknown: bool) -> None:
            heard.append(("deleted", last.key.name, final_state_unknown))

        def store_advanced(self, namespace: str | None, resource_version: str, relist: bool) -> None:
            heard.append(("advanced", namespace, resource_version, relist))

    class Handler(Recorder):
        def on_add(self, obj: CachedObject, initial: bool) -> None:
            heard.append("handler")

    async with World() as world:
        informer = world.factory.informer(PODS)
        informer.observers.append(Observer())
        informer.add_handler(Handler())
        await world.factory.start()
        await informer.wait_synced()
        await settle()
        world.server.put("a")
        await settle()
        world.server.delete("a")
        await settle()
        assert heard == [
            ("advanced", None, "1", True),
            ("changed", "a", None, "2"),
            ("advanced", None, "2", False),
            "handler",
            ("deleted", "a", False),
            ("changed", "a", "2", None),
            ("advanced", None, "3", False),
        ]


async def test_metadata_only_kind_asks_for_metadata_only() -> None:
    async with World() as world:
        world.server.put("a")
        informer = await world.informer(MetadataOnly(PODS))
        assert informer.detail is Detail.METADATA
        assert informer.reader.list()[0].decode(MetadataOnly(PODS)).name == "a"
