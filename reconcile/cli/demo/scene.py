"""What there is, as an observer sees it: the objects of the story's kinds, kept by informers of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from reconcile.api.apps.v1 import Deployment, ReplicaSet
from reconcile.api.core.v1 import Node, Pod
from reconcile.client.client import Client
from reconcile.informers import CachedObject, InformerFactory
from reconcile.objects.conditions import is_true
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.kinds import resource_type_of
from reconcile.objects.owners import controller_of
from reconcile.runtime import Runtime

DATABASES = ResourceType("example.com", "v1", "Database", "databases")


@dataclass(frozen=True, slots=True)
class Happening:
    """One change that the observer was told.

    Attributes:
        at: seconds since the observer started.
        what: `ADDED`, `MODIFIED` or `DELETED`.
        kind: of the object.
        key: of the object.
        resource_version: of the object.
        obj: the object; the last state of one that was deleted.
    """

    at: float
    what: str
    kind: str
    key: ObjectKey
    resource_version: str
    obj: Any


class Scene:
    """The observed objects, by kind and key. Enter it to start observing.

    Args:
        kinds: what to observe.
        namespaces: where; None for everywhere.
        on_change: told of every change.
    """

    def __init__(
        self,
        client: Client,
        runtime: Runtime,
        *,
        kinds: Sequence[Any] = (Node, Deployment, ReplicaSet, Pod, DATABASES),
        namespaces: Sequence[str] | None = None,
        on_change: Callable[[Happening], None] | None = None,
    ) -> None:
        self._kinds = tuple(kinds)
        self._factory = InformerFactory(client, runtime, namespaces=namespaces)
        self._on_change = on_change
        self._objects: dict[str, dict[ObjectKey, Any]] = {resource_type_of(kind).kind: {} for kind in kinds}
        self._changed = asyncio.Event()
        self._started_at = 0.0

    async def __aenter__(self) -> Scene:
        self._started_at = asyncio.get_running_loop().time()
        for kind in self._kinds:
            self._factory.informer(kind).add_handler(_Eye(self, kind))
        await self._factory.start()
        try:
            await self._factory.wait_synced(30.0)
        except BaseException:
            await self._factory.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._factory.stop()

    @property
    def elapsed(self) -> float:
        """Seconds since the observer started."""
        return asyncio.get_running_loop().time() - self._started_at

    async def until(self, holds: Callable[[Scene], bool]) -> None:
        """Return once a condition holds; looked at after every change, without polling."""
        while not holds(self):
            self._changed.clear()
            await self._changed.wait()

    @property
    def nodes(self) -> list[Node]:
        return self._sorted("Node")

    @property
    def deployments(self) -> list[Deployment]:
        return self._sorted("Deployment")

    @property
    def replica_sets(self) -> list[ReplicaSet]:
        return self._sorted("ReplicaSet")

    @property
    def pods(self) -> list[Pod]:
        return self._sorted("Pod")

    @property
    def databases(self) -> list[dict[str, Any]]:
        return self._sorted("Database")

    def deployment(self, name: str) -> Deployment | None:
        return next((each for each in self.deployments if each.metadata.name == name), None)

    def node(self, name: str) -> Node | None:
        return next((each for each in self.nodes if each.metadata.name == name), None)

    def _sorted(self, kind: str) -> list[Any]:
        objects = self._objects.get(kind, {})
        return [objects[key] for key in sorted(objects)]

    def tell(self, what: str, kind: Any, obj: CachedObject) -> None:
        """A change, from an informer."""
        name = resource_type_of(kind).kind
        decoded = obj.decode(kind)
        if what == "DELETED":
            self._objects[name].pop(obj.key, None)
        else:
            self._objects[name][obj.key] = decoded
        if self._on_change is not None:
            self._on_change(Happening(self.elapsed, what, name, obj.key, str(obj.resource_version), decoded))
        self._changed.set()


class _Eye:
    """The observer's handler of one kind."""

    def __init__(self, scene: Scene, kind: Any) -> None:
        self._scene = scene
        self._kind = kind

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self._scene.tell("ADDED", self._kind, obj)

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self._scene.tell("MODIFIED", self._kind, new)

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self._scene.tell("DELETED", self._kind, old)


def is_rolled_out(deployment: Deployment) -> bool:
    """As `kubectl rollout status` decides it, and no old pod is left."""
    wanted = deployment.spec.replicas or 0
    status = deployment.status
    return (
        (status.observed_generation or 0) >= (deployment.metadata.generation or 0)
        and (status.updated_replicas or 0) == wanted
        and (status.replicas or 0) == wanted
        and (status.available_replicas or 0) == wanted
    )


def is_ready(obj: Node | Pod) -> bool:
    return is_true(obj.status.conditions, "Ready")


def is_database_ready(database: dict[str, Any]) -> bool:
    status = database_status(database)
    generation: object = database["metadata"].get("generation")
    return status.get("phase") == "Ready" and status.get("observedGeneration") == generation


def database_status(database: dict[str, Any]) -> dict[str, Any]:
    """The status of a Database, empty before its operator has seen it."""
    return database.get("status") or {}


def _has_its_pods(scene: Scene, replica_set: ReplicaSet) -> bool:
    """Counted from the pods themselves: a status may lag behind them."""
    uid = replica_set.metadata.uid
    mine = [pod for pod in scene.pods if (owner := controller_of(pod)) is not None and owner.uid == uid]
    ready = [pod for pod in mine if is_ready(pod) and not pod.metadata.deletion_timestamp]
    return len(ready) == (replica_set.spec.replicas or 0)


def everything_runs(scene: Scene) -> bool:
    """Every Deployment rolled out, every Database ready, every pod running on a node that is ready."""
    ready_nodes = {node.metadata.name for node in scene.nodes if is_ready(node)}
    return (
        bool(scene.deployments)
        and all(is_rolled_out(deployment) for deployment in scene.deployments)
        and all(_has_its_pods(scene, replica_set) for replica_set in scene.replica_sets)
        and all(is_database_ready(database) for database in scene.databases)
        and all(
            is_ready(pod) and pod.spec.node_name in ready_nodes
            for pod in scene.pods
            if not pod.metadata.deletion_timestamp
        )
    )
