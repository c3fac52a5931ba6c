"""NodeResourcesFit: enough left on the node; of those with enough, the emptiest (LeastAllocated)."""

from __future__ import annotations

from collections.abc import Sequence

from reconcile.api.core.v1 import Node, Pod

from ..devices import Devices
from ..events import Change, HelpedBy
from ..extended_resources import are_devices
from ..framework import MAX_SCORE, CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Snapshot

_SCORED = ("cpu", "memory")
_EVERYWHERE = ("cpu", "memory", "ephemeral-storage")


class NodeResourcesFit(Plugin):
    name = "NodeResourcesFit"
    local = True

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(Pod, Change.DELETED | Change.POD_SCALED_DOWN, _after_pod),
            HelpedBy(Node, Change.ADDED | Change.NODE_ALLOCATABLE, self._after_node),
        ]

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /) -> None:
        state[self.name] = snapshot.devices

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        reasons: list[str] = []
        too_small = False
        devices: Devices | None = state.get(self.name)
        if len(node.pods) + 1 > node.allocatable.get("pods", 0):
            reasons.append("Too many pods")
        for name, wanted in sorted(pod.requests.items(), key=_as_told):
            free = node.allocatable.get(name, 0) - node.requested.get(name, 0)
            if wanted > 0 and wanted > free and not (devices and are_devices(name, node, devices)):
                reasons.append(f"Insufficient {name}")
                too_small = too_small or wanted > node.allocatable.get(name, 0)
        return self.refuse(*reasons, final=too_small) if reasons else None

    def _after_node(self, pod: PodInfo, old: NodeInfo | None, new: NodeInfo) -> bool:
        """A node on which it would fit if nobody were there, and that offers more of what it wants."""
        if self.filter(CycleState(), pod, new) is not None:
            return False
        if old is None or new.allocatable.get("pods", 0) > old.allocatable.get("pods", 0):
            return True
        return any(new.allocatable.get(name, 0) > old.allocatable.get(name, 0) for name in _wanted(pod))

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        parts = [
            _least_requested(node.scored.get(name, 0) + pod.scored_requests.get(name, 0), allocatable)
            for name in _SCORED
            if (allocatable := node.allocatable.get(name, 0)) > 0
        ]
        return sum(parts) // len(parts) if parts else 0


def _wanted(pod: PodInfo) -> list[str]:
    return [name for name, amount in pod.requests.items() if amount]


def _after_pod(pod: PodInfo, old: PodInfo, new: PodInfo | None) -> bool:
    """A pod that took room is gone, or takes less of what this one wants; or this one wants less."""
    if new is None:
        return old.holds_room
    if new.uid == pod.uid:
        return True
    return bool(new.node_name) and any(
        new.requests.get(name, 0) < old.requests.get(name, 0) for name in _wanted(pod)
    )


def _as_told(request: tuple[str, int]) -> tuple[int, str]:
    """Orders resources as kube-scheduler's messages do: what every node has, then the rest by name."""
    name = request[0]
    return (_EVERYWHERE.index(name) if name in _EVERYWHERE else len(_EVERYWHERE), name)


def _least_requested(requested: int, allocatable: int) -> int:
    return 0 if requested > allocatable else (allocatable - requested) * MAX_SCORE // allocatable
