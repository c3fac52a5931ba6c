"""What the embedded server holds: objects, revisions and the log of changes. No loop, no clock, no socket."""

from reconcile.apiserver.storage.collection import Change, Collection, StoredObject
from reconcile.apiserver.storage.sorted_map import SortedMap
from reconcile.apiserver.storage.store import (
    CompactedError,
    Page,
    Snapshot,
    Storage,
    StorageConflictError,
)

__all__ = [
    "Change",
    "Collection",
    "CompactedError",
    "Page",
    "Snapshot",
    "SortedMap",
    "Storage",
    "StorageConflictError",
    "StoredObject",
]
