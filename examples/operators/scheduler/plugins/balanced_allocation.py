"""NodeResourcesBalancedAllocation: prefers the node whose CPU and memory use this pod brings closer.

The imbalance of a node is the spread of the used shares of its resources. What counts is how the pod
changes it: a pod that needs much memory goes where memory is what is left over.
"""

from __future__ import annotations

import math

from ..framework import MAX_SCORE, CycleState, Plugin
from ..nodes import NodeInfo
from ..pods import PodInfo

_RESOURCES = ("cpu", "memory")


class BalancedAllocation(Plugin):
    name = "NodeResourcesBalancedAllocation"
    local = True

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: object, snapshot: object, /) -> bool:
        # A pod that asks for nothing changes no balance.
        return any(pod.requests.get(name, 0) for name in _RESOURCES)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        offered = [name for name in _RESOURCES if node.allocatable.get(name, 0) > 0]
        before = [node.requested.get(name, 0) / node.allocatable[name] for name in offered]
        after = [
            (node.requested.get(name, 0) + pod.requests.get(name, 0)) / node.allocatable[name]
            for name in offered
        ]
        half = MAX_SCORE // 2
        return half + int((half + _balance(after) - _balance(before)) / 2)


def _balance(shares: list[float]) -> int:
    """100 for equal shares, towards 50 the further they are apart."""
    used = [min(share, 1.0) for share in shares]
    if len(used) == 2:
        deviation = abs(used[0] - used[1]) / 2
    elif len(used) > 2:
        mean = sum(used) / len(used)
        deviation = math.sqrt(sum((share - mean) ** 2 for share in used) / len(used))
    else:
        deviation = 0.0
    return int((1 - deviation) * MAX_SCORE)
