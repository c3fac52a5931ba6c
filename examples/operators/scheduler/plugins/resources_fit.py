"""NodeResourcesFit: enough left on the node; of those with enough, the emptiest (LeastAllocated)."""

from __future__ import annotations

from collections.abc import Sequence

from ..framework import MAX_SCORE, CycleState, Plugin
from ..nodes import NodeInfo
from ..pods import PodInfo

_SCORED = ("cpu", "memory")


class NodeResourcesFit(Plugin):
    name = "NodeResourcesFit"

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Sequence[str]:
        reasons: list[str] = []
        if len(node.pods) + 1 > node.allocatable.get("pods", 0):
            reasons.append("Too many pods")
        for name, wanted in pod.requests.items():
            free = node.allocatable.get(name, 0) - node.requested.get(name, 0)
            if wanted > 0 and wanted > free:
                reasons.append(f"Insufficient {name}")
        return reasons

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        parts = [
            _least_requested(node.scored.get(name, 0) + pod.scored_requests.get(name, 0), allocatable)
            for name in _SCORED
            if (allocatable := node.allocatable.get(name, 0)) > 0
        ]
        return sum(parts) // len(parts) if parts else 0


def _least_requested(requested: int, allocatable: int) -> int:
    return 0 if requested > allocatable else (allocatable - requested) * MAX_SCORE // allocatable
