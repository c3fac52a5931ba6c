"""Null where a type has no null: the API reads it as the zero value, as Go does.

Servers write null for some empty lists (the `rules` of an aggregated ClusterRole) and for some times that
are not set (an Event's `eventTime`). Types say `list`, not `list | None`, and decode the usual object at
full speed; only when that fails over a null is the object decoded again with `[]`, `{}`, an empty string,
0 or false in its place.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import msgspec

T = TypeVar("T")


def decode_with_nulls(raw: bytes | memoryview, kind: type[T], error: msgspec.MsgspecError) -> T:
    """Decode again what failed with `error`, reading each null that does not fit as the zero value.

    Raises:
        msgspec.MsgspecError: nulls were not the reason, or not the only one.
    """
    if _misfit(error) is None:
        raise error
    # Through bytes again: a type may keep a part of them (`msgspec.Raw`).
    return _retry(
        msgspec.json.decode(raw),
        lambda plain: msgspec.json.decode(msgspec.json.encode(plain), type=kind),
        error,
    )


def convert_with_nulls(plain: Any, kind: type[T]) -> T:
    """Convert plain JSON values, reading each null that does not fit as the zero value.

    Raises:
        msgspec.ValidationError: something else does not fit either.
    """
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        if _misfit(error) is None:
            raise
        return _retry(copy.deepcopy(plain), lambda filled: msgspec.convert(filled, kind), error)


def _retry(plain: Any, attempt: Callable[[Any], T], error: msgspec.MsgspecError) -> T:
    while (found := _misfit(error)) and _fill(plain, *found):
        try:
            return attempt(plain)
        except msgspec.ValidationError as next_error:
            error = next_error
    raise error


_NULL: Final = re.compile(r"^Expected `(\w+)[^`]*`, got `null` - at `\$\.?(.*)`$")
_STEP: Final = re.compile(r"\[[^\]]*\]|[^.\[\]]+")
_ZERO: Final[dict[str, Callable[[], Any]]] = {
    "array": list, "object": dict, "str": str, "int": int, "float": float, "bool": bool,
}  # fmt: skip


def _misfit(error: msgspec.MsgspecError) -> tuple[list[str], Callable[[], Any]] | None:
    """Where a null did not fit, as steps (`[…]` is any item of a list or map), and what zero is there."""
    found = _NULL.match(str(error))
    if not found or found[1] not in _ZERO or not found[2]:
        return None
    return cast("list[str]", _STEP.findall(found[2])), _ZERO[found[1]]


def _fill(plain: Any, path: list[str], zero: Callable[[], Any]) -> bool:
    """Put the zero value for the null fields at a path; whether there was one."""
    step, rest = path[0], path[1:]
    if step.startswith("["):
        if not rest:
            return False  # a null item of a list is no absent field
        children = list(cast("dict[str, Any]", plain).values()) if isinstance(plain, dict) else plain
        filled = [_fill(child, rest, zero) for child in cast("list[Any]", children)]
        return any(filled)
    if not isinstance(plain, dict) or step not in plain:
        return False
    fields = cast("dict[str, Any]", plain)
    if rest:
        return _fill(fields[step], rest, zero)
    if fields[step] is not None:
        return False
    fields[step] = zero()
    return True
