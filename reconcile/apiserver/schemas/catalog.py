"""The data file: structs, their fields, and the resources that are served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from reconcile.apiserver.data import data


class ResponseKind(msgspec.Struct, frozen=True):
    group: str = ""
    version: str = ""
    kind: str = ""


class ServedSubresource(msgspec.Struct, frozen=True, rename="camel"):
    subresource: str
    response_kind: ResponseKind = ResponseKind()
    verbs: tuple[str, ...] = ()


class ServedKind(msgspec.Struct, frozen=True, rename="camel"):
    """One resource in one version, as aggregated discovery names it."""

    group: str
    version: str
    resource: str
    scope: str
    response_kind: ResponseKind
    singular_resource: str = ""
    verbs: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[ServedSubresource, ...] = ()
    storage_version_hash: str = ""

    @property
    def namespaced(self) -> bool:
        return self.scope == "Namespaced"


class _Extra(msgspec.Struct, frozen=True, rename="camel"):
    list_type: str = ""
    keys: tuple[str, ...] = ()
    map_type: str = ""
    patch_strategy: str = ""
    merge_key: str = ""
    default: Any = None
    embedded: str = ""


_NO_EXTRA = _Extra()


class _RawStruct(msgspec.Struct, rename="camel"):
    go: str
    fields: dict[str, list[Any]]
    map_type: str = ""


class _Document(msgspec.Struct):
    resources: tuple[ServedKind, ...]
    kinds: dict[str, str]
    structs: dict[str, _RawStruct]


@dataclass(frozen=True, slots=True)
class TypeExpression:
    """A field's Go type: pointers, slices and maps around a scalar, a struct or a type with its own decoding.

    Attributes:
        shape: `pointer`, `list`, `map`, `struct`, `special` or `scalar`.
        name: of the struct (as OpenAPI names it), the special type (`Quantity`) or the scalar (`int32`).
        element: what is inside a pointer, list or map.
    """

    shape: str
    name: str = ""
    element: TypeExpression | None = None

    @property
    def inner(self) -> TypeExpression:
        """Without pointers."""
        found = self
        while found.shape == "pointer" and found.element is not None:
            found = found.element
        return found


@cache
def parse_expression(text: str) -> TypeExpression:
    if text.startswith("*"):
        return TypeExpression("pointer", element=parse_expression(text[1:]))
    if text.startswith("[]"):
        return TypeExpression("list", element=parse_expression(text[2:]))
    if text.startswith("map[]"):
        return TypeExpression("map", element=parse_expression(text[5:]))
    if text.startswith("@"):
        return TypeExpression("struct", text[1:])
    if text.startswith("!"):
        return TypeExpression("special", text[1:])
    return TypeExpression("scalar", text)


@dataclass(frozen=True, slots=True)
class FieldType:
    """One field of a struct."""

    name: str
    type: TypeExpression
    omit_empty: bool
    omit_zero: bool
    list_type: str = ""
    keys: tuple[str, ...] = ()
    map_type: str = ""
    patch_strategy: str = ""
    merge_key: str = ""
    default: Any = None
    embedded: str = ""


@dataclass(frozen=True, slots=True)
class StructType:
    """A struct of Go's, as JSON sees it."""

    name: str
    go: str
    fields: Mapping[str, FieldType] = field(default_factory=dict[str, FieldType])
    map_type: str = ""


class Catalog:
    """The whole data file; structs are built when asked for."""

    def __init__(self, document: _Document) -> None:
        self.resources = document.resources
        self.kinds = document.kinds
        self._raw = document.structs
        self._structs: dict[str, StructType] = {}

    def struct(self, name: str) -> StructType:
        found = self._structs.get(name)
        if found is None:
            raw = self._raw[name]
            fields = {key: _field(key, value) for key, value in raw.fields.items()}
            found = self._structs[name] = StructType(name, raw.go, fields, raw.map_type)
        return found


def _field(name: str, raw: list[Any]) -> FieldType:
    expression, flags, *rest = raw
    extra = msgspec.convert(rest[0], _Extra) if rest else _NO_EXTRA
    return FieldType(
        name,
        parse_expression(expression),
        bool(flags & 1),
        bool(flags & 2),
        extra.list_type,
        extra.keys,
        extra.map_type,
        extra.patch_strategy,
        extra.merge_key,
        extra.default,
        extra.embedded,
    )


@cache
def catalog() -> Catalog:
    """Read once a process, in a few milliseconds; nothing of it is ever changed."""
    return Catalog(msgspec.json.decode(data("schemas", "kinds.json.gz"), type=_Document))
