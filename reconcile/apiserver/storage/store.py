"""The store: one revision counter over all collections, optimistic writes, consistent pages, snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reconcile.apiserver.storage.collection import Change, Collection, StoredObject
from reconcile.apiserver.storage.sorted_map import SortedMap
from reconcile.errors import ReconcileError

if TYPE_CHECKING:
    from reconcile.apiserver.storage.journal import Journal

DEFAULT_WINDOW = 10_000


class StorageConflictError(ReconcileError):
    """The object is not any more what the writer took it for."""


class CompactedError(ReconcileError):
    """The revision asked for was forgotten."""

    def __init__(self, revision: int, compacted: int) -> None:
        super().__init__(f"revision {revision} was compacted at {compacted}")
        self.revision = revision
        self.compacted = compacted


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Attributes:
        items: the objects, in key order.
        revision: the revision of which this is a part.
        next_key: the key from which the next page goes on, or None at the end.
        remaining: how many keys come after this page, whether they match a selection or not.
    """

    items: list[StoredObject]
    revision: int
    next_key: str | None
    remaining: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects as they were at one revision. Taking and restoring one costs the same for any number.

    Attributes:
        revision: the revision of the last write before it was taken.
        collections: the objects.
        kept: what followers of the storage knew then (`Storage.follow`), so that they need not look at
            every object again.
    """

    revision: int
    collections: Mapping[str, SortedMap[StoredObject]]
    kept: Mapping[str, object] = field(default_factory=dict[str, object])


class Storage:
    """All objects of one server.

    Writes are single steps: whoever encodes an object under `next_revision` and writes it without
    suspending has written under that revision.

    Attributes:
        revision: the revision of the last write. The first write makes 2: resourceVersion "1" is that of
            an empty server, as "0" means "any" to clients.
    """

    def __init__(self, *, window: int = DEFAULT_WINDOW) -> None:
        self.revision = 1
        self._window = window
        self._compacted = 0
        self._collections: dict[str, Collection] = {}
        self._restored: list[Callable[[], None]] = []
        self._followers: dict[str, tuple[Callable[[], object], Callable[[Any], None]]] = {}
        self._feeds: list[tuple[Callable[[str, Change], None], frozenset[str]]] = []
        # Of each collection that was written to, those whom its changes concern.
        self._fed: dict[str, tuple[Callable[[str, Change], None], ...]] = {}
        self._journal: Journal | None = None

    def keep_in(self, journal: Journal) -> None:
        """Hold what the journal keeps, when it keeps anything, and write every change there from now on.

        Revisions go on after the last one that is kept. To be called before anything is written.
        """
        kept = journal.load()
        if kept is not None:
            self.restore(Snapshot(kept.revision, kept.collections))
        self._journal = journal

    @property
    def next_revision(self) -> int:
        return self.revision + 1

    def collection(self, name: str) -> Collection:
        """The collection of that name; it comes into being when asked for."""
        found = self._collections.get(name)
        if found is None:
            found = Collection(name, SortedMap(), self._compacted, self._window)
            self._collections[name] = found
        return found

    def collections(self) -> Iterator[Collection]:
        """Every collection that was ever asked for, by name."""
        for name in sorted(self._collections):
            yield self._collections[name]

    def get(self, collection: str, key: str) -> StoredObject | None:
        return self.collection(collection).objects.get(key)

    def put(self, collection: str, new: StoredObject, *, expected: StoredObject | None) -> Change:
        """Write a version made for `next_revision`; `expected` is what it takes the place of, or None.

        Raises StorageConflictError when something else is there.
        """
        held = self.collection(collection)
        if new.resource_version != self.revision + 1:
            raise StorageConflictError(f"made for revision {new.resource_version}, not {self.revision + 1}")
        if held.objects.get(new.key) is not expected:
            raise StorageConflictError(f"{collection} {new.key} was changed by another write")
        change = Change(
            new.resource_version,
            "ADDED" if expected is None else "MODIFIED",
            new,
            expected,
            held.objects.set(new.key, new),
        )
        self._commit(collection, held, change)
        return change

    def _commit(self, collection: str, held: Collection, change: Change) -> None:
        if self._journal is not None:
            # First: what cannot be kept does not happen.
            self._journal.write(collection, change)
        self.revision = change.revision
        held.append(change)
        fed = self._fed.get(collection)
        if fed is None:
            fed = tuple(callback for callback, only in self._feeds if not only or collection in only)
            self._fed[collection] = fed
        for callback in fed:
            callback(collection, change)

    def delete(self, collection: str, final: StoredObject, *, expected: StoredObject) -> Change:
        """Remove `expected`; `final` is its last version, made for `next_revision`.

        Raises StorageConflictError when something else is there.
        """
        held = self.collection(collection)
        if final.resource_version != self.revision + 1:
            raise StorageConflictError(f"made for revision {final.resource_version}, not {self.revision + 1}")
        if held.objects.get(final.key) is not expected:
            raise StorageConflictError(f"{collection} {final.key} was changed by another write")
        change = Change(final.resource_version, "DELETED", final, expected, held.objects.remove(final.key))
        self._commit(collection, held, change)
        return change

    def page(
        self,
        collection: str,
        *,
        namespace: str = "",
        name: str = "",
        start: str = "",
        limit: int = 0,
        revision: int | None = None,
        matches: Callable[[StoredObject], bool] | None = None,
    ) -> Page:
        """A page of a list.

        Arguments:
            namespace: only objects of that namespace; empty for all.
            name: only the object of that name, at most one; its page is the last.
            start: the first key that is considered.
            limit: at most so many items; 0 for all.
            revision: as of that revision; None for now.
            matches: only objects that it accepts.

        Raises CompactedError when the revision was forgotten.
        """
        held = self.collection(collection)
        if revision is None:
            objects, at = held.objects, self.revision
            if not objects:
                return Page([], at, None, 0)
        elif revision < held.compacted:
            raise CompactedError(revision, held.compacted)
        else:
            objects, at = held.at(revision), revision
        if name:
            item = objects.get(f"{namespace}/{name}" if namespace else name)
            found = item is not None and (matches is None or matches(item))
            return Page([item] if item is not None and found else [], at, None, 0)
        first, end = (f"{namespace}/", f"{namespace}0") if namespace else ("", None)
        values = objects.values(max(start, first), end)
        if matches is None and not limit:
            return Page(list(values), at, None, 0)
        items: list[StoredObject] = []
        for item in values:
            if matches is not None and not matches(item):
                continue
            items.append(item)
            if len(items) == limit:
                next_key = item.key + "\0"
                last = objects.rank(end) if end is not None else len(objects)
                remaining = last - objects.rank(next_key)
                return Page(items, at, next_key if remaining else None, remaining)
        return Page(items, at, None, 0)

    def compact(self, revision: int) -> None:
        """Forget all history up to `revision`; at most up to the present."""
        self._compacted = max(self._compacted, min(revision, self.revision))
        for held in self._collections.values():
            held.compact(self._compacted)

    def snapshot(self) -> Snapshot:
        """All objects as they are now."""
        return Snapshot(
            self.revision,
            MappingProxyType({name: held.objects for name, held in self._collections.items()}),
            MappingProxyType({name: keep() for name, (keep, _) in self._followers.items()}),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Hold the objects of the snapshot and no others, without history.

        The revision goes on from the larger of the snapshot's and the present one, so that no client
        sees it go back. Watches end (`on_restore`): their clients list anew.
        """
        self.revision = max(self.revision + 1, snapshot.revision) if self.revision > 1 else snapshot.revision
        if self._journal is not None:
            kept = {name: objects.values() for name, objects in snapshot.collections.items()}
            self._journal.replace(self.revision, kept)
        self._compacted = self.revision
        self._collections = {
            name: Collection(name, objects, self.revision, self._window)
            for name, objects in snapshot.collections.items()
        }
        for callback in tuple(self._restored):
            callback()
        for name, (_, restored) in tuple(self._followers.items()):
            restored(snapshot.kept.get(name))

    def feed(self, callback: Callable[[str, Change], None], only: Iterable[str] = ()) -> Callable[[], None]:
        """Have `callback` called with each change of any collection, or of those in `only`, directly after
        it; returns what ends that. It must not write: it is there to note what a task has to do."""
        entry = (callback, frozenset(only))
        self._feeds.append(entry)
        self._fed.clear()

        def remove() -> None:
            if entry in self._feeds:
                self._feeds.remove(entry)
                self._fed.clear()

        return remove

    def follow(
        self, name: str, keep: Callable[[], object], restored: Callable[[Any], None]
    ) -> Callable[[], None]:
        """Take part in snapshots, for who knows what follows from the objects; returns what ends it.

        `keep` gives what is known at a snapshot, in constant time, and never changes it afterwards.
        `restored` gets it back after a `restore`, or None from a snapshot that was taken without it.
        """
        self._followers[name] = (keep, restored)

        def remove() -> None:
            self._followers.pop(name, None)

        return remove

    def on_restore(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called after each `restore`; returns what ends that."""
        self._restored.append(callback)

        def remove() -> None:
            if callback in self._restored:
                self._restored.remove(callback)

        return remove
