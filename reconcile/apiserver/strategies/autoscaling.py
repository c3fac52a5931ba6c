"""Horizontal pod autoscalers: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.networking import kind_and_name

JSONObject = dict[str, Any]

_SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_IN_ORDER = ("object", "external", "pods", "resource", "containerResource")


def autoscaler(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors: list[FieldError] = []
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if low is not None and low < 1:
        errors.append(invalid("spec.minReplicas", low, "must be greater than or equal to 1"))
    if high == 0:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif high < 0:
        errors.append(invalid("spec.maxReplicas", high, "must be greater than or equal to 1"))
    if low is not None and high < low:
        errors.append(invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    target: JSONObject = spec.get("scaleTargetRef") or {}
    # The only kind of the core group that scales.
    group = target.get("kind") != "ReplicationController"
    errors += _target_object("spec.scaleTargetRef", target, group=group)
    percentage = spec.get("targetCPUUtilizationPercentage")
    if percentage is not None and percentage < 1:
        field = "spec.metrics[0].resource.target.averageUtilization"
        errors.append(invalid(field, percentage, "must be greater than 0"))
    metrics: list[JSONObject] = spec.get("metrics") or []
    for index, metric in enumerate(metrics):
        errors += _metric(f"spec.metrics[{index}]", metric)
    if low == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden("spec.metrics", text))
    behavior = spec.get("behavior") or {}
    for key in ("scaleUp", "scaleDown"):
        if behavior.get(key) is not None:
            errors += _rules(f"spec.behavior.{key}", behavior[key])
    return errors


def _target_object(path: str, reference: JSONObject, *, group: bool) -> list[FieldError]:
    errors = kind_and_name(path, reference)
    version = reference.get("apiVersion") or ""
    if version.count("/") > 1:
        text = f"unexpected GroupVersion string: {version}"
        errors.append(invalid(f"{path}.apiVersion", version, text))
    elif group and not version.rpartition("/")[0]:
        errors.append(invalid(f"{path}.apiVersion", version, "apiVersion must specify API group"))
    return errors


def _metric(path: str, metric: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = metric.get("type") or ""
    if not kind:
        errors.append(required(f"{path}.type", "must specify a metric source type"))
    if kind not in _SOURCES:
        errors.append(not_supported(f"{path}.type", kind, tuple(_SOURCES)))
    present = [key for key in _IN_ORDER if metric.get(key) is not None]
    if present:
        errors += _source(f"{path}.{present[0]}", present[0], metric[present[0]])
    expected = _SOURCES.get(kind, "")
    if not expected:
        # Upstream says it once more.
        errors.append(not_supported(f"{path}.type", kind, tuple(_SOURCES)))
    elif expected not in present:
        text = "must populate information for the given metric source"
        errors.append(required(f"{path}.{expected}", text))
    if len(present) != 1:
        errors += [
            forbidden(f"{path}.{key}", "must populate the given metric source only")
            for key in present
            if key != expected
        ]
    return errors


def _source(path: str, kind: str, source: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    target: JSONObject = source.get("target") or {}
    where = f"{path}.target"
    if kind == "object":
        described = source.get("describedObject") or {}
        errors += _target_object(f"{path}.describedObject", described, group=False)
    if kind in ("object", "external", "pods"):
        name = (source.get("metric") or {}).get("name") or ""
        if not name:
            errors.append(required(f"{path}.metric.name", "must specify a metric name"))
        errors += [invalid(f"{path}.metric.name", name, problem) for problem in checks.path_segment(name)]
    else:
        name = source.get("name") or ""
        if not name:
            errors.append(required(f"{path}.name", "must specify a resource name"))
        elif kind == "containerResource":
            errors += checks.container_resource_name(f"{path}.name", name)
        if kind == "containerResource":
            container = source.get("container") or ""
            if not container:
                errors.append(required(f"{path}.container", "must specify a container"))
            else:
                errors += checks.dns_label(f"{path}.container", container)
    errors += _target(where, target)
    value, average = target.get("value"), target.get("averageValue")
    if kind in ("resource", "containerResource"):
        utilization = target.get("averageUtilization")
        if utilization is None and average is None:
            text = "must set either a target raw value or a target utilization"
            errors.append(required(f"{where}.averageUtilization", text))
        if utilization is not None and average is not None:
            text = "may not set both a target raw value and a target utilization"
            errors.append(forbidden(f"{where}.averageValue", text))
    elif kind == "pods":
        if average is None:
            errors.append(required(f"{where}.averageValue", "must specify a positive target averageValue"))
    elif value is None and average is None:
        what = "averageValue" if kind == "object" else "for metric or a per-pod target"
        text = "must set either a target value "
        text += f"or {what}" if kind == "object" else what
        errors.append(required(f"{where}.averageValue", text))
    elif kind == "external" and value is not None and average is not None:
        text = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden(f"{where}.value", text))
    return errors


def _target(path: str, target: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = target.get("type") or ""
    if not kind:
        errors.append(required(f"{path}.type", "must specify a metric target type"))
    if kind not in ("Utilization", "Value", "AverageValue"):
        errors.append(invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue"))
    errors += [
        invalid(f"{path}.{key}", target[key], "must be positive")
        for key in ("value", "averageValue")
        if target.get(key) is not None and checks.Amount.parse(target[key]) <= 0
    ]
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        errors.append(invalid(f"{path}.averageUtilization", utilization, "must be greater than 0"))
    return errors


def _rules(path: str, rules: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    window, policy = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy")
    field = f"{path}.stabilizationWindowSeconds"
    if window is not None and window < 0:
        errors.append(invalid(field, window, "must be greater than or equal to zero"))
    if window is not None and window > 3600:
        errors.append(invalid(field, window, "must be less than or equal to 3600"))
    if policy is not None and policy not in ("Disabled", "Max", "Min"):
        errors.append(not_supported(f"{path}.selectPolicy", policy, ("Disabled", "Max", "Min")))
    if not rules.get("policies"):
        errors.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, each in enumerate(rules.get("policies") or ()):
        where = f"{path}.policies[{index}]"
        if each.get("type") not in ("Pods", "Percent"):
            errors.append(not_supported(f"{where}.type", each.get("type") or "", ("Percent", "Pods")))
        period, value = each.get("periodSeconds") or 0, each.get("value") or 0
        if value <= 0:
            errors.append(invalid(f"{where}.value", value, "must be greater than zero"))
        if period <= 0:
            errors.append(invalid(f"{where}.periodSeconds", period, "must be greater than zero"))
        if period > 1800:
            errors.append(invalid(f"{where}.periodSeconds", period, "must be less than or equal to 1800"))
    tolerance = rules.get("tolerance")
    if tolerance is not None and checks.Amount.parse(tolerance) < 0:
        errors.append(invalid(f"{path}.tolerance", tolerance, "must be greater than or equal to 0"))
    return errors


def autoscaler_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return checks.non_negative(new.get("status") or {}, "status", "currentReplicas", "desiredReplicas")
