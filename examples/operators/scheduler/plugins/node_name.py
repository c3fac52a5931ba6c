"""NodeName: a pod that names its node goes there or nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from reconcile.api.core.v1 import Node

from ..events import Change, HelpedBy
from ..framework import CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import PodInfo


class NodeName(Plugin):
    name = "NodeName"
    local = True

    def events(self) -> Sequence[HelpedBy]:
        return [HelpedBy(Node, Change.ADDED)]

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if pod.spec.node_name and pod.spec.node_name != node.name:
            return self.refuse("node(s) didn't match the requested node name", final=True)
        return None
