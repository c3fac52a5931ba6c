"""Watches: what they send, where they begin, how they end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from helpers.servers import CONFIG_MAPS, Session

from reconcile import MetadataOnly
from reconcile.api.core.v1 import ConfigMap, PodTemplate
from reconcile.client.raw import decode_event
from reconcile.errors import APIError, GoneError


async def version(session: Session) -> str:
    return (await session.client.list(ConfigMap, namespace=session.namespace, limit=1)).resource_version


async def take(watch: Any, count: int, *, seconds: float = 15.0) -> list[tuple[str, str]]:
    """Type and name of the next events that are no bookmarks."""
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(seconds):
        async for event in watch:
            if event.type != "BOOKMARK" and event.object.metadata.name != "kube-root-ca.crt":
                found.append((event.type, event.object.metadata.name))
            if len(found) == count:
                return found
    return found


async def test_each_change_in_order(session: Session) -> None:
    client = session.client
    start = await version(session)
    async with client.watch(ConfigMap, namespace=session.namespace, resource_version=start) as watch:
        created = await client.create(session.config_map("a"))
        await client.patch(created, {"data": {"x": "1"}})
        await client.create(session.config_map("b"))
        await client.delete(created)
        assert await take(watch, 4) == [
            ("ADDED", "a"), ("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a"),
        ]  # fmt: skip
    # The past is sent again from where a watch begins.
    async with client.watch(
        ConfigMap, namespace=session.namespace, resource_version=created.metadata.resource_version
    ) as watch:
        assert await take(watch, 3) == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]


async def test_a_deletion_carries_the_last_state_at_a_new_version(session: Session) -> None:
    client = session.client
    created = await client.create(session.config_map("a", {"x": "1"}))
    async with client.watch(
        ConfigMap, namespace=session.namespace, resource_version=created.metadata.resource_version
    ) as watch:
        await client.delete(created)
        async with asyncio.timeout(15):
            async for event in watch:
                if event.object.metadata.name == "a":
                    break
    assert event.type == "DELETED" and event.object.data == {"x": "1"}
    assert int(event.resource_version) > int(created.metadata.resource_version or 0)
    assert watch.resource_version == event.resource_version


async def test_a_change_into_and_out_of_a_selection(session: Session) -> None:
    client = session.client
    start = await version(session)
    created = await client.create(session.config_map("a"))
    async with client.watch(
        ConfigMap, namespace=session.namespace, labels="seen=yes", resource_version=start
    ) as watch:
        await client.patch(created, {"metadata": {"labels": {"seen": "yes"}}})
        await client.patch(created, {"data": {"x": "1"}})
        out = await client.patch(created, {"metadata": {"labels": {"seen": "no"}}, "data": {"x": "2"}})
        await client.patch(created, {"metadata": {"labels": {"seen": "yes"}}})
        await client.delete(created)
        found: list[Any] = []
        async with asyncio.timeout(15):
            async for event in watch:
                if event.type != "BOOKMARK":
                    found.append(event)
                if len(found) == 5:
                    break
    assert [event.type for event in found] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    # What left the selection is told as it was inside it, at the version of the change.
    assert found[2].object.data == {"x": "1"} and found[2].object.metadata.labels == {"seen": "yes"}
    assert found[2].resource_version == out.metadata.resource_version


async def test_fields_select_a_name(session: Session) -> None:
    client = session.client
    start = await version(session)
    async with client.watch(
        ConfigMap, namespace=session.namespace, fields={"metadata.name": "b"}, resource_version=start
    ) as watch:
        for name in ("a", "b", "c"):
            await client.create(session.config_map(name))
        await client.delete(ConfigMap, f"{session.namespace}/b")
        assert await take(watch, 2) == [("ADDED", "b"), ("DELETED", "b")]


async def test_without_a_version_the_present_comes_first(session: Session) -> None:
    client = session.client
    for name in ("a", "b"):
        await client.create(session.config_map(name, labels={"mine": ""}))
    async with client.watch(ConfigMap, namespace=session.namespace, labels="mine") as watch:
        assert sorted(await take(watch, 2)) == [("ADDED", "a"), ("ADDED", "b")]
        await client.delete(ConfigMap, f"{session.namespace}/a")
        assert await take(watch, 1) == [("DELETED", "a")]


async def test_initial_events_end_with_a_bookmark(session: Session) -> None:
    client = session.client
    for name in ("a", "b"):
        await client.create(session.config_map(name, labels={"mine": ""}))
    async with client.watch(
        ConfigMap, namespace=session.namespace, labels="mine", send_initial_events=True
    ) as watch:
        found: list[str] = []
        async with asyncio.timeout(15):
            async for event in watch:
                found.append(event.type)
                if event.type == "BOOKMARK":
                    break
        assert found == ["ADDED", "ADDED", "BOOKMARK"]
        bookmark = json.loads(event.raw)
        assert bookmark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert int(bookmark["metadata"]["resourceVersion"]) > 0
        await client.create(session.config_map("c", labels={"mine": ""}))
        assert await take(watch, 1) == [("ADDED", "c")]
    async with client.watch(
        ConfigMap,
        namespace=session.namespace,
        labels="mine",
        resource_version=event.resource_version,
        timeout_seconds=1,
    ) as watch:
        assert await take(watch, 2) == [("ADDED", "c")]


async def test_a_watch_ends_when_its_time_is_over(session: Session) -> None:
    start = await version(session)
    loop = asyncio.get_running_loop()
    before = loop.time()
    async with session.client.watch(
        ConfigMap, namespace=session.namespace, resource_version=start, timeout_seconds=1, bookmarks=False
    ) as watch:
        assert [event async for event in watch] == []
    assert 0.5 < loop.time() - before < 10


async def test_metadata_alone(session: Session) -> None:
    client = session.client
    start = await version(session)
    async with client.watch(
        MetadataOnly(ConfigMap), namespace=session.namespace, resource_version=start
    ) as watch:
        created = await client.create(session.config_map("a", {"x": "1"}, labels={"l": "1"}))
        async with asyncio.timeout(15):
            event = await anext(aiter(watch))
    assert event.type == "ADDED" and event.object.uid == created.metadata.uid
    assert event.object.labels == {"l": "1"} and event.object.kind == "ConfigMap"
    assert "data" not in json.loads(event.raw)


def template(session: Session, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": {"name": name, "namespace": session.namespace},
        "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}},
    }


async def test_what_was_compacted_away_is_gone(session: Session) -> None:
    """Watches, continued lists and lists of the past: all have to begin anew."""
    client = session.client
    for name in ("a", "b", "c"):
        first = await client.create(template(session, name))
    page = await client.list(PodTemplate, namespace=session.namespace, limit=1)
    start = first["metadata"]["resourceVersion"]
    for name in ("d", "e"):
        await client.create(template(session, name))
    await session.forget_history()
    with pytest.raises(GoneError) as gone:
        async with client.watch(PodTemplate, resource_version=start, timeout_seconds=5) as watch:
            async for _ in watch:
                pass
    assert (gone.value.code, gone.value.reason) == (410, "Expired")
    with pytest.raises(GoneError, match="The provided continue parameter is too old") as expired:
        await client.list(PodTemplate, namespace=session.namespace, limit=1, continue_=page.continue_)
    assert (expired.value.code, expired.value.reason) == (410, "Expired")
    with pytest.raises(GoneError, match="The resourceVersion for the provided list is too old"):
        await client.list(
            PodTemplate, namespace=session.namespace, resource_version=start, resource_version_match="Exact"
        )
    with pytest.raises(GoneError):
        async for _ in client.pages(PodTemplate, namespace=session.namespace, page_size=1):
            await client.create(template(session, "f"))
            await session.forget_history()


async def test_a_version_that_is_none(session: Session) -> None:
    with pytest.raises(APIError, match=r"resourceVersion: Invalid value: .yesterday."):
        async with session.client.watch(ConfigMap, resource_version="yesterday") as watch:
            await anext(aiter(watch))


async def test_many_watchers_see_the_same(session: Session) -> None:
    client = session.client
    start = await version(session)

    async def follow() -> list[tuple[str, str]]:
        async with client.watch(ConfigMap, namespace=session.namespace, resource_version=start) as watch:
            return await take(watch, 40, seconds=30)

    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(follow()) for _ in range(8)]
        for number in range(20):
            await client.create(session.config_map(f"c{number}"))
            await client.delete(ConfigMap, f"{session.namespace}/c{number}")
    first = watching[0].result()
    assert all(each.result() == first for each in watching)
    assert first == [(kind, f"c{number}") for number in range(20) for kind in ("ADDED", "DELETED")]


async def test_raw_lines_are_whole_documents(session: Session) -> None:
    client = session.client
    start = await version(session)
    large = "x" * 300_000

    async def lines() -> AsyncIterator[bytes]:
        async with client.watch_raw(CONFIG_MAPS, namespace=session.namespace, resource_version=start) as raw:
            async for line in raw:
                yield line

    watching = lines()
    await client.create(session.config_map("a", {"x": large}))
    async with asyncio.timeout(15):
        event = decode_event(await anext(watching))
    await watching.aclose()  # type: ignore[attr-defined]
    assert event.type == "ADDED" and json.loads(bytes(event.object))["data"]["x"] == large
