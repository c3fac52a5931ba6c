"""The objects of one resource, and the log of their changes.

The log is the one source of watches: a watcher is a position in it. So a watcher costs nothing while
it sleeps, an event is stored once however many watch, and one that is too slow finds its position
gone from the log instead of making it longer. Each change also keeps the map as it was after it:
lists at an older revision read that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final, Literal

from reconcile.apiserver.storage.sorted_map import SortedMap

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
_revision_of: Final = attrgetter("revision")


class StoredObject:
    """One version of one object. Never changed.

    Attributes:
        key: `namespace/name`, or the name alone of a cluster-scoped object.
        namespace: empty for a cluster-scoped object.
        name: the name.
        uid: the uid.
        resource_version: the revision that wrote it; also in `raw`.
        raw: the object as JSON in its stored version.
        labels: its labels; not to be changed.
        fields: what field selectors see; not to be changed.
        written: what was written, where reading adds defaults to it; else None. A later write that changes
            nothing else stores them, as kube-apiserver's does. Not kept in a data directory.
        views: other encoded forms of this version (other API versions, events), by form; a cache that
            goes when the object goes.
    """

    __slots__ = (
        "_views", "fields", "key", "labels", "name", "namespace", "raw", "resource_version", "uid", "written",
    )  # fmt: skip

    def __init__(
        self,
        namespace: str,
        name: str,
        uid: str,
        resource_version: int,
        raw: bytes,
        labels: Mapping[str, str],
        fields: Mapping[str, str],
        *,
        written: bytes | None = None,
    ) -> None:
        self.key = f"{namespace}/{name}" if namespace else name
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.resource_version = resource_version
        self.raw = raw
        self.labels = labels
        self.fields = fields
        self.written = written
        self._views: dict[Any, bytes] | None = None

    @property
    def views(self) -> dict[Any, bytes]:
        if self._views is None:
            self._views = {}
        return self._views


class Change:
    """One entry of the log.

    Attributes:
        revision: the revision of the write.
        type: what happened.
        object: the new version; for a deletion the last one, carrying the deletion's resourceVersion.
        previous: the version before; None for a creation.
        after: all objects after the change.
    """

    __slots__ = ("after", "object", "previous", "revision", "type")

    def __init__(
        self,
        revision: int,
        type: ChangeType,
        object: StoredObject,
        previous: StoredObject | None,
        after: SortedMap[StoredObject],
    ) -> None:
        self.revision = revision
        self.type: ChangeType = type
        self.object = object
        self.previous = previous
        self.after = after


class Collection:
    """All objects of one resource, and a bounded log of how they came to be as they are.

    Attributes:
        name: the resource.
        objects: the objects now.
        compacted: the revision up to which changes were forgotten: watches and lists can begin at it,
            not before it.
    """

    __slots__ = ("_base", "_first", "_log", "_watchers", "compacted", "name", "objects", "window")

    def __init__(self, name: str, objects: SortedMap[StoredObject], compacted: int, window: int) -> None:
        self.name = name
        self.objects = objects
        self.compacted = compacted
        self.window = window
        self._base = objects
        self._log: list[Change] = []
        self._first = 0
        self._watchers: list[Callable[[], None]] = []

    @property
    def end(self) -> int:
        """The position after the newest change."""
        return self._first + len(self._log)

    def position_after(self, revision: int) -> int:
        """The position of the first change after `revision`; it must not be below `compacted`."""
        return self._first + bisect_right(self._log, revision, key=_revision_of)

    def changes(self, position: int, limit: int) -> list[Change] | None:
        """At most `limit` changes from `position` on, or None when some were forgotten already."""
        if position < self._first:
            return None
        if position == self._first + len(self._log):
            return []
        begin = position - self._first
        return self._log[begin : begin + limit]

    def at(self, revision: int) -> SortedMap[StoredObject]:
        """The objects as of `revision`; it must not be below `compacted`."""
        index = bisect_right(self._log, revision, key=_revision_of)
        return self._log[index - 1].after if index else self._base

    def append(self, change: Change) -> None:
        self.objects = change.after
        self._log.append(change)
        if len(self._log) > self.window + (self.window >> 2):
            self._forget(len(self._log) - self.window)
        for watcher in tuple(self._watchers):
            watcher()

    def compact(self, revision: int) -> None:
        """Forget the changes up to `revision`."""
        self._forget(bisect_right(self._log, revision, key=_revision_of))
        self.compacted = max(self.compacted, revision)

    def _forget(self, count: int) -> None:
        if count:
            last = self._log[count - 1]
            self._base = last.after
            self.compacted = max(self.compacted, last.revision)
            del self._log[:count]
            self._first += count

    def subscribe(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called at each change, directly after it; returns what ends that.

        `wake` must not write: it is there to wake a task.
        """
        self._watchers.append(wake)

        def unsubscribe() -> None:
            if wake in self._watchers:
                self._watchers.remove(wake)

        return unsubscribe
