"""The JSON patch (RFC 6902) that makes one JSON value of another."""

from __future__ import annotations

from typing import Any, cast

from reconcile.errors import ConfigurationError

Operation = dict[str, Any]


def create_json_patch(before: Any, after: Any) -> list[Operation]:
    """Operations that make `after` of `before`, as few and as deep down as a look from both ends finds.

    Items of lists are told apart by their place: an item put in at the front of a list is one `add`, one that
    changed in the middle a change inside of it.

    >>> create_json_patch({"a": [1, 2]}, {"a": [1, 2, 3], "b": None})
    [{'op': 'add', 'path': '/a/2', 'value': 3}, {'op': 'add', 'path': '/b', 'value': None}]

    Raises:
        ConfigurationError: one of them is no object; the whole is never replaced.
    """
    if not isinstance(before, dict) or not isinstance(after, dict):
        raise ConfigurationError("a JSON patch is made between two JSON objects")
    operations: list[Operation] = []
    _objects("", cast("dict[str, Any]", before), cast("dict[str, Any]", after), operations)
    return operations


def _objects(path: str, before: dict[str, Any], after: dict[str, Any], operations: list[Operation]) -> None:
    gone = (key for key in before if key not in after)
    operations.extend({"op": "remove", "path": f"{path}/{_escaped(key)}"} for key in gone)
    for key, value in after.items():
        where = f"{path}/{_escaped(key)}"
        if key in before:
            _values(where, before[key], value, operations)
        else:
            operations.append({"op": "add", "path": where, "value": value})


def _values(path: str, before: Any, after: Any, operations: list[Operation]) -> None:
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        _objects(path, cast("dict[str, Any]", before), cast("dict[str, Any]", after), operations)
    elif isinstance(before, list) and isinstance(after, list):
        _lists(path, cast("list[Any]", before), cast("list[Any]", after), operations)
    else:
        operations.append({"op": "replace", "path": path, "value": after})


def _lists(path: str, before: list[Any], after: list[Any], operations: list[Operation]) -> None:
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and _same(before[start], after[start]):
        start += 1
    end = 0
    while end < shorter - start and _same(before[-1 - end], after[-1 - end]):
        end += 1
    changed = shorter - start - end
    for index in range(start, start + changed):
        _values(f"{path}/{index}", before[index], after[index], operations)
    removed = range(len(before) - end - 1, start + changed - 1, -1)
    operations.extend({"op": "remove", "path": f"{path}/{index}"} for index in removed)
    added = range(start + changed, len(after) - end)
    operations.extend({"op": "add", "path": f"{path}/{index}", "value": after[index]} for index in added)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: to Python True is 1, and 1 is 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        mapping, others = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        return mapping.keys() == others.keys() and all(_same(mapping[key], others[key]) for key in mapping)
    if isinstance(one, list):
        items, rest = cast("list[Any]", one), cast("list[Any]", other)
        return len(items) == len(rest) and all(map(_same, items, rest))
    return one == other


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
