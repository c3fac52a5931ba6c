"""Counts what a process really changed on the server, writes that change nothing left out."""

from __future__ import annotations

import asyncio

from reconcile.client.seams import Write, WriteOutcome
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.metadata import decode_metadata
from reconcile.runtime import VirtualTimeLoop

_HOT = 200
_BEATING = ("coordination.k8s.io", "events.k8s.io", "")


class ChangeCounter:
    """A write observer. A write whose answer carries the resource version already known changed nothing.

    Leases and Events are left out: one renewed or told again is a heartbeat and not a change of the world,
    and whoever writes them periodically would never be at rest.

    In virtual time a reconcile that changes something which wakes it again never lets the clock move on:
    after 200 changes for one key at one instant the loop is stopped, and `hot` says whose they are.

    Attributes:
        by_controllers: changes made inside reconciles.
        others: changes made outside of them: runnables, events, leases.
        hot: controller and key of a loop without end, or None.
    """

    def __init__(self) -> None:
        self.by_controllers = 0
        self.others = 0
        self.hot: tuple[str, ObjectKey] | None = None
        self._instant = -1.0
        self._at_instant: dict[tuple[str, ObjectKey], int] = {}
        self._known: dict[tuple[ResourceType, ObjectKey], str] = {}

    def write_started(self, write: Write, /) -> None:
        """Nothing is counted before the outcome is known."""

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        if write.resource_type.group in _BEATING and write.resource_type.kind in ("Lease", "Event"):
            return
        if outcome.error is not None and not outcome.unknown:
            return
        if outcome.object is not None and not self._is_new(write.resource_type, outcome.object):
            return
        if write.controller:
            self.by_controllers += 1
            if write.reconcile_key is not None:
                self._watch_heat((write.controller, write.reconcile_key))
        else:
            self.others += 1

    def _is_new(self, resource: ResourceType, raw: bytes) -> bool:
        metadata = decode_metadata(raw)
        identity = (resource, metadata.key)
        if self._known.get(identity) == metadata.resource_version:
            return False
        self._known[identity] = metadata.resource_version
        return True

    def _watch_heat(self, who: tuple[str, ObjectKey]) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() != self._instant:
            self._instant = loop.time()
            self._at_instant.clear()
        self._at_instant[who] = self._at_instant.get(who, 0) + 1
        if self._at_instant[who] > _HOT:
            self.hot = who
            if isinstance(loop, VirtualTimeLoop) and loop.running_until_idle:
                loop.stop()
