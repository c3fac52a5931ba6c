"""Leaves out of a struct's wire form the parts that are always there in Python but hold nothing.

A part that Go holds by value (`status`, `strategy`, `resources`) is a struct by default here too, so
that it can be read without a check for None. On the wire it is left out while it is empty: a field
manager would own it otherwise. A part that may be None and is set, such as `emptyDir: {}`, says
something and stays.
"""

from __future__ import annotations

import functools
from typing import Any, cast

import msgspec

from reconcile.objects.meta import Struct


def drop_empty_parts(struct: Struct, plain: dict[str, Any]) -> None:
    """Drop from `plain`, the wire form of `struct`, what only its defaults put there."""
    parts = _parts(type(struct))
    # What is there is far less than what could be.
    for wire in [wire for wire in plain if wire in parts]:
        attribute, by_default = parts[wire]
        below = plain[wire]
        if not below:
            if by_default and below is not None:
                del plain[wire]
            continue
        value = getattr(struct, attribute)
        if isinstance(value, Struct):
            drop_empty_parts(value, cast("dict[str, Any]", below))
            if by_default and not below:
                del plain[wire]
        elif isinstance(value, list):
            for item, inner in zip(cast("list[Any]", value), cast("list[Any]", below), strict=True):
                if isinstance(item, Struct):
                    drop_empty_parts(item, inner)
        elif isinstance(value, dict):
            for name, item in cast("dict[str, Any]", value).items():
                if isinstance(item, Struct):
                    drop_empty_parts(item, cast("dict[str, Any]", below)[name])


@functools.cache
def _parts(kind: type[Struct]) -> dict[str, tuple[str, bool]]:
    """By wire name: attribute, and whether an empty struct is its default, of each field to be looked at."""
    found: dict[str, tuple[str, bool]] = {}
    for field in msgspec.structs.fields(kind):
        by_default = _is_by_default(field)
        if by_default or any(map(_may_hold_empty, _structs_in(field.type))):
            found[field.encode_name] = (field.name, by_default)
    return found


@functools.cache
def _may_hold_empty(kind: type[Struct]) -> bool:
    """Whether a part that is an empty struct by default stands in one of this kind, at any depth."""
    seen, left = {kind}, [kind]
    while left:
        for field in msgspec.structs.fields(left.pop()):
            if _is_by_default(field):
                return True
            fresh = [each for each in _structs_in(field.type) if each not in seen]
            seen.update(fresh)
            left += fresh
    return False


def _is_by_default(field: msgspec.structs.FieldInfo) -> bool:
    factory: Any = field.default_factory
    return isinstance(factory, type) and issubclass(factory, Struct)


def _structs_in(annotation: Any) -> list[type[Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return [annotation]
    parts: tuple[Any, ...] = getattr(cast("Any", annotation), "__args__", ())
    return [each for part in parts for each in _structs_in(part)]
