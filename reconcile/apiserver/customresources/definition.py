"""CustomResourceDefinitions themselves: what they must say, and that their schemas are structural."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconcile.apiserver.customresources.rules import rule_errors
from reconcile.apiserver.customresources.validation import validate
from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
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
_SCHEMA = "schema.openAPIV3Schema"
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
        super().__init__(generation=True, status=True, validate=definition_errors, validate_change=_changes)

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        versions = obj["spec"].get("versions") or ()
        stored = [version["name"] for version in versions if version.get("storage")]
        obj["status"] = {
            "conditions": None,
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": stored,
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


def definition_errors(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    names = spec["names"]
    group, plural = spec.get("group", ""), names.get("plural", "")
    errors: list[FieldError] = []
    wanted = f"{plural}.{group}"
    if obj["metadata"].get("name") != wanted:
        text = 'must be spec.names.plural+"."+spec.group'
        errors.append(invalid("metadata.name", obj["metadata"].get("name", ""), text))
    if not group:
        errors.append(required("spec.group"))
    else:
        errors += checks.dns_subdomain("spec.group", group)
        if "." not in group:
            errors.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        scope = spec.get("scope", "")
        errors.append(
            not_supported("spec.scope", scope, ("Cluster", "Namespaced")) if scope else required("spec.scope")
        )
    errors += _version_errors(spec)
    errors += _name_errors(names)
    errors += _conversion_errors(spec.get("conversion"))
    if spec.get("preserveUnknownFields"):
        text = "must be false"
        errors.append(invalid("spec.preserveUnknownFields", True, text))
    return errors


def _version_errors(spec: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    versions = spec.get("versions") or []
    seen: set[str] = set()
    # What all versions share stands at the top of the internal form, and is reported there.
    shared = {
        key
        for key in ("schema", "subresources", "additionalPrinterColumns")
        if all(version.get(key) == versions[0].get(key) for version in versions)
    }

    def place(key: str, index: int, shown: str) -> str:
        return f"spec.{shown}" if key in shared else f"spec.versions[{index}].{key}"

    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        name = version.get("name", "")
        if name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
        errors += checks.dns_1035(f"{path}.name", name)
        first = index == 0
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            errors.append(required(f"{path}.{_SCHEMA}", "schemas are required"))
        elif first or "schema" not in shared:
            where = place("schema", index, "validation")
            where = f"{where}.openAPIV3Schema"
            wrong = structural_errors(schema, where, root=True)
            errors += wrong + rule_errors(schema, where, structural=not wrong)
        if first or "additionalPrinterColumns" not in shared:
            where = place("additionalPrinterColumns", index, "additionalPrinterColumns")
            for position, column in enumerate(version.get("additionalPrinterColumns") or ()):
                errors += _column_errors(f"{where}[{position}]", column)
        scale = (version.get("subresources") or {}).get("scale")
        if scale is not None and (first or "subresources" not in shared):
            errors += _scale_errors(f"{place('subresources', index, 'subresources')}.scale", scale)
    stored = [version for version in versions if version.get("storage")]
    if len(stored) != 1:
        text = "must have exactly one version marked as storage version"
        errors.append(invalid("spec.versions", versions, text))
    return errors


def _column_errors(path: str, column: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    if not column.get("name"):
        errors.append(required(f"{path}.name"))
    kinds = ("boolean", "date", "integer", "number", "string")
    if column.get("type") not in kinds:
        if not column.get("type"):
            text = f"must be one of {','.join(kinds)}"
            errors.append(required(f"{path}.type", text))
        else:
            errors.append(invalid(f"{path}.type", column["type"], f"must be one of {','.join(kinds)}"))
    if not column.get("jsonPath"):
        errors.append(required(f"{path}.jsonPath"))
    elif not column["jsonPath"].startswith("."):
        text = "must be a simple json path starting with ."
        errors.append(invalid(f"{path}.jsonPath", column["jsonPath"], text))
    return errors


def _scale_errors(path: str, scale: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, prefix in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        value = scale.get(key, "")
        if not value:
            errors.append(required(f"{path}.{key}"))
        elif not value.startswith(prefix):
            text = f"should be a json path under {prefix[:-1]}"
            errors.append(invalid(f"{path}.{key}", value, text))
    value = scale.get("labelSelectorPath")
    if value and not value.startswith((".spec.", ".status.")):
        text = "should be a json path under either .spec or .status"
        errors.append(invalid(f"{path}.labelSelectorPath", value, text))
    return errors


def _name_errors(names: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    for key in ("plural", "singular"):
        value = names.get(key, "")
        errors += checks.dns_1035(f"spec.names.{key}", value)
    for key in ("kind", "listKind"):
        value = names.get(key, "")
        problems = checks.dns_1035(f"spec.names.{key}", value.lower())
        for problem in problems:
            text = f"may have mixed case, but should otherwise match: {problem.detail}"
            errors.append(invalid(f"spec.names.{key}", value, text))
    for index, short in enumerate(names.get("shortNames") or ()):
        errors += checks.dns_1035(f"spec.names.shortNames[{index}]", short)
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        text = "kind and listKind may not be the same"
        errors.append(invalid("spec.names.listKind", names["listKind"], text))
    for index, category in enumerate(names.get("categories") or ()):
        errors += checks.dns_1035(f"spec.names.categories[{index}]", category)
    return errors


def _conversion_errors(conversion: JSONObject | None) -> list[FieldError]:
    strategy = (conversion or {}).get("strategy")
    if strategy not in ("None", "Webhook"):
        return [not_supported("spec.conversion.strategy", strategy or "", ("None", "Webhook"))]
    webhook = (conversion or {}).get("webhook")
    if strategy == "None" and webhook is not None:
        text = "should not be set when strategy is not set to Webhook"
        return [forbidden("spec.conversion.webhook", text)]
    if strategy == "Webhook" and (webhook or {}).get("clientConfig") is None:
        text = "required when strategy is set to Webhook"
        return [required("spec.conversion.webhook.clientConfig", text)]
    return []


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
        errors.append(not_supported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "map", "set")))
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
    served = {version["name"] for version in new["spec"].get("versions") or ()}
    for index, name in enumerate((old.get("status") or {}).get("storedVersions") or ()):
        if name not in served:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                "spec.versions until a storage migration ensures no data remains persisted in "
                f"{name} and removes {name} from status.storedVersions"
            )
            errors.append(invalid(f"status.storedVersions[{index}]", name, text))
    return errors
