"""What a container asks for: amounts of resources, devices claimed, and what a resize does to it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    FieldErrorType,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from reconcile.apiserver.strategies import checks

JSONObject = dict[str, Any]

_RESIZED = ("cpu", "memory")
_POLICIES = ("NotRequired", "RestartContainer")


def container_resources(
    path: str,
    resources: JSONObject | None,
    claims: Collection[str],
    named: Callable[[str, str], list[FieldError]] | None = None,
) -> list[FieldError]:
    """The errors of `resources`; `claims` are the names of the pod's own, `named` as in `checks`."""
    if not resources:
        return []
    errors = checks.resource_requirements(path, resources, named)
    if resources.get("claims"):
        errors += _claims(f"{path}.claims", resources["claims"], claims)
    return errors


def _claims(path: str, given: list[JSONObject], known: Collection[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, claim in enumerate(given):
        where = f"{path}[{index}]"
        name, request = claim.get("name") or "", claim.get("request") or ""
        if not name:
            errors.append(required(where))
            continue
        if name in seen:
            errors.append(duplicate(where, name))
        else:
            key = name
            if request:
                errors += checks.dns_label(f"{where}.request", request)
                key = f"{name}/{request}"
            if key in seen:
                errors.append(duplicate(where, key))
            elif not request:
                overlaps = sum(each.partition("/")[0] == name for each in seen)
                errors += [duplicate(where, name)] * overlaps
            seen.add(key)
        if name not in known:
            shown = f": {', '.join(sorted(known))}" if known else " which is empty"
            text = f"must be one of the names in pod.spec.resourceClaims{shown}"
            errors.append(FieldError(FieldErrorType.NOT_FOUND, where, name, text))
    return errors


def resize_policies(path: str, policies: list[JSONObject], pod_policy: str | None) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, each in enumerate(policies):
        name, policy = each.get("resourceName") or "", each.get("restartPolicy") or ""
        if name in seen:
            errors.append(duplicate(f"{path}[{index}]", name))
        seen.add(name)
        for value, allowed in ((name, _RESIZED), (policy, _POLICIES)):
            if not value:
                errors.append(required(path))
            elif value not in allowed:
                errors.append(not_supported(path, value, allowed))
        if pod_policy == "Never" and policy != "NotRequired":
            text = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            errors.append(invalid(path, policy, text))
    return errors


def only_sidecars_restart(path: str, policies: list[JSONObject]) -> list[FieldError]:
    """An init container that ends has nothing to restart."""
    text = "must not be set to 'RestartContainer' for non-sidecar initContainers"
    return [
        invalid(f"{path}[{index}].restartPolicy", "RestartContainer", text)
        for index, each in enumerate(policies)
        if each.get("restartPolicy") == "RestartContainer"
    ]


def pod_claims(path: str, claims: list[JSONObject], shown: Any) -> list[FieldError]:
    """The errors of a pod's own claims; `shown` gives one as messages show it."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        where = f"{path}[{index}]"
        name = claim.get("name") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        elif name in seen:
            errors.append(duplicate(f"{where}.name", name))
        else:
            errors += checks.dns_label(f"{where}.name", name)
            seen.add(name)
        kinds = ("resourceClaimName", "resourceClaimTemplateName")
        found = [kind for kind in kinds if claim.get(kind) is not None]
        if len(found) > 1:
            text = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            errors.append(invalid(where, shown("core.v1.PodResourceClaim", claim), text))
        if not found:
            text = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            errors.append(invalid(where, shown("core.v1.PodResourceClaim", claim), text))
        for kind in found:
            errors += checks.dns_subdomain(f"{where}.{kind}", claim[kind])
    return errors


def not_for_ephemeral(path: str, container: JSONObject) -> list[FieldError]:
    """What a container added for debugging may not have."""
    text = "cannot be set for an Ephemeral Container"
    errors = [
        forbidden(f"{path}.{key}", text)
        for key in _NOT_EPHEMERAL
        if (container.get(key) is not None if key == "lifecycle" else container.get(key))
    ]
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        errors += [
            forbidden(f"{path}.volumeMounts[{index}].{key}", text)
            for key in ("subPath", "subPathExpr")
            if mount.get(key)
        ]
    return errors


_NOT_EPHEMERAL = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe",
    "readinessProbe", "startupProbe", "lifecycle",
)  # fmt: skip
