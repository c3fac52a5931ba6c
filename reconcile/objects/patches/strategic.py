"""Strategic merge patch: a merge patch that merges lists by key, where the schema says so.

    $patch: replace | delete              for the map or list item it stands in
    $deleteFromPrimitiveList/<field>      values to remove from a list of scalars
    $setElementOrder/<field>              the order that the merged list is to have
    $retainKeys                           the fields that the map may keep

The algorithm and the texts are those of apimachinery's `strategicpatch`; `strategic_diff` makes patches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol, cast

from reconcile.objects.json_copy import copy_json
from reconcile.objects.patches.errors import PatchError, go_text, go_type, same

DIRECTIVE: Final = "$patch"
RETAIN_KEYS: Final = "$retainKeys"
DELETE_FROM_LIST: Final = "$deleteFromPrimitiveList"
SET_ORDER: Final = "$setElementOrder"

Map = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PatchField:
    """How one field is patched.

    Attributes:
        merge: for a list, whether it is merged (`x-kubernetes-patch-strategy: merge`); else it is replaced.
        replace: for a map, whether it is replaced whole.
        retain_keys: whether patches made for it carry `$retainKeys`.
        merge_key: for a merged list of maps, the field that identifies an item.
        inner: the schema of the map, or of the list's items.
    """

    merge: bool = False
    replace: bool = False
    retain_keys: bool = False
    merge_key: str = ""
    inner: PatchSchema | None = None


class PatchSchema(Protocol):
    """What strategic patches must know of a type."""

    @property
    def name(self) -> str:
        """The type's name, for messages."""
        ...

    def field(self, name: str) -> PatchField:
        """How the field of a wire name is patched; raises PatchError for one that the type lacks."""
        ...


class _NoSchema:
    name = "unknown"

    def field(self, name: str) -> PatchField:
        return PatchField(inner=self)


NO_SCHEMA: Final[PatchSchema] = _NoSchema()
"""The schema of a type of which nothing is known: maps are merged, lists replaced."""


def apply_strategic_patch(document: Map, patch: Map, schema: PatchSchema) -> Map:
    """The document after the patch; neither argument is changed.

    Raises:
        PatchError: with the status that the API server gives it.
    """
    return _merge_map(copy_json(document), copy_json(patch), schema)


def _merge_map(original: Map, patch: Map, schema: PatchSchema) -> Map:
    if DIRECTIVE in patch:
        directive = patch.pop(DIRECTIVE)
        if directive == "replace":
            return patch
        if directive == "delete":
            return {}
        _fail(f"unknown patch type: {go_text(directive)} in map: {go_text({DIRECTIVE: directive, **patch})}")
    _retain_keys(original, patch)
    _merge_ordered_lists(original, patch, schema)
    for name, value in patch.items():
        deleting = name.startswith(DELETE_FROM_LIST)
        if deleting:
            name = _parallel_field(name, DELETE_FROM_LIST)
        if value is None:
            original.pop(name, None)
            continue
        if name not in original or go_type(original[name]) != go_type(value):
            if not deleting:
                _put(original, name, _without_nulls(value))
            continue
        if isinstance(value, dict):
            field = schema.field(name)
            below = field.inner or NO_SCHEMA
            original[name] = value if field.replace else _merge_map(original[name], cast("Map", value), below)
        elif isinstance(value, list):
            field = schema.field(name)
            if field.merge or deleting:
                original[name] = _merge_list(original[name], cast("list[Any]", value), field, deleting)
            else:
                original[name] = cast("list[Any]", value)
        else:
            original[name] = value
    return original


def _put(original: Map, name: str, value: Any) -> None:
    clean, keep = _without_directives(value)
    if keep:
        original[name] = clean
    else:
        original.pop(name, None)


def _retain_keys(original: Map, patch: Map) -> None:
    if RETAIN_KEYS not in patch:
        return
    retained = patch.pop(RETAIN_KEYS)
    trouble = "invalid patch format of retainKeys"
    if not isinstance(retained, list):
        _fail(trouble, code=400)
    kept = cast("list[Any]", retained)
    for name, value in patch.items():
        if value is not None and not name.startswith((DELETE_FROM_LIST, SET_ORDER)) and name not in kept:
            _fail(trouble, code=400)
    for name in list(original):
        if name not in kept:
            del original[name]


def _merge_ordered_lists(original: Map, patch: Map, schema: PatchSchema) -> None:
    """Merge the lists for which the patch sets an order, and take them out of the patch."""
    for directive in [name for name in patch if name.startswith(SET_ORDER)]:
        order = _as_list(patch.pop(directive))
        name = _parallel_field(directive, SET_ORDER)
        old = _as_list(original[name]) if name in original else None
        new = _as_list(patch[name]) if name in patch else None
        field = schema.field(name)
        _check_order(new or [], order, field.merge_key)
        if old is None and new is None:
            continue
        if new is None:
            merged = cast("list[Any]", old)
        elif old is None:
            merged = cast("list[Any]", _without_directives(new)[0])
        else:
            merged = _merge_list(old, new, field, deleting=False) if field.merge else new
        _element_kind(old or [], new or [])
        original[name] = _in_order(merged, order, old or [], field.merge_key)
        patch.pop(name, None)


def _check_order(patch: list[Any], order: list[Any], merge_key: str) -> None:
    """The items of the patch list must all stand in the order list, in the same order."""
    if not order or not patch:
        return
    items: list[Any] = [item for item in patch if not (isinstance(item, dict) and DIRECTIVE in item)]
    left = iter(order)
    for item in items:
        if not any(_same_item(item, other, merge_key) for other in left):
            _fail(
                f"The order in patch list:\n{go_text(patch)}\n doesn't match {SET_ORDER} list:\n"
                f"{go_text(order)}\n"
            )


def _same_item(left: Any, right: Any, merge_key: str) -> bool:
    return same(_item_key(left, merge_key), _item_key(right, merge_key))


def _merge_list(original: list[Any], patch: list[Any], field: PatchField, deleting: bool) -> list[Any]:
    if not original and not patch:
        return original
    if _element_kind(original, patch) != "map[string]interface {}":
        if deleting:
            return [item for item in original if not any(same(item, gone) for gone in patch)]
        return _in_order(_distinct([*original, *patch]), patch, original, "")
    key = field.merge_key
    if not key:
        _fail(f"cannot merge lists without merge key for {(field.inner or NO_SCHEMA).name}")
    original, patch = _apply_item_directives(original, patch, key)
    merged = list(original)
    for item in patch:
        value = _item_key(item, key)
        found = _find(merged, key, value)
        if found is None:
            merged.append(item)
        else:
            merged[found] = _merge_map(merged[found], item, field.inner or NO_SCHEMA)
    return _in_order(merged, patch, original, key)


def _apply_item_directives(original: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    plain: list[Any] = []
    replace = False
    for item in cast("list[Map]", patch):
        if DIRECTIVE not in item:
            plain.append(item)
            continue
        match item[DIRECTIVE]:
            case "delete":
                value = _item_key(item, key)
                while (found := _find(original, key, value)) is not None:
                    original = original[:found] + original[found + 1 :]
            case "replace":
                replace = True
            case "merge":
                _fail("merging lists cannot yet be specified in the patch")
            case other:
                _fail(f"unknown patch type: {go_text(other)} in map: {go_text(item)}")
    return (plain, []) if replace else (original, plain)


def _find(items: list[Any], key: str, value: Any) -> int | None:
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            _fail(f"value for key {position} is not a map")
        plain = cast("Map", item)
        if key in plain and same(plain[key], value):
            return position
    return None


def _item_key(item: Any, key: str) -> Any:
    if not key:
        return item
    if not isinstance(item, dict):
        _fail(f"expected a map[string]interface {{}}, but received a {go_type(item)}")
    plain = cast("Map", item)
    if key not in plain:
        _fail(f"map: {go_text(plain)} does not contain declared merge key: {key}")
    return plain[key]


def _in_order(merged: list[Any], order: list[Any], server: list[Any], merge_key: str) -> list[Any]:
    """Items that `order` names in its order, the others in the server's, interleaved by the server's."""
    marks = [_item_key(item, merge_key) for item in order]
    server_marks = [_item_key(item, merge_key) for item in server]

    def place(marks: list[Any]) -> Callable[[Any], int]:
        return lambda item: _position(marks, _item_key(item, merge_key))

    named = [item for item in merged if place(marks)(item) >= 0]
    others = [item for item in merged if place(marks)(item) < 0]
    right, left = sorted(named, key=place(marks)), sorted(others, key=place(server_marks))
    result: list[Any] = []
    i = j = 0
    while i < len(left) and j < len(right):
        mine, other = place(server_marks)(left[i]), place(server_marks)(right[j])
        if 0 <= mine < other:
            result.append(left[i])
            i += 1
        else:
            result.append(right[j])
            j += 1
    return [*result, *left[i:], *right[j:]]


def _position(marks: Sequence[Any], mark: Any) -> int:
    return next((index for index, each in enumerate(marks) if same(each, mark)), -1)


def _element_kind(*lists: list[Any]) -> str:
    kinds = list(dict.fromkeys(go_type(item) for items in lists for item in items))
    if not kinds:
        _fail("no elements in any of the given slices")
    if kinds[0] == "[]interface {}":
        _fail("lists of lists are not supported", code=422)
    if len(kinds) > 1:
        _fail(f"list element types are not identical: {go_text(list(lists))}")
    return kinds[0]


def _distinct(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if not any(same(item, other) for other in found):
            found.append(item)
    return found


def _parallel_field(name: str, prefix: str) -> str:
    head, slash, field = name.partition("/")
    if head != prefix or not slash:
        what = "primitive list" if prefix == DELETE_FROM_LIST else "setElementOrder list"
        _fail(f"invalid patch format of {what}", code=400)
    return field


def _as_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        _fail(f"expected a []interface {{}}, but received a {go_type(value)}")
    return cast("list[Any]", value)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("Map", value).items()
        return {name: _without_nulls(inner) for name, inner in fields if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in cast("list[Any]", value)]
    return value


def _without_directives(value: Any) -> tuple[Any, bool]:
    """The value without the maps that carry a directive; and whether it is not such a map itself."""
    if isinstance(value, dict):
        plain = cast("Map", value)
        if DIRECTIVE in plain:
            return None, False
        inner = {name: _without_directives(each) for name, each in plain.items()}
        return {name: each for name, (each, keep) in inner.items() if keep}, True
    if isinstance(value, list):
        items = [_without_directives(item) for item in cast("list[Any]", value)]
        return [item for item, keep in items if keep], True
    return value, True


def _fail(message: str, *, code: int = 500) -> NoReturn:
    raise PatchError(message, code=code)
