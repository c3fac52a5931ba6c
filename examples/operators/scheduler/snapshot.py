"""All nodes with their pods, changed by each event: nothing is computed anew for a pod that waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from reconcile import ObjectKey, Selector
from reconcile.api.core.v1 import Node
from reconcile.api.resource.v1 import DeviceClass

from .devices import KINDS as DEVICE_KINDS
from .devices import Devices
from .nodes import NodeInfo
from .pods import PodInfo
from .tallies import Tallies
from .volumes import KINDS as VOLUME_KINDS
from .volumes import Volumes
from .workloads import Workloads


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget.

    Attributes:
        allowed: how many of its pods may go now.
        going: names of those that are known to go, and are counted already.
    """

    namespace: str
    selector: Selector
    allowed: int
    going: frozenset[str] = frozenset()

    def covers(self, pod: PodInfo) -> bool:
        """Whether this pod's going costs some of what is allowed; an empty selector covers nothing."""
        return (
            pod.key.namespace == self.namespace
            and bool(pod.labels)
            and bool(self.selector.requirements)
            and self.selector.matches(pod.labels)
            and pod.key.name not in self.going
        )


class Snapshot:
    """The scheduler's picture of the cluster.

    A pod is on a node because the server said so, or because it is *assumed*: decided, and its binding on
    the way. The server's word replaces an assumption as soon as it arrives.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, NodeInfo] = {}
        self._where: dict[ObjectKey, tuple[str, str]] = {}
        self._assumed: set[ObjectKey] = set()
        self.namespace_labels: dict[str, Mapping[str, str]] = {}
        self.workloads = Workloads()
        self.tallies = Tallies()
        self.volumes = Volumes()
        self.devices = Devices()
        self._budgets: dict[ObjectKey, Budget] = {}
        self._nominated: dict[ObjectKey, PodInfo] = {}
        self._objects: dict[type[Any], dict[ObjectKey, Any]] = {}
        self._order: list[NodeInfo] | None = None
        self._with_affinity: dict[str, NodeInfo] = {}
        self._claim_users: Counter[ObjectKey] = Counter()
        self.image_nodes: Counter[str] = Counter()
        """How many nodes have an image, by its name."""

    @property
    def nodes(self) -> Sequence[NodeInfo]:
        """The nodes that exist: one of each zone in turn, so that any stretch of them is a fair sample."""
        if self._order is None:
            zones: dict[str, list[NodeInfo]] = {}
            for node in self._nodes.values():
                if node.present:
                    zones.setdefault(node.zone, []).append(node)
            turns = zip_longest(*zones.values())
            self._order = [node for turn in turns for node in turn if node is not None]
        return self._order

    @property
    def nodes_with_affinity(self) -> list[NodeInfo]:
        """The nodes on which some pod has a word on who is near it."""
        return [node for node in self._with_affinity.values() if node.present]

    def node(self, name: str) -> NodeInfo | None:
        found = self._nodes.get(name)
        return found if found is not None and found.present else None

    def set_node(self, name: str, node: Node | None) -> None:
        """A node came, changed, or (None) went. One that went keeps its pods until they go too."""
        info = self._nodes.setdefault(name, NodeInfo(name, self.tallies.changed))
        before, images = (info.present, info.zone), info.images if info.present else {}
        info.set_node(node)
        if before != (info.present, info.zone):
            self._order = None
        self.image_nodes.subtract(images.keys())
        self.image_nodes.update(info.images.keys() if info.present else ())
        self._drop_if_empty(info)

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """A namespace came, changed, or (None) went."""
        if labels == self.namespace_labels.get(name):
            return
        if labels is None:
            del self.namespace_labels[name]
        else:
            self.namespace_labels[name] = labels
        # Terms that select namespaces may mean others now.
        self.tallies.forget()
        for node in self._nodes.values():
            node.memo.clear()

    @property
    def budgets(self) -> list[Budget]:
        return list(self._budgets.values())

    def set_budget(self, key: ObjectKey, budget: Budget | None) -> None:
        """A disruption budget came, changed, or (None) went."""
        if budget is None:
            self._budgets.pop(key, None)
        else:
            self._budgets[key] = budget

    def set_object(self, kind: type[Any], key: ObjectKey, obj: Any | None) -> None:
        """An object of a kind that plugins read came, changed, or (None) went."""
        if kind in VOLUME_KINDS:
            self.volumes.set(kind, key, obj)
        elif kind in DEVICE_KINDS:
            self.devices.set(kind, key, obj)
            if kind is DeviceClass:
                # What a pod requests by name may be devices now, or may not any more.
                for node in self._nodes.values():
                    node.memo.clear()
        elif obj is None:
            self._objects.get(kind, {}).pop(key, None)
        else:
            self._objects.setdefault(kind, {})[key] = obj

    def get_object(self, kind: type[Any], key: ObjectKey) -> Any | None:
        """An object of such a kind; None where there is none."""
        if kind in VOLUME_KINDS:
            return self.volumes.get(kind, key)
        if kind in DEVICE_KINDS:
            return self.devices.get(kind, key)
        return self._objects.get(kind, {}).get(key)

    def objects(self, kind: type[Any]) -> list[Any]:
        """All objects of such a kind."""
        return list(self._objects.get(kind, {}).values())

    @property
    def keeps_room(self) -> bool:
        """Whether any node keeps room for a pod that waits."""
        return bool(self._nominated)

    def nominated_to(self, node: str) -> list[PodInfo]:
        """Pods that wait, and for which preemption made room on this node."""
        if not self._nominated:
            return []
        return [pod for pod in self._nominated.values() if pod.nominated_node == node]

    def nominate(self, pod: PodInfo) -> None:
        """A pod that waits came or changed."""
        if pod.nominated_node:
            self._nominated[pod.key] = pod
        else:
            self._nominated.pop(pod.key, None)

    def set_pod(self, pod: PodInfo) -> None:
        """What the server says of a pod that is bound to a node."""
        present = self._nodes[pod.node_name].pods.get(pod.key) if self.has_pod(pod) else None
        if present is not None and _alike(present, pod):
            self._nodes[pod.node_name].replace_pod(pod)
        else:
            self._place(pod)
        self._assumed.discard(pod.key)
        self._nominated.pop(pod.key, None)

    def remove_pod(self, key: ObjectKey) -> None:
        """The pod is gone, or needs nothing any more."""
        self._assumed.discard(key)
        self._nominated.pop(key, None)
        self._displace(key)

    def assume(self, pod: PodInfo, node: str) -> None:
        """Count the pod on the node before the server knows of it."""
        self._place(replace(pod, node_name=node))
        self._assumed.add(pod.key)
        self._nominated.pop(pod.key, None)

    def forget(self, pod: PodInfo) -> None:
        """Take back an assumption whose binding failed; does nothing if the server has confirmed it."""
        held = self._where.get(pod.key)
        if pod.key in self._assumed and held is not None and held[1] == pod.uid:
            self.remove_pod(pod.key)

    def assumed(self, pod: PodInfo) -> PodInfo | None:
        """The pod with the node that the server has not confirmed; None if there is none."""
        if not self.is_assumed(pod):
            return None
        return self._nodes[self._where[pod.key][0]].pods[pod.key]

    def nomination(self, pod: PodInfo) -> str:
        """The node that keeps room for the pod; empty when none does."""
        held = self._nominated.get(pod.key)
        return held.nominated_node if held is not None and held.uid == pod.uid else ""

    def is_assumed(self, pod: PodInfo) -> bool:
        """Whether this very pod (not another of its name) has a node that the server has not confirmed."""
        return pod.key in self._assumed and self._where[pod.key][1] == pod.uid

    def has_pod(self, pod: PodInfo) -> bool:
        """Whether the pod is already counted where it says that it is."""
        return self._where.get(pod.key) == (pod.node_name, pod.uid)

    def uses_claim(self, key: ObjectKey) -> bool:
        """Whether a pod on some node uses a PersistentVolumeClaim."""
        return self._claim_users[key] > 0

    def _count_claims(self, pod: PodInfo, sign: int) -> None:
        for volume in pod.spec.volumes:
            if volume.persistent_volume_claim is not None:
                key = ObjectKey(pod.key.namespace, volume.persistent_volume_claim.claim_name)
                self._claim_users[key] += sign
                if not self._claim_users[key]:
                    del self._claim_users[key]

    def _place(self, pod: PodInfo) -> None:
        self._displace(pod.key)
        node = self._nodes.setdefault(pod.node_name, NodeInfo(pod.node_name, self.tallies.changed))
        node.add_pod(pod)
        if pod.affinity:
            self._with_affinity[node.name] = node
        self._where[pod.key] = (pod.node_name, pod.uid)
        self._count_claims(pod, 1)

    def _displace(self, key: ObjectKey) -> None:
        held = self._where.pop(key, None)
        if held is not None:
            info = self._nodes[held[0]]
            self._count_claims(info.pods[key], -1)
            info.remove_pod(key)
            if not info.pods_with_affinity:
                self._with_affinity.pop(info.name, None)
            self._drop_if_empty(info)

    def _drop_if_empty(self, info: NodeInfo) -> None:
        if not info.present and not info.pods:
            self._nodes.pop(info.name, None)


def _alike(one: PodInfo, other: PodInfo) -> bool:
    """Whether two states of a pod make no difference to where others may go."""
    return (
        one.requests == other.requests
        and one.scored_requests == other.scored_requests
        and one.host_ports == other.host_ports
        and one.kin == other.kin
        and one.deleting == other.deleting
    )
