"""The control plane's side of a lost node: conditions, taints, evictions.

A node whose Lease is not renewed for `timings.silence` seconds becomes Ready=Unknown and gets the taint
`unreachable`, and its pods become Ready=False; one that says Ready=False gets `not-ready`. The NoSchedule
taint keeps new pods away, the NoExecute one drives pods out: those without a toleration at once, others when
their `tolerationSeconds` are over. A pod deleted on a lost node stays Terminating until its kubelet is back
to confirm it: nobody else can know that it has stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from reconcile import NotFoundError, ObjectKey, ObjectReconciler, Read, Result, Watch, format_time
from reconcile.api.coordination.v1 import Lease
from reconcile.api.core.v1 import Node, Pod, Taint, Toleration

from .heartbeat import LEASES, put
from .kubelet import BY_NODE
from .timings import Timings

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"


class NodeLifecycle(ObjectReconciler[Node]):
    """Looks at each node every `timings.monitor` seconds."""

    name = "node-lifecycle"
    watches = (Watch(Lease, to="node_of_lease"), Watch(Pod, to="node_of_pod"))
    reads = (Read(Pod, indexes=(BY_NODE,)),)

    def __init__(self, timings: Timings) -> None:
        self._timings = timings
        self._renewals: dict[str, tuple[str, float]] = {}
        self._tainted: dict[str, float] = {}

    async def reconcile(self, node: Node, /) -> Result | None:
        if node.metadata.deletion_timestamp:
            return None
        health = self._health(node)
        if health == "Unknown" and _ready(node) != "Unknown":
            message = "Kubelet stopped posting node status."
            put(node, "Ready", "Unknown", "NodeStatusUnknown", message, self.runtime.now())
            node = await self.client.update_status(node)
        if health != "True":
            await self._mark_not_ready(node)
        wanted = taints_for(health)
        if with_taints(node, wanted, format_time(self.runtime.now())):
            node = await self.client.update(node)
        if wanted:
            await self._evict(node, wanted)
        else:
            self._tainted.pop(node.metadata.name, None)
        return Result(requeue_after=self._timings.monitor)

    def node_of_lease(self, lease: Lease) -> list[ObjectKey]:
        """A lost node's first sign of life; of a living one every renewal need not be looked at."""
        name = lease.metadata.name
        if lease.metadata.namespace != LEASES or name not in self._tainted:
            return []
        return [ObjectKey("", name)]

    def node_of_pod(self, pod: Pod) -> list[ObjectKey]:
        """A pod that came late to a lost node."""
        name = pod.spec.node_name
        return [ObjectKey("", name)] if name in self._tainted else []

    def _health(self, node: Node) -> str:
        """True, False or Unknown, from the condition and from how long the Lease has stood still.

        Times of another machine's clock are not compared with this one's: what counts is how long ago
        *here* a change of the Lease was seen.
        """
        lease = self.cache.get(Lease, ObjectKey(LEASES, node.metadata.name))
        renewed = (lease.spec.renew_time or "") if lease is not None else ""
        now = asyncio.get_running_loop().time()
        seen, since = self._renewals.get(node.metadata.name, (None, now))
        if seen != renewed:
            since = now
            self._renewals[node.metadata.name] = (renewed, since)
        if now - since > self._timings.silence:
            return "Unknown"
        return _ready(node)

    async def _mark_not_ready(self, node: Node) -> None:
        """Nobody knows whether the pods of a silent node serve: to their controllers they do not."""
        for pod in self.cache.list(Pod, index=(BY_NODE.name, node.metadata.name)):
            ready = [one for one in pod.status.conditions if one.type == "Ready" and one.status == "True"]
            for one in ready:
                one.status = "False"
                one.last_transition_time = format_time(self.runtime.now())
                self.events.event(pod, "Warning", "NodeNotReady", "MarkPodNotReady", "Node is not ready")
                with suppress(NotFoundError):
                    await self.client.update_status(pod)

    async def _evict(self, node: Node, taints: Sequence[str]) -> None:
        now = asyncio.get_running_loop().time()
        tainted_for = now - self._tainted.setdefault(node.metadata.name, now)
        for pod in self.cache.list(Pod, index=(BY_NODE.name, node.metadata.name)):
            if pod.metadata.deletion_timestamp:
                continue
            if tainted_for >= tolerated_seconds(pod.spec.tolerations, taints):
                note = f"Marking for deletion Pod {pod.key}"
                self.events.event(pod, "Normal", "TaintManagerEviction", "EvictPod", note)
                with suppress(NotFoundError):
                    await self.client.delete(pod)


def _ready(node: Node) -> str:
    for condition in node.status.conditions:
        if condition.type == "Ready":
            return condition.status
    return "False"


def taints_for(health: str) -> tuple[str, ...]:
    """The keys of the taints of a node in this health."""
    return {"True": (), "False": (NOT_READY,)}.get(health, (UNREACHABLE,))


def with_taints(node: Node, wanted: Sequence[str], stamp: str) -> bool:
    """Give the node exactly these health taints, each NoSchedule and NoExecute; True when that changed it."""
    kept = [
        taint
        for taint in node.spec.taints
        if taint.key not in (NOT_READY, UNREACHABLE) or taint.key in wanted
    ]
    present = {(taint.key, taint.effect) for taint in kept}
    added = [
        Taint(key=key, effect=effect, time_added=stamp if effect == "NoExecute" else None)
        for key in wanted
        for effect in ("NoSchedule", "NoExecute")
        if (key, effect) not in present
    ]
    if not added and len(kept) == len(node.spec.taints):
        return False
    node.spec.taints = [*kept, *added]
    return True


def tolerated_seconds(tolerations: Iterable[Toleration], taints: Sequence[str]) -> float:
    """How long a pod may stay on a node with these NoExecute taints: 0 at once, infinity for ever."""
    answers = list(tolerations)
    stay = float("inf")
    for key in taints:
        matching = [
            toleration
            for toleration in answers
            if toleration.effect in (None, "", "NoExecute")
            and toleration.key in (None, "", key)
            and (toleration.operator == "Exists" or not toleration.value)
        ]
        if not matching:
            return 0.0
        limits = [t.toleration_seconds for t in matching if t.toleration_seconds is not None]
        stay = min([stay, *(max(float(limit), 0.0) for limit in limits)])
    return stay
