"""NodeUnschedulable: a cordoned node takes only pods that tolerate that."""

from __future__ import annotations

from collections.abc import Sequence

from reconcile.api.core.v1 import Node, Pod

from ..events import Change, HelpedBy
from ..framework import CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import PodInfo
from .tolerations import untolerated

_CORDONED = ("node.kubernetes.io/unschedulable", "", "NoSchedule")


class NodeUnschedulable(Plugin):
    name = "NodeUnschedulable"
    local = True

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(Node, Change.ADDED | Change.NODE_TAINTS, _after_node),
            HelpedBy(Pod, Change.POD_TOLERATIONS, _after_toleration),
        ]

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if node.unschedulable and untolerated([_CORDONED], pod.spec.tolerations, ("NoSchedule",)):
            return self.refuse("node(s) were unschedulable", final=True)
        return None


def _after_node(pod: PodInfo, old: NodeInfo | None, new: NodeInfo) -> bool:
    return not new.unschedulable and (old is None or old.unschedulable)


def _after_toleration(pod: PodInfo, old: PodInfo, new: PodInfo) -> bool:
    return new.uid == pod.uid and not untolerated([_CORDONED], new.spec.tolerations, ("NoSchedule",))
