"""What a structural schema declares to expressions: the types of its values, and how large they can be.

The rules are those of k8s.io/apiserver's `pkg/cel/common/schemas.go` and `pkg/cel/types.go`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from reconcile.cel import types
from reconcile.cel.lexer import RESERVED
from reconcile.cel.limits import MAX_REQUEST_BYTES
from reconcile.cel.types import Kind, Type

Schema = Mapping[str, Any]

_INT_OR_STRING: Final = "x-kubernetes-int-or-string"
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_TIME_SIZE: Final = 32
_DATE_SIZE: Final = 12


@dataclass(frozen=True, slots=True)
class Declared:
    """A declared type.

    Attributes:
        type: the type as expressions see it; of objects, their own by name.
        max_elements: the most characters, bytes, elements or entries that a value can have.
        min_size: the fewest bytes that a value takes as JSON.
        key, element: of a map or list.
        fields: of an object, by escaped name.
    """

    type: Type
    max_elements: int = 0
    min_size: int = 0
    key: Declared | None = None
    element: Declared | None = None
    fields: Mapping[str, Declared] | None = None

    def named(self, name: str) -> Declared:
        """The same, with objects named by where they stand: `selfType.spec`."""
        if self.fields is not None:
            fields = {key: inner.named(f"{name}.{key}") for key, inner in self.fields.items()}
            # Objects have no bound of their own once they are named.
            return replace(self, type=Type(Kind.STRUCT, name), fields=fields, max_elements=0)
        if self.element is None:
            return self
        if self.key is not None:
            element = self.element.named(f"{name}.@elem")
            return replace(self, element=element, type=types.map_of(types.STRING, element.type))
        element = self.element.named(f"{name}.@idx")
        return replace(self, element=element, type=types.list_of(element.type))

    def objects(self) -> dict[str, Mapping[str, Declared]]:
        """The fields of each object in it, by the object's name."""
        found: dict[str, Mapping[str, Declared]] = {}
        waiting: list[Declared] = [self]
        while waiting:
            here = waiting.pop()
            if here.fields is not None:
                found[here.type.name] = here.fields
                waiting += here.fields.values()
            if here.element is not None:
                waiting.append(here.element)
        return found


DYN: Final = Declared(types.DYN, 0, 1)
"""Any value; known at run time alone."""
_STRING: Final = Declared(types.STRING, 0, 2)
_PLAIN: Final = {
    "boolean": Declared(types.BOOL, 0, 4),
    "number": Declared(types.DOUBLE, 0, 1),
    "integer": Declared(types.INT, 0, 1),
}
_META: Final[Schema] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}},
}


def with_type_and_meta(schema: Schema) -> Schema:
    """The schema of a resource: kind, apiVersion, metadata.name and generateName are always there."""
    properties: Mapping[str, Any] = schema.get("properties") or {}
    meta: Mapping[str, Any] = (properties.get("metadata") or {}).get("properties") or {}
    named = [properties.get("kind"), properties.get("apiVersion"), meta.get("name"), meta.get("generateName")]
    if all(each is not None and each.get("type") == "string" for each in named):
        return schema
    string = {"type": "string"}
    return {**schema, "properties": {**properties, "kind": string, "apiVersion": string, "metadata": _META}}


def declare(schema: Schema, *, resource: bool = False) -> Declared | None:
    """What a schema declares; None for what expressions cannot see.

    Args:
        resource: it is the schema of a resource, at the root or embedded.
    """
    if schema.get(_INT_OR_STRING):
        return Declared(types.DYN, _string_size(schema), 1)
    if resource:
        schema = with_type_and_meta(schema)
    kind = schema.get("type")
    if kind == "array":
        return _list(schema)
    if kind == "object":
        return _object(schema)
    if kind == "string":
        return _text(schema)
    return _PLAIN.get(kind or "")


def _list(schema: Schema) -> Declared | None:
    items = schema.get("items")
    element = declare(items, resource=bool(items.get(_EMBEDDED))) if isinstance(items, Mapping) else None
    if element is None:
        return None
    most = schema.get("maxItems")
    most = (MAX_REQUEST_BYTES - 2) // (element.min_size + 1) if most is None else max(most, 0)
    return Declared(types.list_of(element.type), most, 2, element=element)


def _object(schema: Schema) -> Declared | None:
    additional = schema.get("additionalProperties")
    if isinstance(additional, Mapping):
        element = declare(additional, resource=bool(additional.get(_EMBEDDED)))
        if element is None:
            return None
        most = schema.get("maxProperties")
        # Two bytes of key, its quotes, colon and comma.
        most = (MAX_REQUEST_BYTES - 2) // (element.min_size + 6) if most is None else max(most, 0)
        return Declared(types.map_of(types.STRING, element.type), most, 2, key=_STRING, element=element)
    required = set(schema.get("required") or ())
    fields: dict[str, Declared] = {}
    size = 2
    for name, inner in (schema.get("properties") or {}).items():
        declared = declare(inner, resource=bool(inner.get(_EMBEDDED)))
        if declared is None:
            continue
        escaped = escape(name)
        if escaped is not None:
            fields[escaped] = declared
        if name in required and inner.get("default") is None:
            size += len(name.encode()) + declared.min_size + 4
    return Declared(Type(Kind.STRUCT, "object"), 0, size, fields=fields)


def _text(schema: Schema) -> Declared:
    match schema.get("format"):
        case "byte":
            length = schema.get("maxLength")
            return Declared(types.BYTES, MAX_REQUEST_BYTES - 2 if length is None else max(length, 0), 2)
        case "duration":
            return Declared(types.DURATION, _TIME_SIZE, 3)
        case "date":
            return Declared(types.TIMESTAMP, _DATE_SIZE, _DATE_SIZE)
        case "date-time":
            return Declared(types.TIMESTAMP, _TIME_SIZE, 21)
        case _:
            return Declared(types.STRING, _string_size(schema), 2)


def _string_size(schema: Schema) -> int:
    """The most bytes of a string: a character of maxLength takes four."""
    length = schema.get("maxLength")
    if length is not None:
        return max(length, 0) * 4
    choices = schema.get("enum")
    if choices and not schema.get(_INT_OR_STRING):
        return max((len(each.encode()) for each in choices if isinstance(each, str)), default=0)
    return MAX_REQUEST_BYTES - 2


_EXPAND = re.compile(r"__|[-./]|[^a-zA-Z0-9\-./_]")
_ESCAPED = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_COLLAPSE = re.compile(r"__([^_]+)__")
_UNESCAPED = {"underscores": "__", "dot": ".", "dash": "-", "slash": "/"}


def escape(name: str) -> str | None:
    """A property's name as an identifier; None where it has none.

    >>> [escape(name) for name in ("size", "a.b", "x-y", "a/b", "namespace", "a__b", "ü", "1st")]
    ['size', 'a__dot__b', 'x__dash__y', 'a__slash__b', '__namespace__', 'a__underscores__b', None, None]
    """
    if not name or name[0] in "0123456789":
        return None
    if name in RESERVED:
        return f"__{name}__"
    bad = False

    def expand(match: re.Match[str]) -> str:
        nonlocal bad
        found = _ESCAPED.get(match.group())
        bad = bad or found is None
        return found or ""

    escaped = _EXPAND.sub(expand, name)
    return None if bad else escaped


def unescape(name: str) -> str | None:
    """The property that an identifier names; None for an escape that is none."""
    if "__" not in name:
        return name
    bad = False

    def collapse(match: re.Match[str]) -> str:
        nonlocal bad
        inner = match.group(1)
        if inner in _UNESCAPED:
            return _UNESCAPED[inner]
        bad = bad or inner not in RESERVED or len(match.group()) != len(name)
        return inner

    plain = _COLLAPSE.sub(collapse, name)
    return None if bad else plain
