"""A manager whose reconcilers do what a test tells them, before a server whose every state is known.

                 ┌── Puppet reconcilers ──reads──▶ Floors: is this possible?
    APIServer ── HeldTransport ── Client, Manager, informers, overlay: the real ones, in virtual time
        └── Truth

Two kinds: ReplicaSets (`sets`: a status, a scale, finalizers) and the Pods that they own (bindings,
evictions, grace periods, delete-collection). Three controllers of sets: `first`, which owns the pods too;
`second`, a neighbour that writes the same sets; `chosen`, which sees only the sets labelled so.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from helpers.held_transport import Carried, HeldTransport, carrying
from helpers.server_truth import Floors, Place, State, Truth, is_echo_only

from reconcile import (
    Client,
    ControllerOptions,
    Index,
    Manager,
    ManagerOptions,
    Reconciler,
    Request,
    ResourceType,
)
from reconcile.apiserver import APIServer, ServerOptions
from reconcile.controllers.request import Cause
from reconcile.controllers.watch import Channel
from reconcile.errors import APIError, OutcomeUnknownError, ReconcileError
from reconcile.informers import CachedObject, Informer, InformerOptions, Lister
from reconcile.informers.overlay.overlay import LIFETIME
from reconcile.objects.identity import ObjectKey
from reconcile.objects.metadata import decode_metadata
from reconcile.runtime import SimulatedRuntime, VirtualTimeLoop

SETS = ResourceType("apps", "v1", "ReplicaSet", "replicasets")
PODS = ResourceType("", "v1", "Pod", "pods")
RESOURCES = {"replicasets.apps": SETS, "pods": PODS}
NAMES = {SETS: "replicasets.apps", PODS: "pods"}
NAMESPACES = ("a", "b")
NODES = ("", "n1", "n2")
CHOSEN = "chosen=yes"
FINALIZER = "example.com/hold"
_WITHOUT: dict[str, Any] = {"read_your_writes": False}
SETTLED_AFTER = 100.0
"""Seconds after which everything that was put off has happened: the longest pauses between lists are 60."""

MOST_RUNS = 500
"""Reconciles within one step: no step gives reason for a tenth of them."""

Action = Callable[["World", Client, ObjectKey], Awaitable[Any]]


@dataclass(eq=False)
class Ran:
    """One run of a puppet."""

    controller: str
    key: ObjectKey
    started: int
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Watched:
    """What a controller is told about one kind.

    Attributes:
        controller: its name.
        resource: of the kind.
        primary: whether it is what the controller reconciles, or what that owns.
        reader: the reader with the controller's selection.
    """

    controller: str
    resource: str
    primary: bool
    reader: str


WATCHED = (
    Watched("first", "replicasets.apps", True, "sets"),
    Watched("first", "pods", False, "pods"),
    Watched("second", "replicasets.apps", True, "sets"),
    Watched("chosen", "replicasets.apps", True, "chosen sets"),
)


class World:
    """The world of one example; `close` it.

    Args:
        namespaces: what the manager watches; None for everything.
        overlay: whether reads have the overlay in front.
        promised: whether own writes must be seen; without it only what any informer promises is judged.
        setup: called with the manager before it starts.
    """

    def __init__(
        self,
        *,
        namespaces: Sequence[str] | None = None,
        overlay: bool = True,
        promised: bool = True,
        setup: Callable[[Manager], None] | None = None,
    ) -> None:
        self.loop = VirtualTimeLoop()
        self.runtime = _Ticking(1)
        self.namespaces = None if namespaces is None else tuple(namespaces)
        self.server = APIServer(
            ServerOptions(bookmark_interval=10.0, service_accounts=False), runtime=self.runtime
        )
        self.truth = Truth(self.server.storage, RESOURCES)
        self.runs: list[Ran] = []
        self.scripts: dict[tuple[str, ObjectKey], deque[Sequence[Action]]] = {}
        self.channels = {name: Channel(name) for name in ("first", "second", "chosen")}
        self.floors: dict[str, Floors] = {}
        self.informers: dict[str, Informer] = {}
        self.failure: BaseException | None = None
        self.reads = self.writes = self.unknowns = 0
        # What a controller's next run of a key must know of: barriers, unknown outcomes.
        self.owed: dict[tuple[str, ObjectKey], list[State]] = {}
        self.transport: HeldTransport
        self._outside = Client(self.server.transport(), runtime=self.runtime, field_manager="others")
        self._tasks: set[asyncio.Task[Any]] = set()
        self._forgotten = math.inf
        self._runs_before = 0
        self._overlay = overlay
        self._promised = promised
        self._setup = setup
        self.loop.run_until_complete(self._start())

    # ---- life

    async def _start(self) -> None:
        await self.server.start()
        for name in NAMESPACES:
            for kind, metadata in (
                ("Namespace", {"name": name}),
                ("ServiceAccount", {"name": "default", "namespace": name}),
            ):
                await self._outside.create({"apiVersion": "v1", "kind": kind, "metadata": metadata})
        self.transport = HeldTransport(self.server.transport())
        self.client = Client(self.transport, runtime=self.runtime)
        puppets = [_First(self), _Second(self), _Chosen(self)]
        self.manager = Manager(
            self.client,
            reconcilers=puppets,
            namespaces=self.namespaces,
            options=ManagerOptions(
                connect_timeout=None,
                graceful_shutdown_timeout=0,
                event_flush_timeout=0,
                informers=InformerOptions(list_idle_timeout=1e6, watch_idle_timeout=1e6),
                **({} if self._overlay else _WITHOUT),
            ),
            runtime=self.runtime,
            log=_quiet(),
            identity="host",
        )
        if self._setup is not None:
            self._setup(self.manager)
        await self.manager.start()
        for informer in self.manager.informers.informers:
            name = {SETS: "sets", PODS: "pods"}[informer.resource]
            if informer.labels:
                name = f"chosen {name}"
            self.informers[name] = informer
            self.floors[name] = Floors(self.truth, name, _sees(self.namespaces, bool(informer.labels)))

    def close(self) -> None:
        """Stop everything."""
        self.transport.open_all()
        self.loop.run_until_complete(self._stop())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.manager.stop()
        await self.client.close()
        await self._outside.close()
        await self.server.stop()
        await asyncio.sleep(0)

    # ---- time

    def idle(self, seconds: float = 0.0) -> None:
        """Let everything run that can, while so much time passes."""
        self._runs_before = len(self.runs)
        self.loop.run_until_idle(until=self.loop.time() + seconds)
        self.manager.raise_failure()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    def outside(self, action: Action, key: ObjectKey) -> None:
        """Somebody else does something to the server, at once; what the server refuses is not done."""

        async def act() -> None:
            try:
                await action(self, self._outside, key)
            except APIError:
                return

        self.loop.run_until_complete(act())

    def script(self, controller: str, key: ObjectKey, actions: Sequence[Action]) -> None:
        """Have a controller's next run of a key do this, and have it run."""
        self.scripts.setdefault((controller, key), deque()).append(actions)
        self.channels[controller].send(key)

    def arrive_late(self) -> None:
        """A write whose outcome nobody learnt reaches the server."""
        task = self.loop.create_task(self.transport.arrive_late())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- what puppets do

    async def run(self, controller: str, request: Request, client: Client) -> None:
        """One run of a puppet: it reads everything, does what its script says, and reads again."""
        self.runs.append(Ran(controller, request.key, self.truth.now(), request.causes))
        if len(self.runs) - self._runs_before > MOST_RUNS:
            self.failure = AssertionError(
                f"reconciles without end; the last ones: {', '.join(map(str, self.runs[-5:]))}"
            )
            self.loop.stop()
            return
        for state in self.owed.pop((controller, request.key), ()):
            # Done, but no answer ever showed the object to anybody.
            self._raise_floors(state, shown=False)
        try:
            self.check()
            scripts = self.scripts.get((controller, request.key))
            actions = scripts.popleft() if scripts else ()
            if scripts:
                self.channels[controller].send(request.key)
            for action in actions:
                await self._perform(controller, request.key, action, client)
                self.check()
        except AssertionError as error:
            self.failure = self.failure or error

    async def _perform(self, controller: str, key: ObjectKey, action: Action, client: Client) -> None:
        self.writes += 1
        with carrying() as carried:
            try:
                answer = await action(self, client, key)
            except OutcomeUnknownError:
                self.unknowns += 1
                self._owe(controller, key, carried)
                return
            except ReconcileError:
                # Refused, or not sent: the server is as it was. A 5xx would be an unknown outcome.
                return
            except asyncio.CancelledError:
                self._owe(controller, key, carried)
                raise
        if answer is _BARRIER:
            self._owe(controller, key, carried)
            return
        for state in carried.effects:
            self._raise_floors(state)
        if isinstance(answer, dict) and "resourceVersion" in answer.get("metadata", {}):
            self._acknowledged(answer)

    def _acknowledged(self, obj: dict[str, Any]) -> None:
        """What was answered is known from now on, also where nothing was changed."""
        metadata = obj["metadata"]
        resource = {"ReplicaSet": "replicasets.apps", "Pod": "pods"}.get(obj.get("kind", ""))
        if resource is None:
            return
        place = (resource, ObjectKey(metadata["namespace"], metadata["name"]))
        state = self.truth.at_revision(place, int(metadata["resourceVersion"]))
        if state is not None:
            self._raise_floors(state)

    def _raise_floors(self, state: State, *, shown: bool = True) -> None:
        if not self._promised:
            return
        for name, informer in self.informers.items():
            if NAMES[informer.resource] == state.place[0]:
                self.floors[name].raise_to(state, shown=shown)

    def _owe(self, controller: str, key: ObjectKey, carried: Carried) -> None:
        self.owed.setdefault((controller, key), []).extend(carried.effects)

    # ---- judging

    @property
    def echoes_dropped(self) -> int:
        """Events that told a controller nothing but its own status."""
        return sum(controller.stats.echoes_dropped for controller in self.manager.controllers)

    def check(self) -> None:
        """Every read that there is, now: each must be possible, and all must agree."""
        for name, informer in self.informers.items():
            self._check_reader(name, informer)

    def _check_reader(self, name: str, informer: Informer) -> None:
        floors, resource = self.floors[name], NAMES[informer.resource]
        lister = Lister[dict[str, Any]](informer, informer.resource)
        reader, bare = informer.reader, informer.bare_reader
        listed: dict[ObjectKey, CachedObject] = {}
        for obj in reader.list():
            assert obj.key not in listed, f"{name} lists {obj.key} twice"
            listed[obj.key] = obj
        self.reads += 1
        for place in self.truth.places(resource):
            key = place[1]
            if self.namespaces is not None and key.namespace not in self.namespaces:
                assert key not in listed, f"{name} lists {key} of a namespace that is not watched"
                continue
            found = reader.get(key)
            floors.check(place, found)
            assert _same(found, listed.get(key)), f"{name}: get and list differ about {key}"
            stored = bare.get(key)
            if not _same(found, stored):
                reached = int(informer.last_resource_version(key.namespace) or 0)
                assert floors.unproved(place, found, reached), (
                    f"{name} reads {found!r} of {key} where the store, which has reached {reached}, "
                    f"holds {stored!r}: what proves it is past"
                )
        versions = {key: obj.resource_version for key, obj in listed.items()}
        for namespace in self.namespaces or NAMESPACES:
            expected = {key: v for key, v in versions.items() if key.namespace == namespace}
            assert _versions(reader.list(namespace)) == expected, f"{name}: lists of {namespace} differ"
        chosen = {key: v for key, v in versions.items() if listed[key].metadata.labels.get("chosen") == "yes"}
        found_by_label = {
            ObjectKey(obj["metadata"]["namespace"], obj["metadata"]["name"]): obj["metadata"][
                "resourceVersion"
            ]
            for obj in lister.list(labels=CHOSEN)
        }
        assert found_by_label == chosen, f"{name}: the list by label differs"
        if informer.resource == PODS:
            self._check_index(name, lister, listed)

    def _check_index(self, name: str, lister: Lister[Any], listed: dict[ObjectKey, CachedObject]) -> None:
        nodes: dict[str, dict[ObjectKey, str]] = {node: {} for node in NODES}
        for key, obj in listed.items():
            node = obj.decode(PODS)["spec"].get("nodeName", "")
            nodes[node][key] = obj.resource_version
        for node, expected in nodes.items():
            found = lister.informer.reader.by_index("spec.nodeName", node)
            assert len(found) == len(expected) and _versions(found) == expected, (
                f"{name}: the index by node {node!r} gives {_versions(found)}, and there are {expected}"
            )
            for namespace in self.namespaces or NAMESPACES:
                inside = {key: v for key, v in expected.items() if key.namespace == namespace}
                found = lister.informer.reader.by_index("spec.nodeName", node, namespace)
                assert _versions(found) == inside, f"{name}: the index differs in {namespace}"

    def settle(self) -> None:
        """Hold nothing back; at rest reads are the server's state, and nobody has missed anything."""
        self.transport.open_all()
        self.idle(SETTLED_AFTER)
        self.check()
        self._check_rest()
        self._check_told()

    def end(self) -> None:
        """The last rest: nothing is left, also of what only time takes away."""
        self.settle()
        self.idle(LIFETIME)
        self._forgotten = 0.0
        self._check_rest()

    def _check_rest(self) -> None:
        for name, informer in self.informers.items():
            floors = self.floors[name]
            expected = {
                place[1]: str(self.truth.of(place)[-1].revision)
                for place in self.truth.places(NAMES[informer.resource])
                if floors.visible(self.truth.of(place)[-1])
            }
            assert _versions(informer.bare_reader.list()) == expected, f"{name}: the store is not the server"
            assert _versions(informer.reader.list()) == expected, f"{name}: reads are not the server"
            # With a selector the stream may never bring what proves that an object out of sight is gone.
            left = 0 if informer.labels and self.loop.time() < self._forgotten else overlay_size(informer)
            assert left == 0, f"{name}: {left} entries are left in the overlay at rest"

    def _check_told(self) -> None:
        """Every change that a controller was to be told of: one of its runs began after it, because of it."""
        for watched in WATCHED:
            floors = self.floors[watched.reader]
            for place in self.truth.places(watched.resource):
                self._check_told_of(watched, floors, self.truth.of(place))

    def _check_told_of(self, watched: Watched, floors: Floors, states: Sequence[State]) -> None:
        for before, after in zip(states[-2::-1], states[:0:-1], strict=True):
            if not floors.visible(before) and not floors.visible(after):
                continue
            if watched.primary and _is_own_echo(watched.controller, before, after):
                continue
            known = floors.known(before)
            if not floors.visible(after) and known is None:
                # It came and went while nobody watched: nobody here ever knew of it.
                return
            if watched.primary:
                keys = {after.place[1]}
            else:
                owners = {_owner_of(after)} if floors.visible(after) else set()
                # An owner that it had only while nobody watched is nobody's to tell.
                if known is not None and _owner_of(known) == _owner_of(before):
                    owners.add(_owner_of(before))
                keys = {ObjectKey(after.place[1].namespace, owner) for owner in owners if owner}
            for key in keys:
                assert any(
                    run.controller == watched.controller
                    and run.key == key
                    and run.started > after.at
                    and any(_is_about(cause, watched, after) for cause in run.causes)
                    for run in self.runs
                ), (
                    f"{watched.controller} was never told about {before} → {after} of {after.place[0]} "
                    f"{after.place[1]} (by {after.author.controller or 'others'}); its runs of {key}: "
                    + "; ".join(
                        f"{run.started}: {', '.join(f'{c} {c.resource_version}' for c in run.causes)}"
                        for run in self.runs
                        if run.controller == watched.controller and run.key == key
                    )
                )
            return


class _Ticking(SimulatedRuntime):
    """A wall clock that is never asked twice in one second: the server's notes of who wrote when differ."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._asked = 0

    def now(self) -> datetime:
        self._asked += 1
        return super().now() + timedelta(seconds=self._asked)


def overlay_size(informer: Informer) -> int:
    """How much the overlay in front of an informer holds, whatever it holds it for; 0 without one."""
    overlay: Any = getattr(informer.reader, "overlay", None)
    if overlay is None:
        return 0
    return len(overlay.records) + sum(
        len(kept) for kept in (overlay._floors, overlay._spaces, overlay._proofs, overlay._unproved)
    )


def _is_about(cause: Cause, watched: Watched, state: State) -> bool:
    if cause.type == "Retried":
        # Of a run that could not ask the server what became of a write: the retry has its causes' place.
        return True
    if cause.object != state.place[1] or cause.kind != str(RESOURCES[watched.resource].group_kind):
        return False
    return cause.type == "Deleted" or int(cause.resource_version or 0) >= state.revision


def _is_own_echo(controller: str, before: State, after: State) -> bool:
    author = after.author
    return (
        author.controller == controller
        and author.reconcile_key == after.place[1]
        and is_echo_only(before, after)
    )


def _owner_of(state: State) -> str:
    if state.object is None:
        return ""
    owners = state.object["metadata"].get("ownerReferences") or []
    return next((owner["name"] for owner in owners if owner.get("controller")), "")


def _sees(namespaces: tuple[str, ...] | None, chosen: bool) -> Callable[[State], bool]:
    def sees(state: State) -> bool:
        if namespaces is not None and state.place[1].namespace not in namespaces:
            return False
        return not chosen or state.labels.get("chosen") == "yes"

    return sees


def _same(left: CachedObject | None, right: CachedObject | None) -> bool:
    if left is None or right is None:
        return left is right
    return (left.uid, left.resource_version) == (right.uid, right.resource_version)


def _versions(objects: Iterable[CachedObject]) -> dict[ObjectKey, str]:
    return {obj.key: obj.resource_version for obj in objects}


_BARRIER = object()
"""What an action answers that was carried out and brought no object of the kind."""


@dataclass
class _Puppet(Reconciler[Any]):
    world: World
    kind = SETS
    options = ControllerOptions(max_concurrent_reconciles=4)
    sources: Any = field(init=False, default=())

    def __post_init__(self) -> None:
        self.sources = (self.world.channels[self.name],)

    async def reconcile(self, request: Request, /) -> None:
        await self.world.run(self.name, request, self.client)


class _First(_Puppet):
    name = "first"
    owns = (PODS,)

    async def setup(self) -> None:
        self.cache.add_index(PODS, Index("spec.nodeName"))


class _Second(_Puppet):
    name = "second"


class _Chosen(_Puppet):
    name = "chosen"
    labels = CHOSEN


def _quiet() -> Any:
    """Thousands of worlds have nothing to tell: what goes wrong in them is judged."""
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    return structlog.wrap_logger(structlog.ReturnLogger(), processors=[], wrapper_class=silent)


# ---- what can be done, by a puppet or from outside


def replica_set(key: ObjectKey, *, chosen: bool = False, finalizer: bool = False) -> dict[str, Any]:
    labels = {"app": key.name, **({"chosen": "yes"} if chosen else {})}
    metadata: dict[str, Any] = {"name": key.name, "namespace": key.namespace, "labels": labels}
    if finalizer:
        metadata["finalizers"] = [FINALIZER]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata,
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": key.name}},
            "template": {
                "metadata": {"labels": {"app": key.name}},
                "spec": {"containers": [{"name": "main", "image": "app:1"}]},
            },
        },
    }


def pod(key: ObjectKey, name: str, owner_uid: str, *, chosen: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": key.namespace,
        "labels": {"app": key.name, **({"chosen": "yes"} if chosen else {})},
    }
    if name.endswith("-"):
        metadata["generateName"] = metadata.pop("name")
    if owner_uid:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": key.name, "uid": owner_uid}
        metadata["ownerReferences"] = [{**owner, "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "main", "image": "app:1"}]},
    }


def _raw_uid(world: World, key: ObjectKey) -> str:
    """The uid of the set that the server has now: owners are not what is tested."""
    return world.truth.of(("replicasets.apps", key))[-1].uid


def create_set(*, chosen: bool = False, finalizer: bool = False) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        return await client.create(replica_set(key, chosen=chosen, finalizer=finalizer))

    return act


def patch_set(patch: dict[str, Any], subresource: str = "", *, dry_run: bool = False) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        answer = await client.patch(SETS, key, patch, subresource=subresource, dry_run=dry_run)
        return None if dry_run else answer

    return act


def choose_set(chosen: bool) -> Action:
    return patch_set({"metadata": {"labels": {"chosen": "yes" if chosen else None}}})


def spec_of_set(replicas: int) -> Action:
    return patch_set({"spec": {"replicas": replicas}})


def status_of_set(count: int) -> Action:
    return patch_set({"status": {"replicas": count, "observedGeneration": count}}, "status")


def apply_set(replicas: int) -> Action:
    """Server-side apply; with what is there already it changes nothing."""

    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        obj = replica_set(key)
        obj["spec"]["replicas"] = replicas
        return await client.apply(obj)

    return act


def apply_status_of_set(count: int) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        obj = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": key.name, "namespace": key.namespace},
        }
        return await client.apply_status(obj, {"replicas": count})

    return act


def replace_cached_set(count: int) -> Action:
    """A PUT of what the cache holds; a conflict where somebody was faster."""

    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        if world.namespaces is not None and key.namespace not in world.namespaces:
            return None
        found = Lister[Any](world.informers["sets"], SETS).get(key)
        if found is None:
            return None
        found["spec"]["minReadySeconds"] = count
        return await client.update(found)

    return act


def delete_set(propagation: Any = None) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        return await client.delete(SETS, key, propagation=propagation)

    return act


def release_set() -> Action:
    return patch_set({"metadata": {"finalizers": None}})


def scale_set(replicas: int) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        await client.subresource(SETS, key, "scale").patch({"spec": {"replicas": replicas}})
        return _BARRIER

    return act


def create_pod(name: str, *, chosen: bool = False) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        return await client.create(pod(key, name, _raw_uid(world, key), chosen=chosen))

    return act


def label_pod(name: str, chosen: bool) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        labels = {"chosen": "yes" if chosen else None}
        return await client.patch(PODS, ObjectKey(key.namespace, name), {"metadata": {"labels": labels}})

    return act


def pod_status(name: str, phase: str) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        place = ObjectKey(key.namespace, name)
        return await client.patch(PODS, place, {"status": {"phase": phase}}, subresource="status")

    return act


def delete_pod(name: str, grace: int | None = None) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        return await client.delete(PODS, ObjectKey(key.namespace, name), grace_period_seconds=grace)

    return act


def bind_pod(name: str, node: str) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        target = {"apiVersion": "v1", "kind": "Node", "name": node}
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": key.namespace},
            "target": target,
        }
        await client.subresource(PODS, ObjectKey(key.namespace, name), "binding").create(body)
        return _BARRIER

    return act


def evict_pod(name: str) -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        metadata = {"name": name, "namespace": key.namespace}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        await client.subresource(PODS, ObjectKey(key.namespace, name), "eviction").create(body)
        return _BARRIER

    return act


def delete_pods(labels: str = "") -> Action:
    async def act(world: World, client: Client, key: ObjectKey) -> Any:
        await client.delete_collection(PODS, namespace=key.namespace, labels=labels or None)
        return _BARRIER

    return act


def place_of(resource: ResourceType, key: ObjectKey) -> Place:
    return (NAMES[resource], key)


def decoded_key(raw: bytes) -> ObjectKey:
    return decode_metadata(raw).key
