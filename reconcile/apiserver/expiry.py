"""What goes by itself after a time: finished Jobs with a `ttlSecondsAfterFinished`, and Events.

Jobs go as kube-controller-manager's TTL controller has it: in the foreground, with their pods. Events have
the lease that etcd gives them: an hour from their last write, by default.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import UTC, datetime, timedelta

from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, StoredObject

_log = logging.getLogger(__name__)
_JOBS = "jobs.batch"
_SHORTEST = 0.001


class FinishedJobs:
    """Deletes Jobs whose time after their end is over. Runs as one task of the server."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._storage = parts.store.storage
        self._access = parts.access
        # By key: which object, and when it goes.
        self._due: dict[str, tuple[StoredObject, datetime]] = {}
        self._stale = True
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Delete until cancelled."""
        ends = (self._storage.feed(self._note, (_JOBS,)), self._storage.on_restore(self._restored))
        try:
            self._woken.set()
            while True:
                try:
                    async with asyncio.timeout(self._wait()):
                        await self._woken.wait()
                except TimeoutError:
                    pass
                self._woken.clear()
                if self._stale:
                    self._scan()
                now = self._parts.runtime.now()
                for key, (job, at) in list(self._due.items()):
                    if at <= now and self._due.pop(key, None) is not None:
                        await self._delete(job)
        finally:
            for end in ends:
                end()

    def _wait(self) -> float | None:
        """Seconds until the next Job goes; None while none is to go."""
        if not self._due:
            return None
        left = min(at for _, at in self._due.values()) - self._parts.runtime.now()
        return max(left.total_seconds(), _SHORTEST)

    def _restored(self) -> None:
        self._stale = True
        self._woken.set()

    def _scan(self) -> None:
        self._stale = False
        self._due = {}
        for item in self._storage.page(_JOBS).items:
            self._look(item)

    def _note(self, collection: str, change: Change) -> None:
        if change.type == "DELETED":
            self._due.pop(change.object.key, None)
        else:
            self._look(change.object)

    def _look(self, item: StoredObject) -> None:
        at = expiry_of(decode_object(item.raw)) if b'"ttlSecondsAfterFinished"' in item.raw else None
        if at is None:
            self._due.pop(item.key, None)
        else:
            self._due[item.key] = (item, at)
            self._woken.set()

    async def _delete(self, job: StoredObject) -> None:
        options: JSONObject = {"propagationPolicy": "Foreground", "preconditions": {"uid": job.uid}}
        try:
            await self._access.delete(_JOBS, job.namespace, job.name, options)
        except StatusError as error:
            if error.reason not in ("NotFound", "Conflict"):
                _log.warning("job %s: %s", job.key, error)


def expiry_of(job: JSONObject) -> datetime | None:
    """When the Job is to go: it has ended, and says how long it stays then; None for any other."""
    seconds = (job.get("spec") or {}).get("ttlSecondsAfterFinished")
    if seconds is None or job["metadata"].get("deletionTimestamp"):
        return None
    for condition in (job.get("status") or {}).get("conditions") or ():
        ended = condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True"
        if ended and condition.get("lastTransitionTime"):
            at = datetime.strptime(condition["lastTransitionTime"], "%Y-%m-%dT%H:%M:%SZ")
            return at.replace(tzinfo=UTC) + timedelta(seconds=seconds)
    return None


class EventExpiry:
    """Forgets Events that were not written for a time. Runs as one task of the server.

    It keeps no list of them: it notes which revision the server was at, some times in the time that they
    live, and what was last written before the oldest of these goes. So an Event may live a twelfth longer.
    """

    def __init__(self, parts: Parts, seconds: float) -> None:
        self._parts = parts
        self._storage = parts.store.storage
        self._seconds = seconds
        self._marks: deque[tuple[float, int]] = deque()

    async def run(self) -> None:
        """Forget until cancelled."""
        loop = asyncio.get_running_loop()
        end = self._storage.on_restore(self._marks.clear)
        try:
            while True:
                self._marks.append((loop.time(), self._storage.revision))
                await asyncio.sleep(self._seconds / 12)
                self._forget(loop.time() - self._seconds)
        finally:
            end()

    def _forget(self, before: float) -> None:
        revision = 0
        while self._marks and self._marks[0][0] <= before + _SHORTEST:
            revision = self._marks.popleft()[1]
        resource = self._parts.registry.preferred("events")
        if not revision or resource is None:
            return
        for item in self._storage.page(resource.storage_name).items:
            if item.resource_version <= revision:
                self._parts.store.remove(resource, item)
