"""What people are told of a pod that waits or has a node: events, its condition, its nominated node."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from reconcile import APIError, EventRecorder, Manager, TransportError, format_time
from reconcile.api.core.v1 import Pod

from .pods import PodInfo, reference

_LONGEST_NOTE = 1024
_CUT = " ..."


class Teller:
    """Writes in the name of the scheduler that each pod asks for."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._recorders: dict[str, EventRecorder] = {}

    def scheduled(self, pod: PodInfo, node: str) -> None:
        note = f"Successfully assigned {pod.key} to {node}"
        self.events(pod).event(reference(pod), "Normal", "Scheduled", "Binding", note)

    def not_scheduled(self, pod: PodInfo, message: str) -> None:
        note = shortened(message)
        self.events(pod).event(reference(pod), "Warning", "FailedScheduling", "Scheduling", note)

    def events(self, pod: PodInfo) -> EventRecorder:
        recorder = self._recorders.get(pod.scheduler)
        if recorder is None:
            recorder = self._manager.event_recorder(pod.scheduler).by_version()
            self._recorders[pod.scheduler] = recorder
        return recorder

    async def write(
        self, pod: PodInfo, *, reason: str = "", message: str = "", nominated: str | None = None
    ) -> None:
        """Write to the pod's status what it does not say yet.

        Args:
            reason, message: of the condition PodScheduled, which is False; without a reason it is left alone.
            nominated: where room is kept for the pod; empty takes that back, None leaves it as it is.

        What fails is not tried again: the pod is, and says it then.
        """
        patch = status_patch(
            pod, reason=reason, message=message, nominated=nominated, now=self._manager.runtime.now()
        )
        if patch is None:
            return
        try:
            await self._manager.client.patch(Pod, pod.key, patch, type="strategic", subresource="status")
        except (APIError, TransportError):
            return


def status_patch(
    pod: PodInfo, *, reason: str, message: str, nominated: str | None, now: datetime
) -> dict[str, Any] | None:
    """The strategic merge patch that says so; None when the pod says it already."""
    status: dict[str, Any] = {}
    known = pod.scheduled
    if reason and not (
        known is not None
        and (known.status, known.reason or "", known.message or "") == ("False", reason, message)
    ):
        since = known.last_transition_time if known is not None and known.status == "False" else None
        status["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": reason,
                "message": message,
                "lastProbeTime": None,
                "lastTransitionTime": since or format_time(now),
                "observedGeneration": pod.generation,
            }
        ]
    if nominated is not None and nominated != pod.nominated_node:
        status["nominatedNodeName"] = nominated or None
    return {"metadata": {"uid": pod.uid}, "status": status} if status else None


def shortened(note: str) -> str:
    """At most as many bytes as an event's note may have.

    >>> len(shortened("x" * 2000)), shortened("short")
    (1024, 'short')
    """
    raw = note.encode()
    if len(raw) <= _LONGEST_NOTE:
        return note
    return raw[: _LONGEST_NOTE - len(_CUT)].decode(errors="ignore") + _CUT
