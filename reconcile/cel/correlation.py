"""Which part of an updated object stood where before, and whether it changed: what ratcheting asks.

The rules are those of k8s.io/apiserver's `pkg/cel/common/equality.go` and `maplist.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconcile.cel.schema_types import Schema


class OldItems:
    """The items of a list before an update, found by the keys of x-kubernetes-list-type map."""

    def __init__(self, schema: Schema, items: Any) -> None:
        self.keys: Sequence[str] = ()
        self._items: dict[Any, Any] = {}
        keyed = schema.get("type") == "array" and schema.get("x-kubernetes-list-type") == "map"
        keys = schema.get("x-kubernetes-list-map-keys") or ()
        if keyed and keys and isinstance(items, list) and items:
            self.keys = keys
            for item in items:
                key = self._key(item)
                if key is not None:
                    self._items.setdefault(key, item)

    def find(self, item: Any) -> Any:
        """The old item with an item's keys, or None."""
        key = self._key(item)
        return None if key is None else self._items.get(key)

    def _key(self, item: Any) -> Any:
        if not self.keys or not isinstance(item, dict):
            return None
        found: list[Any] = []
        for key in self.keys:
            value = item.get(key)
            if not isinstance(value, bool | int | float | str):
                return None
            found.append((type(value), value))
        return tuple(found)


class Correlation:
    """A part of an object with what it was before."""

    def __init__(self, new: Any, old: Any, schema: Schema) -> None:
        self.new = new
        self.old = old
        self.schema = schema
        self._children: dict[Any, Correlation | None] = {}
        self._unchanged: bool | None = None
        self._old_items: OldItems | None = None

    def key(self, name: str) -> Correlation | None:
        """A field or entry; None where it has no counterpart."""
        if name not in self._children:
            self._children[name] = self._key(name)
        return self._children[name]

    def _key(self, name: str) -> Correlation | None:
        if not isinstance(self.old, dict) or not isinstance(self.new, dict):
            return None
        if name not in self.old or name not in self.new:
            return None
        inner = (self.schema.get("properties") or {}).get(name)
        if inner is None:
            inner = self.schema.get("additionalProperties")
        if not isinstance(inner, Mapping):
            return None
        return Correlation(self.new[name], self.old[name], inner)

    def index(self, place: int) -> Correlation | None:
        """An item; None where it has no counterpart."""
        if place not in self._children:
            self._children[place] = self._index(place)
        return self._children[place]

    def _index(self, place: int) -> Correlation | None:
        if not isinstance(self.new, list) or place >= len(self.new) or not isinstance(self.old, list):
            return None
        if self.schema.get("x-kubernetes-list-type") != "map":
            return None
        if self._old_items is None:
            self._old_items = OldItems(self.schema, self.old)
        old = self._old_items.find(self.new[place])
        items = self.schema.get("items")
        if old is None or not isinstance(items, Mapping):
            return None
        return Correlation(self.new[place], old, items)

    @property
    def unchanged(self) -> bool:
        """Whether the part is what it was."""
        if self._unchanged is None:
            self._unchanged = self._compare()
        return self._unchanged

    def _compare(self) -> bool:
        new, old = self.new, self.old
        if new is None or old is None:
            return new is old
        if isinstance(new, list) and isinstance(old, list):
            if len(new) != len(old):
                return False
            for place in range(len(new)):
                child = self.index(place)
                if child is None:
                    return self._old_items is None and same(new, old)
                if not child.unchanged:
                    return False
            return True
        if isinstance(new, dict) and isinstance(old, dict):
            return len(new) == len(old) and all(
                (child := self.key(name)) is not None and child.unchanged for name in new
            )
        return same(new, old)


def same(left: Any, right: Any) -> bool:
    """Equal in value and type, all the way down."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            same(one, other) for one, other in zip(left, right, strict=True)
        )
    return type(left) is type(right) and left == right
