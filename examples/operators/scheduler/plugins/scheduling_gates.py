"""SchedulingGates: a pod with gates is not tried until the last one is lifted."""

from __future__ import annotations

from collections.abc import Sequence

from reconcile.api.core.v1 import Pod

from ..events import Change, HelpedBy
from ..framework import Plugin, Refusal
from ..pods import PodInfo
from ..snapshot import Snapshot


class SchedulingGates(Plugin):
    name = "SchedulingGates"

    def events(self) -> Sequence[HelpedBy]:
        return [HelpedBy(Pod, Change.POD_GATES_GONE, same_pod)]

    def pre_enqueue(self, pod: PodInfo, snapshot: Snapshot, /) -> Refusal | None:
        gates = " ".join(gate.name for gate in pod.spec.scheduling_gates)
        return self.refuse(f"waiting for scheduling gates: [{gates}]", final=True) if gates else None


def same_pod(pod: PodInfo, old: PodInfo | None, new: PodInfo | None) -> bool:
    """Whether what happened, happened to the pod itself."""
    return new is not None and new.uid == pod.uid
