"""Lists that are sets, or maps by keys (`x-kubernetes-list-type`): nothing is in them twice.

The rules are those of `pkg/apiserver/schema/listtype`.
"""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.customresources.value_checks import shown
from reconcile.apiserver.field_errors import FieldError, duplicate, invalid
from reconcile.apiserver.managedfields.typed import equal

JSONObject = dict[str, Any]


def list_type_errors(value: Any, schema: JSONObject | None, path: str = "") -> list[FieldError]:
    """What is twice in the lists of a value; each is named where it is met for the second time."""
    if schema is None:
        return []
    errors: list[FieldError] = []
    if isinstance(value, dict):
        properties: JSONObject = schema.get("properties") or {}
        additional = schema.get("additionalProperties")
        for key, inner in value.items():
            if isinstance(additional, dict):
                errors += list_type_errors(inner, additional, f"{path}[{key}]")
            elif key in properties:
                errors += list_type_errors(inner, properties[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        list_type = schema.get("x-kubernetes-list-type")
        if list_type == "set":
            errors += _repeated(value, path)
        elif list_type == "map":
            errors += _repeated_keys(value, schema.get("x-kubernetes-list-map-keys") or (), path)
        items = schema.get("items")
        for index, inner in enumerate(value if isinstance(items, dict) else ()):
            errors += list_type_errors(inner, items, f"{path}[{index}]")
    return errors


def _repeated(values: list[Any], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, value in enumerate(values):
        if sum(equal(value, other) for other in values[:index]) == 1:
            errors.append(duplicate(f"{path}[{index}]", shown(value)))
    return errors


def _repeated_keys(values: list[Any], keys: Any, path: str) -> list[FieldError]:
    for index, value in enumerate(values):
        if value is not None and not isinstance(value, dict):
            text = "must be an object for an array of list-type map"
            return [invalid(f"{path}[{index}]", shown(value), text)]
    found = [{key: value[key] for key in sorted(keys) if key in (value or {})} for value in values]
    return _repeated(found, path)
