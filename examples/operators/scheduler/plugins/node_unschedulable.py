"""NodeUnschedulable: a cordoned node takes only pods that tolerate that."""

from __future__ import annotations

from collections.abc import Sequence

from ..framework import CycleState, Plugin
from ..nodes import NodeInfo
from ..pods import PodInfo
from .tolerations import untolerated

_CORDONED = ("node.kubernetes.io/unschedulable", "", "NoSchedule")


class NodeUnschedulable(Plugin):
    name = "NodeUnschedulable"

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Sequence[str]:
        if node.unschedulable and untolerated([_CORDONED], pod.spec.tolerations, ("NoSchedule",)):
            return ("node(s) were unschedulable",)
        return ()
