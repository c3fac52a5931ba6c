"""A copy of a JSON value that shares nothing that can change."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def copy_json(value: T) -> T:
    """Deep copy of dicts and lists; everything else is shared.

    Several times as fast as `copy.deepcopy`, which has to be ready for other classes and for cycles: a value
    with a cycle is a RecursionError here, an object of another class is not copied.

        >>> first = {"a": [1, {"b": None}]}
        >>> second = copy_json(first)
        >>> second["a"][1]["b"] = 2
        >>> first
        {'a': [1, {'b': None}]}
    """
    if type(value) is dict:
        return {name: copy_json(inner) if type(inner) in _HOLDERS else inner for name, inner in value.items()}  # type: ignore[return-value]
    if type(value) is list:
        return [copy_json(item) if type(item) in _HOLDERS else item for item in value]  # type: ignore[return-value]
    return value


_HOLDERS = frozenset({dict, list})


__all__ = ["copy_json"]
