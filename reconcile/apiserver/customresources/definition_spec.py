"""What a CustomResourceDefinition must say, but for its schemas: in upstream's words and order.

Upstream's internal form has at the top of the spec what all versions share, and reports it there. The rules
are those of `pkg/apis/apiextensions/validation`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from reconcile.apiserver.customresources.schema_shown import schema_shown
from reconcile.apiserver.customresources.structural import unreadable
from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_many,
)
from reconcile.apiserver.strategies.admission_kinds import client_config
from reconcile.cel.field_paths import FieldPathError, schema_at
from reconcile.objects.names import dns_1035_label_problems, dns_subdomain_problems

JSONObject = dict[str, Any]
SchemaErrors = Callable[[JSONObject, str, bool], list[FieldError]]
"""What is wrong with a schema at a path; the last is whether its version has a status subresource."""

_SHARED: Final = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")
_COLUMN_TYPES: Final = ("boolean", "date", "integer", "number", "string")
_FORMATS: Final = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_REVIEWS: Final = ("v1", "v1beta1")
_MOST_SELECTABLE: Final = 8


def spec_errors(spec: JSONObject, schema_errors: SchemaErrors) -> list[FieldError]:
    """What is wrong with a definition's spec."""
    errors = _group(spec.get("group") or "") + _chosen(
        "spec.scope", spec.get("scope"), ("Cluster", "Namespaced")
    )
    versions: list[JSONObject] = spec.get("versions") or []
    first: JSONObject = versions[0] if versions else {}
    shared = {key for key in _SHARED if all(each.get(key) == first.get(key) for each in versions)}
    for index, version in enumerate(versions):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            errors.append(required(f"spec.versions[{index}].schema.openAPIV3Schema"))
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        errors += _joined(f"{path}.name", version.get("name") or "", dns_1035_label_problems)
        warning = version.get("deprecationWarning")
        problems = _deprecation(warning, deprecated=bool(version.get("deprecated")))
        errors += [invalid(f"{path}.deprecationWarning", warning, problem) for problem in problems]
        own = {key: None if key in shared else version.get(key) for key in _SHARED}
        errors += _parts(path, "schema", own, _has_status(version), schema_errors)
    errors += _which(versions, shared)
    if first and first.get("name"):
        errors += _joined("spec.version", first["name"], dns_1035_label_problems)
    names: JSONObject = spec.get("names") or {}
    given = ("plural", "singular", "kind", "listKind")
    errors += [required(f"spec.names.{key}") for key in given if not names.get(key)]
    errors += names_errors("spec.names", names)
    status = any(_has_status(version) for version in versions)
    common = {key: first.get(key) if key in shared else None for key in _SHARED}
    errors += _parts("spec", "validation", common, status, schema_errors)
    conversion: JSONObject | None = spec.get("conversion")
    if conversion is not None and conversion.get("strategy") != "None" and spec.get("preserveUnknownFields"):
        text = "must be None if spec.preserveUnknownFields is true"
        errors.append(invalid("spec.conversion.strategy", conversion.get("strategy") or "", text))
    return errors + _conversion(conversion)


def _has_status(version: JSONObject) -> bool:
    return (version.get("subresources") or {}).get("status") is not None


def _group(group: str) -> list[FieldError]:
    if not group:
        return [required("spec.group")]
    errors = _joined("spec.group", group, dns_subdomain_problems)
    if not errors and "." not in group:
        errors.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    return errors


def _chosen(field: str, value: str | None, allowed: Sequence[str]) -> list[FieldError]:
    if not value:
        return [required(field)]
    return [] if value in allowed else [not_supported(field, value, allowed)]


def _joined(field: str, value: str, problems: Callable[[str], Sequence[str]]) -> list[FieldError]:
    found = problems(value)
    return [invalid(field, value, ",".join(found))] if found else []


def _deprecation(warning: str | None, *, deprecated: bool) -> list[str]:
    if warning is None:
        return []
    if not deprecated:
        return ["can only be set for deprecated versions"]
    problems = ["must be <= 256 characters long"] if len(warning.encode()) > 256 else []
    if not warning:
        problems.append("must not be an empty string")
    for index, char in enumerate(warning):
        if not char.isprintable():
            text = "must only contain printable UTF-8 characters; non-printable character found at index"
            problems.append(f"{text} {len(warning[:index].encode())}")
            break
    return problems


def _which(versions: list[JSONObject], shared: set[str]) -> list[FieldError]:
    """Every version once, and one of them stored."""
    names = [version.get("name") for version in versions]
    texts: list[str] = []
    if len(set(names)) < len(names):
        texts.append("must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        texts.append("must have exactly one version marked as storage version")
    shown = [_version_shown(version, shared) for version in versions] if texts else []
    return [invalid("spec.versions", shown or None, text) for text in texts]


def _version_shown(version: JSONObject, shared: set[str]) -> JSONObject:
    own = {key: None if key in shared else version.get(key) for key in _SHARED}
    schema = own["schema"]
    columns = [_column_shown(each) for each in own["additionalPrinterColumns"] or ()]
    fields = [{"JSONPath": each.get("jsonPath") or ""} for each in own["selectableFields"] or ()]
    return {
        "Name": version.get("name") or "",
        "Served": bool(version.get("served")),
        "Storage": bool(version.get("storage")),
        "Deprecated": bool(version.get("deprecated")),
        "DeprecationWarning": version.get("deprecationWarning"),
        "Schema": schema and {"OpenAPIV3Schema": schema_shown(schema.get("openAPIV3Schema"))},
        "Subresources": _subresources_shown(own["subresources"]),
        "AdditionalPrinterColumns": columns or None,
        "SelectableFields": fields or None,
    }


def _subresources_shown(given: JSONObject | None) -> JSONObject | None:
    if given is None:
        return None
    scale: JSONObject | None = given.get("scale")
    if scale is not None:
        scale = {
            "SpecReplicasPath": scale.get("specReplicasPath") or "",
            "StatusReplicasPath": scale.get("statusReplicasPath") or "",
            "LabelSelectorPath": scale.get("labelSelectorPath"),
        }
    return {"Status": given.get("status"), "Scale": scale}


def _column_shown(column: JSONObject) -> JSONObject:
    texts = {
        key: column.get(key[:1].lower() + key[1:]) or "" for key in ("Name", "Type", "Format", "Description")
    }
    return {**texts, "Priority": column.get("priority") or 0, "JSONPath": column.get("jsonPath") or ""}


def names_errors(path: str, names: JSONObject) -> list[FieldError]:
    """What is wrong with the names that there are."""
    errors: list[FieldError] = []
    for key in ("plural", "singular"):
        if names.get(key):
            errors += _joined(f"{path}.{key}", names[key], dns_1035_label_problems)
    for key in ("kind", "listKind"):
        value = names.get(key) or ""
        problems = dns_1035_label_problems(value.lower()) if value else ()
        if problems:
            text = f"may have mixed case, but should otherwise match: {','.join(problems)}"
            errors.append(invalid(f"{path}.{key}", value, text))
    for index, short in enumerate(names.get("shortNames") or ()):
        errors += _joined(f"{path}.shortNames[{index}]", short, dns_1035_label_problems)
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        errors.append(invalid(f"{path}.listKind", names["listKind"], "kind and listKind may not be the same"))
    for index, category in enumerate(names.get("categories") or ()):
        errors += _joined(f"{path}.categories[{index}]", category, dns_1035_label_problems)
    return errors


def _parts(
    path: str, schema_key: str, parts: JSONObject, status: bool, schema_errors: SchemaErrors
) -> list[FieldError]:
    """What may be said of one version, or of all."""
    schema: JSONObject | None = (parts["schema"] or {}).get("openAPIV3Schema")
    errors = [] if schema is None else schema_errors(schema, f"{path}.{schema_key}.openAPIV3Schema", status)
    scale: JSONObject | None = (parts["subresources"] or {}).get("scale")
    errors += [] if scale is None else _scale(f"{path}.subresources.scale", scale)
    for index, column in enumerate(parts["additionalPrinterColumns"] or ()):
        errors += _column(f"{path}.additionalPrinterColumns[{index}]", column)
    fields: list[JSONObject] = parts["selectableFields"] or []
    if fields and schema is None:
        if schema_key == "validation":
            text = "may only be set when validations.schema is included"
        else:
            text = "may only be set when `version.schema.openAPIV3Schema` is not included"
        errors.append(invalid(f"{path}.selectableFields", "", text))
    elif schema is not None:
        problem = unreadable(schema) if fields else ""
        if problem:
            errors.append(invalid(f"{path}.schema.openAPIV3Schema", "", problem))
        errors += _selectable(f"{path}.selectableFields", fields, schema)
    return errors


def _json_path(field: str, path: str) -> list[FieldError]:
    return (
        [] if path.startswith(".") else [invalid(field, path, "must be a simple json path starting with .")]
    )


def _scale(path: str, scale: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, place in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        value, field = scale.get(key) or "", f"{path}.{key}"
        problems = _json_path(field, value) if value else [required(field)]
        if not problems and not value.startswith(f"{place}."):
            problems = [invalid(field, value, f"should be a json path under {place}")]
        errors += problems
    value, field = scale.get("labelSelectorPath") or "", f"{path}.labelSelectorPath"
    problems = _json_path(field, value) if value else []
    if value and not problems and not value.startswith((".spec.", ".status.")):
        problems = [invalid(field, value, "should be a json path under either .spec or .status")]
    return errors + problems


def _column(path: str, column: JSONObject) -> list[FieldError]:
    errors = [] if column.get("name") else [required(f"{path}.name")]
    kind, form, place = (column.get(key) or "" for key in ("type", "format", "jsonPath"))
    text = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not kind:
        errors.append(required(f"{path}.type", text))
    elif kind not in _COLUMN_TYPES:
        errors.append(invalid(f"{path}.type", kind, text))
    if form and form not in _FORMATS:
        errors.append(invalid(f"{path}.format", form, f"must be one of {','.join(_FORMATS)}"))
    field = f"{path}.JSONPath"
    return errors + (_json_path(field, place) if place else [required(field)])


def _selectable(path: str, fields: list[JSONObject], schema: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, each in enumerate(fields):
        field, given = f"{path}[{index}].jsonPath", each.get("jsonPath") or ""
        if not given:
            errors.append(required(field))
            continue
        try:
            where, found = schema_at(given, schema, arrays=False)
        except FieldPathError as error:
            errors.append(invalid(field, given, f"is an invalid path: {error}"))
            continue
        if where.partition(".")[0] == "metadata":
            errors.append(invalid(field, given, "must not point to fields in metadata"))
        if found.get("type") not in ("string", "boolean", "integer"):
            text = (
                "must point to a field of type string, boolean or integer. Enum string fields and strings "
                "with formats are allowed."
            )
            errors.append(invalid(field, given, text))
        if where in seen:
            errors.append(duplicate(field, given))
        seen.add(where)
    return errors + ([too_many(path, len(seen), _MOST_SELECTABLE)] if len(seen) > _MOST_SELECTABLE else [])


def _conversion(conversion: JSONObject | None) -> list[FieldError]:
    if conversion is None:
        return []
    strategy = conversion.get("strategy") or ""
    errors = _chosen("spec.conversion.strategy", strategy, ("None", "Webhook"))
    webhook: JSONObject = conversion.get("webhook") or {}
    client, reviews = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    field, other = "spec.conversion.webhookClientConfig", "spec.conversion.conversionReviewVersions"
    if strategy != "Webhook":
        text = "should not be set when strategy is not set to Webhook"
        errors += [forbidden(field, text)] if client is not None else []
        return errors + ([forbidden(other, text)] if reviews else [])
    if client is None:
        errors.append(required(field, "required when strategy is set to Webhook"))
    else:
        errors += client_config(field, client)
    return errors + _reviews(other, reviews)


def _reviews(field: str, versions: list[str]) -> list[FieldError]:
    if not versions:
        return [required(field)]
    errors: list[FieldError] = []
    for index, version in enumerate(versions):
        where = f"{field}[{index}]"
        if version in versions[:index]:
            errors.append(invalid(where, version, "duplicate version"))
        else:
            errors += [invalid(where, version, problem) for problem in dns_1035_label_problems(version)]
    if not any(version in _REVIEWS for version in versions):
        errors.append(invalid(field, versions, f"must include at least one of {', '.join(_REVIEWS)}"))
    return errors
