"""Which keywords a definition's schema may have, and together: but for being structural, and for expressions.

The rules are those of `pkg/apis/apiextensions/validation`, in their words and order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from reconcile.apiserver.customresources.rules import form_errors
from reconcile.apiserver.customresources.schema_shown import items_shown
from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required

JSONObject = dict[str, Any]

_JUNCTORS: Final = ("allOf", "oneOf", "anyOf")
_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_RESOURCE: Final = ("metadata", "kind", "apiVersion")
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
_LIST_TYPE: Final = "x-kubernetes-list-type"
_MAP_TYPE: Final = "x-kubernetes-map-type"
_KEYS: Final = "x-kubernetes-list-map-keys"
_IN_MAPS: Final = "inside additionalProperties applying to object metadata"


@dataclass(frozen=True, slots=True)
class _Within:
    """What surrounds a schema.

    Attributes:
        metadata: it is that of a resource's metadata, kind or apiVersion, or below.
        no_defaults: why it may have no default; None where it may.
        place: its path below the root, as rules of expressions call it; None inside allOf and its like.
    """

    metadata: bool = False
    no_defaults: str | None = None
    place: str | None = ""


class KeywordCheck:
    """One schema looked through.

    Attributes:
        errors: what is wrong.
        unsound: places of schemas with something wrong in them or below: their expressions aren't compiled.
    """

    def __init__(self, schema: JSONObject, path: str) -> None:
        self.errors: list[FieldError] = []
        self.unsound: set[str] = set()
        self._look(schema, path, _Within(), root=True)

    def _look(self, schema: JSONObject, path: str, within: _Within, *, root: bool = False) -> None:
        before = len(self.errors)
        self.errors += _alone(schema, path, within)
        self._below(schema, path, within, root=root)
        self.errors += _combined(schema, path)
        self.errors += form_errors(schema, path)
        if within.place is not None and len(self.errors) > before:
            self.unsound.add(within.place)

    def _below(self, schema: JSONObject, path: str, within: _Within, *, root: bool) -> None:
        place = within.place
        properties: JSONObject = schema.get("properties") or {}
        additional, items = schema.get("additionalProperties"), schema.get("items")
        if additional is not None and properties and additional is not True:
            text = "additionalProperties and properties are mutual exclusive"
            self.errors.append(forbidden(f"{path}.additionalProperties", text))
        if isinstance(additional, dict):
            inner = replace(within, place=_below(place, "additionalProperties."))
            inner = replace(inner, no_defaults=_IN_MAPS) if within.metadata else inner
            self._look(additional, f"{path}.additionalProperties", inner)
        for name, value in properties.items():
            inner = replace(within, place=_below(place, f"properties[{name}]."))
            if (root or schema.get("x-kubernetes-embedded-resource")) and name in _RESOURCE:
                inner = replace(inner, metadata=True)
                inner = replace(inner, no_defaults=f"in top-level {name}") if root else inner
            self._look(value, f"{path}.properties[{name}]", inner)
        aside = replace(within, place=None)
        if isinstance(schema.get("not"), dict):
            self._look(schema["not"], f"{path}.not", aside)
        for key in _JUNCTORS:
            for index, value in enumerate(schema.get(key) or ()):
                self._look(value, f"{path}.{key}[{index}]", aside)
        for name, value in (schema.get("definitions") or {}).items():
            self._look(value, f"{path}.definitions[{name}]", aside)
        if isinstance(items, dict):
            self._look(items, f"{path}.items", replace(within, place=_below(place, "items.")))
        elif isinstance(items, list):
            for index, value in enumerate(items):
                self._look(value, f"{path}.items[{index}]", aside)
        for name, value in (schema.get("dependencies") or {}).items():
            if isinstance(value, dict):
                self._look(value, f"{path}.dependencies[{name}]", aside)


def _below(place: str | None, more: str) -> str | None:
    return None if place is None else place + more


def _alone(schema: JSONObject, path: str, within: _Within) -> list[FieldError]:
    """Keywords that may not be, whatever is beside them."""
    errors: list[FieldError] = []
    kind = schema.get("type")
    if kind and kind not in _TYPES:
        errors.append(not_supported(f"{path}.type", kind, _TYPES))
    if schema.get("default") is not None and within.no_defaults is not None:
        errors.append(forbidden(f"{path}.default", f"must not be set {within.no_defaults}"))
    for key in ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"):
        value = schema.get(key)
        if value is not None and (value or key in ("additionalItems", "dependencies", "$ref")):
            errors.append(forbidden(f"{path}.{key}", f"{key} is not supported"))
    if kind == "null":
        text = "type cannot be set to null, use nullable as an alternative"
        errors.append(forbidden(f"{path}.type", text))
    if isinstance(schema.get("items"), list) and schema["items"]:
        errors.append(forbidden(f"{path}.items", "items must be a schema object and not an array"))
    if within.metadata and schema.get("x-kubernetes-embedded-resource"):
        text = "must not be used inside of resource meta"
        errors.append(forbidden(f"{path}.x-kubernetes-embedded-resource", text))
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden(f"{path}.uniqueItems", text))
    return errors


def _combined(schema: JSONObject, path: str) -> list[FieldError]:
    """Kubernetes' own keywords, which must fit the type and each other."""
    errors: list[FieldError] = []
    kind, list_type, map_type = schema.get("type") or "", schema.get(_LIST_TYPE), schema.get(_MAP_TYPE)
    if schema.get(_PRESERVE) is False:
        errors.append(invalid(f"{path}.{_PRESERVE}", False, "must be true or undefined"))
    if map_type is not None:
        errors += _typed(path, kind, "object", _MAP_TYPE)
        if map_type not in ("atomic", "granular"):
            errors.append(not_supported(f"{path}.{_MAP_TYPE}", map_type, ("atomic", "granular")))
    if list_type is None:
        if schema.get(_KEYS):
            text = "must be map if x-kubernetes-list-map-keys is non-empty"
            errors.append(required(f"{path}.{_LIST_TYPE}", text))
        return errors
    if kind != "array":
        errors += _typed(path, kind, "array", _LIST_TYPE)
    elif list_type == "set" and isinstance(schema.get("items"), dict):
        errors += _set_items(schema["items"], f"{path}.items")
    if list_type not in ("atomic", "set", "map"):
        errors.append(not_supported(f"{path}.{_LIST_TYPE}", list_type, ("atomic", "set", "map")))
    if schema.get(_KEYS) and list_type != "map":
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        errors.append(invalid(f"{path}.{_LIST_TYPE}", list_type, text))
    if list_type == "map":
        errors += _map_items(schema, path)
    if list_type in ("set", "map") and isinstance(schema.get("items"), dict):
        errors += _nothing_missing(schema, path, list_type)
    return errors


def _typed(path: str, kind: str, wanted: str, keyword: str) -> list[FieldError]:
    if kind == wanted:
        return []
    text = f"must be {wanted} if {keyword} is specified"
    return [invalid(f"{path}.type", kind, text) if kind else required(f"{path}.type", text)]


def _set_items(items: JSONObject, path: str) -> list[FieldError]:
    """What is in a set is one thing: upstream shows the type of the list in both cases."""
    text = "must be atomic as item of a list with x-kubernetes-list-type=set"
    found = items.get(_LIST_TYPE)
    if items.get("type") == "array" and found not in (None, "atomic"):
        return [invalid(f"{path}.{_LIST_TYPE}", found, text)]
    if items.get("type") == "object" and items.get(_MAP_TYPE) != "atomic":
        return [invalid(f"{path}.{_MAP_TYPE}", found, text)]
    return []


def _map_items(schema: JSONObject, path: str) -> list[FieldError]:
    """What is in a map by keys has these keys, which are scalars."""
    errors: list[FieldError] = []
    keys: list[str] = schema.get(_KEYS) or []
    items = schema.get("items")
    if not keys:
        errors.append(required(f"{path}.{_KEYS}", f"must not be empty if {_LIST_TYPE} is map"))
    if items is None:
        errors.append(required(f"{path}.items", f"must have a schema if {_LIST_TYPE} is map"))
    if isinstance(items, list):
        text = f"must only have a single schema if {_LIST_TYPE} is map"
        errors.append(invalid(f"{path}.items", items_shown(items), text))
    if not isinstance(items, dict):
        return errors
    if items.get("type") != "object":
        text = f"must be object if parent array's {_LIST_TYPE} is map"
        return [*errors, invalid(f"{path}.items.type", items.get("type") or "", text)]
    properties: JSONObject = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            text = "entries must all be names of item properties"
            errors.append(invalid(f"{path}.{_KEYS}", keys, text))
        elif properties[key].get("type") in ("array", "object"):
            text = f"must be a scalar type if parent array's {_LIST_TYPE} is map"
            errors.append(invalid(f"{path}.items.properties[{key}].type", "object", text))
        if key in keys[:index]:
            errors.append(invalid(f"{path}.{_KEYS}", keys, "must not contain duplicate entries"))
    return errors


def _nothing_missing(schema: JSONObject, path: str, list_type: str) -> list[FieldError]:
    """Neither items of sets and maps nor their keys may be null or left out."""
    errors: list[FieldError] = []
    items: JSONObject = schema["items"]
    if items.get("nullable"):
        text = f"cannot be nullable when x-kubernetes-list-type is {list_type}"
        errors.append(forbidden(f"{path}.items.nullable", text))
    if list_type == "set":
        return errors
    needed: list[str] = items.get("required") or []
    known: JSONObject = items.get("properties") or {}
    for key in schema.get(_KEYS) or ():
        if key not in known:
            continue
        field, text = f"{path}.items.properties[{key}]", f"this property is in {_KEYS}, so it"
        if key not in needed and known[key].get("default") is None:
            wanted = f"{text} must have a default or be a required property"
            errors.append(required(f"{field}.default", wanted))
        if known[key].get("nullable"):
            errors.append(forbidden(f"{field}.nullable", f"{text} cannot be nullable"))
    return errors
