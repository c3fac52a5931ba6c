"""Makes the strategic merge patch between two documents, as `kubectl` and client-go do (two-way)."""

from __future__ import annotations

from typing import Any, cast

from reconcile.objects.patches.errors import PatchError, go_text, go_type, same
from reconcile.objects.patches.strategic import (
    DELETE_FROM_LIST,
    DIRECTIVE,
    NO_SCHEMA,
    RETAIN_KEYS,
    SET_ORDER,
    Map,
    PatchField,
    PatchSchema,
)


def create_strategic_patch(before: Map, after: Map, schema: PatchSchema) -> Map:
    """The patch that makes `after` of `before` when applied; empty when they are equal.

    Raises:
        PatchError: an item of a merged list lacks its merge key, or a list holds lists.
    """
    return _diff_maps(before, after, schema, retain_keys=False)


def _diff_maps(before: Map, after: Map, schema: PatchSchema, *, retain_keys: bool) -> Map:
    patch: Map = {}
    for name, value in after.items():
        if name not in before or go_type(before[name]) != go_type(value):
            patch[name] = value
        elif same(before[name], value):
            continue
        elif isinstance(value, dict):
            _diff_field_map(patch, name, before[name], cast("Map", value), schema.field(name))
        elif isinstance(value, list):
            _diff_field_list(patch, name, before[name], cast("list[Any]", value), schema.field(name))
        else:
            patch[name] = value
    gone = [name for name in before if name not in after]
    patch.update(dict.fromkeys(gone))
    kept = sorted(name for name, value in after.items() if value is not None)
    if retain_keys and kept and (patch or any(before[name] is not None for name in gone)):
        patch[RETAIN_KEYS] = kept
    return patch


def _diff_field_map(patch: Map, name: str, before: Map, after: Map, field: PatchField) -> None:
    if field.replace:
        patch[name] = after
        return
    inner = _diff_maps(before, after, field.inner or NO_SCHEMA, retain_keys=field.retain_keys)
    if inner:
        patch[name] = inner


def _diff_field_list(patch: Map, name: str, before: list[Any], after: list[Any], field: PatchField) -> None:
    if not field.merge:
        patch[name] = after
        return
    if not before:
        patch[name] = after
        return
    kinds = list(dict.fromkeys(go_type(item) for item in [*before, *after]))
    if "[]interface {}" in kinds:
        raise PatchError("lists of lists are not supported", code=422)
    if len(kinds) > 1:
        raise PatchError(f"list element types are not identical: {go_text([before, after])}", code=500)
    if kinds == ["map[string]interface {}"]:
        items = _diff_items(before, after, field)
        if items:
            patch[name] = items
        patch[f"{SET_ORDER}/{name}"] = [{field.merge_key: item[field.merge_key]} for item in after]
        if not after:
            del patch[f"{SET_ORDER}/{name}"]
        return
    added = [item for item in after if not any(same(item, old) for old in before)]
    removed = [item for item in before if not any(same(item, new) for new in after)]
    if added:
        patch[name] = added
    if removed:
        patch[f"{DELETE_FROM_LIST}/{name}"] = removed
    if after:
        patch[f"{SET_ORDER}/{name}"] = after


def _diff_items(before: list[Map], after: list[Map], field: PatchField) -> list[Map]:
    key = field.merge_key
    for item in [*before, *after]:
        if key not in item:
            text = f"map: {go_text(item)} does not contain declared merge key: {key}"
            raise PatchError(text, code=500)
    changed: list[Map] = []
    for item in after:
        old = next((each for each in before if same(each[key], item[key])), None)
        if old is None:
            changed.append(item)
        elif inner := _diff_maps(old, item, field.inner or NO_SCHEMA, retain_keys=field.retain_keys):
            changed.append({**inner, key: item[key]})
    removed = [item for item in before if not any(same(item[key], each[key]) for each in after)]
    return [*changed, *({key: item[key], DIRECTIVE: "delete"} for item in removed)]
