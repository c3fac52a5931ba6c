"""HorizontalPodAutoscaler between autoscaling/v2, in which it is stored, and v1.

v1 has one target, for CPU. What else there is travels in annotations, in the form of v1's own metrics, and
the behaviour as the real server's internal struct. The rules are those of upstream's
`pkg/apis/autoscaling/v1/conversion.go`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]

_PREFIX = "autoscaling.alpha.kubernetes.io/"
_METRICS = f"{_PREFIX}metrics"
_CURRENT = f"{_PREFIX}current-metrics"
_CONDITIONS = f"{_PREFIX}conditions"
_BEHAVIOR = f"{_PREFIX}behavior"
_OURS = (
    _METRICS, _CURRENT, _CONDITIONS, _BEHAVIOR,
    f"{_PREFIX}scale-down-tolerance", f"{_PREFIX}scale-up-tolerance",
)  # fmt: skip
_SOURCES = {
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "External": "external",
}
_UNSET_CPU = 80


class AutoscalerConversion:
    """Between the two versions."""

    async def convert(self, objects: list[JSONObject], api_version: str) -> list[JSONObject]:
        return [self._one(obj, api_version) for obj in objects]

    def _one(self, obj: JSONObject, api_version: str) -> JSONObject:
        if obj.get("apiVersion") == api_version:
            return obj
        change = _to_old if api_version == "autoscaling/v1" else _to_new
        meta = dict(obj["metadata"])
        annotations = dict(meta.get("annotations") or {})
        spec, status = change(dict(obj.get("spec") or {}), dict(obj.get("status") or {}), annotations)
        meta.pop("annotations", None)
        if annotations:
            meta["annotations"] = annotations
        return {**obj, "apiVersion": api_version, "metadata": meta, "spec": spec, "status": status}


class AutoscalerStrategy(KindStrategy):
    """Autoscalers: those of v1 are read as the real server reads them, by way of v2."""

    def default(self, obj: JSONObject, context: RequestContext) -> None:
        if obj.get("apiVersion") != "autoscaling/v1":
            return
        meta = obj["metadata"]
        annotations = dict(meta.get("annotations") or {})
        newer = _to_new(dict(obj.get("spec") or {}), dict(obj.get("status") or {}), annotations)
        obj["spec"], obj["status"] = _to_old(*newer, annotations)
        meta.pop("annotations", None)
        if annotations:
            meta["annotations"] = annotations


def _to_old(spec: JSONObject, status: JSONObject, annotations: JSONObject) -> tuple[JSONObject, JSONObject]:
    for key in _OURS:
        annotations.pop(key, None)
    metrics: list[JSONObject] = spec.pop("metrics", None) or []
    targets = [percent for percent in map(_cpu_target, metrics) if percent is not None]
    if targets:
        spec["targetCPUUtilizationPercentage"] = targets[0]
    others = [metric for metric in metrics if _cpu_target(metric) is None]
    if others:
        annotations[_METRICS] = _encoded([_old_metric(metric, "target") for metric in others])
    current: list[JSONObject] = status.pop("currentMetrics", None) or []
    if current:
        annotations[_CURRENT] = _encoded([_old_metric(metric, "current") for metric in current])
    for metric in current:
        value = metric.get("resource") or {}
        percent = (value.get("current") or {}).get("averageUtilization")
        if value.get("name") == "cpu" and percent is not None:
            status["currentCPUUtilizationPercentage"] = percent
    behavior = spec.pop("behavior", None)
    if behavior is not None:
        annotations[_BEHAVIOR] = _encoded(shown("autoscaling.v2.HorizontalPodAutoscalerBehavior", behavior))
    conditions: list[JSONObject] = status.pop("conditions", None) or []
    if conditions:
        annotations[_CONDITIONS] = _encoded([_old_condition(each) for each in conditions])
    status.setdefault("currentReplicas", 0)
    status.setdefault("desiredReplicas", 0)
    return spec, status


def _to_new(spec: JSONObject, status: JSONObject, annotations: JSONObject) -> tuple[JSONObject, JSONObject]:
    metrics = _decoded(annotations, _METRICS, list)
    spec_metrics = [_new_metric(each, "target") for each in metrics or ()]
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is None and not spec_metrics:
        percent = _UNSET_CPU
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec_metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    spec["metrics"] = spec_metrics
    behavior = _decoded(annotations, _BEHAVIOR, dict)
    if behavior:
        spec["behavior"] = _unshown(behavior)
    percent = status.pop("currentCPUUtilizationPercentage", None)
    current = _decoded(annotations, _CURRENT, list)
    status["currentMetrics"] = None
    if current is not None:
        status["currentMetrics"] = [_new_metric(each, "current") for each in current]
    elif percent is not None:
        resource = {"name": "cpu", "current": {"averageUtilization": percent}}
        status["currentMetrics"] = [{"type": "Resource", "resource": resource}]
    conditions = _decoded(annotations, _CONDITIONS, list)
    if conditions is not None:
        status["conditions"] = conditions
    status.setdefault("desiredReplicas", 0)
    for key in _OURS:
        annotations.pop(key, None)
    return spec, status


def _cpu_target(metric: JSONObject) -> int | None:
    resource: JSONObject = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    return (resource.get("target") or {}).get("averageUtilization")


def _old_condition(condition: JSONObject) -> JSONObject:
    made: JSONObject = {key: condition.get(key) or "" for key in ("type", "status")}
    made["lastTransitionTime"] = condition.get("lastTransitionTime")
    return made | {key: condition[key] for key in ("reason", "message") if condition.get(key)}


def _old_metric(metric: JSONObject, amount: str) -> JSONObject:
    """A metric in v1's form; `amount` is `target` of a spec, `current` of a status."""
    made: JSONObject = {"type": metric.get("type") or ""}
    for key in _SOURCES.values():
        if metric.get(key) is not None:
            made[key] = _old_source(key, metric[key], amount)
    return made


def _old_source(key: str, source: JSONObject, amount: str) -> JSONObject:
    given: JSONObject = source.get(amount) or {}
    spec = amount == "target"
    value, average = given.get("value"), given.get("averageValue")
    if key in ("resource", "containerResource"):
        made: JSONObject = {"name": source.get("name") or ""}
        if given.get("averageUtilization") is not None:
            made[f"{amount}AverageUtilization"] = given["averageUtilization"]
        if average is not None or not spec:
            made[f"{amount}AverageValue"] = average or "0"
        return made | ({"container": source.get("container") or ""} if key == "containerResource" else {})
    metric: JSONObject = source.get("metric") or {}
    name, selector = metric.get("name") or "", metric.get("selector")
    if key == "pods":
        made = {"metricName": name, f"{amount}AverageValue": average or "0"}
        return made | ({"selector": selector} if selector is not None else {})
    if key == "object":
        of: JSONObject = source.get("describedObject") or {}
        target = {part: of.get(part) or "" for part in ("kind", "name")}
        if of.get("apiVersion"):
            target["apiVersion"] = of["apiVersion"]
        made = {"target": target, "metricName": name, f"{amount}Value": value or "0"}
        made |= {"selector": selector} if selector is not None else {}
        return made | ({"averageValue": average} if average is not None else {})
    made = {"metricName": name} | ({"metricSelector": selector} if selector is not None else {})
    if value is not None or not spec:
        made[f"{amount}Value"] = value or "0"
    return made | ({f"{amount}AverageValue": average} if average is not None else {})


def _new_metric(metric: JSONObject, amount: str) -> JSONObject:
    made: JSONObject = {"type": metric.get("type") or ""}
    for key in _SOURCES.values():
        if metric.get(key) is not None:
            made[key] = _new_source(key, metric[key], amount)
    return made


def _new_source(key: str, source: JSONObject, amount: str) -> JSONObject:
    value, average = source.get(f"{amount}Value"), source.get(f"{amount}AverageValue")
    utilization = source.get(f"{amount}AverageUtilization")
    if key == "object":
        average = source.get("averageValue")
        if amount == "target" and average is not None and value == "0":
            value = None
    kind = "AverageValue" if value is None else "Value"
    if key in ("resource", "containerResource"):
        kind = "AverageValue" if utilization is None else "Utilization"
    elif key == "object":
        kind = "Value" if average is None else "AverageValue"
    given: JSONObject = {"type": kind} if amount == "target" else {}
    amounts = {"value": value, "averageValue": average, "averageUtilization": utilization}
    given |= {name: each for name, each in amounts.items() if each is not None}
    if key in ("resource", "containerResource"):
        names = {"name": source.get("name") or ""}
        if key == "containerResource":
            names["container"] = source.get("container") or ""
        return {**names, amount: given}
    selector = source.get("metricSelector" if key == "external" else "selector")
    metric = {"name": source.get("metricName") or ""} | ({} if selector is None else {"selector": selector})
    made: JSONObject = {"metric": metric, amount: given}
    return made | ({"describedObject": source.get("target") or {}} if key == "object" else {})


def _encoded(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _decoded(annotations: JSONObject, key: str, form: type[Any]) -> Any:
    """What an annotation says; None where it is not there, or says nothing that can be read."""
    try:
        found = msgspec.json.decode(annotations[key])
    except (KeyError, msgspec.DecodeError):
        return None
    return found if isinstance(found, form) else None


def _unshown(value: Any) -> Any:
    """Fields under their names in JSON again; those that say nothing are left out."""
    if isinstance(value, list):
        return [_unshown(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {f"{key[:1].lower()}{key[1:]}": _unshown(each) for key, each in value.items() if each is not None}
