"""Plays a script on the embedded server in virtual time: our controllers and nodes, a small binder."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from reconcile import ConflictError, Manager, NotFoundError, ObjectReconciler, Read, Result
from reconcile.api.core.v1 import Node, Pod
from reconcile.cli.locate import example_operators
from reconcile.testing.cluster import Cluster
from reconcile.testing.history import ServerWrite

from .play import NODES, TYPES, History, Scribe, node, request
from .script import Script, Step
from .state import Object, State, at_rest

NAMESPACE = "story"
_KINDS = {"deployments.apps": "Deployment", "replicasets.apps": "ReplicaSet", "pods": "Pod"}
_PATIENCE = 200.0
_LOOK = 0.05
_LONG_LOOK = 0.5
QUIET = 3.0


class Binder(ObjectReconciler[Pod]):
    """Gives each pod the node with the fewest pods that its selector and its tolerations allow."""

    name = "binder"
    reads = (Read(Node),)

    async def reconcile(self, pod: Pod, /) -> Result | None:
        if pod.spec.node_name or pod.metadata.deletion_timestamp:
            return None
        effects = (None, "", "NoSchedule")
        tolerated = {each.key for each in pod.spec.tolerations if each.effect in effects}
        loads = Counter(other.spec.node_name for other in self.cache.list(Pod))
        nodes = [
            one
            for one in self.cache.list(Node)
            if (pod.spec.node_selector or {}).items() <= one.metadata.labels.items()
            and all(taint.key in tolerated for taint in one.spec.taints if taint.effect == "NoSchedule")
        ]
        if not nodes:
            return None
        target = min(nodes, key=lambda one: (loads[one.metadata.name], one.metadata.name))
        with suppress(NotFoundError, ConflictError):
            await self.client.bind(pod, target.metadata.name)
        return None


Setup = Callable[[Manager], None]


def our_controllers(manager: Manager) -> None:
    """The Deployment and the ReplicaSet controller of the examples."""
    package = example_operators().__name__
    for name in ("deployment", "replicaset"):
        importlib.import_module(f"{package}.{name}").setup(manager)


def still(hollow: Any) -> Any:
    """Timings of nodes that are always there."""
    return hollow.Timings(heartbeat=1e6, monitor=1e6, silence=1e9)


def play(script: Script, controllers: Setup = our_controllers) -> History:
    """The history of a script; raises `AssertionError` where a step does not get to where it should."""
    package = example_operators().__name__
    hollow = importlib.import_module(f"{package}.hollow_nodes")

    def setup(manager: Manager) -> None:
        controllers(manager)
        # Nodes that nobody takes away need no heart: nothing then goes on in a world at rest.
        lively = hollow.Timings(heartbeat=2.0, monitor=1.0, silence=5.0)
        hollow.setup(manager, timings=lively if script.nodes else still(hollow))
        manager.add(Binder())

    with Cluster() as cluster:
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for name in NODES:
            cluster.create(node(name))
        for number in range(script.nodes):
            cluster.create(node(f"{NAMESPACE}-{number}", script=NAMESPACE))
        cluster.run(setup)
        cluster.advance(seconds=1)
        return _Player(cluster, script).play()


class _Player:
    def __init__(self, cluster: Cluster, script: Script) -> None:
        self._cluster = cluster
        self._script = script
        self._scribe = Scribe(script, NAMESPACE)
        self._last_write = 0.0
        cluster.on_write(self._written)

    def play(self) -> History:
        for step in self._script.steps:
            self._scribe.begin(step)
            self._step(step)
            self._scribe.rest(step.title, self._state())
        return self._scribe.end(self._objects("Event"))

    def _step(self, step: Step) -> None:
        cluster = self._cluster
        # Times on the wire are whole seconds: two revisions made within one would be of the same age.
        cluster.advance(seconds=1.5)
        for write in step.act(self._state()):
            self._scribe.answered(write, cluster.call(request(cluster.client, write, NAMESPACE)))
        deadline = cluster.time + _PATIENCE
        while True:
            # Where nothing happens any more only time can help: it is looked at less often.
            is_quiet = cluster.time - self._last_write > QUIET
            cluster.advance(seconds=_LONG_LOOK if is_quiet else _LOOK)
            if self._is_there(step):
                return
            if cluster.time > deadline:
                told = "\n".join(self._scribe.lines(self._state()))
                raise AssertionError(f"{self._script.name}, {step.title}: not reached\n{told}")

    def _is_there(self, step: Step) -> bool:
        # Rest is not the world's, which waits for deadlines: it is that nothing happened for a while.
        if not step.moving and self._cluster.time - self._last_write < QUIET:
            return False
        return step.until(self._state()) if step.until is not None else at_rest(self._state())

    def _state(self) -> State:
        kinds = (
            "Deployment",
            "ReplicaSet",
            "Pod",
            "Node",
            *(("ResourceQuota",) if "quota" in self._script.needs else ()),
        )
        return State(*map(self._objects, kinds))

    def _objects(self, kind: str) -> list[Object]:
        resource = TYPES[kind]
        namespace = NAMESPACE if resource.namespaced else None
        return list(self._cluster.list(resource, namespace=namespace))

    def _written(self, write: ServerWrite) -> None:
        kind = _KINDS.get(write.resource)
        if kind is not None:
            self._last_write = write.at
            obj: Any = json.loads(write.raw)
            self._scribe.seen(kind, obj, deleted=write.what == "DELETED")


__all__ = ["our_controllers", "play"]
