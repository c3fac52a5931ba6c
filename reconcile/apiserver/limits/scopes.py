"""Which objects a quota is about: its scopes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

JSONObject = dict[str, Any]


def requirements(quota: JSONObject) -> list[JSONObject]:
    """All that a quota's scopes require of an object."""
    spec: JSONObject = quota.get("spec") or {}
    plain = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    return plain + ((spec.get("scopeSelector") or {}).get("matchExpressions") or [])


def is_terminating(pod: JSONObject) -> bool:
    """Whether the pod is there for a limited time."""
    deadline = (pod.get("spec") or {}).get("activeDeadlineSeconds")
    return deadline is not None and deadline >= 0


def pod_in_scope(requirement: JSONObject, pod: JSONObject) -> bool:
    match requirement.get("scopeName"):
        case "Terminating":
            return is_terminating(pod)
        case "NotTerminating":
            return not is_terminating(pod)
        case "BestEffort":
            return (pod.get("status") or {}).get("qosClass") == "BestEffort"
        case "NotBestEffort":
            return (pod.get("status") or {}).get("qosClass") != "BestEffort"
        case "PriorityClass":
            name = (pod.get("spec") or {}).get("priorityClassName")
            return _meets(requirement, [name] if name else [])
        case "CrossNamespacePodAffinity":
            return _reaches_other_namespaces(pod)
        case _:
            return False


def claim_in_scope(requirement: JSONObject, claim: JSONObject) -> bool:
    if requirement.get("scopeName") != "VolumeAttributesClass":
        return False
    spec, status = claim.get("spec") or {}, claim.get("status") or {}
    names = {
        spec.get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    }
    return _meets(requirement, [name for name in names if name])


def _meets(requirement: JSONObject, names: list[str]) -> bool:
    values: Iterable[str] = requirement.get("values") or ()
    match requirement.get("operator"):
        case "Exists":
            return bool(names)
        case "DoesNotExist":
            return not names
        case "In":
            return any(name in values for name in names)
        case "NotIn":
            return not names or any(name not in values for name in names)
        case _:
            return False


def _reaches_other_namespaces(pod: JSONObject) -> bool:
    affinity: JSONObject = (pod.get("spec") or {}).get("affinity") or {}
    for key in ("podAffinity", "podAntiAffinity"):
        given: JSONObject = affinity.get(key) or {}
        terms: list[JSONObject] = list(given.get("requiredDuringSchedulingIgnoredDuringExecution") or ())
        preferred = given.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [weighted.get("podAffinityTerm") or {} for weighted in preferred]
        if any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms):
            return True
    return False
