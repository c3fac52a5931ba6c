"""CustomResourceDefinitions themselves: what they must say, and that their schemas are structural."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.customresources.default_checks import default_errors
from reconcile.apiserver.customresources.definition_spec import names_errors, spec_errors
from reconcile.apiserver.customresources.formats import unknown_formats
from reconcile.apiserver.customresources.keywords import KeywordCheck
from reconcile.apiserver.customresources.rules import rule_errors
from reconcile.apiserver.customresources.schema_shown import schema_shown, wrong_at_root
from reconcile.apiserver.customresources.structural import structural_errors, unreadable
from reconcile.apiserver.field_errors import (
    FieldError,
    forbidden,
    go_quote,
    invalid,
    required,
)
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy

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

    def default(self, obj: JSONObject, context: RequestContext) -> None:
        super().default(obj, context)
        conversion: JSONObject = obj["spec"].get("conversion") or {}
        webhook: JSONObject = conversion.get("webhook") or {}
        if webhook.get("clientConfig") is None and not webhook.get("conversionReviewVersions"):
            # The version in which definitions are kept has no place for a webhook that says nothing.
            conversion.pop("webhook", None)

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


def definition_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    """What is wrong with a status that is written by itself."""
    return names_errors("status.acceptedNames", (new.get("status") or {}).get("acceptedNames") or {})


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
    problem = unreadable(schema)
    wrong = [] if problem else structural_errors(schema, where) or default_errors(schema, where)
    keywords = KeywordCheck(schema, where)
    errors += wrong + keywords.errors
    if problem:
        # What is wrong in both ways of looking is said once.
        return errors or [invalid(where, "", problem)]
    return errors if wrong else errors + rule_errors(schema, where, keywords.unsound)


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
