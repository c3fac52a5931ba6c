"""What is wrong with annotations of pods that mean something to the server: in upstream's words and order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, go_quote, invalid
from reconcile.apiserver.strategies.pod_parts import every_container
from reconcile.apiserver.strategies.pod_scheduling import tolerations
from reconcile.apiserver.strategies.volume_sources import descending

JSONObject = dict[str, Any]
Annotations = dict[str, str]

MIRROR = "kubernetes.io/config.mirror"
_TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations"
_COST = "controller.kubernetes.io/pod-deletion-cost"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_LOCAL = "localhost/"
_NUMBER = re.compile(r"-[0-9]+|0|[1-9][0-9]*")
_SECCOMP_NAMES = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default", "docker/default")}
_APP_ARMOR_NAMES = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default",)}


def annotation_errors(
    annotations: Annotations,
    spec: JSONObject,
    held: Annotations | None = None,
    field: str = "metadata.annotations",
) -> list[FieldError]:
    """The errors of a pod's annotations; `held`: those of the pod that it replaces."""
    errors: list[FieldError] = []
    if MIRROR in annotations and not spec.get("nodeName"):
        text = "must set spec.nodeName if mirror pod annotation is set"
        errors.append(invalid(f"{field}[{MIRROR}]", annotations[MIRROR], text))
    if annotations.get(_TOLERATIONS):
        errors += _tolerations(field, annotations[_TOLERATIONS])
    if not _is_cost(annotations) and (held is None or _is_cost(held)):
        errors.append(invalid(f"{field}[{_COST}]", annotations[_COST], "must be a 32bit integer"))
    for key, profile in sorted(annotations.items(), key=lambda each: (each[0] != _SECCOMP_POD, each[0])):
        if key == _SECCOMP_POD or key.startswith(_SECCOMP_CONTAINER):
            errors += _seccomp(f"{field}.{key}", profile)
    names = {container.get("name") or "" for _, container in every_container("spec", spec)}
    for key, profile in sorted(annotations.items()):
        if key.startswith(_APP_ARMOR):
            name = key.removeprefix(_APP_ARMOR)
            if name not in names:
                errors.append(invalid(f"{field}[{key}]", name, "container not found"))
            known = ("", "runtime/default", "unconfined")
            if profile not in known and not profile.startswith(_LOCAL):
                text = f"invalid AppArmor profile name: {go_quote(profile)}"
                errors.append(invalid(f"{field}[{key}]", profile, text))
    return errors


def annotation_changes(new: Annotations, old: Annotations, spec: JSONObject) -> list[FieldError]:
    """The errors of an update's annotations: what may not change, then what is wrong with them."""
    field = "metadata.annotations"
    errors: list[FieldError] = []
    for verb, given, other in (("remove or update", old, new), ("add", new, old)):
        for key in sorted(given):
            if other.get(key) == given[key] or (verb == "add" and key in old):
                continue
            if key.startswith(_APP_ARMOR):
                errors.append(forbidden(f"{field}[{key}]", f"may not {verb} AppArmor annotations"))
            if key == MIRROR:
                errors.append(forbidden(f"{field}[{key}]", f"may not {verb} mirror pod annotation"))
    return errors + annotation_errors(new, spec, old)


def profile_errors(annotations: Annotations, spec: JSONObject, path: str = "spec") -> Iterator[FieldError]:
    """Profiles of a new pod that its annotations and its fields say otherwise."""
    of_pod: JSONObject = spec.get("securityContext") or {}
    profile = of_pod.get("seccompProfile")
    if profile is not None and _SECCOMP_POD in annotations:
        where = f"{path}.securityContext.seccompProfile"
        yield from _unlike(where, "seccomp", profile, annotations[_SECCOMP_POD], _SECCOMP_NAMES)
    for where, container in every_container(path, spec):
        key = f"{_SECCOMP_CONTAINER}{container.get('name') or ''}"
        profile = (container.get("securityContext") or {}).get("seccompProfile")
        if profile is not None and key in annotations:
            where = f"{where}.securityContext.seccompProfile"
            yield from _unlike(where, "seccomp", profile, annotations[key], _SECCOMP_NAMES)
    if (spec.get("os") or {}).get("name") == "windows":
        return
    for where, container in every_container(path, spec):
        key = f"{_APP_ARMOR}{container.get('name') or ''}"
        own = (container.get("securityContext") or {}).get("appArmorProfile")
        profile = of_pod.get("appArmorProfile") if own is None else own
        if profile is not None and key in annotations:
            where = f"{where}.securityContext.appArmorProfile"
            yield from _unlike(where, "apparmor", profile, annotations[key], _APP_ARMOR_NAMES)


def _unlike(
    field: str, what: str, profile: JSONObject, annotation: str, names: dict[str, tuple[str, ...]]
) -> Iterator[FieldError]:
    kind = profile.get("type") or ""
    if kind == "Localhost":
        alike = annotation.startswith(_LOCAL)
        if alike and annotation.removeprefix(_LOCAL) != profile.get("localhostProfile"):
            yield forbidden(f"{field}.localhostProfile", f"{what} profile in annotation and field must match")
    else:
        alike = kind not in names or annotation in names[kind]
    if not alike:
        yield forbidden(f"{field}.type", f"{what} type in annotation and field must match")


def _is_cost(annotations: Annotations) -> bool:
    cost = annotations.get(_COST)
    return cost is None or (_NUMBER.fullmatch(cost) is not None and -(2**31) <= int(cost) < 2**31)


def _seccomp(field: str, profile: str) -> list[FieldError]:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return []
    if profile.startswith(_LOCAL):
        return descending(field, profile.removeprefix(_LOCAL))
    return [invalid(field, profile, "must be a valid seccomp profile")]


def _tolerations(field: str, text: str) -> list[FieldError]:
    try:
        found = json.loads(text)
    except ValueError:
        problem = f"invalid character '{text.strip()[:1]}' looking for beginning of value"
        return [invalid(field, _TOLERATIONS, problem)]
    return tolerations(f"{field}.{_TOLERATIONS}", found or [])
