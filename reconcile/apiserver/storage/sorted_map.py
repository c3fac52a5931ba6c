"""An immutable map sorted by key, whose versions share all that did not change between them.

Every write gives a new map and leaves the old one as it was, at the price of copying one small node
for each level of a B-tree. That is what makes lists at an old revision and snapshots of the whole server
free: whoever wants to keep a state keeps a reference to its map.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

V = TypeVar("V")

_MAX = 32
_MIN = 8


class _Node:
    """A leaf has values; an inner node has children, and for each the smallest key below it."""

    __slots__ = ("items", "keys", "leaf", "size")

    def __init__(self, keys: list[str], items: list[Any], leaf: bool, size: int) -> None:
        self.keys = keys
        self.items = items
        self.leaf = leaf
        self.size = size


_EMPTY = _Node([], [], True, 0)


class SortedMap(Generic[V]):
    """An immutable map from str to V, in the order of the keys' code points.

    Reads and writes cost O(log n). Safe to share and to keep.

    >>> SortedMap().set("b", 2).set("a", 1).remove("b").get("a")
    1
    """

    __slots__ = ("_root",)

    def __init__(self, root: Any = None) -> None:
        self._root: _Node = root or _EMPTY

    def __len__(self) -> int:
        return self._root.size

    def get(self, key: str) -> V | None:
        node = self._root
        while not node.leaf:
            node = node.items[max(bisect_right(node.keys, key) - 1, 0)]
        index = bisect_left(node.keys, key)
        if index < len(node.keys) and node.keys[index] == key:
            return node.items[index]
        return None

    def set(self, key: str, value: V) -> SortedMap[V]:
        """A map that has `value` under `key`."""
        first, second = _set(self._root, key, value)
        if second is None:
            return SortedMap(first)
        return SortedMap(
            _Node([first.keys[0], second.keys[0]], [first, second], False, first.size + second.size)
        )

    def remove(self, key: str) -> SortedMap[V]:
        """A map without `key`. Raises KeyError when it has none."""
        root = _remove(self._root, key)
        while not root.leaf and len(root.items) == 1:
            root = root.items[0]
        return SortedMap(root if root.size else None)

    def values(self, start: str = "", end: str | None = None) -> Iterator[V]:
        """The values of the keys from `start` on, up to but not including `end`, in order."""
        for node, low in _leaves(self._root, start):
            keys = node.keys
            if end is not None and keys[-1] >= end:
                yield from node.items[low : bisect_left(keys, end)]
                return
            yield from node.items[low:] if low else node.items

    def rank(self, key: str) -> int:
        """How many keys are smaller than `key`."""
        node, rank = self._root, 0
        while not node.leaf:
            index = max(bisect_right(node.keys, key) - 1, 0)
            for child in node.items[:index]:
                rank += child.size
            node = node.items[index]
        return rank + bisect_left(node.keys, key)


def _set(node: _Node, key: str, value: Any) -> tuple[_Node, _Node | None]:
    """The node with the value, as one node, or as two where one would be too large."""
    keys, items = node.keys, node.items
    if node.leaf:
        index = bisect_left(keys, key)
        if index < len(keys) and keys[index] == key:
            items = items.copy()
            items[index] = value
            # The keys are the same: share them.
            return _Node(keys, items, True, node.size), None
        keys, items = keys.copy(), items.copy()
        keys.insert(index, key)
        items.insert(index, value)
        if len(keys) <= _MAX:
            return _Node(keys, items, True, len(keys)), None
        # Keys that come in order (generated, numbered) fill their nodes: split at the end then.
        half = _MAX - 1 if index == _MAX else _MAX // 2
        return (
            _Node(keys[:half], items[:half], True, half),
            _Node(keys[half:], items[half:], True, len(keys) - half),
        )
    index = max(bisect_right(keys, key) - 1, 0)
    first, second = _set(items[index], key, value)
    keys, items = keys.copy(), items.copy()
    size = node.size - items[index].size + first.size
    keys[index], items[index] = first.keys[0], first
    if second is None:
        return _Node(keys, items, False, size), None
    keys.insert(index + 1, second.keys[0])
    items.insert(index + 1, second)
    size += second.size
    if len(keys) <= _MAX:
        return _Node(keys, items, False, size), None
    half = _MAX - 1 if index + 1 == _MAX else _MAX // 2
    upper = sum(child.size for child in items[half:])
    return (
        _Node(keys[:half], items[:half], False, size - upper),
        _Node(keys[half:], items[half:], False, upper),
    )


def _remove(node: _Node, key: str) -> _Node:
    keys, items = node.keys.copy(), node.items.copy()
    if node.leaf:
        index = bisect_left(keys, key)
        if index == len(keys) or keys[index] != key:
            raise KeyError(key)
        del keys[index], items[index]
        return _Node(keys, items, True, len(keys))
    index = max(bisect_right(keys, key) - 1, 0)
    child = _remove(items[index], key)
    if not child.keys:
        del keys[index], items[index]
    else:
        keys[index], items[index] = child.keys[0], child
        if len(child.keys) < _MIN and len(keys) > 1:
            _merge(keys, items, index if index + 1 < len(keys) else index - 1)
    return _Node(keys, items, False, node.size - 1)


def _merge(keys: list[str], items: list[_Node], index: int) -> None:
    """Join two neighbours that fit into one node, so that many deletions don't leave crumbs."""
    left, right = items[index], items[index + 1]
    if len(left.keys) + len(right.keys) > _MAX:
        return
    items[index] = _Node(left.keys + right.keys, left.items + right.items, left.leaf, left.size + right.size)
    del keys[index + 1], items[index + 1]


def _leaves(root: _Node, start: str) -> Iterator[tuple[_Node, int]]:
    """The leaves from `start` on, with the index at which each begins."""
    path: list[tuple[_Node, int]] = []
    node = root
    while not node.leaf:
        index = max(bisect_right(node.keys, start) - 1, 0)
        path.append((node, index))
        node = node.items[index]
    low = bisect_left(node.keys, start)
    if low < len(node.keys):
        yield node, low
    while path:
        node, index = path.pop()
        if index + 1 == len(node.items):
            continue
        path.append((node, index + 1))
        node = node.items[index + 1]
        while not node.leaf:
            path.append((node, 0))
            node = node.items[0]
        yield node, 0
