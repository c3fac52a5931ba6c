"""The one seam through which every read of a store passes.

`Cache`, listers and views read an informer's `reader` and nothing else. A read-your-writes overlay is a
`StoreReader` in front of the informer's own one (`InformerFactory(reader=…)`), kept honest by a
`StoreObserver`, which is told of each change right after the store was written and before any handler is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from reconcile.informers.cached_object import CachedObject
from reconcile.objects.identity import ObjectKey

T = TypeVar("T")


class StoreReader(Protocol):
    """Reads of one informer's objects. Answers are snapshots: the caller may keep and change the lists."""

    def get(self, key: ObjectKey) -> CachedObject | None:
        """The object of this key, or None."""
        ...

    def list(self, namespace: str | None = None) -> list[CachedObject]:
        """Every object, or those of one namespace."""
        ...

    def by_index(self, name: str, value: str, namespace: str | None = None) -> Sequence[CachedObject]:
        """The objects that an index files under a value.

        Raises:
            NotCachedError: there is no such index.
            CacheNotSyncedError: the index is still being built.
        """
        ...


class StoreObserver(Protocol):
    """Told of the store's changes, in the order they are made. Must not raise, and must return at once."""

    def store_changed(self, old: CachedObject | None, new: CachedObject | None) -> None:
        """The store holds `new` where it held `old`, under the same key; None stands for nothing."""
        ...

    def store_deleted(self, last: CachedObject, final_state_unknown: bool) -> None:
        """An object was deleted; called before the `store_changed` of its key. `last` as handlers get it."""
        ...

    def store_advanced(self, namespace: str | None, resource_version: str, relist: bool) -> None:
        """The stream of this namespace (None: of all) has reached a version, by event, bookmark or relist."""
        ...


def retried(read: Callable[[], T]) -> T:
    """A snapshot taken from a worker thread may, very rarely, meet a write: take it again."""
    while True:
        try:
            return read()
        except RuntimeError as error:
            if "changed size" not in str(error):
                raise
