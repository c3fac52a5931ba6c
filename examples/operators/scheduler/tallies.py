"""Sums over all nodes, such as pods by zone: kept, and put right by counting changed nodes anew.

A pod that cares for others asks for sums over the whole cluster. Most of it is as it was for the last pod
like it; only the nodes that changed since are counted again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from .nodes import NodeInfo

Part = tuple[Mapping[Any, int], ...]
"""What one node adds to each of the sums."""

_MOST_TALLIES = 128
_LONGEST_LOG = 20_000


class _Tally:
    def __init__(self, sums: int, seen: int) -> None:
        self.sums: tuple[Counter[Any], ...] = tuple(Counter[Any]() for _ in range(sums))
        self.parts: dict[str, Part] = {}
        self.seen = seen

    def put(self, node: str, part: Part | None) -> None:
        """What a node adds now; None for one that is gone."""
        for sum_, less in zip(self.sums, self.parts.pop(node, ()), strict=False):
            for key, amount in less.items():
                sum_[key] -= amount
                if not sum_[key]:
                    del sum_[key]
        if part is None or not any(part):
            return
        self.parts[node] = part
        for sum_, more in zip(self.sums, part, strict=True):
            for key, amount in more.items():
                sum_[key] += amount


class Tallies:
    """All sums that somebody asked for; those that were not asked for long may be forgotten."""

    def __init__(self) -> None:
        self._tallies: dict[Hashable, _Tally] = {}
        self._log: list[NodeInfo] = []

    def changed(self, node: NodeInfo) -> None:
        """A node, or the pods on it, changed."""
        if self._tallies:
            self._log.append(node)
            if len(self._log) > _LONGEST_LOG:
                self.forget()

    def forget(self) -> None:
        """Something changed that all nodes depend on."""
        self._tallies.clear()
        self._log.clear()

    def sums(
        self, key: Hashable, nodes: Iterable[NodeInfo], count: Callable[[NodeInfo], Part], sums: int
    ) -> tuple[Counter[Any], ...]:
        """The sums over all nodes, without those that are 0; not to be changed, and good until the next call.

        Args:
            key: says what is counted; whoever asks with an equal key counts the same.
            nodes: all there are.
            count: what one node adds to each sum.
            sums: how many they are.
        """
        tally = self._tallies.get(key)
        if tally is None:
            if len(self._tallies) >= _MOST_TALLIES:
                self.forget()
            tally = self._tallies[key] = _Tally(sums, len(self._log))
            for node in nodes:
                tally.put(node.name, count(node))
            return tally.sums
        for node in dict.fromkeys(self._log[tally.seen :]):
            tally.put(node.name, count(node) if node.present else None)
        tally.seen = len(self._log)
        return tally.sums
