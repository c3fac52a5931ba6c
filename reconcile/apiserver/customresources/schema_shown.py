"""Schemas as messages show them: upstream's internal struct, whose fields have the names of the source."""

from __future__ import annotations

from typing import Any, Final

JSONObject = dict[str, Any]

_SCHEMA: Final = object()
_LIST: Final = object()
_MAP: Final = object()
# By Go's name and order: the JSON name, and what stands there when there is nothing, or what is inside.
_FIELDS: Final[tuple[tuple[str, str, Any], ...]] = (
    ("ID", "id", ""),
    ("Schema", "$schema", ""),
    ("Ref", "$ref", None),
    ("Description", "description", ""),
    ("Type", "type", ""),
    ("Nullable", "nullable", False),
    ("Format", "format", ""),
    ("Title", "title", ""),
    ("Default", "default", None),
    ("Maximum", "maximum", None),
    ("ExclusiveMaximum", "exclusiveMaximum", False),
    ("Minimum", "minimum", None),
    ("ExclusiveMinimum", "exclusiveMinimum", False),
    ("MaxLength", "maxLength", None),
    ("MinLength", "minLength", None),
    ("Pattern", "pattern", ""),
    ("MaxItems", "maxItems", None),
    ("MinItems", "minItems", None),
    ("UniqueItems", "uniqueItems", False),
    ("MultipleOf", "multipleOf", None),
    ("Enum", "enum", None),
    ("MaxProperties", "maxProperties", None),
    ("MinProperties", "minProperties", None),
    ("Required", "required", None),
    ("Items", "items", "items"),
    ("AllOf", "allOf", _LIST),
    ("OneOf", "oneOf", _LIST),
    ("AnyOf", "anyOf", _LIST),
    ("Not", "not", _SCHEMA),
    ("Properties", "properties", _MAP),
    ("AdditionalProperties", "additionalProperties", "additional"),
    ("PatternProperties", "patternProperties", _MAP),
    ("Dependencies", "dependencies", None),
    ("AdditionalItems", "additionalItems", "additional"),
    ("Definitions", "definitions", _MAP),
    ("ExternalDocs", "externalDocs", None),
    ("Example", "example", None),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", None),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", False),
    ("XIntOrString", "x-kubernetes-int-or-string", False),
    ("XListMapKeys", "x-kubernetes-list-map-keys", None),
    ("XListType", "x-kubernetes-list-type", None),
    ("XMapType", "x-kubernetes-map-type", None),
    ("XValidations", "x-kubernetes-validations", "rules"),
)
_RULE: Final = ("rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")
_AT_ROOT: Final = (
    "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength "
    "Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example "
    "XPreserveUnknownFields XValidations"
)
_ALLOWED: Final = frozenset(_AT_ROOT.split())


def schema_shown(schema: JSONObject | None) -> Any:
    """The schema with all fields of the struct."""
    if schema is None:
        return None
    return {go: _shown(schema.get(name), form) for go, name, form in _FIELDS}


def items_shown(items: JSONObject | list[JSONObject]) -> JSONObject:
    """A schema of items, or a list of them."""
    if isinstance(items, list):
        return {"Schema": None, "JSONSchemas": [schema_shown(each) for each in items]}
    return {"Schema": schema_shown(items), "JSONSchemas": None}


def _shown(value: Any, form: Any) -> Any:
    if form is _SCHEMA:
        return schema_shown(value)
    if form is _LIST:
        return None if value is None else [schema_shown(each) for each in value]
    if form is _MAP:
        return None if value is None else {key: schema_shown(value[key]) for key in sorted(value)}
    if form == "items":
        return value if value is None else items_shown(value)
    if form == "additional":
        if value is None:
            return None
        if isinstance(value, bool):
            return {"Allows": value, "Schema": None}
        return {"Allows": True, "Schema": schema_shown(value)}
    if form == "rules":
        return None if value is None else [_rule(each) for each in value]
    return form if value is None else value


def _rule(rule: JSONObject) -> JSONObject:
    optional = ("reason", "optionalOldSelf")
    return {
        f"{key[:1].upper()}{key[1:]}": rule.get(key) if key in optional else rule.get(key) or ""
        for key in _RULE
    }


def wrong_at_root(schema: JSONObject) -> tuple[str, str]:
    """Which field may not be at the root of a schema with a status subresource, and why not.

    The field is `type`, or empty for one that may not be there at all; both are empty where all may be.
    """
    for go, name, _ in _FIELDS:
        value = schema.get(name)
        if value is None or value is False or value == "":
            continue
        if go == "Type" and value != "object":
            text = "is allowed as the type at the root of the schema if the status subresource is enabled"
            return "type", f'only "object" {text}'
        if go not in _ALLOWED:
            text = "fields are allowed at the root of the schema if the status subresource is enabled"
            return "", f"only [{_AT_ROOT}] {text}"
    return "", ""
