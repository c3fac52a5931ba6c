"""The queue between the reflector and the store. Pure: no loop, no clock.

    reflector ── add/update/delete, replace, sync, bookmark ──▶ DeltaFIFO ── pop_batch ──▶ store, handlers

The contract is the one client-go's informers have today (its RealFIFO with atomic events), under the name
the field knows it by:

* Deltas come out in the order they went in; nothing is coalesced or dropped here.
* A relist is ONE `REPLACED` delta that holds the whole new list. Who processes it compares the list with
  the store, which by then reflects everything queued before, and so finds every object that vanished while
  nobody watched: a deletion with a `Tombstone` whose final state is unknown.
* A batch never holds one key twice, and `REPLACED`, `SYNC` and `BOOKMARK` are batches of their own.
* `has_synced` is true once the first list has been processed, not merely taken out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final

import msgspec

from reconcile.informers.cached_object import CachedObject
from reconcile.objects.identity import ObjectKey

MAX_BATCH: Final = 1000
"""The most deltas in one batch, as in client-go."""


class DeltaType(Enum):
    """What a delta says."""

    ADDED = "Added"
    UPDATED = "Updated"
    DELETED = "Deleted"
    REPLACED = "Replaced"
    SYNC = "Sync"
    BOOKMARK = "Bookmark"


class Tombstone(msgspec.Struct, frozen=True, gc=False):
    """A deletion that nobody watched (client-go's DeletedFinalStateUnknown).

    Attributes:
        key: the key that is gone.
        last_known: the object as the store last held it; its true final state is unknown.
    """

    key: ObjectKey
    last_known: CachedObject


class Delta(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened.

    Attributes:
        type: what it was.
        object: the object of an ADDED, UPDATED or DELETED delta (a deleted one in its final state).
        objects: the whole list of a REPLACED delta.
        resource_version: the version that the stream has reached with this delta.
        reason: why a REPLACED delta's list was made (`initial`, `expired`, …).
    """

    type: DeltaType
    object: CachedObject | None = None
    objects: Sequence[CachedObject] = ()
    resource_version: str = ""
    reason: str = ""


class DeltaFIFO:
    """Deltas of one stream, in strict order of arrival.

    One consumer: take a batch with `pop_batch`, process it, then call `done`. Until then `pop_batch`
    refuses to give another, so that order survives any scheduling.
    """

    def __init__(self, *, max_batch: int = MAX_BATCH) -> None:
        self._queue: deque[Delta] = deque()
        self._max_batch = max_batch
        self._processing: Sequence[Delta] = ()
        self._synced = False

    def __len__(self) -> int:
        """Deltas that wait; those being processed are not counted."""
        return len(self._queue)

    @property
    def has_synced(self) -> bool:
        """Whether a first list was put in, taken out and processed to its end."""
        return self._synced

    @property
    def processing(self) -> bool:
        """Whether a batch is out."""
        return bool(self._processing)

    def add(self, obj: CachedObject) -> None:
        """The object appeared."""
        self._queue.append(Delta(DeltaType.ADDED, obj, (), obj.metadata.resource_version))

    def update(self, obj: CachedObject) -> None:
        """The object changed."""
        self._queue.append(Delta(DeltaType.UPDATED, obj, (), obj.metadata.resource_version))

    def delete(self, obj: CachedObject) -> None:
        """The object is gone; `obj` is its final state, its version that of the deletion."""
        self._queue.append(Delta(DeltaType.DELETED, obj, (), obj.metadata.resource_version))

    def replace(
        self, objects: Sequence[CachedObject], resource_version: str, *, reason: str = "initial"
    ) -> None:
        """The whole collection as a list gave it: one delta, however many objects."""
        self._queue.append(Delta(DeltaType.REPLACED, None, objects, resource_version, reason))

    def sync(self) -> None:
        """Let handlers see again everything the store will hold when this is processed."""
        self._queue.append(Delta(DeltaType.SYNC))

    def bookmark(self, resource_version: str) -> None:
        """The stream has reached this version, whatever objects changed."""
        self._queue.append(Delta(DeltaType.BOOKMARK, resource_version=resource_version))

    def pop_batch(self) -> Sequence[Delta]:
        """The next deltas in order; empty when nothing waits.

        Raises:
            RuntimeError: the batch before is not `done` yet.
        """
        if self._processing:
            raise RuntimeError("the batch taken before is still being processed: call done() first")
        queue = self._queue
        if not queue:
            return ()
        batch = [queue.popleft()]
        first = batch[0].object
        if first is not None and queue:
            places = {first.place}
            while queue and len(batch) < self._max_batch:
                following = queue[0].object
                if following is None or following.place in places:
                    break
                places.add(following.place)
                batch.append(queue.popleft())
        self._processing = batch
        return batch

    def done(self) -> None:
        """The batch that was taken is processed to its end: store written, handlers told."""
        if self._processing and self._processing[0].type is DeltaType.REPLACED:
            self._synced = True
        self._processing = ()

    def clear(self) -> None:
        """Forget what waits: the stream that brought it is over and a new list will follow."""
        self._queue.clear()
        self._processing = ()
