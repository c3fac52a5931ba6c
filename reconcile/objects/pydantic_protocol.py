"""How structs stand inside Pydantic models: validation, serialization, JSON schema.

A struct field takes an instance as it is and a mapping in wire form; it dumps the wire form. Its JSON
schema is written for a CustomResourceDefinition: no references, None means absent, and the API's own
extensions where they say more (`x-kubernetes-int-or-string`, `x-kubernetes-list-type`, …). What a
structural schema cannot say, a type that contains itself, is an object with any fields.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

import msgspec
from pydantic_core import core_schema

from reconcile.objects.empty_parts import drop_empty_parts
from reconcile.objects.meta import Condition, KubernetesObject, ObjectMeta, Struct
from reconcile.objects.nulls import convert_with_nulls
from reconcile.objects.shapes import fields_of

KIND_KEY: Final = "x-reconcile-kind"
"""apiVersion and kind of a struct's class, for who makes an embedded resource of the field."""

_ANYTHING: Final = {"x-kubernetes-preserve-unknown-fields": True}
_SCALARS: Final = {str: "string", bool: "boolean", int: "integer", float: "number"}
_TEXT_MAP: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_NUMBER: Final = r"(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
_QUANTITY: Final = rf"^(\+|-)?{_NUMBER}(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?{_NUMBER}))?$"
_EMBEDDED_METADATA: Final = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": _TEXT_MAP,
        "annotations": _TEXT_MAP,
        "finalizers": {"type": "array", "items": {"type": "string"}},
    },
}
# What controller-gen writes for metav1.Condition, by its markers.
_CONDITION: Final = {
    "type": "object",
    "properties": {
        "lastTransitionTime": {"type": "string", "format": "date-time"},
        "message": {"type": "string", "maxLength": 32768},
        "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
        "reason": {
            "type": "string",
            "maxLength": 1024,
            "minLength": 1,
            "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        },
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "type": {
            "type": "string",
            "maxLength": 316,
            "pattern": (
                r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
                r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
            ),
        },
    },
    "required": ["lastTransitionTime", "message", "reason", "status", "type"],
}


def core_schema_of(struct: type[Struct]) -> core_schema.CoreSchema:
    """What Pydantic needs to validate and dump a field of this type."""

    def validate(value: Any) -> Any:
        if isinstance(value, struct):
            return value
        if issubclass(struct, KubernetesObject) and isinstance(value, Mapping):
            _check_kind(struct, cast("Mapping[str, Any]", value))
        try:
            return convert_with_nulls(value, struct)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error

    return core_schema.no_info_plain_validator_function(
        validate, serialization=core_schema.plain_serializer_function_ser_schema(wire_form)
    )


def wire_form(struct: Struct) -> dict[str, Any]:
    """The struct as plain JSON values under wire names."""
    plain = msgspec.to_builtins(struct)
    drop_empty_parts(struct, plain)
    return plain


def embedded(schema: Any) -> core_schema.CoreSchema:
    """The core schema of a field that holds a whole object: it says what it is, read and written."""
    return core_schema.no_info_before_validator_function(
        _checked_whole, schema, serialization=core_schema.plain_serializer_function_ser_schema(_whole)
    )


def _checked_whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        named = cast("Mapping[str, Any]", value)
        for name in ("apiVersion", "kind"):
            if not isinstance(named.get(name), str) or not named[name]:
                raise ValueError(f"Object missing required field `{name}`")
        return named
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, KubernetesObject):
        return {"apiVersion": value.api_version, "kind": value.kind, **wire_form(value)}
    return value


def _check_kind(struct: type[KubernetesObject], value: Mapping[str, Any]) -> None:
    """A whole object names its kind; it is not another one."""
    resource = struct.__resource_type__
    for name, expected in (("apiVersion", resource.api_version), ("kind", resource.kind)):
        if value.get(name, expected) != expected:
            raise ValueError(f"Expected {expected!r}, got {value[name]!r} - at `$.{name}`")


def json_schema_of(struct: type[Struct]) -> dict[str, Any]:
    """The struct's schema, in the form that a CustomResourceDefinition takes."""
    found = _of_struct(struct, ())
    if not issubclass(struct, KubernetesObject):
        return found
    resource = struct.__resource_type__
    return {**found, KIND_KEY: [resource.api_version, resource.kind]}


def with_natural_keys(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list, with its map keys where its items have them wherever they stand: conditions."""
    if schema.get("items", {}).get("properties") != _CONDITION["properties"]:
        return schema
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"], **schema}


def _of_struct(struct: type[Any], above: tuple[type[Any], ...]) -> dict[str, Any]:
    if issubclass(struct, ObjectMeta):
        return copy.deepcopy(_EMBEDDED_METADATA)
    if issubclass(struct, Condition):
        return copy.deepcopy(_CONDITION)
    if struct in above:
        return {"type": "object", **_ANYTHING}
    above = (*above, struct)
    properties: dict[str, Any] = {}
    if issubclass(struct, KubernetesObject):
        properties = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    shapes = fields_of(struct)
    required: list[str] = []
    for field in msgspec.structs.fields(struct):
        schema = _of(field.type, above)
        keys = shapes[field.encode_name].keys
        if keys and set(keys) <= set(schema.get("items", {}).get("required", ())):
            schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
        properties[field.encode_name] = schema
        if field.required:
            required.append(field.encode_name)
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return {**found, "required": required} if required else found


def _of(annotation: Any, above: tuple[type[Any], ...]) -> dict[str, Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _of(arguments[0], above)
    if origin in (Union, types.UnionType):
        members = [member for member in arguments if member is not type(None)]
        return _of(members[0], above) if len(members) == 1 else _of_union(set(members))
    if origin is Literal:
        return {"type": _SCALARS[cast("Any", type(arguments[0]))], "enum": list(arguments)}
    if origin in (list, tuple, set, frozenset):
        return with_natural_keys({"type": "array", "items": _of(arguments[0], above)})
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(arguments[1], above)}
    if annotation in _SCALARS:
        return {"type": _SCALARS[annotation]}
    if annotation is bytes:
        return {"type": "string", "format": "byte"}
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return _of_struct(annotation, above)
    if annotation is dict:
        return {"type": "object", **_ANYTHING}
    return dict(_ANYTHING)


def _of_union(members: set[Any]) -> dict[str, Any]:
    either: dict[str, Any] = {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    }
    if members == {int, str}:
        return either
    if members == {int, float, str}:
        return {**either, "pattern": _QUANTITY}
    return dict(_ANYTHING)
