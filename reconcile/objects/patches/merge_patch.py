"""JSON Merge Patch (RFC 7386): apply one, and make one from two documents.

An object in the patch is merged, null removes, anything else replaces. As on the API server, nulls inside
what replaces or is added are removed too, inside lists only from objects.
"""

from __future__ import annotations

from typing import Any, cast

from reconcile.objects.json_copy import copy_json
from reconcile.objects.patches.errors import PatchError, same


def apply_merge_patch(document: Any, patch: Any) -> Any:
    """The document after the patch; neither argument is changed.

    Args:
        document: a JSON value; what is not an object is replaced.
        patch: a JSON object, or an array, which replaces the whole document.

    Raises:
        PatchError: code 400, the patch is neither.
    """
    if isinstance(patch, list) or (isinstance(patch, dict) and not isinstance(document, dict)):
        return _without_nulls(cast("Any", patch))
    if not isinstance(patch, dict):
        raise PatchError("Invalid JSON Patch", code=400)
    return _merge(copy_json(cast("dict[str, Any]", document)), cast("dict[str, Any]", patch))


def create_merge_patch(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The smallest patch that makes `after` of `before`; empty when they are equal.

    A merge patch cannot say that a field is to be null, or replace an object by one with fewer fields of
    null: a null in `after` counts as absent. Lists are replaced whole.
    """
    patch: dict[str, Any] = {}
    for name, value in after.items():
        if value is None:
            continue
        if name not in before or before[name] is None:
            patch[name] = _without_nulls(value)
            continue
        old = before[name]
        if isinstance(old, dict) and isinstance(value, dict):
            if inner := create_merge_patch(cast("dict[str, Any]", old), cast("dict[str, Any]", value)):
                patch[name] = inner
        elif not same(old, value):
            patch[name] = _without_nulls(value)
    for name, old in before.items():
        if old is not None and after.get(name) is None:
            patch[name] = None
    return patch


def _merge(document: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Merges into `document`, which is the caller's to give away."""
    for name, value in patch.items():
        if value is None:
            document.pop(name, None)
            continue
        old = document.get(name)
        if isinstance(old, dict):
            is_object = isinstance(value, dict)
            document[name] = _merge(cast("Any", old), cast("Any", value)) if is_object else copy_json(value)
        else:
            document[name] = _without_nulls(value)
    return document


def _without_nulls(value: Any) -> Any:
    """A copy without the fields that are null, at any depth; nulls that are items of a list stay."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return {name: _without_nulls(inner) for name, inner in fields if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in cast("list[Any]", value)]
    return value
