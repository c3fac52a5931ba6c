"""NodeUnschedulable: a cordoned node takes only pods that tolerate that."""

from __future__ import annotations

from ..framework import CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import PodInfo
from .tolerations import untolerated

_CORDONED = ("node.kubernetes.io/unschedulable", "", "NoSchedule")


class NodeUnschedulable(Plugin):
    name = "NodeUnschedulable"
    local = True

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if node.unschedulable and untolerated([_CORDONED], pod.spec.tolerations, ("NoSchedule",)):
            return self.refuse("node(s) were unschedulable", final=True)
        return None
