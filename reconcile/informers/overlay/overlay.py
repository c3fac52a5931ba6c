"""The overlay in front of one informer's store: what this process knows and the watch has not brought yet.

    write's answer ──▶ show / hide / bury ──▶ records ──▶ readers
    store's changes, versions reached ──▶ records that have served go

Pure: no loop, no socket, no clock of its own. Every call costs the same however much there is, but for a
stream's progress, which costs what it retires. Written by the loop's thread, read by any.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from reconcile.informers.cached_object import CachedObject
from reconcile.informers.indexes import IndexSet
from reconcile.informers.overlay.records import Record, newest, passed
from reconcile.informers.resource_versions import is_comparable, is_newer
from reconcile.informers.store import Store
from reconcile.objects.identity import ObjectKey

LIFETIME: Final = 600.0
"""Seconds after which a record goes without a proof: twice what client-go gives its mutation cache."""


class Behind(Protocol):
    """What the overlay stands in front of: one informer's stores."""

    def peek(self, key: ObjectKey) -> CachedObject | None:
        """What the store holds, whether it is synced or not."""
        ...

    def stream_of(self, namespace: str) -> str:
        """The stream that brings a namespace, by its own namespace; empty for the only one."""
        ...

    def names(self, namespace: str) -> Sequence[str]:
        """The names that the store holds in a namespace."""
        ...

    def reached(self, namespace: str) -> str:
        """The version that the stream of a namespace has reached; empty before its first list."""
        ...

    @property
    def index_set(self) -> IndexSet:
        """The indexes that are ready."""
        ...


class Floor(msgspec.Struct, gc=False):
    """A namespace was read live: of what it did not have, nothing up to the list's version is to be seen.

    Attributes:
        version: the list's.
        present: the names that it had.
    """

    version: str
    present: frozenset[str]


class Overlay:
    """Records by key.

    Args:
        behind: the store.
        selective: whether the informer sees only a selection of its namespaces' objects.
        clock: loop time.
        unseen: called with an object that readers may have seen and no handler will hear the end of.

    Attributes:
        records: by place, oldest first.
        expired: records that went without a proof.
    """

    def __init__(
        self,
        behind: Behind,
        *,
        selective: bool,
        clock: Callable[[], float],
        unseen: Callable[[CachedObject], None] = lambda _: None,
    ) -> None:
        self.records: OrderedDict[str, Record] = OrderedDict()
        self.expired = 0
        self._behind = behind
        self._selective = selective
        self._clock = clock
        self._unseen = unseen
        self._spaces: dict[str, dict[str, Record]] = {}
        # Of records with a proof, by stream: the version that proves, as (digits, version), and the place.
        self._proofs: dict[str, list[tuple[int, str, str]]] = {}
        self._unproved: dict[str, Record] = {}
        self._floors: dict[str, Floor] = {}
        self._shown = Store(behind.index_set)

    # ---- what there is

    @property
    def size(self) -> int:
        """Keys that read differently from the store."""
        peek = self._behind.peek
        found = 0
        for record in list(self.records.values()):
            stored = peek(record.key)
            found += record.over(stored) is not stored
        return found

    @property
    def oldest(self) -> float | None:
        """Loop time of the oldest record; None without any."""
        record = next(iter(self.records.values()), None)
        return None if record is None else record.born

    @property
    def idle(self) -> bool:
        """Whether nothing here depends on what the stream brings."""
        return not self.records and not self._floors

    @property
    def unproved(self) -> ObjectKey | None:
        """The key of a deletion of which no version is known yet that would prove it; None without any."""
        waiting = (each.key for each in self._unproved.values() if each.object is None and not each.opaque)
        return next(waiting, None)

    def known(self, key: ObjectKey) -> tuple[str, str]:
        """UID and version of the newest incarnation that is known; empty without any."""
        record = self.record(key)
        stored = self._behind.peek(key)
        found = stored if record is None else record.over(stored)
        return (found.uid, found.resource_version) if found is not None else ("", "")

    def sees(self, key: ObjectKey) -> bool:
        """Whether there is anything of a key to be hidden."""
        return self._behind.peek(key) is not None or self.record(key) is not None

    def proves(self, namespace: str, version: str) -> bool:
        """Whether the stream of a namespace has brought everything up to a version."""
        return passed(self._behind.reached(namespace), version)

    # ---- what answers say

    def show(self, obj: CachedObject, *, began: int = 0, ended: int = 0) -> None:
        """The server has, or had, the object in this version."""
        version = obj.resource_version
        proof = version if is_comparable(version) else ""
        self._add(
            Record(
                key=obj.key,
                place=obj.place,
                object=obj,
                version=version,
                uid=obj.uid,
                proof=proof,
                born=self._clock(),
                began=began,
                ended=ended,
            )
        )

    def hide(self, key: ObjectKey, version: str, *, began: int = 0, ended: int = 0) -> None:
        """At this version there was nothing of the key to be seen."""
        if not is_comparable(version):
            # What came later cannot be told from what came before: hide the one that is there, if it is gone.
            uid = self.known(key)[0]
            if uid and not self._selective:
                self.bury(key, uid, "", began=began, ended=ended)
            return
        self._add(
            Record(
                key=key,
                place=str(key),
                object=None,
                version=version,
                uid="",
                proof=version,
                born=self._clock(),
                began=began,
                ended=ended,
            )
        )

    def bury(
        self, key: ObjectKey, uid: str, version: str, *, ending: str = "", began: int = 0, ended: int = 0
    ) -> None:
        """An incarnation is gone.

        Args:
            version: the newest version of it that is known; empty for none.
            ending: a version at or after its end, where one is known.
        """
        present, stored = self.record(key), self._behind.peek(key)
        versions = [version]
        if present is not None and present.uid == uid:
            versions.append(present.version)
        if stored is not None and stored.uid == uid:
            versions.append(stored.resource_version)
        version = newest(*versions)
        # In a selection it may come and go before its end: only a version after that proves.
        proof = ending or ("" if self._selective else version)
        self._add(
            Record(
                key=key,
                place=str(key),
                object=None,
                version=version,
                uid=uid,
                proof=proof if is_comparable(proof) else "",
                born=self._clock(),
                began=began,
                ended=ended,
            )
        )

    def listed(self, namespace: str, version: str, objects: Mapping[str, CachedObject]) -> None:
        """A namespace as a live list showed it: these objects by name, and no others, at this version."""
        for obj in objects.values():
            self.show(obj)
        for name in (*self._behind.names(namespace), *self._spaces.get(namespace, ())):
            if name not in objects:
                self.hide(ObjectKey(namespace, name), version)
        if not passed(self._behind.reached(namespace), version) and is_comparable(version):
            self._floors[namespace] = Floor(version, frozenset(objects))

    def answered(self, version: str, began: int) -> None:
        """The server was at this version after a call that began then: what had ended before has ended."""
        if not self._unproved or not is_comparable(version):
            return
        for record in list(self._unproved.values()):
            if record.uid and record.object is None and record.ended < began:
                record.proof = version
                self._note_proof(record)
                self._look(record.place)

    # ---- what the store says

    def store_changed(self, place: str, key: ObjectKey, new: CachedObject | None) -> None:
        """The store holds something else under a key."""
        if (record := self.records.get(place)) is not None:
            if record.last is not None and new is not None and new.uid == record.last.uid:
                record.last = None  # handlers hear of it, and so of its end
            self._look(place)
        elif new is not None and (floor := self._floors.get(key.namespace)) is not None:
            version = new.metadata.resource_version
            if key.name not in floor.present and not is_newer(version, floor.version):
                self.hide(key, floor.version)

    def store_deleted(self, last: CachedObject, final_state_unknown: bool) -> None:
        """The store has heard of the end of an incarnation."""
        record = self.records.get(last.place)
        if record is None or record.uid != last.uid:
            return
        if record.object is None:
            if not self._selective:
                self._drop(record)
        elif not final_state_unknown and not is_newer(record.version, last.resource_version):
            self._drop(record)

    def store_advanced(self, namespace: str | None, version: str, *, relist: bool) -> None:
        """A stream has reached a version."""
        stream = namespace or ""
        proofs = self._proofs.get(stream)
        if proofs and is_comparable(version):
            reached = (len(version), version)
            while proofs and proofs[0][:2] <= reached:
                self._look(heapq.heappop(proofs)[2])
            if not proofs:
                self._proofs.pop(stream, None)
        if self._floors:
            self._floors = {
                space: floor
                for space, floor in self._floors.items()
                if self._behind.stream_of(space) != stream or not passed(version, floor.version)
            }
        if relist and self._unproved:
            for record in list(self._unproved.values()):
                if self._behind.stream_of(record.key.namespace) == stream:
                    self._relisted(record)
        if self.records:
            self.expire()

    def _relisted(self, record: Record) -> None:
        """A list has replaced the store: the only proof there is where versions cannot be compared."""
        stored = self._behind.peek(record.key)
        if record.opaque or (record.uid and stored is not None and stored.uid != record.uid):
            self._retire(record, stored)

    def expire(self) -> None:
        """Drop the records that waited too long for a proof."""
        limit = self._clock() - LIFETIME
        while self.records:
            record = next(iter(self.records.values()))
            if record.born > limit:
                return
            self.expired += 1
            self._drop(record)
            # Reads may go back now, and nothing else tells anybody.
            last = record.object or record.last or self._behind.peek(record.key)
            if last is not None:
                self._unseen(last)

    def clear(self) -> None:
        """Forget everything: the informer is stopped."""
        self.records.clear()
        self._spaces.clear()
        self._proofs.clear()
        self._unproved.clear()
        self._floors = {}
        self._shown = Store(self._behind.index_set)

    # ---- reads

    def record(self, key: ObjectKey) -> Record | None:
        """What is known of a key, or None."""
        space = self._spaces.get(key.namespace)
        return None if space is None else space.get(key.name)

    @property
    def namespaces(self) -> Mapping[str, Mapping[str, Record]]:
        """Namespaces with records."""
        return self._spaces

    def amend(self, namespace: str, space: dict[str, CachedObject]) -> None:
        """Make of a namespace's objects by name what is to be seen of them."""
        for name, record in list(self._spaces.get(namespace, _NOTHING).items()):
            obj = record.over(space.get(name))
            if obj is not None:
                space[name] = obj
            else:
                space.pop(name, None)

    def amend_bucket(self, bucket: dict[str, CachedObject], name: str, value: str) -> None:
        """Make of what the store files under an index's value what is to be found there."""
        records = self.records
        places: Iterable[str] = (
            list(records) if len(records) < len(bucket) else [place for place in bucket if place in records]
        )
        for place in places:
            record, stored = records.get(place), bucket.get(place)
            if record is not None and stored is not None and record.over(stored) is not stored:
                del bucket[place]
        for obj in self._filed(name, value):
            record = records.get(obj.place)
            if record is None or record.object is not obj:
                continue
            if record.over(self._behind.peek(record.key)) is obj:
                bucket[obj.place] = obj

    def _filed(self, name: str, value: str) -> list[CachedObject]:
        indexes = self._behind.index_set
        if self._shown.indexes is indexes:
            return self._shown.by_index(name, value)
        # A new index: the next write files everything under it.
        at = indexes.position(name)
        return [obj for obj in self._shown.snapshot() if value in indexes.values_of(obj)[at]]

    # ---- records

    def _add(self, record: Record) -> None:
        self.expire()
        stored = self._behind.peek(record.key)
        if record.served(stored, self._behind.reached(record.key.namespace)):
            if record.object is not None and (stored is None or stored.uid != record.uid):
                # It came and went, and the answer comes last: handlers may have heard nothing of it.
                self._unseen(record.object)
            present = self.records.get(record.place)
            if present is not None and record.outdoes(present):
                if record.object is None:
                    self._retire(present, stored)
                else:
                    self._drop(present)
            return
        present = self.records.get(record.place)
        if present is None or record.outdoes(present):
            self._keep(record)

    def _keep(self, record: Record) -> None:
        place, key = record.place, record.key
        before = self.records.pop(place, None)
        unheard = None if before is None else self._unheard_of(before)
        if record.object is None:
            record.last = unheard
        self.records[place] = record
        self._spaces.setdefault(key.namespace, {})[key.name] = record
        self._note_proof(record)
        if self._shown.indexes is not self._behind.index_set:
            self._refile()
        if record.object is not None:
            self._shown.put(record.object)
        else:
            self._shown.remove(key)
        if record.object is not None and unheard is not None and unheard.uid != record.uid:
            # Another incarnation has its place: of the end of this one no list will tell.
            self._unseen(unheard)

    def _note_proof(self, record: Record) -> None:
        place = record.place
        if not record.proof:
            self._unproved[place] = record
            return
        self._unproved.pop(place, None)
        stream = self._behind.stream_of(record.key.namespace)
        proof = (len(record.proof), record.proof, place)
        heapq.heappush(self._proofs.setdefault(stream, []), proof)

    def _refile(self) -> None:
        shown, self._shown = self._shown.snapshot(), Store(self._behind.index_set)
        for obj in shown:
            obj.index_values = None
            self._shown.put(obj)

    def _look(self, place: str) -> None:
        """Let a record go if it has served."""
        record = self.records.get(place)
        if record is None:
            return
        stored = self._behind.peek(record.key)
        if record.served(stored, self._behind.reached(record.key.namespace)):
            self._retire(record, stored)

    def _retire(self, record: Record, stored: CachedObject | None) -> None:
        self._drop(record)
        last = record.object or record.last
        if last is None:
            return
        if stored is None or stored.uid != last.uid:
            self._unseen(last)
        elif record.object is not None and stored.resource_version != record.version:
            # A list skipped what was shown: handlers do not hear whose it was then.
            self._unseen(last)

    def _unheard_of(self, record: Record) -> CachedObject | None:
        """What a record shows, or showed, and the store has never held."""
        last, stored = record.object or record.last, self._behind.peek(record.key)
        return None if last is None or (stored is not None and stored.uid == last.uid) else last

    def _drop(self, record: Record) -> None:
        place, key = record.place, record.key
        if self.records.get(place) is not record:
            return
        del self.records[place]
        self._unproved.pop(place, None)
        space = self._spaces[key.namespace]
        del space[key.name]
        if not space:
            del self._spaces[key.namespace]
        if record.object is not None:
            self._shown.remove(key)
        if not self.records:
            # Most records go by an event of their own: their proofs would wait for nothing.
            self._proofs.clear()


_NOTHING: Final[Mapping[str, Record]] = {}
