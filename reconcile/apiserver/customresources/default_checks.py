"""Defaults of a definition's schema: each must be a value that the schema takes, whole and in all its rules.

The rules are those of `pkg/apiserver/schema/defaulting`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconcile.apiserver.customresources.embedded import EMBEDDED, resource_errors, uncoercible
from reconcile.apiserver.customresources.rules import SchemaRules
from reconcile.apiserver.customresources.schema import unknown_fields
from reconcile.apiserver.customresources.validation import Validator, within
from reconcile.apiserver.field_errors import FieldError, aggregate, invalid
from reconcile.objects.json_copy import copy_json

JSONObject = dict[str, Any]
_Surround = Callable[[Any], JSONObject]
"""Makes of a value the resource that it is in."""

_RESOURCE = ("metadata", "apiVersion", "kind")


def default_errors(schema: JSONObject, path: str) -> list[FieldError]:
    """What is wrong with the defaults of a structural schema at a path."""
    root = {**schema, EMBEDDED: True}
    return _below(root, path, root, _root, in_metadata=False)


def _root(value: Any) -> JSONObject:
    made = dict(value) if isinstance(value, dict) else {}
    return {"kind": "Validation", "apiVersion": "validation/v1", **made}


def _below(
    schema: JSONObject, path: str, resource: JSONObject, surround: _Surround, *, in_metadata: bool
) -> list[FieldError]:
    if schema.get(EMBEDDED):
        in_metadata, surround, resource = False, _root, schema
    errors: list[FieldError] = []
    if schema.get("default") is not None:
        value = schema["default"]
        if in_metadata:
            errors += _of_metadata(value, schema, f"{path}.default", resource, surround)
        else:
            errors += _of_value(value, schema, f"{path}.default", whole=schema is resource)
    items = schema.get("items")
    if isinstance(items, dict):
        inside = _index(surround)
        errors += _below(items, f"{path}.items", resource, inside, in_metadata=in_metadata)
    for name, inner in (schema.get("properties") or {}).items():
        deeper = in_metadata or (bool(schema.get(EMBEDDED)) and name in _RESOURCE)
        field = f"{path}.properties[{name}]"
        errors += _below(inner, field, resource, _child(surround, name), in_metadata=deeper)
    return errors


def _child(surround: _Surround, name: str) -> _Surround:
    return lambda value: surround({name: value})


def _index(surround: _Surround) -> _Surround:
    return lambda value: surround([value])


def _of_metadata(
    value: Any, schema: JSONObject, field: str, resource: JSONObject, surround: _Surround
) -> list[FieldError]:
    """A default inside of metadata, apiVersion or kind: the resource with it must be one."""
    obj = surround(copy_json(value))
    wrong = uncoercible(obj, resource, "", resource=True)
    found = [wrong] if wrong is not None else resource_errors(obj, resource, "", resource=True)
    if found:
        text = aggregate([str(each) for each in found])
        return [invalid(field, value, f"must result in valid metadata: {text}")]
    return _validated(value, schema, field, whole=False)


def _of_value(value: Any, schema: JSONObject, field: str, *, whole: bool) -> list[FieldError]:
    embedded = bool(schema.get(EMBEDDED))
    errors: list[FieldError] = []
    if unknown_fields(copy_json(value), schema, resource=embedded):
        errors.append(invalid(field, value, "must not have unknown fields"))
    wrong = uncoercible(value, schema, field, resource=embedded)
    if wrong is not None:
        return [*errors, wrong]
    found = resource_errors(value, schema, field, resource=embedded)
    return errors + (found or _validated(value, schema, field, whole=whole))


def _validated(value: Any, schema: JSONObject, field: str, *, whole: bool) -> list[FieldError]:
    plain = {key: inner for key, inner in schema.items() if key != "default"}
    found = Validator(schema, defaults=True).errors(value)
    if not found:
        rules = SchemaRules(plain, resource=whole)
        found = rules.check(value, value, (), []) or rules.check(value, None, (), [])
    return within(found, field)
