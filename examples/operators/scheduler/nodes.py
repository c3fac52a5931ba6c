"""A node and the pods on it, with the sums that plugins ask for kept as pods come and go."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

from reconcile import ObjectKey
from reconcile.api.core.v1 import Node

from .pods import HostPort, PodInfo
from .resources import Amounts, add, amounts

_MOST_REMEMBERED = 256


class NodeInfo:
    """One node.

    Attributes:
        name, labels, taints, unschedulable: of the node; `present` is False while pods are known to be
            bound to it and the node itself is not known.
        features: what its kubelet declares to know.
        allocatable: what it offers.
        requested: what its pods reserve; `scored` the same as scoring counts it.
        pods: the pods on it, by key, assumed ones included.
        images: size in bytes of each image that is there.
        memo: what was found out about the node as it is now; forgotten when it changes. Plugins keep here
            what is worth sharing between pods, under keys of their own.
    """

    def __init__(self, name: str, changed: Callable[[NodeInfo], None] | None = None) -> None:
        self.name = name
        self._on_change = changed
        self.present = False
        self.labels: dict[str, str] = {}
        self.taints: list[tuple[str, str, str]] = []
        self.unschedulable = False
        self.features: frozenset[str] = frozenset()
        self.allocatable: Amounts = {}
        self.images: dict[str, int] = {}
        self.requested: Amounts = {}
        self.scored: Amounts = {}
        self.pods: dict[ObjectKey, PodInfo] = {}
        self.pods_with_affinity: dict[ObjectKey, PodInfo] = {}
        self.host_ports: Counter[HostPort] = Counter()
        self.memo: dict[Hashable, Any] = {}

    def copy(self) -> NodeInfo:
        """For a trial: pods can come and go on the copy."""
        twin = copy.copy(self)
        twin.requested, twin.scored = dict(self.requested), dict(self.scored)
        twin.pods, twin.pods_with_affinity = dict(self.pods), dict(self.pods_with_affinity)
        twin.host_ports = Counter(self.host_ports)
        twin.memo, twin._on_change = {}, None
        return twin

    def forget(self) -> None:
        """The node changed, or something that what is remembered of it depends on."""
        self.memo.clear()
        if self._on_change is not None:
            self._on_change(self)

    def remember(self, key: Hashable, found: Any) -> None:
        """Keep something until the node changes."""
        if len(self.memo) >= _MOST_REMEMBERED:
            self.memo.clear()
        self.memo[key] = found

    def set_node(self, node: Node | None) -> None:
        """Take over what the node says of itself; None for a node that is gone."""
        self.forget()
        self.present = node is not None
        if node is None:
            return
        self.labels = node.metadata.labels
        self.taints = [(taint.key, taint.value or "", taint.effect) for taint in node.spec.taints]
        self.unschedulable = bool(node.spec.unschedulable)
        self.features = frozenset(node.status.declared_features)
        self.allocatable = amounts(node.status.allocatable or node.status.capacity)
        self.images = {name: image.size_bytes or 0 for image in node.status.images for name in image.names}

    @property
    def zone(self) -> str:
        return self.labels.get("topology.kubernetes.io/zone", "")

    def replace_pod(self, pod: PodInfo) -> None:
        """Another state of a pod that is here, and that nobody would decide differently for."""
        self.pods[pod.key] = pod
        if pod.affinity:
            self.pods_with_affinity[pod.key] = pod

    def add_pod(self, pod: PodInfo) -> None:
        self.forget()
        self.pods[pod.key] = pod
        if pod.affinity:
            self.pods_with_affinity[pod.key] = pod
        self._count(pod, 1)

    def remove_pod(self, key: ObjectKey) -> None:
        pod = self.pods.pop(key, None)
        if pod is not None:
            self.forget()
            self.pods_with_affinity.pop(key, None)
            self._count(pod, -1)

    def _count(self, pod: PodInfo, sign: int) -> None:
        add(self.requested, pod.requests, sign)
        add(self.scored, pod.scored_requests, sign)
        for port in pod.host_ports:
            self.host_ports[port] += sign
            if not self.host_ports[port]:
                del self.host_ports[port]
