"""Which events wake which key: predicates, mappers, priorities, sources."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers.managed import NODES, PODS, WIDGETS, World, settle, widget, widget_path

from reconcile import (
    Change,
    Channel,
    ObjectKey,
    ObjectReconciler,
    Reconciler,
    Request,
    Watch,
    annotations_changed,
    generation_changed,
    labels_changed,
    predicate,
    resource_version_changed,
    to_annotation,
    to_label,
    to_owner,
    where,
)
from reconcile.controllers.mappers import as_mapper
from reconcile.informers.cached_object import CachedObject
from reconcile.objects.meta import KubernetesObject, Struct
from reconcile.objects.metadata import decode_metadata


def cached(kind: Any = PODS, **metadata: Any) -> CachedObject:
    metadata = {"name": "x", "namespace": "default", "uid": "u", "resourceVersion": "1", **metadata}
    raw = json.dumps({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}).encode()
    decoded = decode_metadata(raw)
    return CachedObject(raw, decoded, decoded.key)


def update(old: dict[str, Any], new: dict[str, Any]) -> Change:
    return Change(PODS, cached(**old), cached(**new))


@pytest.mark.parametrize(
    ("asked", "old", "new", "passes"),
    [
        (generation_changed, {"generation": 1}, {"generation": 2}, True),
        (generation_changed, {"generation": 1}, {"generation": 1, "labels": {"a": "b"}}, False),
        (generation_changed, {}, {}, True),
        (generation_changed, {"generation": 1}, {"generation": 1, "deletionTimestamp": "t"}, True),
        (labels_changed, {"labels": {"a": "1"}}, {"labels": {"a": "2"}}, True),
        (labels_changed, {"labels": {"a": "1"}}, {"labels": {"a": "1"}, "generation": 2}, False),
        (annotations_changed, {"annotations": {"a": "1"}}, {"annotations": {"a": "2"}}, True),
        (annotations_changed, {"annotations": {"a": "1"}}, {"annotations": {"a": "1"}}, False),
        (resource_version_changed, {"resourceVersion": "1"}, {"resourceVersion": "2"}, True),
        (resource_version_changed, {"resourceVersion": "1"}, {"resourceVersion": "1"}, False),
        (
            generation_changed | labels_changed,
            {"generation": 1},
            {"generation": 1, "labels": {"a": "1"}},
            True,
        ),
        (generation_changed & labels_changed, {"generation": 1}, {"generation": 2}, False),
        (~resource_version_changed, {"resourceVersion": "1"}, {"resourceVersion": "1"}, True),
    ],
)
def test_predicates_on_updates(asked: Any, old: Any, new: Any, passes: bool) -> None:
    assert asked.accepts(update(old, new)) is passes


def test_what_comes_and_goes_passes_every_predicate_of_changes() -> None:
    for asked in (generation_changed, labels_changed, annotations_changed, resource_version_changed):
        assert asked.accepts(Change(PODS, None, cached())) and asked.accepts(Change(PODS, cached(), None))


def test_predicates_from_functions_and_their_names() -> None:
    @predicate
    def deletions(change: Change) -> bool:
        return change.type == "Deleted"

    assert deletions.accepts(Change(PODS, cached(), None))
    assert str(deletions & generation_changed) == "(deletions & generation_changed)"
    named = where(lambda pod: pod["metadata"]["name"] == "x")
    assert named.accepts(Change(PODS, None, cached()))


def owned(*owners: tuple[str, str, str, bool]) -> dict[str, Any]:
    references = [
        {"apiVersion": version, "kind": kind, "name": name, "uid": "u", "controller": controls}
        for version, kind, name, controls in owners
    ]
    return {"ownerReferences": references}


@pytest.mark.parametrize(
    ("mapper", "metadata", "keys"),
    [
        (to_owner(WIDGETS), owned(("example.com/v1", "Widget", "w", True)), ["default/w"]),
        (to_owner(WIDGETS), owned(("example.com/v9", "Widget", "w", True)), ["default/w"]),
        (to_owner(WIDGETS), owned(("example.com/v1", "Widget", "w", False)), []),
        (to_owner(WIDGETS), owned(("other.com/v1", "Widget", "w", True)), []),
        (to_owner(WIDGETS), owned(("example.com/v1", "Gadget", "w", True)), []),
        (
            to_owner(WIDGETS, controller_only=False),
            owned(("example.com/v1", "Widget", "w", False), ("example.com/v1", "Widget", "v", True)),
            ["default/w", "default/v"],
        ),
        (to_owner(NODES), owned(("v1", "Node", "n", True)), ["n"]),
        (to_owner(WIDGETS), {**owned(("example.com/v1", "Widget", "w", True)), "namespace": ""}, []),
        (to_label("of"), {"labels": {"of": "w"}}, ["default/w"]),
        (to_label("of"), {}, []),
        (to_label("of", namespace_label="in"), {"labels": {"of": "w", "in": "far"}}, ["far/w"]),
        (to_annotation("of"), {"annotations": {"of": "w"}}, ["default/w"]),
        (as_mapper(lambda pod: ["far/w", ObjectKey("", "n")]), {}, ["far/w", "n"]),
    ],
)
def test_mappers(mapper: Any, metadata: dict[str, Any], keys: list[str]) -> None:
    state = cached(**metadata)
    assert [str(key) for key in mapper.keys(state, lambda: state.decode(PODS))] == keys


class Noting(Reconciler[Any]):
    kind = WIDGETS

    def __init__(self, **attributes: Any) -> None:
        self.requests: list[Request] = []
        for name, value in attributes.items():
            setattr(self, name, value)

    async def reconcile(self, request: Request, /) -> None:
        self.requests.append(request)


async def test_an_object_that_moves_tells_its_old_and_its_new_primary() -> None:
    reconciler = Noting(watches=(Watch(PODS, to=to_label("of")),))
    world = World(reconciler)
    path = PODS.path("default", "p")
    world.server.put(path, {"metadata": {"labels": {"of": "one"}}})
    async with world:
        assert [r.key.name for r in reconciler.requests] == ["one"]
        world.server.put(path, {"metadata": {"labels": {"of": "two"}}})
        await settle()
        assert sorted(r.key.name for r in reconciler.requests[1:]) == ["one", "two"]
        assert str(reconciler.requests[1].causes[0]) == "Updated Pod default/p"


async def test_owned_objects_wake_their_owner() -> None:
    reconciler = Noting(owns=(PODS,))
    world = World(reconciler)
    async with world:
        body: dict[str, Any] = {"metadata": owned(("example.com/v1", "Widget", "w", True))}
        world.server.put(PODS.path("default", "p"), body)
        await settle()
        assert [str(r.key) for r in reconciler.requests] == ["default/w"]


async def test_a_mapper_that_raises_loses_its_event_and_nothing_else() -> None:
    def mapper(pod: Any) -> list[str]:
        return [f"default/{pod['spec']['of']}"]

    reconciler = Noting(watches=(Watch(PODS, to=mapper),))
    world = World(reconciler)
    async with world:
        world.server.put(PODS.path("default", "bad"), {"metadata": {}})
        world.server.put(PODS.path("default", "good"), {"metadata": {}, "spec": {"of": "w"}})
        await settle()
        assert [str(r.key) for r in reconciler.requests] == ["default/w"]
        assert world.manager.controller("widget").stats.mapping_errors == 1
    assert "a predicate or mapper failed" in world.log.getvalue() and "default/bad" in world.log.getvalue()


async def test_a_mapper_that_reads_a_cache_at_the_start_is_asked_again_when_it_is_synced() -> None:
    class Counting(Noting):
        reads = (PODS,)
        watches = (Watch(NODES, to="widgets_of"),)

        def widgets_of(self, node: Any) -> list[str]:
            return [f"default/{pod['metadata']['name']}" for pod in self.cache.list(PODS)]

    reconciler = Counting()
    world = World(reconciler)
    world.server.put(NODES.path("", "n"), {"metadata": {}})
    world.server.put(PODS.path("default", "p"), {"metadata": {}})
    async with world:
        await settle()
        assert [str(r.key) for r in reconciler.requests] == ["default/p"]
        assert world.manager.controller("widget").stats.mapping_errors == 0
    assert "a predicate or mapper failed" not in world.log.getvalue()


async def test_predicates_of_the_primary_kind_hold_its_events_back() -> None:
    reconciler = Noting(predicates=(generation_changed,))
    world = World(reconciler)
    world.server.put(widget_path("a"), widget(size=1))
    async with world:
        body = world.server.objects[widget_path("a")]
        world.server.put(widget_path("a"), {**body, "metadata": {**body["metadata"]}, "status": {"x": 1}})
        await settle()
        assert len(reconciler.requests) == 1
        world.server.put(widget_path("a"), widget(size=2))
        await settle()
        assert len(reconciler.requests) == 2


async def test_a_channel_delivers_early_keys_once_and_later_ones_at_once() -> None:
    channel = Channel("alerts")
    reconciler = Noting(sources=(channel,))
    world = World(reconciler)
    channel.send("default/a")
    channel.send("default/a", reason="disk full")
    async with world:
        assert [str(c) for r in reconciler.requests for c in r.causes] == ["External alerts disk full"]
        channel.send(ObjectKey("default", "b"), after=60, priority=5)
        await settle(59)
        assert len(reconciler.requests) == 1
        await settle(2)
        assert reconciler.requests[1].key.name == "b" and reconciler.requests[1].priority == 5


async def test_a_source_that_fails_is_started_again() -> None:
    class Flaky:
        name = "flaky"
        starts = 0

        async def run(self, enqueue: Any, /) -> None:
            self.starts += 1
            if self.starts < 3:
                raise OSError("gone")
            enqueue("default/x")

    source = Flaky()
    reconciler = Noting(sources=(source,))
    world = World(reconciler)
    async with world:
        await settle(10)
        assert source.starts == 3 and len(reconciler.requests) == 1


class Spec(Struct):
    size: int


class Typed(KubernetesObject, kw_only=True):
    __resource_type__ = WIDGETS
    spec: Spec


async def test_an_undecodable_primary_is_reported_in_an_event_and_waits_for_its_next_version() -> None:
    seen: list[Any] = []

    class Sizes(ObjectReconciler[Typed]):
        async def reconcile(self, obj: Typed, /) -> None:
            seen.append(obj.spec.size)

    world = World(Sizes())
    world.server.put(widget_path("a"), widget(size="huge"))
    async with world:
        await settle(100)
        stats = world.manager.controller("widget").stats
        assert seen == [] and stats.decode_errors == 1
        events = [body for path, body in world.server.objects.items() if "/events/" in path]
        assert events[0]["reason"] == "ObjectDecodeError" and events[0]["type"] == "Warning"
        assert events[0]["regarding"]["name"] == "a" and "size" in events[0]["note"]
        world.server.put(widget_path("a"), widget(size=3))
        await settle()
        assert seen == [3]
