"""Declared paths into objects, read from their bytes: what indexes and predicates look at. Pure.

    PathReader(["spec.nodeName", "metadata.labels['app']", "spec.containers[*].image"])
        ──▶ one partial struct ──read(raw)──▶ ("node-1", "web", ["nginx:1", "envoy:3"])

All paths of a kind are compiled into one struct that knows their fields and no others, so that each event
is decoded once for all of them, 2 to 4 µs for a pod instead of 14 for a dict. An object whose shape does not
fit a path (a string where a map was expected) has nothing there, and does not fail.

The form of a path: fields joined by dots; a name with other characters as `['a.b/c']`; `[*]` or `[]`
for every item of a list or every value of a map; `[0]` for one item. A leading `.` or `$.` is allowed, as in
JSONPath and `jsonPath` of printer columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, cast

import msgspec

from reconcile.errors import ConfigurationError, ObjectDecodeError
from reconcile.objects.metadata import Envelope, ObjectMetadata, metadata_in

Step: TypeAlias = str | int | None
"""One step of a path: a field, an index of a list, or None for every item."""

_STEP: Final = re.compile(
    r"""\.?(?P<field>[^.\[\]'"\s]+)|\[\s*(?:(?P<all>\*?)|(?P<index>\d+)|'(?P<quoted>(?:[^'\\]|\\.)*)'"""
    r"""|"(?P<double>(?:[^"\\]|\\.)*)")\s*\]"""
)
_ENVELOPE: Final = {field.name: field.encode_name for field in msgspec.structs.fields(Envelope)}


def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of a written path.

    Raises:
        ConfigurationError: names the path and the place that cannot be read.

    >>> parse_path("metadata.labels['app.kubernetes.io/name']")
    ('metadata', 'labels', 'app.kubernetes.io/name')
    >>> parse_path("spec.containers[].image")
    ('spec', 'containers', None, 'image')
    """
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if not found or (position and found["field"] and not found.group().startswith(".")):
            raise ConfigurationError(
                f"the path {path!r} cannot be read from {text[position:]!r} on; "
                "write fields as a.b, other names as ['a/b'], items as [*] or [0]"
            )
        position = found.end()
        if found["field"]:
            steps.append(found["field"])
        elif found["all"] is not None:
            steps.append(None)
        elif found["index"]:
            steps.append(int(found["index"]))
        else:
            quoted = found["quoted"] if found["quoted"] is not None else found["double"]
            steps.append(re.sub(r"\\(.)", r"\1", quoted))
    if not steps or not isinstance(steps[0], str):
        raise ConfigurationError(f"the path {path!r} must begin with a field, as spec.nodeName")
    return tuple(steps)


class PathReader:
    """Reads what is at several paths of an object in one decode. Immutable.

    For each path, in order: the plain JSON value there, None where it leads nowhere, to null, or through
    something that has no such field or item; for a path with `[*]`, the list of all values there, without
    nulls.

    >>> PathReader(["spec.nodeName", "spec.containers[].name"]).read(
    ...     b'{"kind":"Pod","spec":{"nodeName":"n1","containers":[{"name":"a"},{"name":"b"}]}}')
    ('n1', ['a', 'b'])

    Attributes:
        paths: the paths as given, in order.

    Raises:
        ConfigurationError: names the path that cannot be read.
    """

    __slots__ = ("_decode", "_getters", "_root", "_steps", "paths")

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(paths)
        self._steps = [parse_path(path) for path in self.paths]
        self._root = _Node()
        for steps in self._steps:
            self._root.add(steps)
        kind: Any = self._root.to_struct() if self._root.partial else dict[str, Any]
        self._decode = msgspec.json.Decoder(kind).decode
        self._getters = [_getter(self._root, steps) for steps in self._steps]

    def read(self, raw: bytes | memoryview) -> tuple[Any, ...]:
        """What is at each path; the values are the caller's.

        Raises:
            ObjectDecodeError: the bytes are no JSON object.
        """
        try:
            root = self._decode(raw)
        except msgspec.ValidationError:
            return self._read_whole(raw)
        except msgspec.MsgspecError as error:
            raise ObjectDecodeError(f"cannot read the object: {error}") from error
        return tuple([getter(root) for getter in self._getters])

    def read_plain(self, plain: dict[str, Any]) -> tuple[Any, ...]:
        """The same from a plain dict; the values are parts of it."""
        return tuple([_look_up(plain, steps) for steps in self._steps])

    def beside_metadata(self) -> Callable[[bytes], tuple[ObjectMetadata, tuple[Any, ...]]] | None:
        """Reads an object's metadata and what the paths hold at once; None when paths go through metadata.

        What it returns raises `msgspec.MsgspecError` for an object that fits either of them badly.
        """
        names = self._root.fields.keys()
        if not self._root.partial or not names.isdisjoint(_ENVELOPE.values()):
            return None
        decode = msgspec.json.Decoder(self._root.to_struct(Envelope)).decode
        getters = self._getters

        def read(raw: bytes) -> tuple[ObjectMetadata, tuple[Any, ...]]:
            root = decode(raw)
            return metadata_in(root), tuple([getter(root) for getter in getters])

        return read

    def _read_whole(self, raw: bytes | memoryview) -> tuple[Any, ...]:
        """The slow way, for an object in which something stands where a path needs an object or list."""
        try:
            return self.read_plain(msgspec.json.decode(raw, type=dict[str, Any]))
        except msgspec.MsgspecError as error:
            raise ObjectDecodeError(f"cannot read the object: {error}") from error


class _Node:
    """One place that paths go through, with the places below it."""

    def __init__(self) -> None:
        self.fields: dict[str, _Node] = {}
        self.items: _Node | None = None
        self.ends = False

    def add(self, steps: Sequence[Step]) -> None:
        if not steps:
            self.ends = True
            return
        step = steps[0]
        if isinstance(step, str):
            child = self.fields.setdefault(step, _Node())
        else:
            child = self.items = self.items or _Node()
        child.add(steps[1:])

    @property
    def partial(self) -> bool:
        """Whether a struct of its own fields can stand for it; else it is decoded whole."""
        return bool(self.fields) and not self.ends and self.items is None

    @property
    def partial_items(self) -> _Node | None:
        """What stands for each item, where a list of structs can stand for the whole."""
        items = self.items
        return items if items and items.partial and not self.ends and not self.fields else None

    def attribute(self, name: str) -> str:
        """Under which attribute the struct has a field."""
        return f"f{list(self.fields).index(name)}"

    def to_struct(self, base: type[msgspec.Struct] | None = None) -> Any:
        wire = {self.attribute(name): name for name in self.fields}
        fields: Any = [(self.attribute(name), child.to_type(), None) for name, child in self.fields.items()]
        bases = (base,) if base else None
        return msgspec.defstruct("Partial", fields, bases=bases, rename=wire | _ENVELOPE, gc=False)

    def to_type(self) -> Any:
        """The msgspec type that decodes what the paths below need; `Any` where they need a whole value."""
        if self.partial:
            return self.to_struct() | None
        if items := self.partial_items:
            return list[items.to_type()] | dict[str, Any] | None
        return Any


_Getter: TypeAlias = Callable[[Any], Any]


def _getter(node: _Node, steps: tuple[Step, ...]) -> _Getter:
    """A function from what was decoded for a place to what is at the end of the steps from there."""
    chain: list[str] = []
    for at, step in enumerate(steps):
        if node.partial and isinstance(step, str):
            chain.append(node.attribute(step))
            node = node.fields[step]
        elif not isinstance(step, str) and (items := node.partial_items):
            make = _each if step is None else partial(_one, step)
            return make(_chain(chain), items, steps[at + 1 :])
        else:
            return _plain_behind(_chain(chain), steps[at:])
    return _chain(chain)


def _chain(attributes: list[str]) -> _Getter:
    if len(attributes) == 1:
        only = attributes[0]
        return lambda root: getattr(root, only)
    if len(attributes) == 2:
        first, second = attributes

        def two(root: Any) -> Any:
            middle = getattr(root, first)
            return None if middle is None else getattr(middle, second)

        return two

    def many(root: Any) -> Any:
        for attribute in attributes:
            if root is None:
                return None
            root = getattr(root, attribute)
        return root

    return many


def _each(head: _Getter, item_node: _Node, rest: tuple[Step, ...]) -> _Getter:
    below = _getter(item_node, rest)
    several = None in rest

    def get(root: Any) -> list[Any]:
        items = head(root)
        if isinstance(items, dict):
            return _look_up_each(items, rest)
        found: list[Any] = []
        for item in items or ():
            value = None if item is None else below(item)
            if value is None:
                continue
            if several:
                found.extend(value)
            else:
                found.append(value)
        return found

    return get


def _one(index: int, head: _Getter, item_node: _Node, rest: tuple[Step, ...]) -> _Getter:
    below = _getter(item_node, rest)
    several = None in rest

    def get(root: Any) -> Any:
        held = head(root)
        items: list[Any] = cast("Any", held) if isinstance(held, list) else []
        item = items[index] if index < len(items) else None
        if item is None:
            return [] if several else None
        return below(item)

    return get


def _plain_behind(head: _Getter, rest: tuple[Step, ...]) -> _Getter:
    return lambda root: _look_up(head(root), rest)


def _look_up(value: Any, steps: tuple[Step, ...]) -> Any:
    for at, step in enumerate(steps):
        if step is None:
            return _look_up_each(value, steps[at + 1 :])
        if isinstance(step, str):
            value = cast("dict[str, Any]", value).get(step) if isinstance(value, dict) else None
        else:
            items: list[Any] = cast("Any", value) if isinstance(value, list) else []
            value = items[step] if step < len(items) else None
    return value


def _look_up_each(value: Any, rest: tuple[Step, ...]) -> list[Any]:
    if isinstance(value, dict):
        value = list(cast("dict[str, Any]", value).values())
    found: list[Any] = []
    for item in cast("list[Any]", value) if isinstance(value, list) else []:
        below = _look_up(item, rest)
        if None in rest:
            found.extend(below)
        elif below is not None:
            found.append(below)
    return found
