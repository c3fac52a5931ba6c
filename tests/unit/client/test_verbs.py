"""What each verb sends and returns, in every form of an object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from helpers.fake_transport import FakeResponse, FakeTransport, answering, failing

from reconcile.client import Client
from reconcile.errors import (
    ConfigurationError,
    GoneError,
    IncompleteObjectError,
    NotFoundError,
    ObjectDecodeError,
    TransportError,
)
from reconcile.objects.custom import CustomResource, Model
from reconcile.objects.identity import GroupVersionKind, ObjectKey, ResourceType
from reconcile.objects.kinds import MetadataOnly
from reconcile.objects.meta import KubernetesObject, ObjectMeta, Struct
from reconcile.runtime import SimulatedRuntime


class Part(Struct):
    name: str
    size: int | None = None


class ThingSpec(Struct):
    __list_keys__: ClassVar[Mapping[str, tuple[str, ...]]] = {"parts": ("name",)}
    count: int | None = None
    parts: list[Part] = []  # noqa: RUF012


class Thing(KubernetesObject):
    __resource_type__ = ResourceType("x.io", "v1", "Thing", "things")
    spec: ThingSpec | None = None
    status: dict[str, Any] = {}  # noqa: RUF012


class DatabaseSpec(Model):
    size: str


class DatabaseStatus(Model):
    ready_replicas: int | None = None


class Database(CustomResource, group="example.com", version="v1"):
    spec: DatabaseSpec
    status: DatabaseStatus | None = None


THINGS = Thing.__resource_type__
NODES = ResourceType("", "v1", "Node", "nodes", namespaced=False)
WIRE: dict[str, Any] = {
    "apiVersion": "x.io/v1",
    "kind": "Thing",
    "metadata": {"name": "a", "namespace": "n", "uid": "u1", "resourceVersion": "5"},
    "spec": {"count": 1, "vendor": "kept", "parts": [{"name": "p", "vendor": "kept too"}]},
}
PATH = "/apis/x.io/v1/namespaces/n/things"
STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Success"}
DISCOVERY = [
    {"kind": "APIGroupDiscoveryList", "items": []},
    {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "metadata": {"name": "x.io"},
                "versions": [
                    {
                        "version": "v1",
                        "resources": [
                            {
                                "resource": "things",
                                "scope": "Namespaced",
                                "responseKind": {"kind": "Thing"},
                            }
                        ],
                    }
                ],
            }
        ],
    },
]


def client_of(*answers: Any) -> tuple[Client, FakeTransport]:
    transport = FakeTransport(*answers)
    return Client(transport, runtime=SimulatedRuntime()), transport


def asked(transport: FakeTransport) -> tuple[str, str, dict[str, str]]:
    request = transport.request
    return request.method, request.path, dict(request.query)


async def test_get_in_each_form() -> None:
    client, transport = client_of(WIRE, WIRE, WIRE, *DISCOVERY, WIRE)
    thing = await client.get(Thing, "n/a")
    assert thing.spec is not None and thing.spec.count == 1
    assert asked(transport) == ("GET", f"{PATH}/a", {})
    assert (await client.get(THINGS, "a", namespace="n"))["spec"]["vendor"] == "kept"
    metadata = await client.get(MetadataOnly(Thing), ObjectKey("n", "a"), resource_version="0")
    assert metadata.uid == "u1"
    assert "PartialObjectMetadata;" in transport.request.headers["accept"]
    assert asked(transport)[2] == {"resourceVersion": "0"}
    assert await client.get(GroupVersionKind("x.io", "v1", "Thing"), "n/a") == WIRE


async def test_get_or_none() -> None:
    client, _ = client_of(failing(404, "NotFound"), failing(404, "NotFound"))
    assert await client.get_or_none(Thing, "n/a") is None
    with pytest.raises(NotFoundError):
        await client.get(Thing, "n/a")


async def test_names_that_could_mean_another_request_are_refused() -> None:
    client, transport = client_of()
    for key in ("n/", "", "n/..", "n/a%2f", ObjectKey("n", "a/b"), ObjectKey("..", "a")):
        with pytest.raises(ConfigurationError):
            await client.delete(Thing, key)
    with pytest.raises(ConfigurationError, match="lives in a namespace"):
        await client.get(Thing, "a")
    assert transport.requests == []


async def test_names_are_encoded() -> None:
    client, transport = client_of(WIRE)
    await client.get(NODES, "system:node é?")
    assert transport.request.path == "/api/v1/nodes/system:node%20%C3%A9%3F"


async def test_subresources_with_a_kind_of_their_own_have_their_own_call() -> None:
    client, transport = client_of({"kind": "Scale", "spec": {"replicas": 3}}, {"kind": "Scale"})
    with pytest.raises(ConfigurationError, match="subresource"):
        await client.get(Thing, "n/a", subresource="scale")
    scale = client.subresource(Thing, "n/a", "scale")
    assert (await scale.get())["spec"] == {"replicas": 3}
    await client.scale(Thing, "n/a", 5)
    assert asked(transport)[:2] == ("PATCH", f"{PATH}/a/scale")
    assert transport.body == {"spec": {"replicas": 5}}


async def test_list_returns_the_good_and_names_the_bad() -> None:
    items = [WIRE, {**WIRE, "metadata": {"name": "bad", "namespace": "n"}, "spec": {"count": "x"}}]
    metadata = {"resourceVersion": "9", "continue": "next", "remainingItemCount": 4}
    client, transport = client_of({"kind": "ThingList", "metadata": metadata, "items": items})
    things = await client.list(
        Thing, namespace="n", labels={"app": "db", "tier": "1"}, fields={"a.b": "x,y=z"}, limit=2
    )
    assert asked(transport) == (
        "GET",
        PATH,
        {"labelSelector": "app=db,tier=1", "fieldSelector": "a.b=x\\,y\\=z", "limit": "2"},
    )
    assert [thing.metadata.name for thing in things] == ["a"]
    assert (things.resource_version, things.continue_, things.remaining) == ("9", "next", 4)
    (error,) = things.errors
    assert isinstance(error, ObjectDecodeError)
    assert (error.key, error.field) == ("n/bad", "$.spec.count")
    with pytest.raises(ObjectDecodeError):
        things.raise_errors()


async def test_items_of_lists_have_their_kind_even_where_the_server_leaves_it_out() -> None:
    bare = {key: value for key, value in WIRE.items() if key not in ("apiVersion", "kind")}
    client, transport = client_of({"metadata": {}, "items": [bare]}, {"metadata": {}, "items": [bare]}, WIRE)
    assert (await client.list(THINGS))[0] == WIRE
    (thing,) = await client.list(Thing)
    thing.spec.count = 2  # type: ignore[union-attr]
    await client.update(thing)
    assert transport.body == {**WIRE, "spec": {**WIRE["spec"], "count": 2}}


async def test_pages_follow_the_token() -> None:
    client, transport = client_of(
        {"metadata": {"continue": "t", "resourceVersion": "1"}, "items": [WIRE]},
        {"metadata": {"resourceVersion": "1"}, "items": [WIRE]},
    )
    pages = [len(page) async for page in client.pages(Thing, page_size=1)]
    assert pages == [1, 1]
    assert asked(transport)[2] == {"limit": "1", "continue": "t"}


async def test_stream_yields_one_by_one() -> None:
    client, transport = client_of({"metadata": {}, "items": [WIRE] * 3})
    assert [thing.metadata.name async for thing in client.stream(Thing)] == ["a"] * 3
    assert transport.request.timeout is None


async def test_watch_yields_events_and_remembers_where_it_is() -> None:
    bookmark = {"kind": "Thing", "metadata": {"resourceVersion": "8"}}
    lines = [{"type": "ADDED", "object": WIRE}, {"type": "BOOKMARK", "object": bookmark}]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    client, transport = client_of(FakeResponse(200, body[:40], body[40:]))
    async with client.watch(Thing, namespace="n", resource_version="4", timeout_seconds=9) as watch:
        events = [event async for event in watch]
    assert asked(transport)[2] == {
        "watch": "true",
        "resourceVersion": "4",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "9",
    }
    assert [event.type for event in events] == ["ADDED", "BOOKMARK"]
    assert events[0].object.metadata.uid == "u1"
    assert watch.resource_version == "8"
    assert transport.responses[0].closed  # type: ignore[attr-defined]


async def test_an_error_event_raises_its_status() -> None:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    line = json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
    client, _ = client_of(FakeResponse(200, line))
    async with client.watch(Thing) as watch:
        with pytest.raises(GoneError, match="too old"):
            async for _ in watch:
                pass


async def test_a_watch_cut_inside_an_event() -> None:
    client, _ = client_of(answering({"type": "ADDED", "object": WIRE}))
    async with client.watch_raw(Thing) as lines:
        with pytest.raises(TransportError, match="inside an event"):
            async for _ in lines:
                pass


async def test_create_in_each_form() -> None:
    client, transport = client_of(WIRE, *DISCOVERY, WIRE, {**WIRE, "spec": {"size": "s"}})
    created = await client.create(
        Thing(metadata=ObjectMeta(name="a", namespace="n"), spec=ThingSpec(count=0)), dry_run=True
    )
    assert isinstance(created, Thing) and created.metadata.uid == "u1"
    assert asked(transport) == ("POST", PATH, {"fieldManager": "reconcile", "dryRun": "All"})
    assert transport.body["kind"] == "Thing" and transport.body["spec"] == {"count": 0}
    plain = {"apiVersion": "x.io/v1", "kind": "Thing", "metadata": {"name": "a"}}
    assert await client.create(plain, namespace="n", field_validation="Strict") == WIRE
    assert asked(transport)[2] == {"fieldManager": "reconcile", "fieldValidation": "Strict"}
    database = Database(metadata=ObjectMeta(generate_name="d-", namespace="n"), spec=DatabaseSpec(size="s"))
    assert (await client.create(database, field_manager="me")).spec.size == "s"
    assert transport.body == {
        "apiVersion": "example.com/v1",
        "kind": "Database",
        "metadata": {"generateName": "d-", "namespace": "n"},
        "spec": {"size": "s"},
    }
    with pytest.raises(ConfigurationError, match="lives in a namespace"):
        await client.create(Thing(metadata=ObjectMeta(name="a")))
    with pytest.raises(ConfigurationError, match="apiVersion and kind"):
        await client.create({"metadata": {}})


async def test_update_keeps_what_the_type_does_not_know() -> None:
    client, transport = client_of(WIRE, WIRE)
    thing = await client.get(Thing, "n/a")
    assert thing.spec is not None
    thing.spec.parts.insert(0, Part(name="new"))
    thing.spec.parts[1].size = 3
    await client.update(thing)
    assert asked(transport)[:2] == ("PUT", f"{PATH}/a")
    assert transport.body["spec"] == {
        "count": 1,
        "vendor": "kept",
        "parts": [{"name": "new"}, {"name": "p", "size": 3, "vendor": "kept too"}],
    }


async def test_update_of_metadata_alone_is_refused() -> None:
    client, transport = client_of(WIRE)
    metadata = await client.get(MetadataOnly(Thing), "n/a")
    with pytest.raises((IncompleteObjectError, ConfigurationError)):
        await client.update(metadata)
    assert len(transport.requests) == 1


async def test_update_status() -> None:
    client, transport = client_of(WIRE, WIRE)
    thing = await client.get(Thing, "n/a")
    thing.status["ready"] = True
    await client.update_status(thing)
    assert asked(transport)[:2] == ("PUT", f"{PATH}/a/status")


@pytest.mark.parametrize(
    ("type", "patch", "content"),
    [
        ("merge", {"spec": None}, "application/merge-patch+json"),
        ("json", [{"op": "remove", "path": "/spec"}], "application/json-patch+json"),
        ("strategic", '{"spec":null}', "application/strategic-merge-patch+json"),
    ],
)
async def test_patch(type: Any, patch: Any, content: str) -> None:
    client, transport = client_of(WIRE, WIRE)
    assert isinstance(await client.patch(Thing, "n/a", patch, type=type), Thing)
    assert transport.request.headers["content-type"] == content
    assert transport.body == (json.loads(patch) if isinstance(patch, str) else patch)
    thing = Thing(metadata=ObjectMeta(name="a", namespace="n"))
    await client.patch(thing, patch, type=type, subresource="status")
    assert asked(transport)[:2] == ("PATCH", f"{PATH}/a/status")


async def test_patch_from_sends_the_difference_alone() -> None:
    client, transport = client_of(WIRE, WIRE)
    thing = await client.get(Thing, "n/a")
    assert await client.patch_from(None, thing) is thing
    assert thing.spec is not None
    thing.spec.count = 7
    thing.metadata.labels["l"] = "v"
    await client.patch_from(None, thing, lock=True)
    assert transport.body == {
        "metadata": {"labels": {"l": "v"}, "resourceVersion": "5"},
        "spec": {"count": 7},
    }


async def test_apply_with_an_owner() -> None:
    client, transport = client_of(WIRE, WIRE)
    owner = await client.get(Thing, "n/a")
    child = Thing(metadata=ObjectMeta(name="child", namespace="n"), spec=ThingSpec(count=1))
    await client.apply(child, owner=owner)
    assert asked(transport) == ("PATCH", f"{PATH}/child", {"fieldManager": "reconcile", "force": "true"})
    assert transport.request.headers["content-type"] == "application/apply-patch+yaml"
    (reference,) = transport.body["metadata"]["ownerReferences"]
    assert (reference["uid"], reference["controller"], reference["kind"]) == ("u1", True, "Thing")
    assert child.metadata.owner_references == []
    stranger = Thing(metadata=ObjectMeta(name="child", namespace="elsewhere"))
    with pytest.raises(ConfigurationError):
        await client.apply(stranger, owner=owner)


async def test_apply_status_is_whole_and_for_that_very_object() -> None:
    stored = {**WIRE, "apiVersion": "example.com/v1", "kind": "Database", "spec": {"size": "s"}}
    client, transport = client_of(stored, stored)
    database = await client.get(Database, "n/a")
    await client.apply_status(database, DatabaseStatus(ready_replicas=2), field_manager="me")
    assert asked(transport)[1:] == (
        "/apis/example.com/v1/namespaces/n/databases/a/status",
        {"fieldManager": "me", "force": "true"},
    )
    assert transport.body == {
        "apiVersion": "example.com/v1",
        "kind": "Database",
        "metadata": {"name": "a", "namespace": "n", "uid": "u1"},
        "status": {"readyReplicas": 2},
    }


async def test_delete() -> None:
    client, transport = client_of(STATUS, WIRE, WIRE)
    assert await client.delete(Thing, "n/a") is None
    assert asked(transport)[:2] == ("DELETE", f"{PATH}/a") and transport.request.body is None
    thing = await client.delete(Thing, "n/a", propagation="Foreground", grace_period_seconds=0, dry_run=True)
    assert isinstance(thing, Thing)
    assert transport.body == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground",
        "gracePeriodSeconds": 0,
        "dryRun": ["All"],
    }
    await client.delete(thing, resource_version="5")
    assert transport.body["preconditions"] == {"uid": "u1", "resourceVersion": "5"}
    with pytest.raises(ConfigurationError, match="needs a key"):
        await client.delete(Thing)  # type: ignore[call-overload]


async def test_delete_collection() -> None:
    client, transport = client_of(STATUS)
    await client.delete_collection(Thing, namespace="n", labels="a=b")
    assert asked(transport) == ("DELETE", PATH, {"labelSelector": "a=b"})
    with pytest.raises(ConfigurationError, match="needs namespace="):
        await client.delete_collection(Thing)


async def test_bind_and_evict_only_that_very_pod() -> None:
    client, transport = client_of(STATUS, STATUS)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n", "uid": "u"}}
    await client.bind(pod, "node-1")
    assert asked(transport)[:2] == ("POST", "/api/v1/namespaces/n/pods/p/binding")
    assert transport.body["target"] == {"apiVersion": "v1", "kind": "Node", "name": "node-1"}
    assert transport.body["metadata"]["uid"] == "u"
    await client.evict(pod)
    assert asked(transport)[:2] == ("POST", "/api/v1/namespaces/n/pods/p/eviction")
    assert transport.body["deleteOptions"] == {"preconditions": {"uid": "u"}}


async def test_create_or_patch() -> None:
    def mutate(thing: Thing) -> None:
        thing.spec = thing.spec or ThingSpec()
        thing.spec.count = 4

    wanted = Thing(metadata=ObjectMeta(name="a", namespace="n"))
    client, transport = client_of(failing(404, "NotFound"), WIRE)
    assert (await client.create_or_patch(wanted, mutate))[1] == "created"
    assert transport.body["spec"] == {"count": 4}
    client, transport = client_of(WIRE, WIRE)
    assert (await client.create_or_patch(wanted, mutate))[1] == "patched"
    assert transport.body == {"spec": {"count": 4}}
    done = {**WIRE, "spec": {**WIRE["spec"], "count": 4}}
    client, transport = client_of(done)
    assert (await client.create_or_patch(wanted, mutate))[1] == "unchanged"
    client, transport = client_of(failing(404, "NotFound"), failing(409, "AlreadyExists"), WIRE, WIRE)
    assert (await client.create_or_patch(wanted, mutate))[1] == "patched"


async def test_retry_on_conflict() -> None:
    client, _ = client_of(WIRE, failing(409, "Conflict"), WIRE, WIRE)
    tries = 0

    async def attempt() -> Thing:
        nonlocal tries
        tries += 1
        return await client.update(await client.get(Thing, "n/a"))

    await client.retry_on_conflict(attempt)
    assert tries == 2
