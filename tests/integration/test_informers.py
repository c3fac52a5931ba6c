"""Informers and the cache: what they hold, what they deliver, through what comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from helpers.informing import Recorder
from helpers.servers import CONFIG_MAPS, Session, eventually

from reconcile import Cache, CustomResource, Index, MetadataOnly, Model, NotCachedError, ObjectMeta
from reconcile.api.apiextensions.v1 import CustomResourceDefinition
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.client.waiting import is_gone
from reconcile.crd import install_crds
from reconcile.errors import CacheNotSyncedError
from reconcile.informers import InformerFactory, InformerOptions, ListMode

MINE = "mine=yes"


@asynccontextmanager
async def watching(
    session: Session, options: InformerOptions | None = None
) -> AsyncIterator[InformerFactory]:
    """A running factory of informers of the test's namespace."""
    factory = InformerFactory(session.client, options=options, namespaces=[session.namespace])
    await factory.start()
    try:
        yield factory
    finally:
        await factory.stop()


def mine(session: Session, name: str, data: dict[str, str] | None = None, **labels: str) -> ConfigMap:
    return session.config_map(name, data, labels={"mine": "yes", **labels})


@pytest.mark.parametrize("mode", list(ListMode))
async def test_the_store_follows_the_server(session: Session, mode: ListMode) -> None:
    client = session.client
    for number in range(12):
        await client.create(mine(session, f"c{number}"))
    async with watching(session, InformerOptions(list_mode=mode, page_size=5)) as factory:
        informer = factory.informer(ConfigMap, labels=MINE)
        recorder = Recorder()
        informer.add_handler(recorder)
        await informer.wait_synced(20)
        cache = Cache(factory)
        assert len(cache.list(ConfigMap, namespace=session.namespace)) == 12
        await client.patch(ConfigMap, f"{session.namespace}/c1", {"data": {"x": "1"}})
        await client.delete(ConfigMap, f"{session.namespace}/c2")
        await client.create(mine(session, "late"))
        await eventually(lambda: len(recorder.calls) == 15, "three changes are delivered")
        names = {each.metadata.name for each in cache.list(ConfigMap, namespace=session.namespace)}
        assert names == {f"c{number}" for number in range(12) if number != 2} | {"late"}
        found = cache.get(ConfigMap, f"{session.namespace}/c1")
        assert found is not None and found.data == {"x": "1"}
        assert sum(1 for call in recorder.calls if call[0] == "add" and call[3]) == 12
        assert [call[:2] for call in recorder.calls[12:]] == [
            ("update", "c1"),
            ("delete", "c2"),
            ("add", "late"),
        ]


async def test_a_late_handler_is_told_what_is_there(session: Session) -> None:
    client = session.client
    await client.create(mine(session, "a"))
    async with watching(session) as factory:
        informer = factory.informer(ConfigMap, labels=MINE)
        await informer.wait_synced(20)
        late = Recorder()
        registration = informer.add_handler(late)
        await asyncio.wait_for(registration.wait_synced(), 10)
        assert [(call[0], call[1], call[3]) for call in late.calls] == [("add", "a", True)]
        await client.create(mine(session, "b"))
        await eventually(lambda: len(late.calls) == 2, "the next one is delivered")
        assert late.calls[1][3] is False
        registration.remove()
        await client.create(mine(session, "c"))
        await eventually(lambda: informer.stats().objects == 3, "the store goes on")
        assert len(late.calls) == 2


async def test_reads_by_index(session: Session) -> None:
    client = session.client
    for number in range(6):
        await client.create(mine(session, f"c{number}", {"parity": str(number % 2)}))
    async with watching(session) as factory:
        informer = factory.informer(ConfigMap, labels=MINE)
        informer.add_index(Index("data.parity"))
        await informer.wait_synced(20)
        cache = Cache(factory)

        def odd() -> list[str]:
            found = cache.index(ConfigMap, "data.parity", "1", namespace=session.namespace)
            return sorted(each.metadata.name or "" for each in found)

        assert odd() == ["c1", "c3", "c5"]
        await client.patch(ConfigMap, f"{session.namespace}/c1", {"data": {"parity": "0"}})
        await client.patch(ConfigMap, f"{session.namespace}/c2", {"data": {"parity": "1"}})
        await eventually(lambda: odd() == ["c2", "c3", "c5"], "the index follows")
        selected = cache.list(
            ConfigMap, namespace=session.namespace, labels="mine=yes", index=("data.parity", "0")
        )
        assert sorted(each.metadata.name or "" for each in selected) == ["c0", "c1", "c4"]


async def test_metadata_alone_is_upgraded_when_more_is_asked_for(session: Session) -> None:
    client = session.client
    await client.create(mine(session, "a", {"x": "1"}))
    async with watching(session) as factory:
        informer = factory.informer(MetadataOnly(ConfigMap), labels=MINE)
        await informer.wait_synced(20)
        cache = Cache(factory)
        held = informer.reader.list(session.namespace)
        assert [each.metadata.name for each in held] == ["a"] and b'"x"' not in held[0].raw
        metadata = cache.metadata(ConfigMap, f"{session.namespace}/a")
        assert metadata is not None and metadata.labels == {"mine": "yes"}
        assert factory.informer(ConfigMap, labels=MINE) is informer

        def whole() -> bool:
            return all(b'"x"' in each.raw for each in informer.reader.list(session.namespace))

        await eventually(whole, "the objects come whole")
        found = cache.get(ConfigMap, f"{session.namespace}/a")
        assert found is not None and found.data == {"x": "1"}


async def test_a_change_of_labels_moves_objects_in_and_out(session: Session) -> None:
    client = session.client
    created = await client.create(session.config_map("a", labels={"mine": "no"}))
    async with watching(session) as factory:
        informer = factory.informer(ConfigMap, labels=MINE)
        recorder = Recorder()
        informer.add_handler(recorder)
        await informer.wait_synced(20)
        assert recorder.calls == []
        for value in ("yes", "no"):
            await client.patch(created, {"metadata": {"labels": {"mine": value}}})
        await eventually(lambda: recorder.kinds() == ["add", "delete"], "in and out again")


async def test_several_namespaces_are_one_informer(session: Session) -> None:
    client = session.client
    other = await session.another_namespace()
    outside = await session.another_namespace()
    for namespace in (session.namespace, other, outside):
        await client.create(session.config_map("a", namespace=namespace, labels={"mine": "yes"}))
    factory = InformerFactory(client, namespaces=[session.namespace, other])
    informer = factory.informer(ConfigMap, labels=MINE)
    await factory.start()
    try:
        await informer.wait_synced(20)
        cache = Cache(factory)
        assert sorted(each.metadata.namespace or "" for each in cache.list(ConfigMap)) == sorted(
            [session.namespace, other]
        )
        assert len(cache.list(ConfigMap, namespace=other)) == 1
        with pytest.raises(NotCachedError, match=f"not watched in namespace '{outside}'"):
            cache.list(ConfigMap, namespace=outside)
        with pytest.raises(NotCachedError, match="nobody watches secrets"):
            cache.get(Secret, f"{other}/a")
    finally:
        await factory.stop()


async def test_one_name_many_lives(session: Session) -> None:
    client = session.client
    async with watching(session) as factory:
        informer = factory.informer(ConfigMap, labels=MINE)
        recorder = Recorder()
        informer.add_handler(recorder)
        await informer.wait_synced(20)
        for _ in range(5):
            await client.delete(await client.create(mine(session, "a")))
        last = await client.create(mine(session, "a"))
        # The recorder itself checks that no update crosses from one uid to the next.
        await eventually(lambda: recorder.kinds() == ["add", "delete"] * 5 + ["add"], "every life is told")
        cached = Cache(factory).metadata(ConfigMap, f"{session.namespace}/a")
        assert cached is not None and cached.uid == last.metadata.uid


async def test_a_definition_that_is_deleted_and_made_anew(session: Session) -> None:
    client = session.client
    group = f"{session.unique}.example.com"

    class Spec(Model):
        size: int = 1

    class Gone(CustomResource, group=group, version="v1", plural="gones"):
        spec: Spec

    def one(name: str) -> Gone:
        return Gone(metadata=ObjectMeta(name=name, namespace=session.namespace), spec=Spec())

    options = InformerOptions(absent_retry=0.5, initial_backoff=0.1, max_backoff=0.5)
    async with watching(session, options) as factory:
        informer = factory.informer(Gone)
        recorder = Recorder()
        informer.add_handler(recorder)
        with pytest.raises(CacheNotSyncedError, match="gones"):
            await informer.wait_synced(0.3)
        await install_crds(client, [Gone])
        await client.create(one("a"))
        await informer.wait_synced(30)
        await eventually(
            lambda: [call[:2] for call in recorder.calls] == [("add", "a")], "the first life", 30
        )
        await client.delete(CustomResourceDefinition, f"gones.{group}")
        await client.wait_for(CustomResourceDefinition, f"gones.{group}", is_gone())
        await eventually(lambda: recorder.kinds() == ["add", "delete"], "objects go with the definition", 30)
        await install_crds(client, [Gone])

        async def created() -> bool:
            return await client.create(one("b")) is not None

        await created()
        await eventually(lambda: recorder.kinds() == ["add", "delete", "add"], "the second life", 60)


async def test_a_thousand_objects_at_random_end_as_on_the_server(session: Session) -> None:
    """Store, deliveries and server agree after many writers were at work."""
    client = session.client
    async with watching(session) as factory:
        informer = factory.informer(CONFIG_MAPS, labels=MINE)
        recorder = Recorder()
        informer.add_handler(recorder)
        await informer.wait_synced(20)

        async def work(writer: int) -> None:
            dice = session.random(writer)
            for step in range(30):
                name = f"c{dice.randrange(20)}-{writer}"
                choice = dice.random()
                if choice < 0.45:
                    await client.apply(mine(session, name, {"step": str(step)}))
                elif choice < 0.7:
                    await client.apply(session.config_map(name, labels={"mine": dice.choice(["yes", "no"])}))
                elif await client.get_or_none(MetadataOnly(ConfigMap), f"{session.namespace}/{name}"):
                    await client.delete(ConfigMap, f"{session.namespace}/{name}")

        await asyncio.gather(*(work(writer) for writer in range(8)))

        async def agrees() -> bool:
            listed: Any = await client.list(CONFIG_MAPS, namespace=session.namespace, labels=MINE)
            wanted = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in listed}
            held = {
                each.key.name: str(each.resource_version) for each in informer.reader.list(session.namespace)
            }
            told = {key.name: str(each.resource_version) for key, each in recorder.seen.items()}
            return wanted == held == told

        await eventually(agrees, "all three agree")
        assert informer.stats().relists == {}
