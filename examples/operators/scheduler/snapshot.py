"""All nodes with their pods, changed by each event: nothing is computed anew for a pod that waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconcile import ObjectKey, Selector
from reconcile.api.core.v1 import Node

from .nodes import NodeInfo
from .pods import PodInfo
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
        self._budgets: dict[ObjectKey, Budget] = {}
        self._nominated: dict[ObjectKey, PodInfo] = {}

    @property
    def nodes(self) -> list[NodeInfo]:
        """The nodes that exist, in the order in which they were first seen."""
        return [node for node in self._nodes.values() if node.present]

    def node(self, name: str) -> NodeInfo | None:
        found = self._nodes.get(name)
        return found if found is not None and found.present else None

    def set_node(self, name: str, node: Node | None) -> None:
        """A node came, changed, or (None) went. One that went keeps its pods until they go too."""
        info = self._nodes.setdefault(name, NodeInfo(name))
        info.set_node(node)
        self._drop_if_empty(info)

    @property
    def budgets(self) -> list[Budget]:
        return list(self._budgets.values())

    def set_budget(self, key: ObjectKey, budget: Budget | None) -> None:
        """A disruption budget came, changed, or (None) went."""
        if budget is None:
            self._budgets.pop(key, None)
        else:
            self._budgets[key] = budget

    def nominated_to(self, node: str) -> list[PodInfo]:
        """Pods that wait, and for which preemption made room on this node."""
        return [pod for pod in self._nominated.values() if pod.nominated_node == node]

    def nominate(self, pod: PodInfo) -> None:
        """A pod that waits came or changed."""
        if pod.nominated_node:
            self._nominated[pod.key] = pod
        else:
            self._nominated.pop(pod.key, None)

    def set_pod(self, pod: PodInfo) -> None:
        """What the server says of a pod that is bound to a node."""
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

    def is_assumed(self, pod: PodInfo) -> bool:
        """Whether this very pod (not another of its name) has a node that the server has not confirmed."""
        return pod.key in self._assumed and self._where[pod.key][1] == pod.uid

    def has_pod(self, pod: PodInfo) -> bool:
        """Whether the pod is already counted where it says that it is."""
        return self._where.get(pod.key) == (pod.node_name, pod.uid)

    def _place(self, pod: PodInfo) -> None:
        self._displace(pod.key)
        self._nodes.setdefault(pod.node_name, NodeInfo(pod.node_name)).add_pod(pod)
        self._where[pod.key] = (pod.node_name, pod.uid)

    def _displace(self, key: ObjectKey) -> None:
        held = self._where.pop(key, None)
        if held is not None:
            info = self._nodes[held[0]]
            info.remove_pod(key)
            self._drop_if_empty(info)

    def _drop_if_empty(self, info: NodeInfo) -> None:
        if not info.present and not info.pods:
            self._nodes.pop(info.name, None)
