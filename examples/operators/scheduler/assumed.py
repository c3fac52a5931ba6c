"""Objects as the server has them, and as they will be once what was decided is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from reconcile import ObjectKey

T = TypeVar("T", bound=Any)


class AssumedObjects(Generic[T]):
    """An assumption holds for the version of the object that it was made on: the next version ends it."""

    def __init__(self) -> None:
        self._stored: dict[ObjectKey, T] = {}
        self._assumed: dict[ObjectKey, T] = {}

    def __iter__(self) -> Iterator[T]:
        return (self._assumed.get(key) or obj for key, obj in self._stored.items())

    def set(self, key: ObjectKey, obj: T | None) -> None:
        """What the server says of the object; None when it is gone."""
        assumed = self._assumed.get(key)
        if assumed is not None and (obj is None or not _same_version(assumed, obj)):
            del self._assumed[key]
        if obj is None:
            self._stored.pop(key, None)
        else:
            self._stored[key] = obj

    def get(self, key: ObjectKey) -> T | None:
        """The object, as it is assumed to become."""
        return self._assumed.get(key) or self._stored.get(key)

    def stored(self, key: ObjectKey) -> T | None:
        """The object as the server has it."""
        return self._stored.get(key)

    def assume(self, key: ObjectKey, obj: T) -> str:
        """Take the object to be so from now on; returns why that cannot be, empty when it can."""
        stored = self._stored.get(key)
        if stored is None:
            return "not found"
        if not _same_version(stored, obj):
            versions = (
                f"(stored: {stored.metadata.resource_version}, assume: {obj.metadata.resource_version})"
            )
            return f'"{_told(key)}" is out of sync {versions}'
        self._assumed[key] = obj
        return ""

    def restore(self, key: ObjectKey, obj: T) -> None:
        """End the assumption that was made with this object, if it holds still."""
        assumed = self._assumed.get(key)
        if assumed is not None and _same_version(assumed, obj):
            del self._assumed[key]


def _same_version(one: Any, other: Any) -> bool:
    return one.metadata.resource_version == other.metadata.resource_version


def _told(key: ObjectKey) -> str:
    return f"{key.namespace}/{key.name}" if key.namespace else key.name
