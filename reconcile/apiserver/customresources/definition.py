"""CustomResourceDefinitions themselves: what they must say, and that their schemas are structural."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconcile.apiserver.customresources.definition_spec import names_errors, spec_errors
from reconcile.apiserver.customresources.formats import unknown_formats
from reconcile.apiserver.customresources.rules import rule_errors
from reconcile.apiserver.customresources.schema_shown import schema_shown, wrong_at_root
from reconcile.apiserver.customresources.validation import validate
from reconcile.apiserver.field_errors import (
    FieldError,
    forbidden,
    go_quote,
    invalid,
    not_supported,
    required,
)
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.cel.re2 import check_re2

JSONObject = dict[str, Any]

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_PROTECTED = (".k8s.io", ".kubernetes.io")
_APPROVED = "api-approved.kubernetes.io"
_POLICY = "https://github.com/kubernetes/enhancements/pull/1111"
_GONE = (
    "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions "
    "until a storage migration ensures no data remains persisted in {name} and removes {name} from "
    "status.storedVersions"
)
_VALUE_KEYS = {
    "type": "must be empty to be structural",
    "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}
_INT_OR_STRING = [[{"type": "integer"}, {"type": "string"}]]


class DefinitionStrategy(KindStrategy):
    """Its finalizer holds a definition until its objects are gone."""

    def __init__(self) -> None:
        super().__init__(generation=True, status=True)

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        return _own_name(obj) + definition_errors(obj) + _approval(obj, None) + _kept_fields(obj)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        errors = spec_errors(new["spec"], _schema_errors) + _changes(new, old) + _status_errors(new)
        return (
            errors
            + _approval(new, old)
            + ([] if old["spec"].get("preserveUnknownFields") else _kept_fields(new))
        )

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        super().prepare_for_update(new, old, context)
        status = new.get("status") or {}
        stored: list[str] = status.get("storedVersions") or []
        for version in new["spec"].get("versions") or ():
            if version.get("storage"):
                if version.get("name") not in stored:
                    new["status"] = {**status, "storedVersions": [*stored, version.get("name") or ""]}
                break

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        known = _unknown_formats(old or {})
        return [
            f"unrecognized format {go_quote(each)}" for each in _unknown_formats(new) if each not in known
        ]

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        versions = obj["spec"].get("versions") or ()
        stored = [version["name"] for version in versions if version.get("storage")]
        obj["status"] = {
            "conditions": None,
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": stored[:1],
        }

    def begin_deletion(self, obj: JSONObject, context: RequestContext) -> bool:
        held: list[str] = obj["metadata"].get("finalizers") or []
        if CLEANUP not in held and not obj["metadata"].get("deletionTimestamp"):
            obj["metadata"]["finalizers"] = [*held, CLEANUP]
        # Set here, and so without a new generation, as the real server does for definitions.
        obj["metadata"].setdefault("deletionTimestamp", context.timestamp)
        status = obj.setdefault("status", {})
        kept = [each for each in status.get("conditions") or () if each["type"] != "Terminating"]
        status["conditions"] = [
            *kept,
            {
                "type": "Terminating",
                "status": "True",
                "lastTransitionTime": context.timestamp,
                "reason": "InstanceDeletionPending",
                "message": "CustomResourceDefinition marked for deletion; "
                "CustomResource deletion will begin soon",
            },
        ]
        return bool(obj["metadata"].get("finalizers"))


def _unknown_formats(obj: JSONObject) -> list[str]:
    found: list[JSONObject] = []
    for version in (obj.get("spec") or {}).get("versions") or ():
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is not None and schema not in found:
            found.append(schema)
    return [each for schema in found for each in unknown_formats(schema)]


def _own_name(obj: JSONObject) -> list[FieldError]:
    """A definition is named by what it defines."""
    names: JSONObject = obj["spec"].get("names") or {}
    wanted = f"{names.get('plural') or ''}.{obj['spec'].get('group') or ''}"
    text = 'must be spec.names.plural+"."+spec.group'
    meta: JSONObject = obj["metadata"]
    return [
        invalid(f"metadata.{key}", meta[key], text)
        for key in ("generateName", "name")
        if meta.get(key) and meta[key] != wanted
    ]


def definition_errors(obj: JSONObject) -> list[FieldError]:
    return [*spec_errors(obj["spec"], _schema_errors), *_status_errors(obj)]


def _status_errors(obj: JSONObject) -> list[FieldError]:
    """What is wrong with names and versions in the status, and with what a definition may no longer say."""
    status: JSONObject = obj.get("status") or {}
    errors = names_errors("status.acceptedNames", status.get("acceptedNames") or {})
    stored: list[str] = status.get("storedVersions") or []
    versions: list[JSONObject] = obj["spec"].get("versions") or []
    field = "status.storedVersions"
    if not stored:
        errors.append(invalid(field, None, "must have at least one stored version"))
    else:
        left = dict.fromkeys(stored)
        for version in versions:
            name = version.get("name") or ""
            if version.get("storage") and name not in left:
                errors.append(invalid(field, stored, f"must have the storage version {name}"))
            left.pop(name, None)
        errors += [
            invalid(f"{field}[{index}]", name, _GONE.format(name=name))
            for index, name in enumerate(stored)
            if name in left
        ]
    return errors


def _kept_fields(obj: JSONObject) -> list[FieldError]:
    if not obj["spec"].get("preserveUnknownFields"):
        return []
    other = "set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    text = f"cannot set to true, {other}"
    return [invalid("spec.preserveUnknownFields", True, text)]


def _approval(new: JSONObject, old: JSONObject | None) -> list[FieldError]:
    """Groups of the project itself need word of who approved them."""
    group = f".{new['spec'].get('group') or ''}"
    problem = _approval_problem(new)
    if not group.endswith(_PROTECTED) or problem is None:
        return []
    if old is not None and _approval_problem(old) == problem:
        # What was stored without may stay so.
        return []
    field = f"metadata.annotations[{_APPROVED}]"
    given = (new["metadata"].get("annotations") or {}).get(_APPROVED) or ""
    text = f"protected groups must have approval annotation {go_quote(_APPROVED)}{problem}, see {_POLICY}"
    return [invalid(field, given, text) if given else required(field, text)]


def _approval_problem(obj: JSONObject) -> str | None:
    """What follows in the words of a refusal; None where there is nothing to say."""
    given: str = (obj["metadata"].get("annotations") or {}).get(_APPROVED) or ""
    if not given:
        return ""
    scheme, found, rest = given.partition("://")
    if given.startswith("unapproved") or (scheme and found and rest.partition("/")[0]):
        return None
    return ' with either a URL or a reason starting with "unapproved"'


def _schema_errors(schema: JSONObject, where: str, status: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    place, text = wrong_at_root(schema) if status else ("", "")
    if place:
        errors.append(invalid(f"{where}.{place}", schema[place], text))
    elif text:
        errors.append(invalid(where, schema_shown(schema), text))
    if schema.get("nullable"):
        errors.append(forbidden(f"{where}.nullable", "nullable cannot be true at the root"))
    wrong = structural_errors(schema, where, root=True)
    return errors + wrong + rule_errors(schema, where, structural=not wrong)


def structural_errors(
    schema: JSONObject, path: str, *, root: bool = False, place: str = "root"
) -> list[FieldError]:
    """The rules that make a schema structural, and those of each keyword."""
    errors: list[FieldError] = []
    kind = schema.get("type", "")
    int_or_string = bool(schema.get("x-kubernetes-int-or-string"))
    preserve = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    properties: JSONObject = schema.get("properties") or {}
    additional = schema.get("additionalProperties")
    if not kind and not int_or_string and not preserve:
        text = {
            "root": "must not be empty at the root",
            "items": "must not be empty for specified array items",
        }.get(place, "must not be empty for specified object fields")
        errors.append(required(f"{path}.type", text))
    if root and kind and kind != "object":
        errors.append(invalid(f"{path}.type", kind, "must be object at the root"))
    known = ("array", "boolean", "integer", "number", "object", "string")
    if kind and kind not in known:
        errors.append(not_supported(f"{path}.type", kind, known))
    if root and additional is not None:
        errors.append(forbidden(f"{path}.additionalProperties", "must not be used at the root"))
    if embedded and kind != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        errors.append(required(f"{path}.type", text) if not kind else invalid(f"{path}.type", kind, text))
    if embedded and not properties and not preserve:
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without "
            "x-kubernetes-preserve-unknown-fields"
        )
        errors.append(required(f"{path}.properties", text))
    if preserve and int_or_string:
        text = "must be false if x-kubernetes-int-or-string is true"
        errors.append(invalid(f"{path}.x-kubernetes-preserve-unknown-fields", True, text))
    if properties and additional is not None:
        text = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden(f"{path}.additionalProperties", text))
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden(f"{path}.uniqueItems", text))
    errors += [
        forbidden(f"{path}.{key}", f"{key} is not supported")
        for key in ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems", "id")
        if schema.get(key)
    ]
    if kind == "array" and not schema.get("items"):
        errors.append(required(f"{path}.items", "must be specified"))
    errors += _list_errors(schema, path)
    map_type = schema.get("x-kubernetes-map-type")
    if map_type is not None:
        if kind != "object":
            errors.append(
                invalid(f"{path}.type", kind, "must be object if x-kubernetes-map-type is specified")
            )
        if map_type not in ("atomic", "granular"):
            errors.append(not_supported(f"{path}.x-kubernetes-map-type", map_type, ("atomic", "granular")))
    pattern = schema.get("pattern")
    wrong = check_re2(pattern) if pattern else None
    if wrong is not None:
        text = f"must be a valid regular expression, but isn't: error parsing regexp: {wrong}"
        errors.append(invalid(f"{path}.pattern", pattern, text))
    errors += _value_errors(schema, path, int_or_string)
    if "default" in schema and not root:
        for error in validate(
            schema["default"], {key: value for key, value in schema.items() if key != "default"}
        ):
            inner = "" if error.field == "<nil>" else f".{error.field}"
            errors.append(replace(error, field=f"{path}.default{inner}"))
    elif root and "default" in schema and schema["default"] is not None:
        errors.append(forbidden(f"{path}.default", "must not be set at the root"))
    for name, inner in properties.items():
        if root and name == "metadata":
            errors += _metadata_errors(inner, f"{path}.properties[metadata]", f"{path}")
            continue
        if root and name in ("apiVersion", "kind"):
            if inner.get("type") not in ("string", None):
                errors.append(invalid(f"{path}.properties[{name}].type", inner["type"], "must be string"))
            continue
        errors += structural_errors(inner, f"{path}.properties[{name}]", place="field")
    if isinstance(additional, dict):
        errors += structural_errors(additional, f"{path}.additionalProperties", place="field")
    items = schema.get("items")
    if isinstance(items, dict):
        errors += structural_errors(items, f"{path}.items", place="items")
    return errors


def _metadata_errors(schema: JSONObject, path: str, root: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if schema.get("type") not in ("object", None):
        errors.append(invalid(f"{path}.type", schema["type"], "must be object"))
    allowed = {"name", "generateName"}
    extra = [key for key in schema.get("properties") or {} if key not in allowed]
    if extra or any(key not in ("type", "properties", "description") for key in schema):
        text = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        errors.append(forbidden(root, text))
    return errors


def _list_errors(schema: JSONObject, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or []
    if list_type is None:
        if keys:
            text = "must be map if x-kubernetes-list-map-keys is non-empty"
            errors.append(required(f"{path}.x-kubernetes-list-type", text))
        return errors
    if schema.get("type") != "array":
        text = "must be array if x-kubernetes-list-type is specified"
        errors.append(invalid(f"{path}.type", schema.get("type", ""), text))
    if list_type not in ("atomic", "map", "set"):
        errors.append(not_supported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "set", "map")))
    if keys and list_type != "map":
        text = "must be map if x-kubernetes-list-map-keys is non-empty"
        errors.append(invalid(f"{path}.x-kubernetes-list-type", list_type, text))
    if list_type == "map":
        items = schema.get("items") or {}
        if not keys:
            text = "must not be empty if x-kubernetes-list-type is map"
            errors.append(required(f"{path}.x-kubernetes-list-map-keys", text))
        if items.get("type") != "object":
            text = "must be object if parent array's x-kubernetes-list-type is map"
            errors.append(invalid(f"{path}.items.type", items.get("type", ""), text))
        properties = items.get("properties") or {}
        needed = items.get("required") or ()
        for index, key in enumerate(keys):
            if key not in properties:
                text = "entries must all be names of item properties"
                errors.append(invalid(f"{path}.x-kubernetes-list-map-keys[{index}]", key, text))
            elif key not in needed and "default" not in properties[key]:
                text = (
                    "this property is in x-kubernetes-list-map-keys, so it must have a default or be a "
                    "required property"
                )
                errors.append(required(f"{path}.items.properties[{key}].default", text))
    return errors


def _value_errors(schema: JSONObject, path: str, int_or_string: bool) -> list[FieldError]:
    """Inside allOf, anyOf, oneOf and not, only values may be constrained."""
    errors: list[FieldError] = []

    def walk(inner: JSONObject, where: str, main: JSONObject) -> None:
        for key, text in _VALUE_KEYS.items():
            if inner.get(key) not in (None, False, "", [], {}):
                if key == "type" and int_or_string and inner["type"] in ("integer", "string"):
                    continue
                errors.append(forbidden(f"{where}.{key}", text))
        for name, below in (inner.get("properties") or {}).items():
            outer = (main.get("properties") or {}).get(name)
            if outer is None and not main.get("additionalProperties"):
                errors.append(
                    required(
                        f"{path}.properties[{name}]", f"because it is defined in {where}.properties[{name}]"
                    )
                )
            walk(below, f"{where}.properties[{name}]", outer or {})
        if isinstance(inner.get("items"), dict):
            walk(inner["items"], f"{where}.items", main.get("items") or {})
        lists(inner, where, main)

    def lists(holder: JSONObject, where: str, main: JSONObject) -> None:
        for key in ("allOf", "anyOf", "oneOf"):
            for index, inner in enumerate(holder.get(key) or ()):
                walk(inner, f"{where}.{key}[{index}]", main)
        if isinstance(holder.get("not"), dict):
            walk(holder["not"], f"{where}.not", main)

    lists(schema, path, schema)
    return errors


def _changes(new: JSONObject, old: JSONObject) -> list[FieldError]:
    conditions = (old.get("status") or {}).get("conditions") or ()
    established = any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
    errors: list[FieldError] = []
    if established:
        errors += checks.immutable(new["spec"], old["spec"], "spec", "scope")
        errors += checks.immutable(new["spec"]["names"], old["spec"]["names"], "spec.names", "kind")
    errors += checks.immutable(new["spec"], old["spec"], "spec", "group")
    errors += checks.immutable(new["spec"]["names"], old["spec"]["names"], "spec.names", "plural")
    return errors
