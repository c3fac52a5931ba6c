"""What a limit range gives containers, and what it refuses.

The rules and messages are kube-apiserver's LimitRanger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconcile.apiserver.limits.amounts import Amounts, amounts, comparable
from reconcile.apiserver.limits.pod_resources import of_containers
from reconcile.objects.quantities import Amount

JSONObject = dict[str, Any]

ANNOTATION = "kubernetes.io/limit-ranger"
_MAX_MILLI = (2**63 - 1) // 1000


def set_defaults(pod: JSONObject, limit_range: JSONObject) -> None:
    """Give containers the limits and requests that they lack, and say so in an annotation."""
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}
    for limit in _limits(limit_range, "Container"):
        requests |= limit.get("defaultRequest") or {}
        limits |= limit.get("default") or {}
    if not limits and not requests:
        return
    spec: JSONObject = pod["spec"]
    said: list[str] = []
    for key, what in (("containers", "container"), ("initContainers", "init container")):
        for container in spec.get(key) or ():
            resources: JSONObject = container.setdefault("resources", {})
            for part, word, given in (("requests", "request", requests), ("limits", "limit", limits)):
                added = _added(resources, part, given)
                if added:
                    said.append(f"{', '.join(added)} {word} for {what} {container.get('name') or ''}")
    if said:
        meta: JSONObject = pod["metadata"]
        text = f"LimitRanger plugin set: {'; '.join(said)}"
        meta["annotations"] = {**(meta.get("annotations") or {}), ANNOTATION: text}


def _added(resources: JSONObject, part: str, given: Mapping[str, str]) -> list[str]:
    held: dict[str, str] = resources.get(part) or {}
    added = sorted(name for name in given if name not in held)
    if added:
        resources[part] = {**held, **{name: given[name] for name in added}}
    return added


def pod_problems(pod: JSONObject, limit_range: JSONObject) -> list[str]:
    """What of the pod is outside the range."""
    problems: list[str] = []
    spec: JSONObject = pod["spec"]
    for limit in (limit_range.get("spec") or {}).get("limits") or ():
        kind: str = limit.get("type") or ""
        if kind == "Container":
            for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
                resources: JSONObject = container.get("resources") or {}
                requests, limits = amounts(resources.get("requests")), amounts(resources.get("limits"))
                problems += _constraints(kind, limit, requests, limits)
        elif kind == "Pod":
            problems += _constraints(kind, limit, _of_pod(pod, "requests"), _of_pod(pod, "limits"))
    return problems


def _of_pod(pod: JSONObject, part: Any) -> Amounts:
    """The sum; of the pod's own resources only CPU and memory take its place, as the real server has it."""
    own = amounts((pod["spec"].get("resources") or {}).get(part))
    own = {name: amount for name, amount in own.items() if name in ("cpu", "memory")}
    return {**of_containers(pod, part), **own}


def claim_problems(claim: JSONObject, limit_range: JSONObject) -> list[str]:
    """What of the claim's request is outside the range."""
    problems: list[str] = []
    requests = amounts(((claim.get("spec") or {}).get("resources") or {}).get("requests"))
    for limit in _limits(limit_range, "PersistentVolumeClaim"):
        for name, enforced in sorted(amounts(limit.get("min")).items()):
            problems += _minimum("PersistentVolumeClaim", name, enforced, requests, {})
        for name, enforced in sorted(amounts(limit.get("max")).items()):
            problems += _maximum_request("PersistentVolumeClaim", name, enforced, requests)
    return problems


def _limits(limit_range: JSONObject, kind: str) -> list[JSONObject]:
    limits: list[JSONObject] = (limit_range.get("spec") or {}).get("limits") or []
    return [limit for limit in limits if limit.get("type") == kind]


def _constraints(kind: str, limit: JSONObject, requests: Amounts, limits: Amounts) -> list[str]:
    problems: list[str] = []
    for name, enforced in sorted(amounts(limit.get("min")).items()):
        problems += _minimum(kind, name, enforced, requests, limits)
    for name, enforced in sorted(amounts(limit.get("max")).items()):
        problems += _maximum(kind, name, enforced, requests, limits)
    for name, enforced in sorted(amounts(limit.get("maxLimitRequestRatio")).items()):
        problems += _ratio(kind, name, enforced, requests, limits)
    return problems


def _minimum(kind: str, name: str, enforced: Amount, requests: Amounts, limits: Amounts) -> list[str]:
    request, limit = requests.get(name), limits.get(name)
    asked, limited, least = comparable(request, limit, enforced)
    told = f"minimum {name} usage per {kind} is {enforced}"
    if request is None:
        return [f"{told}.  No request is specified"]
    if asked < least:
        return [f"{told}, but request is {request}"]
    if limit is not None and limited < least:
        return [f"{told}, but limit is {limit}"]
    return []


def _maximum(kind: str, name: str, enforced: Amount, requests: Amounts, limits: Amounts) -> list[str]:
    request, limit = requests.get(name), limits.get(name)
    asked, limited, most = comparable(request, limit, enforced)
    told = f"maximum {name} usage per {kind} is {enforced}"
    if limit is None:
        return [f"{told}.  No limit is specified"]
    if limited > most:
        return [f"{told}, but limit is {limit}"]
    if request is not None and asked > most:
        return [f"{told}, but request is {request}"]
    return []


def _maximum_request(kind: str, name: str, enforced: Amount, requests: Amounts) -> list[str]:
    request = requests.get(name)
    asked, most = comparable(request, enforced)
    told = f"maximum {name} usage per {kind} is {enforced}"
    if request is None:
        return [f"{told}.  No request is specified"]
    return [f"{told}, but request is {request}"] if asked > most else []


def _ratio(kind: str, name: str, enforced: Amount, requests: Amounts, limits: Amounts) -> list[str]:
    request, limit = requests.get(name), limits.get(name)
    asked, limited, _ = comparable(request, limit, enforced)
    told = f"{name} max limit to request ratio per {kind} is {enforced}"
    if not asked:
        return [f"{told}, but no request is specified or request is 0"]
    if not limited:
        return [f"{told}, but no limit is specified or limit is 0"]
    ratio = limited / asked
    if enforced.value <= _MAX_MILLI:
        beyond = ratio * 1000 > float(enforced.milli_value)
    else:
        beyond = ratio > float(enforced.value)
    return [f"{told}, but provided ratio is {ratio:f}"] if beyond else []
