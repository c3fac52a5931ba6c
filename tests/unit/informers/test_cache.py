"""Reads: what they give, what they refuse, and that nobody can spoil them."""

from __future__ import annotations

import asyncio

import pytest
from helpers.informing import World, settle
from helpers.scripted_server import PODS

from reconcile.errors import CacheNotSyncedError, ConfigurationError, NotCachedError, ObjectDecodeError
from reconcile.informers import Cache, Index
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.kinds import MetadataOnly
from reconcile.objects.meta import KubernetesObject, Struct


class _Spec(Struct):
    node_name: str | None = None


class Pod(KubernetesObject):
    __resource_type__ = PODS
    spec: _Spec | None = None


async def test_get_gives_a_fresh_object_each_time() -> None:
    async with World() as world:
        world.server.put("a", spec={"nodeName": "n1"})
        await world.informer()
        cache = Cache(world.factory)
        first = cache.get(Pod, "default/a")
        assert first is not None and first.spec is not None
        first.spec.node_name = "spoiled"
        second = cache.get(Pod, ObjectKey("default", "a"))
        assert second is not None and second.spec is not None and second.spec.node_name == "n1"
        plain = cache.get(PODS, "a", namespace="default")
        assert plain is not None and plain["spec"] == {"nodeName": "n1"}
        metadata = cache.get(MetadataOnly(PODS), "default/a")
        assert metadata is cache.metadata(Pod, "default/a")
        assert cache.get(Pod, "default/none") is None and cache.metadata(Pod, "default/none") is None


async def test_kind_that_nobody_watches_is_an_error_that_says_so() -> None:
    async with World() as world:
        cache = Cache(world.factory)
        with pytest.raises(NotCachedError, match=r"nobody watches deployments\.apps"):
            cache.get(ResourceType("apps", "v1", "Deployment", "deployments"), "a/b")


async def test_read_before_the_first_list_is_an_error() -> None:
    async with World() as world:
        world.factory.informer(PODS)
        cache = Cache(world.factory)
        with pytest.raises(CacheNotSyncedError, match="not started"):
            cache.list(Pod)


async def test_text_key_of_a_namespaced_kind_needs_its_namespace() -> None:
    async with World() as world:
        await world.informer()
        with pytest.raises(ConfigurationError, match="namespace"):
            Cache(world.factory).get(Pod, "a")


async def test_list_selects_by_namespace_labels_and_index_before_it_decodes() -> None:
    async with World() as world:
        world.server.put("a", "one", labels={"app": "web"}, spec={"nodeName": "n1"})
        world.server.put("b", "one", labels={"app": "db"}, spec={"nodeName": "n1"})
        world.server.put("c", "two", labels={"app": "web"}, spec={"nodeName": "n2"})
        informer = await world.informer()
        informer.add_index(Index("spec.nodeName"))
        await informer.wait_synced()
        cache = Cache(world.factory)
        assert [key.name for key in cache.list(Pod).keys] == ["a", "b", "c"]
        assert [key.name for key in cache.list(Pod, namespace="one").keys] == ["a", "b"]
        assert [key.name for key in cache.list(Pod, labels={"app": "web"}).keys] == ["a", "c"]
        assert [key.name for key in cache.list(Pod, labels="app in (db)").keys] == ["b"]
        assert [pod.metadata.name for pod in cache.index(Pod, "spec.nodeName", "n1")] == ["a", "b"]
        view = cache.list(Pod, namespace="one", labels={"app": "web"}, index=("spec.nodeName", "n1"))
        assert len(view) == 1 and view[0].metadata.name == "a"
        assert ObjectKey("one", "a") in view
        assert [metadata.name for metadata in view.metadata] == ["a"]


async def test_object_that_does_not_decode_is_named_and_the_others_are_given() -> None:
    async with World() as world:
        world.server.put("bad", spec={"nodeName": 7})
        world.server.put("good", spec={"nodeName": "n1"})
        await world.informer()
        cache = Cache(world.factory)
        with pytest.raises(ObjectDecodeError) as caught:
            cache.get(Pod, "default/bad")
        assert caught.value.key == "default/bad" and "nodeName" in caught.value.field
        view = cache.list(Pod)
        assert [pod.metadata.name for pod in view] == ["good"]
        assert [error.key for error in view.errors] == ["default/bad"]
        assert [pod.metadata.name async for pod in view] == ["good"]
        assert [error.key for error in view.errors] == ["default/bad"]


async def test_view_is_of_the_moment_of_the_read() -> None:
    async with World() as world:
        world.server.put("a")
        await world.informer()
        cache = Cache(world.factory)
        view = cache.list(Pod)
        world.server.delete("a")
        await settle()
        assert [pod.metadata.name for pod in view] == ["a"]
        assert len(cache.list(Pod)) == 0


async def test_long_iteration_gives_the_loop_its_turn() -> None:
    async with World() as world:
        for number in range(2000):
            world.server.put(f"pod-{number}")
        await world.informer()
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(count())
        await asyncio.sleep(0)
        before = turns
        assert len([pod async for pod in Cache(world.factory).list(Pod)]) == 2000
        assert turns - before >= 2000 // 256
        task.cancel()


async def test_selected_informer_answers_only_when_no_other_can() -> None:
    async with World() as world:
        await world.informer(PODS, labels="app=web")
        cache = Cache(world.factory)
        assert len(cache.list(Pod)) == 0
        second = await world.informer(PODS, labels="app=db")
        with pytest.raises(NotCachedError, match="answer differently"):
            cache.list(Pod)
        await world.factory.remove(second)
        whole = await world.informer(PODS)
        assert world.factory.find(PODS) is whole


async def test_metadata_only_informer_refuses_whole_objects() -> None:
    async with World() as world:
        world.server.put("a")
        await world.informer(PODS, metadata_only=True)
        cache = Cache(world.factory)
        with pytest.raises(NotCachedError, match="metadata only"):
            cache.get(Pod, "default/a")
        assert cache.metadata(Pod, "default/a") is not None
