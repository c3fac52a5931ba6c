"""What one stream has brought: its FIFO and its store, and how the one becomes the other.

    reflector ──▶ DeltaFIFO ──process──▶ Store ──▶ observers ──▶ handler buffers ──▶ handlers

All writing happens in `process`, under the informer's turn, in slices: nothing else writes a store, builds an
index or replays it for a late handler meanwhile, and the event loop gets its turn every few milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from reconcile.errors import ObjectDecodeError
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.informers.delta_fifo import Delta, DeltaFIFO, DeltaType, Tombstone
from reconcile.informers.indexes import Index, IndexSet
from reconcile.informers.pacing import Pacer
from reconcile.informers.reading import StoreObserver
from reconcile.informers.registration import Registration
from reconcile.informers.resource_versions import is_older
from reconcile.informers.stats import InformerStats
from reconcile.informers.store import IndexBuild, Store
from reconcile.objects.metadata import key_in


class Partition:
    """The objects of one stream.

    Attributes:
        namespace: the namespace of the stream; None for all, or for a cluster-scoped resource.
        fifo: deltas that wait.
        store: the live store; replaced as a whole by a relist.
        detail: how much of each object the store holds; None before the first list.
    """

    def __init__(
        self,
        namespace: str | None,
        indexes: IndexSet,
        *,
        turn: asyncio.Lock,
        stats: InformerStats,
        observers: Sequence[StoreObserver],
        make: Callable[[bytes, Detail], CachedObject],
        log: Any,
    ) -> None:
        self.namespace = namespace
        self.fifo = DeltaFIFO()
        self.store = Store(indexes)
        self.detail: Detail | None = None
        self._turn = turn
        self._stats = stats
        self._observers = observers
        self._make = make
        self._log = log
        self._handlers: list[Registration] = []
        self._waiting: list[Registration] = []
        self._coming: Detail = Detail.FULL

    @property
    def synced(self) -> bool:
        """Whether a first list has been processed: stored, and offered to every handler."""
        return self.fifo.has_synced

    # ---- objects on their way in

    def make(self, raw: bytes, detail: Detail) -> CachedObject:
        """The cached form of an object's bytes. Raises `ObjectDecodeError`."""
        self._stats.metadata_decodes += 1
        return self._make(raw, detail)

    def take_listed(self, raw: bytes, detail: Detail) -> CachedObject | None:
        """The cached form of a list's item; the object the store holds, when it is the very same version.

        None for an item whose metadata cannot be read, unless the store knows an older version to keep.
        """
        try:
            obj = self.make(raw, detail)
        except ObjectDecodeError as error:
            self._stats.undecodable += 1
            self._log.error("left out an object of a list: its metadata cannot be read", error=str(error))
            return self._known_by_name(raw)
        held = self.store.same_place(obj)
        if held is not None and held.detail is detail and same_version(held, obj):
            self._stats.unchanged += 1
            return held
        return obj

    def _known_by_name(self, raw: bytes) -> CachedObject | None:
        from reconcile.objects.identity import ObjectKey

        key = key_in(raw)
        return self.store.get(ObjectKey.parse(key)) if key else None

    # ---- handlers

    def attach(self, registration: Registration) -> bool:
        """Let a handler have everything from now on; False when it has to be replayed first."""
        if self.detail is None and registration.needs <= self._coming:
            self._handlers.append(registration)
            return True
        return False

    def detach(self, registration: Registration) -> None:
        """Forget a handler."""
        for handlers in (self._handlers, self._waiting):
            if registration in handlers:
                handlers.remove(registration)

    async def replay(self, registration: Registration) -> None:
        """Offer a late handler everything the store holds, then all that follows. Call it with the turn."""
        if registration.removed:
            return
        if self.detail is None or self.detail < registration.needs:
            self._waiting.append(registration)
            return
        self._handlers.append(registration)
        pacer = Pacer()
        add = registration.buffer.add
        for obj in self.store.snapshot():
            add(obj, initial=True)
            if pacer.due():
                registration.pump(Pacer())
                await pacer.rest()
                if registration.removed:
                    return
        registration.replay_offered()
        registration.pump(Pacer())

    # ---- indexes

    def reindex(self, indexes: IndexSet) -> None:
        """Have other indexes while there is nothing to be found by them."""
        self.store = Store(indexes)

    async def add_index(self, index: Index, indexes: IndexSet) -> None:
        """Build one more index beside the store, in slices, and attach it. Call it with the turn.

        Args:
            index: the new one.
            indexes: the store's indexes with it.
        """
        build = IndexBuild(self.store, index)
        pacer = Pacer()
        for obj in build.objects():
            build.add(obj)
            if pacer.due():
                await pacer.rest()
        for _ in build.finish(indexes):
            if pacer.due():
                await pacer.rest()

    # ---- deltas

    async def process(self) -> None:
        """Work off everything that waits in the FIFO."""
        async with self._turn:
            pacer = Pacer()
            while batch := self.fifo.pop_batch():
                first = batch[0]
                match first.type:
                    case DeltaType.REPLACED:
                        await self._replace(first)
                    case DeltaType.SYNC:
                        await self._sync()
                    case DeltaType.BOOKMARK:
                        self._advance(first.resource_version)
                    case _:
                        for delta in batch:
                            self._apply(delta)
                            if pacer.due():
                                self._deliver()
                                await pacer.rest()
                        self._advance(batch[-1].resource_version)
                self.fifo.done()
            self._deliver()

    def _apply(self, delta: Delta) -> None:
        """One event of the watch: store, observers, buffers; no turn is given away in between."""
        obj = delta.object
        if obj is None:
            return
        store, stats = self.store, self._stats
        held = store.same_place(obj)
        if delta.type is DeltaType.DELETED:
            if held is None or is_older(obj.resource_version, held.resource_version):
                stats.duplicates += 1
                return
            store.remove(obj.key)
            # Another UID: the held object went unseen, and so did all of the one this event is about.
            unknown = held.uid != obj.uid
            last = held if unknown else obj
            stats.events += 1
            for observer in self._observers:
                observer.store_deleted(last, unknown)
                observer.store_changed(held, None)
            for registration in self._handlers:
                registration.buffer.delete(last, final_state_unknown=unknown)
            return
        if held is not None and (
            obj.resource_version == held.resource_version
            or is_older(obj.resource_version, held.resource_version)
        ):
            stats.duplicates += 1
            return
        store.put(obj)
        stats.events += 1
        self._tell(held, obj)

    def _tell(self, held: CachedObject | None, obj: CachedObject, *, initial: bool = False) -> None:
        """Observers and buffers hear that the store holds `obj` where it held `held`."""
        for observer in self._observers:
            if held is not None and held.uid != obj.uid:
                observer.store_deleted(held, True)
            observer.store_changed(held, obj)
        if held is None:
            for registration in self._handlers:
                registration.buffer.add(obj, initial=initial)
        else:
            for registration in self._handlers:
                registration.buffer.update(held, obj)

    def _advance(self, resource_version: str, *, relist: bool = False) -> None:
        if not resource_version:
            return
        self.store.resource_version = resource_version
        for observer in self._observers:
            observer.store_advanced(self.namespace, resource_version, relist)

    async def _replace(self, delta: Delta) -> None:
        """A whole list: a fresh store beside the live one, swapped when complete, then the differences."""
        pacer = Pacer()
        live, initial = self.store, self.detail is None
        fresh = Store(live.indexes)
        detail = self._coming
        for obj in delta.objects:
            fresh.put(obj)
            if pacer.due():
                await pacer.rest()
        tombstones: list[Tombstone] = []
        for held in live.snapshot():
            if fresh.same_place(held) is None:
                tombstones.append(Tombstone(held.key, held))
            if pacer.due():
                await pacer.rest()
        self.store, self.detail = fresh, detail
        self._advance(delta.resource_version, relist=True)
        for tombstone in tombstones:
            last = tombstone.last_known
            for observer in self._observers:
                observer.store_deleted(last, True)
                observer.store_changed(last, None)
            for registration in self._handlers:
                registration.buffer.delete(last, final_state_unknown=True)
            if pacer.due():
                self._deliver()
                await pacer.rest()
        for obj in fresh.snapshot():
            held = live.same_place(obj)
            if held is not obj and (held is None or not same_version(held, obj)):
                self._tell(held, obj, initial=initial)
            if pacer.due():
                self._deliver()
                await pacer.rest()
        waiting, self._waiting = self._waiting, []
        for registration in waiting:
            await self.replay(registration)
        await live.discard(pacer)

    def expect(self, detail: Detail) -> None:
        """Note how much of each object the next list brings."""
        self._coming = detail

    async def _sync(self) -> None:
        pacer = Pacer()
        for obj in self.store.snapshot():
            for registration in self._handlers:
                registration.buffer.update(obj, obj)
            if pacer.due():
                self._deliver()
                await pacer.rest()

    def _deliver(self) -> None:
        """Let handlers have what waits for them, within one slice for all together."""
        if not self._handlers:
            return
        pacer = Pacer()
        for registration in list(self._handlers):
            registration.pump(pacer)

    async def discard(self) -> None:
        """Let everything go, in slices: freeing many objects at once would hold up the loop."""
        self.fifo.clear()
        live, self.store = self.store, Store(IndexSet())
        await live.discard(Pacer())


def same_version(left: CachedObject, right: CachedObject) -> bool:
    """Whether two cached objects are the same object at the same version."""
    a, b = left.metadata, right.metadata
    return a.resource_version == b.resource_version and a.uid == b.uid and bool(a.resource_version)
