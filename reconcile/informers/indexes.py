"""Indexes: under which values an object is found, computed with one decode for all indexes of a store.

    Index("spec.nodeName")                                      a path; several values where it crosses a list
    Index("image", paths=("spec.containers[].image",))          a path with a name of its own
    Index("phase+node", paths=("status.phase", "spec.nodeName"), function=lambda phase, node: …)
    Index("team", metadata=lambda metadata: [metadata.labels.get("team", "")])       no decode at all
    Index("custom", function=lambda obj: […])                   any function of the whole object, as a dict

The paths of all indexes compile into one decoder that skips every other field. Functions of the whole
object share one decode into a dict, which then serves the paths as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from reconcile.errors import ConfigurationError, ObjectDecodeError
from reconcile.informers.cached_object import CachedObject, IndexValues
from reconcile.objects.metadata import ObjectMetadata
from reconcile.objects.paths import PathReader, parse_path


@dataclass(frozen=True, slots=True)
class Index:
    """A named way to find objects. Immutable; may be given to several informers.

    Attributes:
        name: what readers ask for; by itself, without paths and functions, it is also the path.
        paths: dotted JSON paths (`spec.nodeName`); `[]` after a name goes through each item of a list,
            `['a.b/c']` names a key with dots. Default: the name.
        function: values from what the paths hold, one argument a path (a list where the path crosses one,
            None where nothing is there); without paths, from the whole object as a private plain dict.
            Must depend on nothing else. An exception is logged and files the object under nothing.
        metadata: values from the metadata alone, instead of paths and function.
        file_null: whether an object without a value at the path is filed under the empty value, as an
            unset string field of a Go object would be (`spec.nodeName` of an unbound pod). Default True
            for a path that crosses no list.
    """

    name: str
    paths: tuple[str, ...] = ()
    function: Callable[..., Iterable[str]] | None = None
    metadata: Callable[[ObjectMetadata], Iterable[str]] | None = None
    file_null: bool = True

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigurationError("an index needs a name")
        if self.metadata is not None:
            if self.paths or self.function is not None:
                raise ConfigurationError(f"index {self.name!r}: `metadata` excludes `paths` and `function`")
            return
        if not self.paths and self.function is None:
            object.__setattr__(self, "paths", (self.name,))
        if len(self.paths) > 1 and self.function is None:
            raise ConfigurationError(f"index {self.name!r}: several paths need a `function` to combine them")
        for path in self.paths:
            parse_path(path)


@dataclass(slots=True)
class IndexCounters:
    """What is counted for all indexes of an informer.

    Attributes:
        decodes: how many objects were decoded for indexes.
        failures: how many times an index function raised; the object is then filed under nothing by it.
    """

    decodes: int = 0
    failures: int = 0


class IndexSet:
    """The indexes of a store, compiled. Immutable.

    Attributes:
        counters: shared with the sets made from this one.
        on_error: called with index name, object and error when an index function raises.
    """

    def __init__(
        self,
        indexes: tuple[Index, ...] = (),
        *,
        on_error: Callable[[str, CachedObject, Exception], None] | None = None,
        counters: IndexCounters | None = None,
    ) -> None:
        self.indexes = indexes
        self.counters = counters or IndexCounters()
        self.on_error = on_error
        self._positions = {index.name: at for at, index in enumerate(indexes)}
        paths: list[str] = []
        self._plans: list[tuple[Index, list[int]]] = []
        self._whole = False
        for index in indexes:
            places: list[int] = []
            for path in index.paths:
                if path not in paths:
                    paths.append(path)
                places.append(paths.index(path))
            self._plans.append((index, places))
            self._whole |= index.function is not None and not index.paths
        self._reader = PathReader(paths) if paths else None
        self._with_metadata = self._reader.beside_metadata() if self._reader else None
        if self._whole:
            self._with_metadata = None

    def __contains__(self, name: object) -> bool:
        return name in self._positions

    def position(self, name: str) -> int:
        """The place of an index among its store's. Raises `KeyError`."""
        return self._positions[name]

    def find(self, name: str) -> Index | None:
        at = self._positions.get(name)
        return None if at is None else self.indexes[at]

    def with_index(self, index: Index) -> IndexSet:
        """A set with one more index at its end; the counters go on."""
        return IndexSet((*self.indexes, index), on_error=self.on_error, counters=self.counters)

    def read(self, raw: bytes) -> tuple[ObjectMetadata, tuple[Any, ...]] | tuple[None, None]:
        """An object's metadata and what the paths hold, in one decode, for `values_from`.

        Nothing where the indexes need no decode or one of their own, or where the object is not as expected:
        then the metadata is to be read alone and `values_of` does what there is to do.
        """
        if self._with_metadata is None:
            return None, None
        try:
            return self._with_metadata(raw)
        except msgspec.MsgspecError:
            return None, None

    def values_from(self, held: tuple[Any, ...], obj: CachedObject) -> IndexValues:
        """Under which values each index files the object, from what `read` found in its bytes."""
        return tuple([self._values(index, places, held, {}, obj) for index, places in self._plans])

    def values_of(self, obj: CachedObject) -> IndexValues:
        """Under which values each index files the object: at most one decode."""
        held: tuple[Any, ...] = ()
        whole: dict[str, Any] = {}
        if self._reader is not None or self._whole:
            self.counters.decodes += 1
            try:
                if self._whole:
                    whole = msgspec.json.decode(obj.raw, type=dict[str, Any])
                    held = self._reader.read_plain(whole) if self._reader else ()
                elif self._reader is not None:
                    held = self._reader.read(obj.raw)
            except (msgspec.MsgspecError, ObjectDecodeError) as error:
                self._failed("", obj, error)
                return ((),) * len(self.indexes)
        return tuple([self._values(index, places, held, whole, obj) for index, places in self._plans])

    def _values(
        self,
        index: Index,
        places: list[int],
        held: tuple[Any, ...],
        whole: dict[str, Any],
        obj: CachedObject,
    ) -> tuple[str, ...]:
        function = index.function
        if function is None and index.metadata is None:
            return _as_values(held[places[0]], index.file_null)
        try:
            if index.metadata is not None:
                found = index.metadata(obj.metadata)
            elif function is not None and places:
                found = function(*[held[at] for at in places])
            elif function is not None:
                found = function(whole)
            else:
                return ()
            if isinstance(found, str):
                return (found,)
            return tuple(dict.fromkeys(str(value) for value in found))
        except Exception as error:
            self._failed(index.name, obj, error)
            return ()

    def _failed(self, name: str, obj: CachedObject, error: Exception) -> None:
        self.counters.failures += 1
        if self.on_error is not None:
            self.on_error(name, obj, error)


def _as_values(found: Any, file_null: bool) -> tuple[str, ...]:
    if type(found) is str:
        return (found,)
    if found is None:
        return ("",) if file_null else ()
    if isinstance(found, bool):
        return ("true" if found else "false",)
    if isinstance(found, list):
        items = cast("list[Any]", found)
        return tuple(dict.fromkeys(value for item in items for value in _as_values(item, False)))
    if isinstance(found, int | float):
        return (str(found),)
    return (msgspec.json.encode(found).decode(),)
