"""From an object that changed to the keys of the primary objects that care.

A mapper is asked about the old and the new state of an update alike, so that an object which moves from
one primary to another tells both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from reconcile.informers.cached_object import CachedObject
from reconcile.objects.identity import ObjectKey
from reconcile.objects.kinds import resource_type_of


@runtime_checkable
class Mapper(Protocol):
    """Maps one state of a watched object to keys of primary objects."""

    def keys(self, state: CachedObject, decode: Callable[[], Any], /) -> Iterable[ObjectKey]:
        """The keys to reconcile. `decode()` gives the state as an object of the watched kind; metadata
        alone, in `state.metadata`, cost nothing. Plain and quick: it runs for every event."""
        ...


MapFunction = Callable[[Any], Iterable["ObjectKey | str"]]
"""A function from an object of the watched kind to keys (`namespace/name`, or `name` when cluster-scoped)."""


class _ToSelf:
    def keys(self, state: CachedObject, decode: Callable[[], Any], /) -> Iterable[ObjectKey]:
        return (state.key,)


class _ToOwner:
    def __init__(self, kind: Any, *, controller_only: bool) -> None:
        resource_type = resource_type_of(kind)
        self._group = resource_type.group
        self._kind = resource_type.kind
        self._namespaced = resource_type.namespaced
        self._controller_only = controller_only

    def keys(self, state: CachedObject, decode: Callable[[], Any], /) -> Iterable[ObjectKey]:
        found: list[ObjectKey] = []
        for owner in state.metadata.owner_references:
            if owner.kind != self._kind or (self._controller_only and not owner.controller):
                continue
            # The version of an owner reference is whichever its writer used: only the group says who it is.
            group, _, _ = owner.api_version.rpartition("/")
            if group != self._group:
                continue
            namespace = state.key.namespace
            if not self._namespaced:
                namespace = ""
            elif not namespace:
                continue  # a cluster-scoped object cannot have an owner in a namespace
            found.append(ObjectKey(namespace, owner.name))
        return found


class _FromFunction:
    def __init__(self, function: MapFunction) -> None:
        self._function = function

    def keys(self, state: CachedObject, decode: Callable[[], Any], /) -> Iterable[ObjectKey]:
        return [key_of(found) for found in self._function(decode())]


class _ToLabel:
    def __init__(self, read: str, name: str, namespace: str | None) -> None:
        self._read = read
        self._name = name
        self._namespace = namespace

    def keys(self, state: CachedObject, decode: Callable[[], Any], /) -> Iterable[ObjectKey]:
        values = getattr(state.metadata, self._read)
        name = values.get(self._name)
        if not name:
            return ()
        namespace = state.key.namespace if self._namespace is None else values.get(self._namespace, "")
        return (ObjectKey(namespace, name),)


def to_self() -> Mapper:
    """The object's own key: for watching the primary kind a second way, or an object of the same name."""
    return _ToSelf()


def to_owner(kind: Any, *, controller_only: bool = True) -> Mapper:
    """The owners of a kind, found by group and kind in the owner references, whatever their version.

    With `controller_only` (the default) only the reference marked `controller`. The owner is in the
    object's namespace, or in none when its kind is cluster-scoped.
    """
    return _ToOwner(kind, controller_only=controller_only)


def to_label(name: str, *, namespace_label: str | None = None) -> Mapper:
    """The object named by a label; in the same namespace, or in the one that a second label names."""
    return _ToLabel("labels", name, namespace_label)


def to_annotation(name: str, *, namespace_annotation: str | None = None) -> Mapper:
    """The object named by an annotation; in the same namespace, or in the one a second one names."""
    return _ToLabel("annotations", name, namespace_annotation)


def as_mapper(to: Mapper | MapFunction) -> Mapper:
    """A mapper from either form in which users give one."""
    return to if isinstance(to, Mapper) else _FromFunction(to)


def key_of(key: ObjectKey | str) -> ObjectKey:
    """A key from either form in which users give one."""
    return ObjectKey.parse(key) if isinstance(key, str) else ObjectKey(*key)
