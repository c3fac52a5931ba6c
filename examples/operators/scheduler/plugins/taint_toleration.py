"""TaintToleration: taints keep pods away, or (PreferNoSchedule) make a node less wanted."""

from __future__ import annotations

from collections.abc import Sequence

from reconcile.api.core.v1 import Node, Pod

from ..events import Change, HelpedBy
from ..framework import CycleState, Plugin, Refusal, normalized
from ..nodes import NodeInfo
from ..pods import PodInfo
from .scheduling_gates import same_pod
from .tolerations import untolerated


class TaintToleration(Plugin):
    name = "TaintToleration"
    local = True

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(Node, Change.ADDED | Change.NODE_TAINTS, _after_node),
            HelpedBy(Pod, Change.POD_TOLERATIONS, same_pod),
        ]

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if _keeps_away(node, pod):
            return self.refuse("node(s) had untolerated taint(s)", final=True)
        return None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        soft = [
            toleration
            for toleration in pod.spec.tolerations
            if not toleration.effect or toleration.effect == "PreferNoSchedule"
        ]
        return len(untolerated(node.taints, soft, ("PreferNoSchedule",)))

    def normalize(self, state: CycleState, scores: list[int], nodes: Sequence[NodeInfo], /) -> list[int]:
        return normalized(scores, reverse=True)


def _keeps_away(node: NodeInfo, pod: PodInfo) -> bool:
    return bool(node.taints and untolerated(node.taints, pod.spec.tolerations, ("NoSchedule", "NoExecute")))


def _after_node(pod: PodInfo, old: NodeInfo | None, new: NodeInfo) -> bool:
    return not _keeps_away(new, pod) and (old is None or _keeps_away(old, pod))
