"""What the server has to be asked before somebody acts on the cache again.

A doubt is raised by a write whose outcome is not known, or whose answer brings no object (a binding, an
eviction, a scale, a deletion of many): no record can be made of it, so the next reconcile that it concerns
reads the object live first, or the namespace where no name is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final, TypeAlias

from reconcile.objects.identity import ObjectKey

LiveRead: TypeAlias = asyncio.Task[Exception | None]
"""A live read under way, and the error that it ended with."""

MOST_NAMES: Final = 256
"""Names of one namespace in doubt from which on the whole namespace is."""

LIFETIME: Final = 600.0
"""Seconds after which a doubt goes that concerned nobody."""


class Doubt:
    """One key, or one namespace, of which the overlay does not know what the server made of a write.

    Attributes:
        namespace: where; empty for cluster-scoped resources.
        name: of the object; empty when it is the whole namespace.
        version: at which the server has done it, where that is known.
        writers: controllers and keys whose reconciles wrote.
        barriers: controllers whose writes were carried out: each of their reconciles must see them.
        born: loop time.
        reading: the live read under way.
    """

    __slots__ = ("barriers", "born", "name", "namespace", "reading", "version", "writers")

    def __init__(self, namespace: str, name: str, born: float) -> None:
        self.namespace = namespace
        self.name = name
        self.version = ""
        self.writers: set[tuple[str, ObjectKey]] = set()
        self.barriers: set[str] = set()
        self.born = born
        self.reading: LiveRead | None = None

    def concerns(self, controller: str, key: ObjectKey, *, primary: bool) -> bool:
        """Whether a reconcile must not begin before this is settled.

        Args:
            primary: whether the resource in doubt is what the controller reconciles.
        """
        if controller in self.barriers or (controller, key) in self.writers:
            return True
        return primary and self.name == key.name and self.namespace == key.namespace


class Doubts:
    """The doubts about one informer's objects."""

    def __init__(self) -> None:
        self._doubts: dict[tuple[str, str], Doubt] = {}
        self._names: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._doubts)

    def __iter__(self) -> Iterator[Doubt]:
        return iter(tuple(self._doubts.values()))

    def raise_(
        self,
        namespace: str,
        name: str,
        *,
        controller: str,
        key: ObjectKey | None,
        barrier: bool,
        now: float,
        version: str = "",
    ) -> None:
        """Note a write. What is being read at this moment was asked before it, and proves nothing of it."""
        if name and self._names.get(namespace, 0) >= MOST_NAMES and (namespace, name) not in self._doubts:
            name = ""
        doubt = Doubt(namespace, name, now)
        doubt.version = version
        before = self._doubts.pop((namespace, name), None)
        if before is not None:
            doubt.writers |= before.writers
            doubt.barriers |= before.barriers
            if before.version != version:
                doubt.version = ""
        elif name:
            self._names[namespace] = self._names.get(namespace, 0) + 1
        if controller and key is not None:
            doubt.writers.add((controller, key))
            if barrier:
                doubt.barriers.add(controller)
        self._doubts[namespace, name] = doubt

    def settle(self, doubt: Doubt) -> None:
        """It is settled, unless it was raised again meanwhile."""
        place = (doubt.namespace, doubt.name)
        if self._doubts.get(place) is not doubt:
            return
        del self._doubts[place]
        if doubt.name:
            left = self._names[doubt.namespace] - 1
            if left:
                self._names[doubt.namespace] = left
            else:
                del self._names[doubt.namespace]

    def expire(self, now: float) -> int:
        """Forget those that nobody asked about for too long; how many."""
        expired = 0
        for doubt in self:
            if doubt.born > now - LIFETIME:
                break
            self.settle(doubt)
            expired += 1
        return expired

    def clear(self) -> None:
        self._doubts.clear()
        self._names.clear()
