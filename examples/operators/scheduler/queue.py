"""Pods that wait for a node. Pure: the time is an argument.

    active          ready to be decided, in the order of the profile's queueSort
    backing off     were refused, and something happened that may help; each refusal doubles the wait
    unschedulable   were refused, and nothing has happened that could help; or must not be tried yet (gated)
    in flight       being decided (`pop` until `done` or `refused`); what happens meanwhile is kept for them

The wait keeps pods that fail again and again behind others. When nobody else is ready, who backs off is tried
at once, but for pods that failed by an error: those wait in any case.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from reconcile import ObjectKey
from reconcile.api.core.v1 import Pod

from .events import Change, ClusterEvent, HelpedBy, pod_changes
from .framework import Plugin, Refusal
from .pods import PodInfo

INITIAL_BACKOFF = 1.0
MAX_BACKOFF = 10.0
WINDOW = 1.0
"""Waits end together, once a second, so that the order among them is that of queueSort."""

UNSCHEDULABLE_TIMEOUT = 300.0

Order = Callable[[PodInfo, float], Any]
Gate = Callable[[PodInfo], Refusal | None]


class Place(Enum):
    """Where a pod of the queue is."""

    NOWHERE = "nowhere"
    ACTIVE = "active"
    BACKOFF = "backing off"
    UNSCHEDULABLE = "unschedulable"
    IN_FLIGHT = "in flight"


@dataclass(slots=True, eq=False)
class QueuedPod:
    """A pod and what the queue knows of it.

    Attributes:
        since: when it came, or was refused last, in seconds.
        refusals: how often plugins refused it, which its wait grows with.
        errors: how often in a row it failed by an error instead.
        rejected_by: the plugins that refused it last; empty after an error.
        pending: those of them that wait for something which is on its way.
        gated_by: the plugin whose `pre_enqueue` says that it must not be tried yet.
        attempts: how often it was tried.
    """

    pod: PodInfo
    since: float
    refusals: int = 0
    errors: int = 0
    rejected_by: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    gated_by: str = ""
    attempts: int = 0
    place: Place = Place.NOWHERE
    order: Any = None
    ticket: int = 0
    seen: int = 0

    @property
    def rejecters(self) -> frozenset[str]:
        """The plugins whose mind something has to change; none after an error."""
        return self.rejected_by | self.pending

    @property
    def backoff_ends(self) -> float:
        """1 s after the first refusal, then 2, 4, … up to 10, at the end of a window; 0 before any."""
        count = self.errors or self.refusals
        if count == 0:
            return 0.0
        wait = min(INITIAL_BACKOFF * 2 ** min(count - 1, 10), MAX_BACKOFF)
        return (math.floor((self.since + wait) / WINDOW) + 1) * WINDOW


@dataclass(slots=True)
class _InFlight:
    """What happened since the first of the pods that are being decided was taken."""

    pods: dict[str, QueuedPod] = field(default_factory=dict[str, QueuedPod])
    events: list[ClusterEvent] = field(default_factory=list[ClusterEvent])
    forgotten: int = 0

    def take(self, waiting: QueuedPod) -> None:
        waiting.seen = self.forgotten + len(self.events)
        self.pods[waiting.pod.uid] = waiting

    def note(self, event: ClusterEvent) -> None:
        if self.pods:
            self.events.append(event)

    def since(self, waiting: QueuedPod) -> list[ClusterEvent] | None:
        """What happened since the pod was taken; None for a pod that is not in flight any more."""
        if self.pods.get(waiting.pod.uid) is not waiting:
            return None
        return self.events[waiting.seen - self.forgotten :]

    def done(self, uid: str) -> None:
        if self.pods.pop(uid, None) is None:
            return
        needed = min((each.seen for each in self.pods.values()), default=self.forgotten + len(self.events))
        del self.events[: needed - self.forgotten]
        self.forgotten = needed


class SchedulingQueue:
    """Each pod is in one place; a pod that has a node is in none.

    Args:
        order: the key by which active pods are sorted: of a pod, and of the time since it waits.
        profiles: by scheduler name, the plugins, which say what may help the pods that they refused.
        gate: why a pod must not be tried yet; None when it may.
    """

    def __init__(
        self, order: Order, profiles: Mapping[str, Iterable[Plugin]], gate: Gate = lambda pod: None
    ) -> None:
        self._order = order
        self._gate = gate
        self._plugins = {
            scheduler: tuple((plugin.name, tuple(plugin.events())) for plugin in plugins)
            for scheduler, plugins in profiles.items()
        }
        self._helpers: dict[tuple[str, type[Any], Change], Mapping[str, Sequence[HelpedBy]]] = {}
        self._pods: dict[ObjectKey, QueuedPod] = {}
        self._active: list[tuple[Any, int, QueuedPod]] = []
        self._backoff: list[tuple[float, Any, int, QueuedPod]] = []
        self._failed: list[tuple[float, Any, int, QueuedPod]] = []
        self._unschedulable: dict[ObjectKey, QueuedPod] = {}
        self._refused_by: dict[str, dict[ObjectKey, QueuedPod]] = {}
        self._in_flight = _InFlight()
        self._tickets = 0
        self._times_out = math.inf

    def __len__(self) -> int:
        return len(self._pods)

    def place(self, key: ObjectKey) -> Place:
        """Where a pod is; for tests and for who looks on."""
        known = self._pods.get(key)
        if known is not None:
            return known.place
        in_flight = any(each.pod.key == key for each in self._in_flight.pods.values())
        return Place.IN_FLIGHT if in_flight else Place.NOWHERE

    # What the cluster tells.

    def add(self, pod: PodInfo, now: float) -> None:
        """A pod without a node came."""
        self.remove(pod.key)
        self._activate(QueuedPod(pod, since=now))

    def update(self, old: PodInfo, new: PodInfo, now: float) -> None:
        """A pod without a node changed; one that was refused is tried again if the change may help it."""
        events = [ClusterEvent(Pod, change, old, new) for change in pod_changes(old, new)]
        if new.uid in self._in_flight.pods:
            for event in events:
                self._in_flight.note(event)
            return
        waiting = self._pods.get(new.key)
        if waiting is None:
            self.add(new, now)
            return
        waiting.pod = new
        if waiting.place is not Place.UNSCHEDULABLE:
            return
        for event in events:
            if self._requeue(waiting, self._hint(waiting, event), now):
                return

    def remove(self, key: ObjectKey) -> None:
        """The pod has a node, or is gone."""
        waiting = self._pods.pop(key, None)
        if waiting is not None:
            self._leave(waiting)

    def happened(
        self, event: ClusterEvent, now: float, *, only: Callable[[PodInfo], bool] | None = None
    ) -> None:
        """Move the pods that the event may help; `only` those for which it counts at all."""
        interested = {name for scheduler in self._plugins for name in self._interested(scheduler, event)}
        if not interested:
            return
        for name in interested:
            for waiting in list(self._refused_by.get(name, {}).values()):
                if waiting.place is not Place.UNSCHEDULABLE or (only and not only(waiting.pod)):
                    continue
                if waiting.gated_by and waiting.gated_by not in interested:
                    continue
                self._requeue(waiting, self._hint(waiting, event), now)
        self._in_flight.note(event)

    # What the scheduler asks.

    def pop(self, now: float) -> QueuedPod | None:
        """The next pod to decide; None while all must wait."""
        self._flush(now)
        waiting = self._first(self._active, Place.ACTIVE) or self._first(self._backoff, Place.BACKOFF)
        if waiting is None:
            return None
        del self._pods[waiting.pod.key]
        waiting.place = Place.IN_FLIGHT
        waiting.attempts += 1
        self._in_flight.take(waiting)
        return waiting

    def done(self, waiting: QueuedPod) -> None:
        """What is left to do for the pod does not depend on what happens meanwhile."""
        self._in_flight.done(waiting.pod.uid)

    def refused(
        self,
        waiting: QueuedPod,
        now: float,
        rejected_by: frozenset[str] = frozenset(),
        pending: frozenset[str] = frozenset(),
    ) -> None:
        """The pod fits nowhere, by the word of these plugins; or, by that of none, something failed."""
        waiting.rejected_by, waiting.pending, waiting.gated_by = rejected_by, pending, ""
        if waiting.rejecters:
            waiting.refusals += 1
            waiting.errors = 0
        else:
            waiting.errors += 1
        waiting.since = now
        hint = _LATER
        missed = self._in_flight.since(waiting)
        if waiting.rejecters and missed is not None:
            # What happened while the pod was being decided was not in the picture it was decided on.
            hint = max((self._hint(waiting, event) for event in missed), default=_NOT)
        self._in_flight.done(waiting.pod.uid)
        if waiting.pod.key in self._pods:
            return
        if hint == _NOT:
            self._shelve(waiting)
        else:
            self._requeue(waiting, hint, now)

    def activate(self, key: ObjectKey) -> None:
        """Try a pod at once, whatever it waits for."""
        waiting = self._pods.get(key)
        if waiting is not None and waiting.place in (Place.UNSCHEDULABLE, Place.BACKOFF):
            self._activate(waiting)

    def next_time(self) -> float | None:
        """When `pop` can next have something that it has not now; None when only an event can help."""
        first = self._peek(self._failed, Place.BACKOFF)
        time = min(first.backoff_ends if first is not None else math.inf, self._times_out)
        return None if time == math.inf else time

    # Moving a pod from place to place.

    def _hint(self, waiting: QueuedPod, event: ClusterEvent) -> int:
        """Whether the event may help the pod, by the word of those that refused it."""
        found = _NOT
        for name, helpers in self._interested(waiting.pod.scheduler, event).items():
            is_pending = name in waiting.pending
            if not is_pending and (found or name not in waiting.rejected_by):
                continue
            if any(_helps(helper, waiting, event) for helper in helpers):
                if is_pending:
                    return _AT_ONCE
                found = _LATER
        return found

    def _interested(self, scheduler: str, event: ClusterEvent) -> Mapping[str, Sequence[HelpedBy]]:
        """The plugins of a profile that declared such an event, with their declarations."""
        key = (scheduler, event.kind, event.change)
        found = self._helpers.get(key)
        if found is None:
            matching = (
                (name, [each for each in helpers if each.kind is event.kind and event.change in each.changes])
                for name, helpers in self._plugins.get(scheduler, ())
            )
            found = self._helpers[key] = {name: helpers for name, helpers in matching if helpers}
        return found

    def _requeue(self, waiting: QueuedPod, hint: int, now: float) -> bool:
        """Move a pod as the hint says; False when it stays unschedulable."""
        if hint == _NOT:
            return False
        if hint == _LATER and waiting.backoff_ends > now:
            return self._back_off(waiting)
        return self._activate(waiting)

    def _activate(self, waiting: QueuedPod) -> bool:
        if self._is_gated(waiting):
            return False
        self._enter(waiting, Place.ACTIVE)
        waiting.order = self._order(waiting.pod, waiting.since)
        heapq.heappush(self._active, (waiting.order, waiting.ticket, waiting))
        return True

    def _back_off(self, waiting: QueuedPod) -> bool:
        if self._is_gated(waiting):
            return False
        self._enter(waiting, Place.BACKOFF)
        waiting.order = self._order(waiting.pod, waiting.since)
        heap = self._backoff if waiting.rejecters else self._failed
        heapq.heappush(heap, (waiting.backoff_ends, waiting.order, waiting.ticket, waiting))
        return True

    def _is_gated(self, waiting: QueuedPod) -> bool:
        refusal = self._gate(waiting.pod)
        if refusal is None:
            waiting.gated_by = ""
            return False
        waiting.gated_by = refusal.plugin
        waiting.rejected_by |= {refusal.plugin}
        self._shelve(waiting)
        return True

    def _shelve(self, waiting: QueuedPod) -> None:
        self._enter(waiting, Place.UNSCHEDULABLE)
        self._unschedulable[waiting.pod.key] = waiting
        if not waiting.gated_by:
            self._times_out = min(self._times_out, waiting.since + UNSCHEDULABLE_TIMEOUT)
        for name in waiting.rejecters:
            self._refused_by.setdefault(name, {})[waiting.pod.key] = waiting

    def _enter(self, waiting: QueuedPod, place: Place) -> None:
        self._leave(waiting)
        self._pods[waiting.pod.key] = waiting
        self._tickets += 1
        waiting.place, waiting.ticket = place, self._tickets

    def _leave(self, waiting: QueuedPod) -> None:
        """What is left of it in a heap is passed over, by its ticket."""
        if waiting.place is Place.UNSCHEDULABLE:
            self._unschedulable.pop(waiting.pod.key, None)
            for name in waiting.rejecters:
                self._refused_by.get(name, {}).pop(waiting.pod.key, None)
        waiting.place = Place.NOWHERE

    def _flush(self, now: float) -> None:
        for heap in (self._backoff, self._failed):
            while (first := self._peek(heap, Place.BACKOFF)) is not None and first.backoff_ends <= now:
                heapq.heappop(heap)
                self._enter(first, Place.ACTIVE)
                heapq.heappush(self._active, (first.order, first.ticket, first))
        if self._times_out <= now:
            self._times_out = math.inf
            for waiting in list(self._unschedulable.values()):
                ends = waiting.since + UNSCHEDULABLE_TIMEOUT
                if waiting.gated_by:
                    continue
                if ends <= now:
                    self._activate(waiting)
                else:
                    self._times_out = min(self._times_out, ends)

    def _peek(self, heap: list[Any], place: Place) -> QueuedPod | None:
        while heap:
            *_, ticket, waiting = heap[0]
            if waiting.ticket == ticket and waiting.place is place:
                return waiting
            heapq.heappop(heap)
        return None

    def _first(self, heap: list[Any], place: Place) -> QueuedPod | None:
        found = self._peek(heap, place)
        if found is not None:
            heapq.heappop(heap)
        return found


_NOT, _LATER, _AT_ONCE = 0, 1, 2
"""What a hint says: leave the pod, try it after its backoff, or at once."""


def _helps(helper: HelpedBy, waiting: QueuedPod, event: ClusterEvent) -> bool:
    try:
        return helper.hint is None or helper.hint(waiting.pod, event.old, event.new)
    except Exception:  # better tried once too often than never
        return True
