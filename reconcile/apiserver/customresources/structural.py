"""Which schemas are structural: the rules of apiextensions' structural schemas, in their words and order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, required
from reconcile.cel.re2 import check_re2

JSONObject = dict[str, Any]

_JUNCTORS: Final = ("allOf", "anyOf", "oneOf")
_UNSUPPORTED: Final = (
    "id",
    "$schema",
    "$ref",
    "patternProperties",
    "dependencies",
    "additionalItems",
    "definitions",
)
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_EMBEDDED: Final = "x-kubernetes-embedded-resource"
_INT_OR_STRING: Final = [{"type": "integer"}, {"type": "string"}]
_IN_VALUES: Final = {
    "type": "must be empty to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    _PRESERVE: "must be false to be structural",
    _EMBEDDED: "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}
"""What may not be said inside allOf, anyOf, oneOf and not, where only values may be constrained."""


def unreadable(schema: JSONObject) -> str:
    """Why there is no structural form of a schema at all; empty where there is one."""
    for key in _UNSUPPORTED:
        value = schema.get(key)
        if value is not None and (value not in ("", {}) or key == "additionalItems"):
            name = "schema" if key == "$schema" else key
            return f"OpenAPIV3Schema '{name}' is not supported"
    below = [schema["not"]] if isinstance(schema.get("not"), dict) else []
    for key in _JUNCTORS:
        below += schema.get(key) or ()
    for inner in below:
        problem = unreadable(inner)
        if problem:
            return problem
    if schema.get(_PRESERVE) is False:
        return f"internal error: '{_PRESERVE}' must be true or undefined"
    items = schema.get("items")
    if isinstance(items, list) and items:
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    for inner in (items, *(schema.get("properties") or {}).values(), schema.get("additionalProperties")):
        problem = unreadable(inner) if isinstance(inner, dict) else ""
        if problem:
            return problem
    return ""


def structural_errors(schema: JSONObject, path: str) -> list[FieldError]:
    """What keeps a schema (that is not `unreadable`) from being structural."""
    found = [*_invariants(schema, path, "root"), *_complete(schema, schema, path, path)]
    return sorted(found, key=str)


def _invariants(schema: JSONObject, path: str, level: str) -> Iterator[FieldError]:
    kind = schema.get("type") or ""
    embedded, preserve = bool(schema.get(_EMBEDDED)), bool(schema.get(_PRESERVE))
    int_or_string = bool(schema.get("x-kubernetes-int-or-string"))
    properties: JSONObject = schema.get("properties") or {}
    items, additional = schema.get("items"), schema.get("additionalProperties")
    if kind == "array" and not isinstance(items, dict):
        yield required(f"{path}.items", "must be specified")
    if isinstance(items, dict):
        yield from _invariants(items, f"{path}.items", "items")
    for name, inner in properties.items():
        yield from _invariants(inner, f"{path}.properties[{name}]", "field")
    if additional is not None:
        if level == "root":
            yield forbidden(f"{path}.additionalProperties", "must not be used at the root")
        if isinstance(additional, dict):
            yield from _invariants(additional, f"{path}.additionalProperties", "field")
    if int_or_string:
        text = "must be false if x-kubernetes-int-or-string is true"
        yield from (invalid(f"{path}.{key}", True, text) for key in (_PRESERVE, _EMBEDDED) if schema.get(key))
    yield from _values(
        schema, path, skip_any=schema.get("anyOf") == _INT_OR_STRING, skip_first=_first_any(schema)
    )
    text = "must be object if x-kubernetes-embedded-resource is true"
    if embedded and kind != "object":
        yield invalid(f"{path}.type", kind, text) if kind else required(f"{path}.type", text)
    elif not kind and not int_or_string and not preserve:
        text = {
            "root": "must not be empty at the root",
            "items": "must not be empty for specified array items",
            "field": "must not be empty for specified object fields",
        }[level]
        yield required(f"{path}.type", text)
    if embedded and additional is not None:
        text = "must not be used if x-kubernetes-embedded-resource is set"
        yield forbidden(f"{path}.additionalProperties", text)
    if level == "root" and kind and kind != "object":
        yield invalid(f"{path}.type", kind, "must be object at the root")
    yield from _type_and_metadata(properties, path, level, resource=embedded or level == "root")
    if embedded and not preserve and not properties:
        text = f"must not be empty if {_EMBEDDED} is true without {_PRESERVE}"
        yield required(f"{path}.properties", text)


def _first_any(schema: JSONObject) -> bool:
    every = schema.get("allOf") or ()
    return bool(every) and every[0].get("anyOf") == _INT_OR_STRING


def _type_and_metadata(
    properties: JSONObject, path: str, level: str, *, resource: bool
) -> Iterator[FieldError]:
    """A resource's own fields have types of their own."""
    if not resource:
        return
    for name, wanted in (("kind", "string"), ("apiVersion", "string"), ("metadata", "object")):
        if name in properties and properties[name].get("type") != wanted:
            field = f"{path}.properties[{name}].type"
            yield invalid(field, properties[name].get("type") or "", f"must be {wanted}")
    if level == "root" and "metadata" in properties and _more_than_names(properties["metadata"]):
        text = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        yield forbidden(f"{path}.properties[metadata]", text)


def _more_than_names(schema: JSONObject) -> bool:
    for key, value in schema.items():
        if key in ("type", "default") or value is None or value is False or value in ("", {}):
            continue
        if key != "properties" or not set(value) <= {"name", "generateName"}:
            return True
    return False


def _values(schema: JSONObject, path: str, *, skip_any: bool, skip_first: bool) -> Iterator[FieldError]:
    """What is wrong inside allOf, anyOf, oneOf and not of a schema, and with its pattern."""
    for key in _JUNCTORS:
        if key == "anyOf" and skip_any:
            continue
        for index, inner in enumerate(schema.get(key) or ()):
            first = key == "allOf" and index == 0 and skip_first
            yield from _nested(inner, f"{path}.{key}[{index}]", skip_any=first)
    if isinstance(schema.get("not"), dict):
        yield from _nested(schema["not"], f"{path}.not")
    pattern = schema.get("pattern")
    wrong = check_re2(pattern) if pattern else None
    if wrong is not None:
        text = f"must be a valid regular expression, but isn't: error parsing regexp: {wrong}"
        yield invalid(f"{path}.pattern", pattern, text)


def _nested(schema: JSONObject, path: str, *, skip_any: bool = False) -> Iterator[FieldError]:
    yield from _values(schema, path, skip_any=skip_any, skip_first=False)
    if isinstance(schema.get("items"), dict):
        yield from _nested(schema["items"], f"{path}.items")
    properties: JSONObject = schema.get("properties") or {}
    for name, inner in properties.items():
        yield from _nested(inner, f"{path}.properties[{name}]")
    for key, text in _IN_VALUES.items():
        if schema.get(key) not in (None, False, "", []) or (key == "default" and schema.get(key) is not None):
            yield forbidden(f"{path}.{key}", text)
    if schema.get("additionalProperties") not in (None, False):
        yield forbidden(f"{path}.additionalProperties", "must be undefined to be structural")
    if "metadata" in properties:
        yield forbidden(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _complete(values: JSONObject, schema: JSONObject, path: str, where: str) -> Iterator[FieldError]:
    """What allOf, anyOf, oneOf and not constrain must be there outside of them, too."""
    junctors = [(f"{where}.not", values["not"])] if isinstance(values.get("not"), dict) else []
    for key in _JUNCTORS:
        junctors += [(f"{where}.{key}[{index}]", inner) for index, inner in enumerate(values.get(key) or ())]
    for place, inner in junctors:
        yield from _complete_below(inner, schema, path, place)


def _complete_below(values: JSONObject, schema: JSONObject, path: str, where: str) -> Iterator[FieldError]:
    yield from _complete(values, schema, path, where)
    if isinstance(values.get("items"), dict):
        below, place = f"{path}.items", f"{where}.items"
        if isinstance(schema.get("items"), dict):
            yield from _complete_below(values["items"], schema["items"], below, place)
        else:
            yield required(below, f"because it is defined in {place}")
    for name, inner in (values.get("properties") or {}).items():
        below, place = f"{path}.properties[{name}]", f"{where}.properties[{name}]"
        found = (schema.get("properties") or {}).get(name)
        if found is None:
            yield required(below, f"because it is defined in {place}")
        else:
            yield from _complete_below(inner, found, below, place)
