"""What a controller reads and watches is cached before it runs, while another leads, and not for longer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.managed import NODES, PODS, WIDGETS, World, settle, widget, widget_path

from reconcile import Index, NotCachedError, Read, Reconciler, Request, Watch


class Elector:
    """Leads when the test says so."""

    name = "test-lease"
    guard = None

    def __init__(self) -> None:
        self.won = asyncio.Event()
        self.gone = asyncio.Event()

    def prepare(self, client: Any, runtime: Any, log: Any) -> None: ...

    async def acquire(self) -> None:
        await self.won.wait()
        self.gone.clear()

    async def lost(self) -> None:
        await self.gone.wait()
        self.won.clear()

    async def release(self) -> None: ...


class Reading(Reconciler[Any]):
    kind = WIDGETS
    reads = (NODES, Read(PODS, indexes=(Index("spec.nodeName"),)))
    indexes = (Index("spec.color"),)

    def __init__(self, name: str = "reading") -> None:
        self.name = name
        self.seen: list[Any] = []

    async def reconcile(self, request: Request, /) -> None:
        nodes = [node["metadata"]["name"] for node in self.cache.list(NODES)]
        pods = [pod["metadata"]["name"] for pod in self.cache.index(PODS, "spec.nodeName", "n1")]
        red = [each["metadata"]["name"] for each in self.cache.index(WIDGETS, "spec.color", "red")]
        self.seen.append((nodes, pods, red))


class Plain(Reconciler[Any]):
    kind = NODES
    name = "plain"

    async def reconcile(self, request: Request, /) -> None: ...


def fill(world: World) -> None:
    world.server.put(widget_path("w"), widget(color="red"))
    world.server.put(NODES.path("", "n1"), {"apiVersion": "v1", "kind": "Node"})
    for name, node in (("p", "n1"), ("q", "n2")):
        pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": node}}
        world.server.put(PODS.path("default", name), pod)


def lists(world: World) -> list[str]:
    """Collections that were listed, in order."""
    return [
        r.path.rsplit("/", 1)[1]
        for r in world.server.requests
        if r.method == "GET" and r.path != "/version" and "watch" not in dict(r.query)
    ]


async def test_what_is_read_is_there_at_the_first_reconcile() -> None:
    reconciler = Reading()
    world = World(reconciler)
    fill(world)
    async with world:
        assert reconciler.seen == [(["n1"], ["p"], ["w"])]


async def test_changes_of_what_is_only_read_reconcile_nothing() -> None:
    reconciler = Reading()
    world = World(reconciler)
    fill(world)
    async with world:
        world.server.put(NODES.path("", "n2"), {"apiVersion": "v1", "kind": "Node"})
        await settle()
        assert len(reconciler.seen) == 1 and len(world.manager.cache.list(NODES)) == 2


async def test_a_read_of_what_nobody_declared_says_so() -> None:
    async with World(Plain()) as world:
        with pytest.raises(NotCachedError, match=r"nobody watches pods.*reads"):
            world.manager.cache.list(PODS)


async def test_kinds_that_are_read_are_kinds_of_the_manager() -> None:
    assert World(Reading()).manager.kinds == (WIDGETS, NODES, PODS)


async def test_caches_are_warm_before_this_process_leads_and_workers_are_not() -> None:
    elector, reconciler = Elector(), Reading()
    world = World(reconciler, leader_election=elector)
    fill(world)
    async with world:
        controller = world.manager.controller("reading")
        assert controller.warm.is_set() and not controller.synced.is_set() and reconciler.seen == []
        assert len(world.manager.cache.list(PODS)) == 2
        before = lists(world)
        elector.won.set()
        await settle()
        assert reconciler.seen == [(["n1"], ["p"], ["w"])]
        assert lists(world) == before, "taking over must not list anything again"
        elector.gone.set()
        await settle()
        assert controller.queue is None and len(world.manager.cache.list(PODS)) == 2
        elector.won.set()
        await settle()
        assert len(reconciler.seen) == 2 and lists(world) == before


async def test_start_waits_for_the_caches_of_those_that_do_not_lead() -> None:
    world = World(Reading(), leader_election=Elector())
    world.server.delay = 1.0
    async with world:
        assert world.manager.controller("reading").warm.is_set()


async def test_a_removed_controller_takes_along_the_caches_that_nobody_else_uses() -> None:
    world = World(Reading(), Plain())
    fill(world)
    async with world:
        await world.manager.remove("reading")
        watched = [informer.resource for informer in world.manager.informers.informers]
        assert watched == [NODES]
        with pytest.raises(NotCachedError):
            world.manager.cache.list(PODS)
        await world.manager.remove("plain")
        assert world.manager.informers.informers == () and world.server.watches == []


@pytest.mark.parametrize("elected", [False, True])
async def test_and_comes_back_with_them(elected: bool) -> None:
    world = World(Reading("one"), leader_election=Elector() if elected else None)
    fill(world)
    async with world:
        await world.manager.remove("one")
        assert world.manager.informers.informers == ()
        world.manager.add(Reading("two"))
        await settle(1)
        assert len(world.manager.cache.list(PODS)) == 2


async def test_an_informer_that_somebody_asked_for_stays() -> None:
    world = World(Reading())
    async with world:
        world.manager.informers.informer(PODS)
        await world.manager.remove("reading")
        assert [informer.resource for informer in world.manager.informers.informers] == [PODS]


async def test_a_watch_may_name_a_method_or_be_a_function_of_the_class() -> None:
    class Mapping(Reconciler[Any]):
        kind = WIDGETS

        def of_pod(self, pod: dict[str, Any]) -> list[str]:
            self.log.info("asked")
            return [f"default/{pod['metadata']['name']}"]

        def of_node(self, node: dict[str, Any]) -> list[str]:
            return [f"default/{self.name}-{node['metadata']['name']}"]

        name = "mapping"
        watches = (Watch(PODS, to="of_pod"), Watch(NODES, to=of_node))

        def __init__(self) -> None:
            self.keys: set[str] = set()

        async def reconcile(self, request: Request, /) -> None:
            self.keys.add(request.key.name)

    reconciler = Mapping()
    world = World(reconciler)
    fill(world)
    async with world:
        assert reconciler.keys == {"w", "p", "q", "mapping-n1"}
