"""Snapshots of the embedded server: what comes back, what watchers notice, and what it costs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from reconcile import Client, CustomResource, Model, NotFoundError, ObjectMeta
from reconcile.api.core.v1 import ConfigMap, Namespace
from reconcile.apiserver import APIServer
from reconcile.client.transport import TransportRequest
from reconcile.crd import install_crds
from reconcile.runtime import SimulatedRuntime
from reconcile.testing.cluster import Cluster


class GadgetSpec(Model):
    size: int = 1


class Gadget(CustomResource, group="snapshots.example.com", version="v1"):
    spec: GadgetSpec = GadgetSpec()


def config_map(name: str, namespace: str = "default", **metadata: Any) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace=namespace, **metadata), data={"a": "b"})


async def names(client: Client) -> list[str]:
    listed = await client.list(ConfigMap, namespace="default")
    return sorted(item.metadata.name for item in listed if item.metadata.name != "kube-root-ca.crt")


async def test_what_was_made_since_is_gone_and_what_was_deleted_is_back_as_it_was() -> None:
    async with APIServer(runtime=SimulatedRuntime()) as server, Client(server.transport()) as client:
        before = await client.create(config_map("old"))
        snapshot = server.snapshot()
        await client.delete(before)
        await client.create(config_map("new"))
        await server.restore(snapshot)
        assert await names(client) == ["old"]
        assert (await client.get(ConfigMap, "default/old")).metadata == before.metadata
        # As often as one likes.
        await client.create(config_map("new"))
        await server.restore(snapshot)
        assert await names(client) == ["old"]


async def test_resource_versions_grow_watches_end_and_older_ones_are_expired() -> None:
    async with APIServer(runtime=SimulatedRuntime()) as server, Client(server.transport()) as client:
        made = await client.create(config_map("a"))
        snapshot = server.snapshot()
        path = "/api/v1/namespaces/default/configmaps"
        watch = await server.transport().send(TransportRequest("GET", path, (("watch", "true"),)))
        later = await client.create(config_map("b"))
        await server.restore(snapshot)
        async with asyncio.timeout(60):
            assert b"ADDED" in b"".join([chunk async for chunk in watch.chunks()])
        again = await client.create(config_map("b"))
        assert int(again.metadata.resource_version) > int(later.metadata.resource_version)
        query = (("watch", "true"), ("resourceVersion", str(made.metadata.resource_version)))
        expired = await server.transport().send(TransportRequest("GET", path, query))
        async with asyncio.timeout(60):
            assert b'"code":410' in b"".join([chunk async for chunk in expired.chunks()])


async def test_definitions_that_come_back_are_served_at_once_and_others_no_more() -> None:
    async with APIServer(runtime=SimulatedRuntime()) as server, Client(server.transport()) as client:
        empty = server.snapshot()
        await install_crds(client, [Gadget])
        await client.create(
            Gadget(metadata=ObjectMeta(name="g", namespace="default"), spec=GadgetSpec(size=3))
        )
        full = server.snapshot()
        collection = "/apis/snapshots.example.com/v1/gadgets"
        await server.restore(empty)
        assert (await server.transport().send(TransportRequest("GET", collection))).status == 404
        await server.restore(full)
        assert (await server.transport().send(TransportRequest("GET", collection))).status == 200
        assert (await client.get(Gadget, "default/g")).spec.size == 3


def test_owners_are_known_after_a_restore_in_this_server_and_in_another() -> None:
    with Cluster() as prepared:
        owner = prepared.create(config_map("owner"))
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid}
        prepared.create({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "child", "namespace": "default", "ownerReferences": [reference]},
        })  # fmt: skip
        prepared.settle()
        snapshot = prepared.snapshot()
        for cluster in (prepared, Cluster(snapshot=snapshot)):
            cluster.restore(snapshot)
            cluster.delete(ConfigMap, "default/owner")
            cluster.settle()
            assert cluster.get_or_none(ConfigMap, "default/child") is None
            cluster.close()


def test_what_controllers_had_still_to_do_is_done_after_the_restore() -> None:
    with Cluster() as cluster:
        owner = cluster.create(config_map("owner"))
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid}
        child = {
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "child", "namespace": "default", "ownerReferences": [reference]},
        }  # fmt: skip
        cluster.create(child)

        async def half_way() -> Any:
            await cluster.client.delete(ConfigMap, "default/owner")
            await cluster.client.delete(Namespace, "going")
            return cluster.server.snapshot()

        cluster.create(Namespace(metadata=ObjectMeta(name="going")))
        cluster.settle()
        taken = cluster.call(half_way())
        cluster.settle()
        cluster.call(cluster.server.restore(taken))
        cluster.settle()
        assert cluster.get_or_none(ConfigMap, "default/child") is None
        assert cluster.get_or_none(Namespace, "going") is None
        with pytest.raises(NotFoundError):
            cluster.create(config_map("late", "going"))


def test_a_cluster_that_starts_from_a_snapshot_goes_on_in_time_and_gives_no_uid_twice() -> None:
    with Cluster() as prepared:
        prepared.advance(hours=3)
        made = prepared.create(config_map("a"))
        snapshot = prepared.snapshot()
    for seed in (None, 0, 7):
        with Cluster(snapshot=snapshot, seed=seed) as cluster:
            assert cluster.time == 0
            uids = {made.metadata.uid}
            for number in range(20):
                later = cluster.create(config_map(f"b-{number}"))
                assert later.metadata.creation_timestamp >= made.metadata.creation_timestamp
                uids.add(later.metadata.uid)
            assert len(uids) == 21


def test_taking_and_restoring_costs_the_same_for_any_number_of_objects() -> None:
    def calls_of(action: Callable[[], object]) -> int:
        count = 0

        def count_one(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(count_one)
        try:
            action()
        finally:
            sys.setprofile(None)
        return count

    def cost(objects: int) -> tuple[int, int]:
        with Cluster() as cluster:
            owner = cluster.create(config_map("owner"))
            reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid}

            async def fill() -> None:
                for number in range(objects):
                    metadata = {"name": f"m-{number}", "namespace": "default", "ownerReferences": [reference]}
                    await cluster.client.create(
                        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
                    )

            cluster.call(fill())
            cluster.settle()
            taken = cluster.snapshot()
            restored: Coroutine[Any, Any, None] = cluster.server.restore(taken.server)
            return calls_of(cluster.snapshot), calls_of(lambda: cluster.call(restored))

    # Some calls come and go, such as the end of a generator that is collected; a thousand would be seen.
    for few, many in zip(cost(3), cost(1_000), strict=True):
        assert abs(few - many) < 200
