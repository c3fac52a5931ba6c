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
    """By wire name: attribute, and whether an empty struct is its default, of each field with parts."""
    found: dict[str, tuple[str, bool]] = {}
    for field in msgspec.structs.fields(kind):
        factory: Any = field.default_factory
        by_default = isinstance(factory, type) and issubclass(factory, Struct)
        if by_default or _may_hold_structs(field.type):
            found[field.encode_name] = (field.name, by_default)
    return found


def _may_hold_structs(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return True
    return any(_may_hold_structs(part) for part in getattr(cast("Any", annotation), "__args__", ()))
