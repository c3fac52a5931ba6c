"""Pods that wait for a node. Pure: the time is an argument.

    active          ready to be decided, in the order of the profile's queueSort
    backing off     were refused, and something has changed since; each refusal doubles the wait
    unschedulable   were refused, and nothing has changed that could help
    gated           `spec.schedulingGates` is not empty

An event moves the unschedulable pods it may help (`EVENTS`) towards active; so do five minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconcile import ObjectKey

from .pods import PodInfo

INITIAL_BACKOFF = 1.0
MAX_BACKOFF = 10.0
UNSCHEDULABLE_TIMEOUT = 300.0

NODE_CHANGED = "node changed"
POD_PLACED = "pod placed"
POD_GONE = "pod gone"
"""What can happen in the cluster."""

HELPED_BY: dict[str, frozenset[str]] = {
    "NodeUnschedulable": frozenset({NODE_CHANGED}),
    "NodeName": frozenset({NODE_CHANGED}),
    "TaintToleration": frozenset({NODE_CHANGED}),
    "NodeAffinity": frozenset({NODE_CHANGED}),
    "NodePorts": frozenset({NODE_CHANGED, POD_GONE}),
    "NodeResourcesFit": frozenset({NODE_CHANGED, POD_GONE}),
    "PodTopologySpread": frozenset({NODE_CHANGED, POD_GONE, POD_PLACED}),
    "InterPodAffinity": frozenset({NODE_CHANGED, POD_GONE, POD_PLACED}),
}
"""For a pod that a plugin refused: what may change the plugin's mind. Anything, for a plugin not listed."""


@dataclass(slots=True)
class _Waiting:
    pod: PodInfo
    queued_at: float
    attempts: int = 0
    refused_at: float = 0.0
    rejected_by: frozenset[str] = frozenset()
    moves: int = 0

    @property
    def ready_at(self) -> float:
        """When its backoff ends: 1 s after the first refusal, then 2, 4, … up to 10."""
        if self.attempts == 0:
            return 0.0
        return self.refused_at + min(INITIAL_BACKOFF * 2 ** (self.attempts - 1), MAX_BACKOFF)

    def helped_by(self, event: str) -> bool:
        if not self.rejected_by:
            return True
        return any(event in HELPED_BY.get(plugin, {event}) for plugin in self.rejected_by)


class SchedulingQueue:
    """Each pod is in one of the four places, or with the scheduler (`pop` until `done` or `refused`)."""

    def __init__(self, order: Callable[[PodInfo, float], Any]) -> None:
        self._order = order
        self._active: dict[ObjectKey, _Waiting] = {}
        self._backing_off: dict[ObjectKey, _Waiting] = {}
        self._unschedulable: dict[ObjectKey, _Waiting] = {}
        self._gated: dict[ObjectKey, PodInfo] = {}
        self._popped: dict[ObjectKey, _Waiting] = {}
        self._events: list[str] = []

    def __len__(self) -> int:
        return len(self._active) + len(self._backing_off) + len(self._unschedulable) + len(self._gated)

    def set(self, pod: PodInfo, now: float) -> None:
        """A pod without a node came or changed. One whose spec changed is tried again."""
        key = pod.key
        known = self._find(key)
        if known is not None and known.pod.uid != pod.uid:
            self.remove(key)
            known = None
        if pod.spec.scheduling_gates:
            self.remove(key)
            self._gated[key] = pod
            return
        self._gated.pop(key, None)
        if known is None:
            self._active[key] = _Waiting(pod, queued_at=now)
            return
        changed = known.pod.spec != pod.spec or known.pod.labels != pod.labels
        known.pod = pod
        if changed and self._unschedulable.pop(key, None) is not None:
            self._requeue(known, now)

    def remove(self, key: ObjectKey) -> None:
        """The pod has a node, or is gone."""
        for place in (self._active, self._backing_off, self._unschedulable, self._gated, self._popped):
            place.pop(key, None)

    def pop(self, now: float) -> PodInfo | None:
        """The next pod to decide; None while all must wait."""
        self._flush(now)
        if not self._active:
            return None
        key = min(
            self._active, key=lambda key: self._order(self._active[key].pod, self._active[key].queued_at)
        )
        waiting = self._active.pop(key)
        waiting.attempts += 1
        waiting.moves = len(self._events)
        self._popped[key] = waiting
        return waiting.pod

    def done(self, key: ObjectKey) -> None:
        """The pod was bound."""
        self._popped.pop(key, None)
        self._forget_events()

    def refused(self, key: ObjectKey, now: float, rejected_by: frozenset[str] | None) -> None:
        """The pod fits nowhere, or (`rejected_by` None) something failed and it is to be tried again."""
        waiting = self._popped.pop(key, None)
        if waiting is None:
            return
        waiting.refused_at = now
        if rejected_by is None:
            self._backing_off[key] = waiting
        else:
            waiting.rejected_by = rejected_by
            # What happened while the pod was being decided was not in the picture it was decided on.
            if any(waiting.helped_by(event) for event in self._events[waiting.moves :]):
                self._requeue(waiting, now)
            else:
                self._unschedulable[key] = waiting
        self._forget_events()

    def retry(self, key: ObjectKey, now: float) -> None:
        """Try a pod again that waits for something to happen, after its backoff."""
        waiting = self._unschedulable.pop(key, None)
        if waiting is not None:
            self._requeue(waiting, now)

    def happened(self, event: str, now: float) -> None:
        """Move the pods that the event may help."""
        if self._popped:
            self._events.append(event)
        for key, waiting in list(self._unschedulable.items()):
            if waiting.helped_by(event):
                del self._unschedulable[key]
                self._requeue(waiting, now)

    def next_time(self) -> float | None:
        """When `pop` can next have something that it has not now; None when only an event can help."""
        times = [waiting.ready_at for waiting in self._backing_off.values()]
        times += [waiting.refused_at + UNSCHEDULABLE_TIMEOUT for waiting in self._unschedulable.values()]
        return min(times, default=None)

    def _requeue(self, waiting: _Waiting, now: float) -> None:
        place = self._backing_off if waiting.ready_at > now else self._active
        place[waiting.pod.key] = waiting

    def _flush(self, now: float) -> None:
        for key, waiting in list(self._backing_off.items()):
            if waiting.ready_at <= now:
                self._active[key] = self._backing_off.pop(key)
        for key, waiting in list(self._unschedulable.items()):
            if waiting.refused_at + UNSCHEDULABLE_TIMEOUT <= now:
                self._active[key] = self._unschedulable.pop(key)

    def _forget_events(self) -> None:
        if not self._popped:
            self._events.clear()

    def _find(self, key: ObjectKey) -> _Waiting | None:
        for place in (self._active, self._backing_off, self._unschedulable, self._popped):
            if key in place:
                return place[key]
        return None
