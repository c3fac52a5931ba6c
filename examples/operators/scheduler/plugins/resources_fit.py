"""NodeResourcesFit: enough left on the node; of those with enough, the emptiest (LeastAllocated)."""

from __future__ import annotations

from ..framework import MAX_SCORE, CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import PodInfo

_SCORED = ("cpu", "memory")
_EVERYWHERE = ("cpu", "memory", "ephemeral-storage")


class NodeResourcesFit(Plugin):
    name = "NodeResourcesFit"
    local = True

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        reasons: list[str] = []
        too_small = False
        if len(node.pods) + 1 > node.allocatable.get("pods", 0):
            reasons.append("Too many pods")
        for name, wanted in sorted(pod.requests.items(), key=_as_told):
            free = node.allocatable.get(name, 0) - node.requested.get(name, 0)
            if wanted > 0 and wanted > free:
                reasons.append(f"Insufficient {name}")
                too_small = too_small or wanted > node.allocatable.get(name, 0)
        return self.refuse(*reasons, final=too_small) if reasons else None

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        parts = [
            _least_requested(node.scored.get(name, 0) + pod.scored_requests.get(name, 0), allocatable)
            for name in _SCORED
            if (allocatable := node.allocatable.get(name, 0)) > 0
        ]
        return sum(parts) // len(parts) if parts else 0


def _as_told(request: tuple[str, int]) -> tuple[int, str]:
    """Orders resources as kube-scheduler's messages do: what every node has, then the rest by name."""
    name = request[0]
    return (_EVERYWHERE.index(name) if name in _EVERYWHERE else len(_EVERYWHERE), name)


def _least_requested(requested: int, allocatable: int) -> int:
    return 0 if requested > allocatable else (allocatable - requested) * MAX_SCORE // allocatable
