"""NodeDeclaredFeatures: a pod that needs a feature of the kubelet goes to nodes that say they have it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from reconcile.api.core.v1 import Node, Pod, PodSpec

from ..events import Change, HelpedBy
from ..framework import SKIP, CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Snapshot

_MISSING = "node(s) didn't match Pod's required features"


class NodeDeclaredFeatures(Plugin):
    name = "NodeDeclaredFeatures"

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(Node, Change.ADDED | Change.NODE_FEATURES),
            HelpedBy(Pod, Change.UPDATED, _after_pod),
        ]

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /) -> Literal["skip"] | None:
        needed = frozenset(_needed(pod.spec))
        if not needed:
            return SKIP
        state[self.name] = needed
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if not state[self.name] <= node.features:
            return self.refuse(_MISSING, final=True)
        return None


def _needed(spec: PodSpec) -> Iterator[str]:
    """The features that matter to where a pod is started; others matter to pods that run only."""
    if any(
        rule.action == "RestartAllContainers"
        for container in (*spec.containers, *spec.init_containers)
        for rule in container.restart_policy_rules
    ):
        yield "RestartAllContainersOnContainerExits"
    if spec.host_network and spec.host_users is False:
        yield "UserNamespacesHostNetworkSupport"


def _after_pod(pod: PodInfo, old: PodInfo, new: PodInfo) -> bool:
    return pod.uid == new.uid and set(_needed(old.spec)) != set(_needed(new.spec))
