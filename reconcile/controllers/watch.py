"""What a controller watches and reads besides its primary kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from reconcile.controllers.mappers import MapFunction, Mapper
from reconcile.controllers.predicates import Predicate
from reconcile.informers.indexes import Index
from reconcile.objects.identity import ObjectKey


@dataclass(frozen=True, slots=True)
class Watch:
    """Watch a kind, and reconcile the keys that a mapper finds in its objects.

    Attributes:
        kind: a struct class, a custom resource class, a `ResourceType` (objects are dicts) or
            `MetadataOnly(kind)`, which costs least where metadata is enough.
        to: a mapper such as `to_owner(Database)`, a function from an object of the kind to keys, or the
            name of a method of the reconciler that is such a function. It is asked about the old and the
            new state of an update.
        predicates: all must accept a change.
        labels: label selector; the server sends only what it matches.
        fields: field selector; the same.
        priority: priority of the keys; None (the default) is 0, and -100 for the first list and for
            updates that changed nothing.
    """

    kind: Any
    to: Mapper | MapFunction | str
    predicates: tuple[Predicate, ...] = ()
    labels: str = ""
    fields: str = ""
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A kind that a reconciler reads from the cache, where naming it in `reads` does not say enough.

    Attributes:
        kind: as in `Watch`; `MetadataOnly(kind)` costs least where metadata is enough.
        indexes: how its objects are looked up besides by name, such as `Index("spec.nodeName")`.
        labels: label selector; other objects do not exist for the reader.
        fields: field selector; the same.
        namespaces: the namespaces to read, in place of the manager's; `("",)` for all of them.
    """

    kind: Any
    indexes: tuple[Index, ...] = ()
    labels: str = ""
    fields: str = ""
    namespaces: tuple[str, ...] | None = None


class Enqueue(Protocol):
    """Puts a key on a controller's queue; safe from any thread."""

    def __call__(
        self, key: ObjectKey | str, /, *, reason: str = "", priority: int = 0, after: float = 0.0
    ) -> None:
        """Reconcile `key`, `after` seconds from now; `reason` is shown in the request's cause."""
        ...


@runtime_checkable
class Source(Protocol):
    """Something other than a watch that asks for reconciles: a poll, a message queue, a webhook.

    Attributes:
        name: shown in causes and log lines.
    """

    name: str

    async def run(self, enqueue: Enqueue, /) -> None:
        """Runs as long as the controller; calls `enqueue` whenever a key needs a look.

        Started once every watch is synced, and cancelled when the controller stops. One that raises is
        logged and started again after a growing delay; one that returns is finished.
        """
        ...


class Channel:
    """A source that is told keys: the way for a part of the program that is not a watch.

    Keys sent before the controller runs are kept, each once, and delivered when it starts. One channel
    may feed several controllers: each gets every key sent while it runs, the first one also those from
    before. Safe to use from any thread once a controller runs, from the loop's thread before.
    """

    def __init__(self, name: str = "channel") -> None:
        self.name = name
        self._listeners: list[Enqueue] = []
        self._early: dict[ObjectKey | str, Callable[[Enqueue], None]] = {}

    def send(
        self, key: ObjectKey | str, /, *, reason: str = "", priority: int = 0, after: float = 0.0
    ) -> None:
        """Ask for a reconcile of the key; never blocks, and equal keys that wait are one."""

        def deliver(enqueue: Enqueue) -> None:
            enqueue(key, reason=reason, priority=priority, after=after)

        if not self._listeners:
            self._early[key] = deliver
        for listener in tuple(self._listeners):
            deliver(listener)

    async def run(self, enqueue: Enqueue, /) -> None:
        import asyncio

        early, self._early = self._early, {}
        for deliver in early.values():
            deliver(enqueue)
        self._listeners.append(enqueue)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._listeners.remove(enqueue)
