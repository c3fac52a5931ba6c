"""TaintToleration: taints keep pods away, or (PreferNoSchedule) make a node less wanted."""

from __future__ import annotations

from collections.abc import Sequence

from ..framework import CycleState, Plugin, Refusal, normalized
from ..nodes import NodeInfo
from ..pods import PodInfo
from .tolerations import untolerated


class TaintToleration(Plugin):
    name = "TaintToleration"
    local = True

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if node.taints and untolerated(node.taints, pod.spec.tolerations, ("NoSchedule", "NoExecute")):
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
