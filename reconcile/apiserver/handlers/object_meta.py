"""`metadata`: what holds for every kind, on creation and update, in apimachinery's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconcile.apiserver import field_errors
from reconcile.apiserver.field_errors import FieldError, go_quote
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.resources import Resource
from reconcile.objects.names import (
    dns_1035_label_problems,
    dns_label_problems,
    dns_subdomain_problems,
    label_value_problems,
    qualified_name_problems,
)

MAX_GENERATED_PREFIX = 58
_MAX_ANNOTATIONS = 256 * 1024
_MAX_SUBRESOURCE = 256
_MAX_MANAGER = 128
_GENERIC_GROUPS = frozenset(
    {
        "admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io",
        "coordination.k8s.io", "events.k8s.io", "policy",
    }
)  # fmt: skip
_GENERIC_KINDS = frozenset({"Event", "RuntimeClass"})
_STANDARD_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})


def name_problems(resource: Resource, name: str, *, prefix: bool = False) -> list[str]:
    """What is wrong with a name of this kind, or with a prefix for generated ones."""
    own = resource.strategy.validate_name(name, prefix=prefix)
    if own is not None:
        return own
    rule = resource.strategy.name_rule
    if rule == "path_segment":
        return path_segment_problems(name, prefix=prefix)
    # A prefix may end with a dash: something follows.
    if prefix and name.endswith("-"):
        name = name[:-1] + "a"
    if rule == "label":
        return dns_label_problems(name)
    if rule == "label1035":
        return dns_1035_label_problems(name)
    return dns_subdomain_problems(name)


def path_segment_problems(name: str, *, prefix: bool = False) -> list[str]:
    if not prefix and name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{part}'" for part in ("/", "%") if part in name]


def validate_meta(resource: Resource, meta: JSONObject) -> list[FieldError]:
    """Check the metadata of an object that is about to be created."""
    errors: list[FieldError] = []
    name: str = meta.get("name") or ""
    generate: str = meta.get("generateName") or ""
    if generate:
        errors += [
            field_errors.invalid("metadata.generateName", generate, problem)
            for problem in name_problems(resource, generate, prefix=True)
        ]
    if not name:
        errors.append(field_errors.required("metadata.name", "name or generateName is required"))
    else:
        errors += [
            field_errors.invalid("metadata.name", name, problem) for problem in name_problems(resource, name)
        ]
    errors += _namespace_problems(resource, meta.get("namespace") or "")
    return errors + _common_problems(meta) + _unqualified_finalizers(resource, meta)


def _namespace_problems(resource: Resource, namespace: str) -> list[FieldError]:
    if not resource.type.namespaced:
        if namespace:
            return [field_errors.forbidden("metadata.namespace", "not allowed on this type")]
        return []
    if not namespace:
        return [field_errors.required("metadata.namespace")]
    return [
        field_errors.invalid("metadata.namespace", namespace, problem)
        for problem in dns_label_problems(namespace)
    ]


def _common_problems(meta: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    generation = meta.get("generation")
    if generation is not None and generation < 0:
        errors.append(
            field_errors.invalid("metadata.generation", generation, "must be greater than or equal to 0")
        )
    errors += _map_problems(meta)
    if meta.get("finalizers"):
        errors += _finalizer_problems(meta["finalizers"])
    for index, entry in enumerate(meta.get("managedFields") or ()):
        errors += _entry_problems(f"metadata.managedFields[{index}]", entry)
    return errors


def manager_problems(field: str, manager: str) -> list[FieldError]:
    """What is wrong with the name of a field manager."""
    errors: list[FieldError] = []
    if len(manager) > _MAX_MANAGER:
        errors.append(field_errors.too_long(field, manager, _MAX_MANAGER))
    if not manager.isprintable():
        index, char = next((index, char) for index, char in enumerate(manager) if not char.isprintable())
        detail = f"invalid character U+{ord(char):04X} (at position {index})"
        errors.append(field_errors.invalid(field, manager, detail))
    return errors


def _entry_problems(field: str, entry: JSONObject) -> list[FieldError]:
    errors = manager_problems(f"{field}.manager", entry.get("manager") or "")
    if len((entry.get("subresource") or "").encode()) > _MAX_SUBRESOURCE:
        errors.append(field_errors.too_long(f"{field}.subresource", "", _MAX_SUBRESOURCE))
    return errors


def _map_problems(meta: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    if meta.get("labels"):
        errors += label_problems(meta["labels"], "metadata.labels")
    if meta.get("annotations"):
        errors += annotation_problems(meta["annotations"])
    if meta.get("ownerReferences"):
        errors += _owner_problems(meta["ownerReferences"])
    return errors


def label_problems(labels: Mapping[str, str], field: str) -> list[FieldError]:
    """What is wrong with labels."""
    errors: list[FieldError] = []
    for key, value in sorted(labels.items()):
        errors += [field_errors.invalid(field, key, problem) for problem in qualified_name_problems(key)]
        errors += [
            field_errors.invalid(field, value or "", problem) for problem in label_value_problems(value or "")
        ]
    return errors


def annotation_problems(
    annotations: Mapping[str, str], field: str = "metadata.annotations"
) -> list[FieldError]:
    errors: list[FieldError] = []
    size = 0
    for key, value in sorted(annotations.items()):
        errors += [
            field_errors.invalid(field, key, problem) for problem in qualified_name_problems(key.lower())
        ]
        size += len(key.encode()) + len((value or "").encode())
    if size > _MAX_ANNOTATIONS:
        errors.append(field_errors.too_long(field, "", _MAX_ANNOTATIONS))
    return errors


def _owner_problems(owners: Sequence[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    field = "metadata.ownerReferences"
    controller = ""
    for owner in owners:
        api_version, kind = owner.get("apiVersion") or "", owner.get("kind") or ""
        version = api_version.rpartition("/")[2]
        if not version:
            errors.append(
                field_errors.invalid(f"{field}.apiVersion", api_version, "version must not be empty")
            )
        errors += [
            field_errors.invalid(f"{field}.{part}", "", "must not be empty")
            for part in ("kind", "name", "uid")
            if not owner.get(part)
        ]
        if (api_version, kind) == ("v1", "Event"):
            detail = "/v1, Kind=Event is disallowed from being an owner"
            errors.append(field_errors.invalid(field, owner, detail))
        if owner.get("controller"):
            if controller:
                found = 'Only one reference can have Controller set to true. Found "true" in references '
                detail = f"{found}for {controller} and {kind}/{owner.get('name') or ''}"
                errors.append(field_errors.invalid(field, list(owners), detail))
            else:
                controller = f"{kind}/{owner.get('name') or ''}"
    return errors


def _finalizer_problems(finalizers: Sequence[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    field = "metadata.finalizers"
    for finalizer in finalizers:
        errors += [
            field_errors.invalid(field, finalizer, problem) for problem in qualified_name_problems(finalizer)
        ]
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(field_errors.invalid(field, list(finalizers), detail))
    return errors


_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp")


def validate_meta_update(resource: Resource, meta: JSONObject, old: JSONObject) -> list[FieldError]:
    """Check the metadata of an object that is about to replace another.

    The rules of all objects and those of each kind overlap, so that a client finds some causes twice.
    """
    found = _common_problems(meta) + _forbidden_changes(meta, old) + _map_problems(meta)
    found += _unqualified_finalizers(resource, meta)
    return found + found


def _forbidden_changes(meta: JSONObject, old: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    if old.get("deletionTimestamp") is not None:
        before: Sequence[str] = old.get("finalizers") or ()
        added = [name for name in meta.get("finalizers") or () if name not in before]
        if added:
            names = ", ".join(go_quote(name) for name in sorted(set(added)))
            detail = "no new finalizers can be added if the object is being deleted, found new finalizers "
            errors.append(field_errors.forbidden("metadata.finalizers", f"{detail}[]string{{{names}}}"))
    if not meta.get("resourceVersion"):
        detail = "must be specified for an update"
        errors.append(field_errors.invalid("metadata.resourceVersion", "", detail))
    if (meta.get("generation") or 0) < (old.get("generation") or 0):
        detail = "must not be decremented"
        errors.append(field_errors.invalid("metadata.generation", meta.get("generation") or 0, detail))
    errors += [
        field_errors.invalid(f"metadata.{name}", _shown(meta.get(name)), "field is immutable")
        for name in _IMMUTABLE
        if (meta.get(name) or None) != (old.get(name) or None)
    ]
    grace, old_grace = meta.get("deletionGracePeriodSeconds"), old.get("deletionGracePeriodSeconds")
    if grace != old_grace:
        errors.append(
            field_errors.invalid("metadata.deletionGracePeriodSeconds", grace, "field is immutable")
        )
    return errors


def _unqualified_finalizers(resource: Resource, meta: JSONObject) -> list[FieldError]:
    """Custom resources may have any finalizer, most built-in kinds only qualified ones."""
    kind = resource.type
    if resource.custom or kind.group in _GENERIC_GROUPS or kind.kind in _GENERIC_KINDS:
        return []
    detail = "name is neither a standard finalizer name nor is it fully qualified"
    finalizers: Sequence[str] = meta.get("finalizers") or ()
    return [
        field_errors.invalid(f"metadata.finalizers[{index}]", finalizer, detail)
        for index, finalizer in enumerate(finalizers)
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS
    ]


def _shown(value: Any) -> Any:
    return "" if value is None else value


def carry_over(meta: JSONObject, old: JSONObject) -> None:
    """Before the checks of an update: what a client can leave out or may not set is the old object's."""
    if not meta.get("uid"):
        meta["uid"] = old.get("uid")
    for name in ("creationTimestamp", "deletionTimestamp"):
        if old.get(name) is not None:
            meta[name] = old[name]
    if old.get("deletionGracePeriodSeconds") is not None and meta.get("deletionGracePeriodSeconds") is None:
        meta["deletionGracePeriodSeconds"] = old["deletionGracePeriodSeconds"]
    if old.get("generation") is not None:
        meta["generation"] = old["generation"]
    else:
        meta.pop("generation", None)


DUPLICATE_OWNERS = (
    ".metadata.ownerReferences contains duplicate entries{after}; API server dedups owner references in "
    "1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) "
    "observed: {uids}"
)


def drop_duplicate_owners(meta: JSONObject, warnings: list[str], *, after_admission: bool) -> None:
    """Keep one of equal owner references, and say so."""
    owners: list[JSONObject] | None = meta.get("ownerReferences")
    if not owners or len(owners) < 2:
        return
    kept: list[JSONObject] = []
    repeated: list[str] = []
    for owner in owners:
        if owner in kept:
            repeated.append(str(owner.get("uid") or ""))
        else:
            kept.append(owner)
    if repeated:
        meta["ownerReferences"] = kept
        warnings.append(
            DUPLICATE_OWNERS.format(
                after=" after mutating admission happens" if after_admission else "",
                uids=", ".join(dict.fromkeys(repeated)),
            )
        )
