"""Walks over values by their shape: which paths a value has, how two differ, how they merge, what is left.

A list with keys or of distinct values is walked item by item; an atomic list or map is one leaf; a value
without a shape goes by what it turns out to be, its lists as leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.managedfields.fieldset import FieldSet, Path, element_of, path_text
from reconcile.apiserver.schemas.restoring import go_shown, type_of
from reconcile.apiserver.schemas.topology import Shape
from reconcile.objects.json_copy import copy_json

MISSING: Any = object()
"""In place of a value that is not there; null is a value."""


class TypedError(Exception):
    """A value does not fit its shape; the text is the server's."""


def granular_map(shape: Shape, value: Any) -> bool:
    return isinstance(value, dict) and not shape.atomic and shape.kind != "list"


def granular_list(shape: Shape, value: Any) -> bool:
    return isinstance(value, list) and shape.kind == "list" and not shape.atomic


def item_element(shape: Shape, item: Any) -> str:
    """How an item of a granular list is told apart."""
    if shape.set or not shape.keys:
        if isinstance(item, dict | list):
            raise TypedError("associative list without keys has an element that's a map type")
        if item is None:
            raise TypedError("associative list without keys has an element that's an explicit null")
        return element_of("v", item)
    if not isinstance(item, dict):
        raise TypedError("associative list with keys may not have non-map elements")
    keys: dict[str, Any] = {}
    for key in shape.keys:
        if key in item and item[key] is not None:
            keys[key] = item[key]
        elif key in shape.defaults:
            keys[key] = shape.defaults[key]
    if not keys:
        # One that is left out tells an item from others, too.
        names = " ".join(go_quote(key) for key in shape.keys)
        raise TypedError(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return element_of("k", keys)


class Repeated(list[Any]):
    """Items of one element: together they are a leaf."""


def indexed(shape: Shape, items: list[Any] | None) -> dict[str, Any]:
    """Items by element."""
    found: dict[str, Any] = {}
    for item in items or ():
        try:
            element = item_element(shape, item)
        except TypedError:
            continue
        if element in found:
            held = found[element]
            found[element] = Repeated([*(held if isinstance(held, Repeated) else [held]), item])
        else:
            found[element] = item
    return found


def field_set(value: Any, shape: Shape) -> FieldSet:
    """The paths of a value: leaves, items of lists, keys of maps, and what is null or empty."""
    found: set[Path] = set()

    def walk(value: Any, shape: Shape, path: Path) -> None:
        if granular_map(shape, value):
            for key, inner in value.items():
                below = (*path, f"f:{key}")
                walk(inner, shape.child(key), below)
                if inner is None or inner == {} or key not in shape.fields:
                    found.add(below)
        elif granular_list(shape, value):
            for element, item in indexed(shape, value).items():
                walk(item, shape.items, (*path, element))
                found.add((*path, element))
        elif value is None and shape.kind in ("struct", "map", "list") and not shape.atomic:
            return
        elif path:
            found.add(path)

    walk(value, shape, ())
    return frozenset(found)


@dataclass(slots=True)
class Comparison:
    """How a new value differs from an old one, by path."""

    added: set[Path] = field(default_factory=set[Path])
    modified: set[Path] = field(default_factory=set[Path])
    removed: set[Path] = field(default_factory=set[Path])


def compare(old: Any, new: Any, shape: Shape) -> Comparison:
    result = Comparison()

    def leaf(old: Any, new: Any, path: Path) -> None:
        if new is MISSING:
            result.removed.add(path)
        elif not equal(old, new):
            result.modified.add(path)

    def appears(new: Any, shape: Shape, path: Path) -> None:
        """`walk` of what was missing, which a creation is all made of."""
        result.added.add(path)
        if isinstance(new, dict):
            if not shape.atomic and shape.kind != "list":
                for key, inner in new.items():
                    appears(inner, shape.child(key), (*path, f"f:{key}"))
        elif new and granular_list(shape, new):
            for element, item in indexed(shape, new).items():
                appears(item, shape.items, (*path, element))

    def walk(old: Any, new: Any, shape: Shape, path: Path) -> None:
        if old is MISSING:
            appears(new, shape, path)
            return
        if old is new or surely_equal(old, new):
            return
        old_empty, new_empty = nothing(old), nothing(new)
        if old_empty and new_empty:
            leaf(old, new, path)
            return
        if (granular_map(shape, old) or old_empty) and (granular_map(shape, new) or new_empty):
            before: dict[str, Any] = old if isinstance(old, dict) else {}
            after: dict[str, Any] = new if isinstance(new, dict) else {}
            for key in {**before, **after}:
                walk(before.get(key, MISSING), after.get(key, MISSING), shape.child(key), (*path, f"f:{key}"))
        elif (granular_list(shape, old) or old_empty) and (granular_list(shape, new) or new_empty):
            left = indexed(shape, old if isinstance(old, list) else None)
            right = indexed(shape, new if isinstance(new, list) else None)
            for element in {**left, **right}:
                walk(left.get(element, MISSING), right.get(element, MISSING), shape.items, (*path, element))
        else:
            leaf(old, new, path)
            return
        if new is MISSING:
            result.removed.add(path)

    walk(old, new, shape, ())
    result.added.discard(())
    result.removed.discard(())
    return result


def nothing(value: Any) -> bool:
    return value is MISSING or value is None or value == {} or value == []


def surely_equal(left: Any, right: Any) -> bool:
    """Equal without a walk in Python; False says nothing.

    Python takes `1` for `True`, so that its own answer needs the text as a second witness.
    """
    return (
        type(left) is type(right)
        and left == right
        and (not isinstance(left, dict | list) or msgspec.json.encode(left) == msgspec.json.encode(right))
    )


def equal(left: Any, right: Any) -> bool:
    """JSON equality: numbers by value, booleans apart from numbers."""
    if surely_equal(left, right):
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def merge(live: Any, config: Any, shape: Shape) -> Any:
    """The live value with the configuration's leaves over it."""
    if config is MISSING:
        return copy_json(live)
    if live is MISSING or nothing(config):
        return (
            copy_json(config)
            if live is MISSING or shape.atomic or nothing(live) or config is None
            else copy_json(live)
        )
    if granular_map(shape, config) and (granular_map(shape, live) or live is None):
        before: dict[str, Any] = live or {}
        merged: dict[str, Any] = {}
        for key in {**before, **config}:
            merged[key] = merge(before.get(key, MISSING), config.get(key, MISSING), shape.child(key))
        return merged
    if granular_list(shape, config) and (granular_list(shape, live) or live is None):
        return _merge_lists(live or [], config, shape)
    return copy_json(config)


def _merge_lists(live: list[Any], config: list[Any], shape: Shape) -> list[Any]:
    left, right = indexed(shape, live), indexed(shape, config)
    left_order, right_order = list(left), list(right)
    shared = [element for element in right_order if element in left]
    next_shared = 0
    result: list[Any] = []
    i = j = 0

    def take_right() -> None:
        nonlocal j, next_shared
        element = right_order[j]
        live = left.get(element, MISSING)
        # One that is applied takes the place of all.
        live = MISSING if isinstance(live, Repeated) else live
        result.append(merge(live, right[element], shape.items))
        j += 1
        if next_shared < len(shared) and shared[next_shared] == element:
            next_shared += 1

    while i < len(left_order) or j < len(right_order):
        if i < len(left_order) and j < len(right_order) and left_order[i] == right_order[j]:
            take_right()
            i += 1
            continue
        if i < len(left_order):
            element = left_order[i]
            if element not in right:
                held = left[element]
                result.extend(copy_json(held) if isinstance(held, Repeated) else [copy_json(held)])
                i += 1
                continue
            if next_shared >= len(shared) or shared[next_shared] != element:
                # In both, but its turn in the configuration's order is another.
                i += 1
                continue
        if j < len(right_order):
            take_right()
        else:
            i += 1
    return result


def remove(value: Any, paths: FieldSet, shape: Shape) -> Any:
    """The value without what stands at these paths; what becomes empty by it becomes null."""
    trie: dict[str, Any] = {}
    for path in paths:
        node = trie
        for element in path:
            node = node.setdefault(element, {})
        node["."] = True

    def walk(value: Any, node: dict[str, Any], shape: Shape) -> Any:
        if granular_map(shape, value) and value:
            kept: dict[str, Any] = {}
            for key, inner in value.items():
                below = node.get(f"f:{key}")
                if below is None:
                    kept[key] = inner
                elif "." not in below:
                    left = walk(inner, below, shape.child(key))
                    kept[key] = None if left is MISSING else left
            return kept or MISSING
        if granular_list(shape, value) and value:
            items: list[Any] = []
            for item in value:
                try:
                    below = node.get(item_element(shape, item))
                except TypedError:
                    below = None
                if below is None:
                    items.append(item)
                elif "." not in below:
                    left = walk(item, below, shape.items)
                    items.append(None if left is MISSING else left)
            return items or MISSING
        return value

    result = walk(value, trie, shape)
    return {} if result is MISSING else result


def with_named_fields(paths: FieldSet, shape: Shape) -> FieldSet:
    """The paths and the named fields on the way to them, which a set usually leaves out."""
    found: set[Path] = set(paths)
    for path in paths:
        here: Shape | None = shape
        for depth, element in enumerate(path[:-1]):
            named = False
            if here is not None:
                if element.startswith("f:"):
                    name = element[2:]
                    named = name in here.fields
                    here = here.child(name)
                else:
                    here = here.items if here.kind == "list" else None
            if named:
                found.add(path[: depth + 1])
    return frozenset(found)


def validate(value: Any, shape: Shape, *, repeated: bool = False) -> None:
    """Raise TypedError where an object names fields that cannot be, or repeats items, unless it may."""
    problems = list(_problems(value, shape, "", repeated=repeated))
    if len(problems) == 1:
        raise TypedError(problems[0])
    if problems:
        raise TypedError("\n  ".join(("errors:", *problems)))


def _problems(value: Any, shape: Shape, path: str, *, repeated: bool) -> Iterator[str]:
    if granular_map(shape, value) and not shape.scalar:
        for key, inner in value.items():
            if shape.kind == "struct" and shape.element is None and key not in shape.fields:
                yield f"{path}.{key}: field not declared in schema"
            else:
                yield from _problems(inner, shape.child(key), f"{path}.{key}", repeated=repeated)
    elif granular_list(shape, value):
        seen: set[str] = set()
        for index, item in enumerate(value):
            try:
                element = item_element(shape, item)
            except TypedError as error:
                yield f"{path}: element {index}: {error}"
                continue
            if element in seen and not repeated:
                yield f"{path}: duplicate entries for key {path_text((element,))}"
            seen.add(element)
            yield from _problems(item, shape.items, f"{path}{path_text((element,))}", repeated=repeated)
    elif value is not None:
        yield from _of_wrong_kind(value, shape, path, repeated=repeated)


def _of_wrong_kind(value: Any, shape: Shape, path: str, *, repeated: bool) -> Iterator[str]:
    if shape.kind in ("struct", "map") and not isinstance(value, dict):
        yield f"{path}: expected map, got {_go_value(value)}"
    elif shape.kind == "list" and not isinstance(value, list):
        yield f"{path}: expected list, got {_go_value(value)}"
    elif shape.kind == "scalar":
        wrong = _of_wrong_type(value, shape.scalar)
        if wrong:
            yield f"{path}: expected {wrong}"
    elif isinstance(value, dict) and shape.kind in ("struct", "map"):
        for key, inner in value.items():
            if shape.kind == "struct" and shape.element is None and key not in shape.fields:
                yield f"{path}.{key}: field not declared in schema"
            else:
                yield from _problems(inner, shape.child(str(key)), f"{path}.{key}", repeated=repeated)
    elif isinstance(value, list) and shape.kind == "list":
        for index, item in enumerate(value):
            yield from _problems(item, shape.items, f"{path}[{index}]", repeated=repeated)


def _of_wrong_type(value: Any, scalar: str) -> str:
    """What a scalar is not; three sentences of upstream, each with the value in another of Go's forms."""
    kind = type(value)
    if scalar == "numeric" and kind is not int and kind is not float:
        return f"numeric (int or float), got {type_of(value)}"
    if scalar == "string" and kind is not str:
        return f"string, got &value.valueUnstructured{{Value:{_in_go(value)}}}"
    if scalar == "boolean" and kind is not bool:
        return f"boolean, got {_go_value(value)}"
    if scalar in ("", "any") and kind in (dict, list):
        return f"{scalar} scalar, got {_go_value(value)}".lstrip()
    return ""


def _go_value(value: Any) -> str:
    return f"&{{{go_shown(value)}}}"


def _in_go(value: Any) -> str:
    """A JSON value as Go's `%#v` prints it."""
    if isinstance(value, dict):
        inside = ", ".join(f"{go_quote(key)}:{_in_go(value[key])}" for key in sorted(value))
        return f"{type_of(value)}{{{inside}}}"
    if isinstance(value, list):
        return f"{type_of(value)}{{{', '.join(map(_in_go, value))}}}"
    if value is None:
        return "interface {}(nil)"
    return go_quote(value) if isinstance(value, str) else go_shown(value)
