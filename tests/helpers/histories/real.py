"""Plays scripts on a real kube-apiserver, many side by side, each in a namespace of its own.

The rest of the cluster is real too: scheduler, garbage collector, quota, node lifecycle. Only the nodes are
hollow, and the two controllers are the real ones or ours, as `ControlPlane` was told.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from reconcile import APIError, Manager, ManagerOptions, TransportError
from reconcile.cli.locate import example_operators
from reconcile.client.client import Client
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

from .embedded import our_controllers
from .play import NODES, TYPES, History, Scribe, node, request, without_scalings
from .script import Script, Step, create, delete, deployment
from .state import Object, State, at_rest, uid

QUIET = 3.0
PATIENCE = 240.0
SIDE_BY_SIDE = 40
_WATCHED = ("Deployment", "ReplicaSet", "Pod")


def control_plane(*, ours: bool) -> ControlPlane:
    """A control plane whose Deployment and ReplicaSet controllers are the real ones, or left to us."""
    without = ("-deployment-controller", "-replicaset-controller") if ours else ()
    return ControlPlane(
        ControlPlaneOptions(
            controllers=("*", "-pod-garbage-collector-controller", *without),
            controller_manager_flags=("--node-monitor-period=1s", "--node-monitor-grace-period=12s"),
            scheduler=True,
            scheduler_flags=("--kube-api-qps=500", "--kube-api-burst=1000"),
        )
    )


async def play_all(
    plane: ControlPlane,
    scripts: Iterable[Script],
    *,
    ours: bool,
    expected: Mapping[str, History] | None = None,
    controllers: Callable[[Manager], None] = our_controllers,
    told: Callable[[str], None] = lambda line: None,
    patience: float = PATIENCE,
) -> dict[str, History]:
    """The histories of scripts by name.

    Args:
        expected: what is awaited: a step is over as soon as its state is the expected one and stays so; where
            it never is, what it came to is the history.
        told: is given a line for each script that is over.
        patience: seconds that a step may take until it is what is awaited.
    """
    turn = asyncio.Semaphore(SIDE_BY_SIDE)
    histories: dict[str, History] = {}
    async with Client.from_kubeconfig(plane.kubeconfig) as client:
        for name in NODES:
            await client.create(node(name))
        async with _manager(client, ours=ours, controllers=controllers), _Observer(client) as observer:

            async def one(number: int, script: Script) -> None:
                async with turn:
                    awaited = None if expected is None else expected.get(script.name)
                    player = _Player(client, observer, script, f"s{number}", awaited, patience)
                    histories[script.name] = await player.play()
                    told(f"{script.name}: {len(histories)}")

            async with asyncio.TaskGroup() as group:
                for number, script in enumerate(scripts):
                    group.create_task(one(number, script))
    return histories


@asynccontextmanager
async def _manager(
    client: Client, *, ours: bool, controllers: Callable[[Manager], None]
) -> AsyncIterator[None]:
    manager = Manager(client, options=ManagerOptions(log_level="error", graceful_shutdown_timeout=5.0))
    hollow = importlib.import_module(f"{example_operators().__name__}.hollow_nodes")
    timings = hollow.Timings(start=0.1, init=0.1, ready=0.1, pull=0.1, stop=0.2, heartbeat=2.0)
    hollow.setup(manager, timings=timings, lifecycle=False)
    if ours:
        controllers(manager)
    async with manager:
        yield


class _Observer:
    """Watches the kinds that are compared, in all namespaces."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._objects: dict[str, dict[str, dict[str, Object]]] = defaultdict(
            lambda: {each: {} for each in _WATCHED}
        )
        self._log: dict[str, list[tuple[int, str, Object, bool]]] = defaultdict(list)
        self._changed: dict[str, float] = defaultdict(float)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> _Observer:
        self._tasks = [asyncio.create_task(self._watch(kind)) for kind in _WATCHED]
        return self

    async def __aexit__(self, *args: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, kind: str) -> None:
        version = "0"
        while True:
            # What a connection lost is told again: the log is in the order of versions and without doubles.
            with suppress(TransportError, TimeoutError):
                async with self._client.watch(TYPES[kind], resource_version=version) as watch:
                    async for event in watch:
                        version = watch.resource_version
                        if event.type != "BOOKMARK":
                            self._take(kind, json.loads(event.raw), deleted=event.type == "DELETED")
            await asyncio.sleep(0.05)

    def _take(self, kind: str, obj: Object, *, deleted: bool) -> None:
        namespace = obj["metadata"]["namespace"]
        among = self._objects[namespace][kind]
        if deleted:
            among.pop(uid(obj), None)
        else:
            among[uid(obj)] = obj
        self._log[namespace].append((int(obj["metadata"]["resourceVersion"]), kind, obj, deleted))
        self._changed[namespace] = asyncio.get_running_loop().time()

    def objects(self, namespace: str) -> tuple[list[Object], list[Object], list[Object]]:
        found = self._objects[namespace]
        return tuple(list(found[kind].values()) for kind in _WATCHED)  # type: ignore[return-value]

    def quiet_for(self, namespace: str) -> float:
        return asyncio.get_running_loop().time() - self._changed[namespace]

    def knows(self, namespace: str, obj: Object) -> bool:
        """Whether this version of an object, or a later one, was told."""
        if obj.get("kind") not in _WATCHED:
            return True
        found = self._objects[namespace][obj["kind"]].get(uid(obj))
        version = int(obj["metadata"]["resourceVersion"])
        return any(at >= version and uid(one) == uid(obj) for at, _, one, _ in self._log[namespace]) or (
            found is not None and int(found["metadata"]["resourceVersion"]) >= version
        )

    def drain(self, namespace: str) -> list[tuple[str, Object, bool]]:
        """What happened since it was asked last, in the server's order."""
        log, self._log[namespace] = self._log[namespace], []
        return [(kind, obj, deleted) for _, kind, obj, deleted in sorted(log, key=lambda entry: entry[0])]


class _Player:
    def __init__(
        self,
        client: Client,
        observer: _Observer,
        script: Script,
        namespace: str,
        expected: History | None,
        patience: float,
    ) -> None:
        self._patience = patience
        self._client = client
        self._observer = observer
        self._script = script
        self._namespace = namespace
        self._expected = expected
        self._scribe = Scribe(script, namespace)
        self._nodes: list[Object] = []

    async def play(self) -> History:
        await self._prepare()
        for number, step in enumerate(self._script.steps):
            self._scribe.begin(step)
            await self._write(step)
            expected = None if self._expected is None else without_scalings(self._expected.steps[number][1])
            await self._rest(step, expected)
            for kind, obj, deleted in self._observer.drain(self._namespace):
                self._scribe.seen(kind, obj, deleted=deleted)
            self._scribe.rest(step.title, await self._state())
        return self._scribe.end(await self._events())

    async def _prepare(self) -> None:
        await self._client.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self._namespace}}
        )
        for number in range(self._script.nodes):
            await self._client.create(node(f"{self._namespace}-{number}", script=self._namespace))
        async with asyncio.timeout(PATIENCE):
            while not await self._is_prepared():
                await asyncio.sleep(0.2)

    async def _is_prepared(self) -> bool:
        """The namespace takes pods, and the nodes take them too."""
        account = f"{self._namespace}/default"
        from reconcile.api.core.v1 import ServiceAccount

        if await self._client.get_or_none(ServiceAccount, account) is None:
            return False
        nodes = [one async for one in _all(self._client, "Node")]
        mine = [one for one in nodes if one["metadata"]["name"] in NODES or self._is_mine(one)]
        return len(mine) == len(NODES) + self._script.nodes and not any(
            taint["key"] != "script" for one in mine for taint in one["spec"].get("taints", ())
        )

    def _is_mine(self, one: Object) -> bool:
        return (one["metadata"].get("labels") or {}).get("script") == self._namespace

    async def _write(self, step: Step) -> None:
        # Two revisions made within one second would be of the same age.
        await asyncio.sleep(1.1)
        written: list[Object] = []
        for write in step.act(await self._state()):
            answer = await request(self._client, write, self._namespace)
            self._scribe.answered(write, answer if isinstance(answer, APIError) else None)
            if isinstance(answer, dict):
                written.append(answer)
        async with asyncio.timeout(PATIENCE):
            while not all(self._observer.knows(self._namespace, one) for one in written):
                await asyncio.sleep(0.05)

    async def _rest(self, step: Step, expected: list[str] | None) -> None:
        began = asyncio.get_running_loop().time()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                while True:
                    await asyncio.sleep(0.25)
                    quiet = min(
                        self._observer.quiet_for(self._namespace), asyncio.get_running_loop().time() - began
                    )
                    if quiet < QUIET and not step.moving:
                        continue
                    state = await self._state()
                    there = step.until(state) if step.until is not None else at_rest(state)
                    if there and (expected is None or self._scribe.lines(state) == expected):
                        return

    async def _events(self) -> list[Object]:
        """Each controller writes its events one after the other: those of a last Deployment end them."""
        last = f"{self._namespace}-end"
        await self._client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": last}})
        await request(self._client, create(deployment(1, name="end")), last)
        async with asyncio.timeout(PATIENCE):
            while len({one["involvedObject"]["kind"] async for one in self._told_in(last)}) < 2:
                await asyncio.sleep(0.5)
        await request(self._client, delete("Deployment", "end"), last)
        return [one async for one in self._told_in(self._namespace)]

    async def _told_in(self, namespace: str) -> AsyncIterator[Object]:
        async for one in _all(self._client, "Event", namespace):
            if one["involvedObject"]["kind"] in ("Deployment", "ReplicaSet"):
                yield one

    async def _state(self) -> State:
        deployments, replica_sets, pods = self._observer.objects(self._namespace)
        quotas: list[Object] = []
        if "quota" in self._script.needs:
            quotas = [one async for one in _all(self._client, "ResourceQuota", self._namespace)]
        return State(deployments, replica_sets, pods, [], quotas)


async def _all(client: Client, kind: str, namespace: str | None = None) -> AsyncIterator[Any]:
    for one in await client.list(TYPES[kind], namespace=namespace):
        yield one
