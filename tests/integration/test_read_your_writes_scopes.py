"""Which caches see a write, and who is told of it: selectors, namespaces, controllers, clusters, forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import structlog
from helpers.driven import driven, driving, until
from helpers.replica_sets import SETS, a_pod, a_set, key_of, names, version_of
from helpers.servers import PODS, Session

from reconcile import Client, CustomResource, ManagerOptions, MetadataOnly, Model, ObjectMeta
from reconcile.api.apps.v1 import ReplicaSet
from reconcile.apiserver import APIServer
from reconcile.controllers.watch import Read
from reconcile.crd import install_crds
from reconcile.informers import Cache, InformerFactory, Lister
from reconcile.informers.overlay import OwnWrites
from reconcile.objects.identity import ObjectKey

BLUE = "color=blue"


def paint(key: ObjectKey, color: str | None) -> Any:
    """Work of a reconcile: a patch of a set's color."""

    async def work(self: Any) -> Any:
        return await self.client.patch(SETS, key, {"metadata": {"labels": {"color": color}}})

    return work


async def test_a_relist_that_is_older_than_the_write_hides_nothing(session: Session) -> None:
    """The list was taken before the writes, and arrives after them."""
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    place = f"{session.namespace}/p"

    async def write(self: Any) -> None:
        await self.client.patch(SETS, key, {"spec": {"replicas": 5}})
        await self.client.delete(PODS, place)
        await self.client.create(a_pod(session, self.cache.get(SETS, key), "q"))

    def read(self: Any) -> Any:
        assert self.cache.get(PODS, place) is None
        return self.cache.get(SETS, key)["spec"]["replicas"], names(self.cache.list(PODS))

    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        await session.client.create(a_pod(session, owner, "p"))
        await sets.until_told(key)
        await until(lambda: operator.manager.cache.get(PODS, place), "the pod is known")
        operator.transport.hold_events = True
        operator.transport.holding = {"list"}
        await operator.expire(SETS)
        await operator.expire(PODS)
        await until(lambda: len(operator.transport.waiting) == 2, "both lists are on their way")
        await sets.run(key, write)
        assert await sets.run(key, read) == (5, ["q"])
        operator.transport.holding = set()
        while operator.transport.waiting:
            operator.transport.release()
        await until(lambda: operator.stream(SETS) and operator.stream(PODS), "both have arrived")
        bare = operator.manager.cache.bare(PODS, namespace=session.namespace)
        assert names(bare.list()) == ["p"], "the list is older than the writes"
        assert await sets.run(key, read) == (5, ["q"])

        async def as_written() -> None:
            assert await sets.run(key, read) == (5, ["q"])

        await operator.arrive(SETS)
        await operator.arrive_all(PODS, as_written)


async def test_writes_into_and_out_of_a_selection(session: Session) -> None:
    key, blue = key_of(session), driven(SETS, labels=BLUE)

    def color(self: Any) -> list[str]:
        lister = Lister[Any](operator.informer(SETS, BLUE), SETS)
        assert (lister.get(key) is not None) == bool(names(lister.list()))
        return names(lister.list())

    async with driving(session, blue) as operator:
        await session.client.create(a_set(session, labels={"color": "blue"}))
        await blue.until_told(key)
        operator.transport.hold_events = True

        for wanted in ("red", "blue", "red", "green"):
            await blue.run(key, paint(key, wanted))
            assert await blue.run(key, color) == (["x"] if wanted == "blue" else [])

        async def create_red(self: Any) -> None:
            await self.client.create(a_set(session, "y", labels={"color": "red"}))

        before = operator.left()
        await blue.run(key, create_red)
        assert operator.left() == before, "an object that is not selected leaves no entry"
        # Each event in its turn: out, in, out.
        for _ in range(3):
            await operator.arrive(SETS, labels=BLUE)
            assert await blue.run(key, color) == []
        operator.transport.open_all()
        await blue.run(key, paint(key, "blue"))
        await until(lambda: operator.left() == 0, "nothing is left in the overlay")
        assert await blue.run(key, color) == ["x"]


async def test_a_write_into_a_namespace_that_is_not_watched_leaves_no_entry(session: Session) -> None:
    key, sets = key_of(session), driven(SETS)
    other = await session.another_namespace()
    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)

        async def write(self: Any) -> Any:
            foreign = a_set(session)
            foreign["metadata"]["namespace"] = other
            await self.client.create(foreign)
            return [version_of(found) for found in self.cache.list(SETS)]

        ours = await session.client.get(SETS, key)
        assert await sets.run(key, write) == [version_of(ours)]
        assert operator.left() == 0


async def test_a_neighbour_in_the_same_manager_sees_a_write_at_once_and_is_told_of_it(
    session: Session,
) -> None:
    key = key_of(session)
    first, second = driven(SETS, "first"), driven(SETS, "second")

    def replicas(self: Any) -> Any:
        found = self.cache.get(SETS, key)
        return found["spec"]["replicas"], found.get("status", {}).get("replicas", 0)

    async with driving(session, first, second) as operator:
        await session.client.create(a_set(session))
        for each in (first, second):
            await each.until_told(key)
        operator.transport.hold_events = True
        await second.run(key, lambda self: self.client.patch(SETS, key, {"spec": {"replicas": 5}}))
        status = await first.run(
            key,
            lambda self: self.client.patch(SETS, key, {"status": {"replicas": 1}}, subresource="status"),
        )
        for each in (first, second):
            assert await each.run(key, replicas) == (5, 1)
        operator.transport.open_all()
        # The status is the first one's own, the spec is not; to the second one it is the other way round.
        await second.until_told(key, version=version_of(status))
        await first.until_told(key, version=version_of(status) - 1)
        await until(lambda: operator.left() == 0, "nothing is left in the overlay")


async def test_an_own_status_write_wakes_all_but_its_writer(session: Session) -> None:
    key = key_of(session)
    first, second = driven(SETS, "first"), driven(SETS, "second")
    async with driving(session, first, second):
        await session.client.create(a_set(session))
        for each in (first, second):
            await each.until_told(key)
        status = await first.run(
            key,
            lambda self: self.client.patch(SETS, key, {"status": {"replicas": 1}}, subresource="status"),
        )
        await second.until_told(key, version=version_of(status))
        # A stream keeps its order: who was told of what came later was told of this before, or never.
        marker = await session.client.create(a_set(session, "marker"))
        await first.until_told(key_of(session, "marker"), version=version_of(marker))
        assert not first.told(key, version=version_of(status))


async def test_own_writes_of_more_than_the_status_wake_their_writer(session: Session) -> None:
    key, sets = key_of(session), driven(SETS)
    patches = (
        {"spec": {"replicas": 5}},
        {"metadata": {"labels": {"color": "blue"}}},
        {"metadata": {"annotations": {"note": "1"}}},
        {"metadata": {"finalizers": ["example.com/hold"]}},
    )
    async with driving(session, sets):
        await session.client.create(a_set(session))
        await sets.until_told(key)
        for patch in patches:
            written = await sets.run(key, lambda self, patch=patch: self.client.patch(SETS, key, patch))
            await sets.until_told(key, version=version_of(written))
        await session.client.patch(SETS, key, {"metadata": {"finalizers": None}})


async def test_echoes_of_owned_objects_are_always_delivered(session: Session) -> None:
    """Also of their status: whoever owns a pod waits for nothing but its changes."""
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    place = ObjectKey(session.namespace, "p")
    async with driving(session, sets):
        owner = await session.client.create(a_set(session))
        await sets.until_told(key)
        created = await sets.run(key, lambda self: self.client.create(a_pod(session, owner, "p")))
        await sets.until_told(key, about=place, version=version_of(created))
        phase = {"status": {"phase": "Running"}}
        status = await sets.run(key, lambda self: self.client.patch(PODS, place, phase, subresource="status"))
        await sets.until_told(key, about=place, version=version_of(status))
        await sets.run(key, lambda self: self.client.delete(PODS, place))
        await sets.until_told(key, about=place, deleted=True)


async def test_all_caches_of_a_kind_agree(session: Session) -> None:
    """One of everything, one of a selection, one of metadata alone; one write is seen in each."""
    key = key_of(session)
    sets = driven(SETS, "sets")
    blue = driven(SETS, "blue", labels=BLUE)
    metadata = driven(PODS, "pods", reads=(Read(MetadataOnly(SETS), labels="app=x"),))

    def read(self: Any) -> Any:
        whole = Lister[Any](operator.informer(SETS), SETS).get(key)
        some = Lister[Any](operator.informer(SETS, BLUE), SETS).get(key)
        least = Lister[Any](operator.informer(SETS, "app=x"), MetadataOnly(SETS)).get(key)
        return (
            version_of(whole),
            None if some is None else version_of(some),
            None if least is None else int(least.resource_version),
        )

    async with driving(session, sets, blue, metadata) as operator:
        await session.client.create(a_set(session, labels={"app": "x"}))
        await sets.until_told(key)
        await until(
            lambda: Lister[Any](operator.informer(SETS, "app=x"), MetadataOnly(SETS)).get(key),
            "the set is known by its metadata",
        )
        operator.transport.hold_events = True
        painted = version_of(await sets.run(key, paint(key, "blue")))
        assert await sets.run(key, read) == (painted, painted, painted)
        removed = {"metadata": {"labels": {"app": None}}}
        last = version_of(await sets.run(key, lambda self: self.client.patch(SETS, key, removed)))
        assert await sets.run(key, read) == (last, last, None)
        # The streams advance on their own, in any order.
        for labels in ("app=x", BLUE, ""):
            await operator.arrive(SETS, labels=labels)
            assert await sets.run(key, read) == (last, last, None)
        operator.transport.open_all()
        await until(lambda: operator.left() == 0, "nothing is left in the overlay")
        assert await sets.run(key, read) == (last, last, None)


async def test_two_clusters_in_one_manager_know_nothing_of_each_other(session: Session) -> None:
    """The same key on two servers: a write to the one is seen in its cache, and not in the other's."""
    key, sets = key_of(session), driven(SETS)
    async with APIServer() as elsewhere, Client(elsewhere.transport()) as client:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": session.namespace}}
        await client.create(namespace)
        own = OwnWrites(client, log=structlog.get_logger())
        client.add_observer(own)
        factory = InformerFactory(client, reader=own.reader, namespaces=[session.namespace])
        there = Cache(factory)
        factory.informer(SETS)
        async with driving(session, sets) as operator:
            await factory.start()
            await factory.wait_synced(60)
            await session.client.create(a_set(session, replicas=1))
            await client.create(a_set(session, replicas=2))
            await sets.until_told(key)
            await until(lambda: there.get(SETS, key), "the other one is known")

            def read(self: Any) -> Any:
                return tuple(cache.get(SETS, key)["spec"]["replicas"] for cache in (self.cache, there))

            async def write_here(self: Any) -> Any:
                await self.client.patch(SETS, key, {"spec": {"replicas": 3}})
                return read(self)

            async def write_there(self: Any) -> Any:
                await client.patch(SETS, key, {"spec": {"replicas": 4}})
                return read(self)

            operator.transport.hold_events = True
            assert await sets.run(key, write_here) == (3, 2)
            assert await sets.run(key, write_there) == (3, 4)
            assert await sets.run(key, read) == (3, 4)
            operator.transport.open_all()
            await until(lambda: operator.left() == 0, "nothing is left in the overlay")
        await factory.stop()


class LampSpec(Model):
    watts: int


class Lamp(CustomResource, group="integration.example.com", version="v1", plural="lamps"):
    spec: LampSpec


LAMPS = Lamp.__resource_type__


async def test_dict_typed_and_model_reads_see_the_same_write(session: Session) -> None:
    await install_crds(session.client, [Lamp])
    lamps, key = driven(Lamp, owns=(ReplicaSet,)), key_of(session)

    def read(self: Any) -> Any:
        return (
            self.cache.get(Lamp, key).spec.watts,
            self.cache.get(LAMPS, key)["spec"]["watts"],
            [lamp.spec.watts for lamp in self.cache.list(Lamp)],
            self.cache.get(ReplicaSet, key).spec.replicas,
            self.cache.get(SETS, key)["spec"]["replicas"],
            self.cache.metadata(ReplicaSet, key).labels,
        )

    async with driving(session, lamps) as operator:
        metadata = ObjectMeta(name="x", namespace=session.namespace)
        await session.client.create(Lamp(metadata=metadata, spec=LampSpec(watts=1)))
        await session.client.create(a_set(session))
        await lamps.until_told(key)
        await until(lambda: operator.manager.cache.get(SETS, key), "the set is known")
        operator.transport.hold_events = True

        async def write(self: Any) -> Any:
            lamp = self.cache.get(Lamp, key)
            lamp.spec.watts = 40
            await self.client.update(lamp)
            typed = self.cache.get(ReplicaSet, key)
            typed.spec.replicas = 4
            typed.metadata.labels = {"color": "blue"}
            await self.client.update(typed)
            return read(self)

        assert await lamps.run(key, write) == (40, 40, [40], 4, 4, {"color": "blue"})

        async def write_what_was_read(self: Any) -> Any:
            # What the overlay gives is complete: it can be written back, in any form.
            typed = self.cache.get(ReplicaSet, key)
            typed.spec.replicas = 5
            await self.client.update(typed)
            plain = self.cache.get(LAMPS, key)
            plain["spec"]["watts"] = 60
            await self.client.update(plain)
            mine = self.cache.get(Lamp, key)
            mine.spec.watts += 1
            return read(self)

        assert await lamps.run(key, write_what_was_read) == (60, 60, [60], 5, 5, {"color": "blue"})
        operator.transport.open_all()
        await until(lambda: operator.left() == 0, "nothing is left in the overlay")


@pytest.mark.parametrize("how", ["manager", "read"])
async def test_the_overlay_can_be_switched_off(session: Session, how: str) -> None:
    key, sets = key_of(session), driven(SETS)
    options = replace(
        ManagerOptions(log_level="error", connect_timeout=None), read_your_writes=how != "manager"
    )

    async def write(self: Any) -> Any:
        await self.client.patch(SETS, key, {"spec": {"replicas": 5}})
        found = self.cache.get(SETS, key) if how == "manager" else self.cache.bare(SETS).get(key)
        return found["spec"]["replicas"]

    async with driving(session, sets, options=options) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        assert await sets.run(key, write) == 0
        assert (operator.left() == 0) == (how == "manager")
