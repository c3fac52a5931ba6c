"""Resources inside of custom ones (`x-kubernetes-embedded-resource`): their apiVersion, kind and metadata."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid, required
from reconcile.apiserver.schemas import BuiltinSchemas
from reconcile.apiserver.schemas.decoding import MismatchError, UnreadableError
from reconcile.apiserver.strategies import checks
from reconcile.objects.names import dns_1035_label_problems, dns_label_problems

JSONObject = dict[str, Any]

EMBEDDED = "x-kubernetes-embedded-resource"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def uncoercible(value: Any, schema: JSONObject | None, path: str, *, resource: bool) -> FieldError | None:
    """The first part of a resource, in the value or itself, that has not the form it must have.

    Args:
        resource: the value itself is one.
    """
    if schema is None:
        return None
    if isinstance(value, dict):
        for key, inner in value.items():
            if resource and key in ("apiVersion", "kind") and not isinstance(inner, str):
                return invalid(_at(path, key), inner, "must be a string")
            problem = _unreadable_metadata(inner) if resource and key == "metadata" else ""
            if problem:
                return invalid(_at(path, key), inner, problem)
            below, name = _step(schema, key)
            found = uncoercible(inner, below, _at(path, name), resource=_is_resource(below))
            if found is not None:
                return found
    elif isinstance(value, list):
        items = schema.get("items")
        for index, inner in enumerate(value):
            found = uncoercible(inner, items, f"{path}[{index}]", resource=_is_resource(items))
            if found is not None:
                return found
    return None


def has_resources(schema: Any) -> bool:
    """Whether resources may be anywhere in what the schema is of."""
    if isinstance(schema, dict):
        return _is_resource(schema) or any(has_resources(inner) for inner in schema.values())
    return isinstance(schema, list) and any(has_resources(inner) for inner in schema)


def read_metadata(value: Any, schema: JSONObject | None, path: str, *, resource: bool) -> list[str]:
    """Bring the metadata of resources in the value into its form; returns its unknown fields.

    What cannot be read stays as it is, for `uncoercible` to find. `resource`: the value itself is one.
    """
    if schema is None:
        return []
    unknown: list[str] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            if resource and key == "metadata" and inner is not None and not _unreadable_metadata(inner):
                found: list[str] = []
                value[key] = BuiltinSchemas().decoders.for_struct(_OBJECT_META)(inner, found)
                unknown += [_at(_at(path, key), name) for name in found]
                continue
            below, name = _step(schema, key)
            unknown += read_metadata(inner, below, _at(path, name), resource=_is_resource(below))
    elif isinstance(value, list):
        items = schema.get("items")
        for index, inner in enumerate(value):
            unknown += read_metadata(inner, items, f"{path}[{index}]", resource=_is_resource(items))
    return unknown


def resource_errors(value: Any, schema: JSONObject | None, path: str, *, resource: bool) -> list[FieldError]:
    """What is wrong with resources in the value, or with itself."""
    if schema is None:
        return []
    errors: list[FieldError] = []
    if isinstance(value, dict):
        if resource:
            errors += _own_errors(value, path)
        for key, inner in value.items():
            below, name = _step(schema, key)
            errors += resource_errors(inner, below, _at(path, name), resource=_is_resource(below))
    elif isinstance(value, list):
        items = schema.get("items")
        for index, inner in enumerate(value):
            errors += resource_errors(inner, items, f"{path}[{index}]", resource=_is_resource(items))
    return errors


def _at(path: str, name: str) -> str:
    return f"{path}{name}" if name.startswith("[") or not path else f"{path}.{name}"


def _step(schema: JSONObject, key: str) -> tuple[JSONObject | None, str]:
    properties: JSONObject = schema.get("properties") or {}
    if key in properties:
        return properties[key], key
    additional = schema.get("additionalProperties")
    return (additional, f"[{key}]") if isinstance(additional, dict) else (None, key)


def _is_resource(schema: Any) -> bool:
    return isinstance(schema, dict) and bool(schema.get(EMBEDDED))


def _unreadable_metadata(metadata: Any) -> str:
    """What Go says of metadata that it cannot read; empty where it can."""
    if metadata is None:
        return ""
    try:
        BuiltinSchemas().decoders.for_struct(_OBJECT_META)(metadata, [])
    except MismatchError as error:
        if not error.struct:
            error.struct = "ObjectMeta"
        return error.text
    except UnreadableError as error:
        return str(error)
    return ""


def _own_errors(value: JSONObject, path: str) -> list[FieldError]:
    errors = [required(_at(path, key)) for key in ("apiVersion", "kind") if key not in value]
    for key, inner in value.items():
        field = _at(path, key)
        if key == "apiVersion":
            errors += _api_version(field, inner)
        elif key == "kind":
            errors += _kind(field, inner)
        elif key == "metadata":
            problem = _unreadable_metadata(inner)
            errors += [invalid(field, inner, problem)] if problem else _metadata(field, inner or {})
    return errors


def _api_version(field: str, value: Any) -> list[FieldError]:
    if not isinstance(value, str):
        return [invalid(field, value, "must be a string")]
    if not value:
        return [invalid(field, value, "must not be empty")]
    if value.count("/") > 1:
        return [invalid(field, value, f"unexpected GroupVersion string: {value}")]
    return []


def _kind(field: str, value: Any) -> list[FieldError]:
    if not isinstance(value, str):
        return [invalid(field, value, "must be a string")]
    if not value:
        return [invalid(field, value, "must not be empty")]
    problems = dns_1035_label_problems(value.lower())
    if not problems:
        return []
    text = f"may have mixed case, but should otherwise match: {','.join(problems)}"
    return [invalid(field, value, text)]


def _metadata(field: str, metadata: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    generate, name = metadata.get("generateName") or "", metadata.get("name") or ""
    if generate:
        wrong = [f"may not contain '{part}'" for part in ("/", "%") if part in generate]
        errors += [invalid(f"{field}.generateName", generate, problem) for problem in wrong]
    if name:
        errors += [invalid(f"{field}.name", name, problem) for problem in checks.path_segment(name)]
    namespace = metadata.get("namespace") or ""
    if namespace:
        problems = dns_label_problems(namespace)
        errors += [invalid(f"{field}.namespace", namespace, problem) for problem in problems]
    errors += checks.labels(f"{field}.labels", metadata.get("labels"))
    return errors + checks.annotation_keys(f"{field}.annotations", metadata.get("annotations"))
