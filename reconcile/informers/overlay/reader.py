"""An informer's reads with the overlay in front, and the overlay's ear at its store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from reconcile.informers.cached_object import CachedObject
from reconcile.informers.indexes import IndexSet
from reconcile.informers.overlay.doubts import Doubts
from reconcile.informers.overlay.overlay import Overlay
from reconcile.informers.overlay.selection import Selection
from reconcile.informers.reading import StoreReader, retried
from reconcile.objects.identity import ObjectKey

if TYPE_CHECKING:
    from reconcile.informers.informer import Informer


class OverlayReader:
    """What every read of one informer passes: the newer of store and overlay, key by key.

    A `StoreReader`, and the `StoreObserver` that keeps the overlay honest. While there are no records every
    read goes straight to the store.

    Attributes:
        informer: whose.
        overlay: the records.
        doubts: what must be read live before it is relied on.
        selection: what of the namespaces' objects the informer sees.
        listeners: called with an object whose end, or whose present state, no handler is told of.
    """

    def __init__(self, informer: Informer, bare: StoreReader) -> None:
        self.informer = informer
        self.selection = Selection(informer.labels, informer.fields)
        self.overlay = Overlay(
            _Behind(informer),
            selective=not self.selection.everything,
            clock=lambda: asyncio.get_running_loop().time(),
            unseen=self._unseen,
        )
        self.doubts = Doubts()
        self.listeners: list[Callable[[CachedObject], None]] = []
        self._bare = bare
        self._records = self.overlay.records

    @property
    def size(self) -> int:
        """Keys that read differently from the store."""
        return self.overlay.size if self._records else 0

    # ---- reads

    def get(self, key: ObjectKey) -> CachedObject | None:
        if not self._records:
            return self._bare.get(key)
        # The record first: when the store takes over meanwhile, in another thread, it is written before
        # the record goes.
        record = self.overlay.record(key)
        stored = self._bare.get(key)
        return stored if record is None else record.over(stored)

    def list(self, namespace: str | None = None) -> list[CachedObject]:
        if not self._records:
            return self._bare.list(namespace)
        overlay = self.overlay
        found: list[CachedObject] = []
        for partition in self.informer.partitions_for(namespace):
            space = partition.namespace if namespace is None else namespace
            found += retried(
                lambda store=partition.store, space=space: store.snapshot_over(
                    space, overlay.namespaces, overlay.amend
                )
            )
        return found

    def by_index(self, name: str, value: str, namespace: str | None = None) -> Sequence[CachedObject]:
        if not self._records:
            return self._bare.by_index(name, value, namespace)
        self.informer.index_ready(name)
        bucket: dict[str, CachedObject] = {}
        for partition in self.informer.partitions_for(namespace):
            bucket |= retried(lambda store=partition.store: store.bucket(name, value))
        self.overlay.amend_bucket(bucket, name, value)
        if namespace is None:
            return list(bucket.values())
        return [obj for obj in bucket.values() if obj.metadata.namespace == namespace]

    # ---- what the store says

    def store_changed(self, old: CachedObject | None, new: CachedObject | None) -> None:
        if self.overlay.idle:
            return
        present = new if new is not None else old
        if present is not None:
            self.overlay.store_changed(present.place, present.key, new)

    def store_deleted(self, last: CachedObject, final_state_unknown: bool) -> None:
        if self._records:
            self.overlay.store_deleted(last, final_state_unknown)

    def store_advanced(self, namespace: str | None, resource_version: str, relist: bool) -> None:
        if not self.overlay.idle:
            self.overlay.store_advanced(namespace, resource_version, relist=relist)

    def close(self) -> None:
        """The informer is stopped: let everything go."""
        self.overlay.clear()
        self.doubts.clear()
        self.listeners.clear()

    def _unseen(self, obj: CachedObject) -> None:
        for listener in tuple(self.listeners):
            listener(obj)


class _Behind:
    """The store side of one informer, as the overlay looks at it."""

    def __init__(self, informer: Informer) -> None:
        self._informer = informer

    def peek(self, key: ObjectKey) -> CachedObject | None:
        partition = self._informer.partition_of(key.namespace)
        return None if partition is None else partition.store.get(key)

    def names(self, namespace: str) -> Sequence[str]:
        partition = self._informer.partition_of(namespace)
        if partition is None:
            return ()
        return [obj.metadata.name for obj in partition.store.snapshot(namespace)]

    def stream_of(self, namespace: str) -> str:
        return "" if self._informer.namespaces is None else namespace

    def reached(self, namespace: str) -> str:
        partition = self._informer.partition_of(namespace)
        return "" if partition is None else partition.store.resource_version

    @property
    def index_set(self) -> IndexSet:
        return self._informer.index_set
