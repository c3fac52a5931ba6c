"""Which changes reach the queue.

Predicates combine: `generation_changed | labels_changed`, `~where(lambda pod: pod.spec.host_network)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconcile.controllers.change import Change


class Predicate:
    """A yes or no to a change. Subclass and define `accepts`, or use `predicate` and `where`."""

    def accepts(self, change: Change, /) -> bool:
        """Whether the change may go on to the mapper. Plain and quick: it runs for every event."""
        raise NotImplementedError

    def __and__(self, other: Predicate) -> Predicate:
        return _Function(lambda change: self.accepts(change) and other.accepts(change), f"({self} & {other})")

    def __or__(self, other: Predicate) -> Predicate:
        return _Function(lambda change: self.accepts(change) or other.accepts(change), f"({self} | {other})")

    def __invert__(self) -> Predicate:
        return _Function(lambda change: not self.accepts(change), f"~{self}")

    def __str__(self) -> str:
        return type(self).__name__


class _Function(Predicate):
    def __init__(self, function: Callable[[Change], bool], name: str) -> None:
        self._function = function
        self._name = name

    def accepts(self, change: Change, /) -> bool:
        return self._function(change)

    def __str__(self) -> str:
        return self._name


def predicate(function: Callable[[Change], bool]) -> Predicate:
    """A predicate from a function of the whole change; usable as a decorator."""
    return _Function(function, getattr(function, "__name__", repr(function)))


def where(function: Callable[[Any], bool]) -> Predicate:
    """A predicate from a function of the object: the new one, or of a deleted object the last known."""
    return _Function(lambda change: function(change.object), getattr(function, "__name__", repr(function)))


def _on_update(name: str, changed: Callable[[Any, Any], bool]) -> Predicate:
    """True for what comes and goes, and for updates where metadata differ as `changed` says."""

    def accepts(change: Change) -> bool:
        if change.old is None or change.new is None:
            return True
        return changed(change.old.metadata, change.new.metadata)

    return _Function(accepts, name)


generation_changed = _on_update(
    "generation_changed",
    lambda old, new: (
        old.generation != new.generation
        # A kind without generations would otherwise never be seen to change.
        or not new.generation
        # The server raises the generation when deletion begins; old servers and other kinds may not.
        or old.deletion_timestamp != new.deletion_timestamp
        or old.uid != new.uid
    ),
)
"""Updates that changed the spec (the server raises `metadata.generation`), began a deletion, or replaced the
object under its name. Updates of kinds that have no generation always pass. Note that resyncs do not."""

labels_changed = _on_update("labels_changed", lambda old, new: old.labels != new.labels)
"""Updates that changed labels."""

annotations_changed = _on_update("annotations_changed", lambda old, new: old.annotations != new.annotations)
"""Updates that changed annotations."""

resource_version_changed = _on_update(
    "resource_version_changed", lambda old, new: old.resource_version != new.resource_version
)
"""Updates that changed anything: resyncs and relists of the same version do not pass."""


def all_of(*predicates: Predicate) -> Predicate:
    """Passes what every one of them passes; everything when there are none."""
    return _Function(
        lambda change: all(each.accepts(change) for each in predicates),
        f"all_of({', '.join(map(str, predicates))})",
    )


def any_of(*predicates: Predicate) -> Predicate:
    """Passes what at least one of them passes; nothing when there are none."""
    return _Function(
        lambda change: any(each.accepts(change) for each in predicates),
        f"any_of({', '.join(map(str, predicates))})",
    )
