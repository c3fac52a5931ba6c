"""What is configured by objects of the server itself, read anew only when such an object changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.storage import Storage
from reconcile.apiserver.storage.sorted_map import SortedMap

T = TypeVar("T")


class Configured(Generic[T]):
    """Something made of all objects of one resource.

    Unlike a real server's, whose informers lag, it is up to date with the last write.
    """

    def __init__(self, storage: Storage, name: str, make: Callable[[list[JSONObject]], T]) -> None:
        self._storage = storage
        self._name = name
        self._make = make
        self._seen: SortedMap[object] | None = None
        self._made: T | None = None

    @property
    def any(self) -> bool:
        """Whether there is any such object."""
        return len(self._storage.collection(self._name).objects) > 0

    @property
    def version(self) -> object:
        """Another object after each change."""
        return self._storage.collection(self._name).objects

    def get(self) -> T:
        """What the objects, in the order of their names, come to."""
        objects = self._storage.collection(self._name).objects
        if self._made is None or objects is not self._seen:
            self._made = self._make([decode_object(held.raw) for held in objects.values()])
            self._seen = objects  # type: ignore[assignment]
        return self._made
