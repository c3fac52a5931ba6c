"""What a creation takes, as FieldsV1 at once: no sets, as nothing was owned before.

The same as `compare` with the empty object, and `to_fields_v1` of what was added or changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconcile.apiserver.managedfields.fieldset import on_the_wire
from reconcile.apiserver.managedfields.typed import (
    MISSING,
    equal,
    granular_list,
    granular_map,
    indexed,
    nothing,
    surely_equal,
)
from reconcile.apiserver.schemas.topology import Shape

JSONObject = dict[str, Any]


def created_fields(empty: JSONObject, new: JSONObject, shape: Shape) -> JSONObject:
    """The fields in which the new object differs from an empty one."""
    return _taken(empty, new, shape) or {}


def without(fields: JSONObject, dropped: Mapping[str, frozenset[str]]) -> JSONObject:
    """Fields without those in `dropped`, and without the named ones directly below; all else stays."""
    kept: JSONObject = {}
    for key, node in fields.items():
        below = dropped.get(key)
        if below is None:
            kept[key] = node
        elif left := {name: node[name] for name in node if name != "." and name not in below}:
            kept[key] = left
    return kept


def _added(value: Any, shape: Shape) -> JSONObject:
    """All of a value that was missing."""
    node: JSONObject = {}
    if isinstance(value, dict):
        if not shape.atomic and shape.kind != "list":
            for key in sorted(value):
                node[f"f:{key}"] = _added(value[key], shape.child(key))
    elif value and granular_list(shape, value):
        items = indexed(shape, value)
        for element in sorted(items, key=on_the_wire):
            node[element] = _added(items[element], shape.items)
    return {".": {}, **node} if node else node


def _taken(old: Any, new: Any, shape: Shape) -> JSONObject | None:
    """What differs; None for nothing."""
    if old is MISSING:
        return _added(new, shape)
    if new is MISSING or old is new or surely_equal(old, new):
        return None
    old_empty, new_empty = nothing(old), nothing(new)
    if old_empty and new_empty:
        return None if equal(old, new) else {}
    node: JSONObject = {}
    if (granular_map(shape, old) or old_empty) and (granular_map(shape, new) or new_empty):
        before: JSONObject = old if isinstance(old, dict) else {}
        after: JSONObject = new if isinstance(new, dict) else {}
        for key in sorted(after):
            found = _taken(before.get(key, MISSING), after[key], shape.child(key))
            if found is not None:
                node[f"f:{key}"] = found
    elif (granular_list(shape, old) or old_empty) and (granular_list(shape, new) or new_empty):
        left = indexed(shape, old if isinstance(old, list) else None)
        right = indexed(shape, new if isinstance(new, list) else None)
        for element in sorted(right, key=on_the_wire):
            found = _taken(left.get(element, MISSING), right[element], shape.items)
            if found is not None:
                node[element] = found
    else:
        return None if equal(old, new) else {}
    return node or None
