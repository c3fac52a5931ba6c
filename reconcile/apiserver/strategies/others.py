"""Checks of the smaller kinds: leases, disruption budgets, autoscalers, storage classes, RBAC, slices, …"""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]


def lease(obj: JSONObject) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    transitions = spec.get("leaseTransitions")
    if transitions is not None and transitions < 0:
        errors.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    return errors


class LeaseStrategy(KindStrategy):
    """Drops the fields of coordinated leader election, which is behind a feature gate that is off."""

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        _drop_coordination(obj)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        _drop_coordination(new)


def _drop_coordination(obj: JSONObject) -> None:
    for key in ("strategy", "preferredHolder"):
        (obj.get("spec") or {}).pop(key, None)


def disruption_budget(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors: list[FieldError] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        text = "minAvailable and maxUnavailable cannot be both set"
        errors.append(invalid("spec", shown("policy.v1.PodDisruptionBudgetSpec", spec), text))
    for key in ("minAvailable", "maxUnavailable"):
        value = spec.get(key)
        if value is not None:
            errors += checks.int_or_percent(f"spec.{key}", value) + checks.at_most_all(f"spec.{key}", value)
    errors += checks.label_selector("spec.selector", spec.get("selector"))
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in ("IfHealthyBudget", "AlwaysAllow"):
        allowed = ("AlwaysAllow", "IfHealthyBudget")
        errors.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, allowed))
    return errors


def disruption_budget_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status: JSONObject = new.get("status") or {}
    errors = checks.conditions("status.conditions", status.get("conditions") or [])
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    return errors + checks.non_negative(status, "status", *counts)


def priority_class(obj: JSONObject) -> list[FieldError]:
    name, value = obj["metadata"].get("name", ""), obj.get("value") or 0
    errors: list[FieldError] = []
    if name.startswith("system-"):
        problem = _system_class_problem(name, value, bool(obj.get("globalDefault")))
        if problem:
            text = "priority class names with 'system-' prefix are reserved for system use only. error: "
            errors.append(forbidden("metadata.name", text + problem))
    elif value > 1_000_000_000:
        text = "maximum allowed value of a user defined priority is 1000000000"
        errors.append(forbidden("value", text))
    policy = obj.get("preemptionPolicy")
    if policy is not None:
        errors += checks.one_of(obj, "", "preemptionPolicy", ("PreemptLowerPriority", "Never"))
    return errors


_SYSTEM_CLASSES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}


def _system_class_problem(name: str, value: int, default: bool) -> str:
    if name not in _SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if value != _SYSTEM_CLASSES[name]:
        return f"value of {name} PriorityClass must be {_SYSTEM_CLASSES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if default else ""


class PriorityClassStrategy(KindStrategy):
    """Its generation never grows: what counts may not change."""

    def _changed(self, new: JSONObject, old: JSONObject) -> bool:
        return False


def priority_class_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    if (new.get("value") or 0) != (old.get("value") or 0):
        errors.append(forbidden("value", "may not be changed in an update."))
    return errors + checks.immutable(new, old, "", "preemptionPolicy")


def _rules(rules: list[JSONObject] | None, *, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, rule in enumerate(rules or ()):
        path = f"rules[{index}]"
        if not rule.get("verbs"):
            errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
        if rule.get("nonResourceURLs"):
            if namespaced:
                text = "namespaced rules cannot apply to non-resource URLs"
                errors.append(invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], text))
            if any(rule.get(key) for key in ("apiGroups", "resources", "resourceNames")):
                text = "rules cannot apply to both regular resources and non-resource URLs"
                errors.append(invalid(f"{path}.nonResourceURLs", rule["nonResourceURLs"], text))
            continue
        if not rule.get("apiGroups"):
            errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return errors


def role(obj: JSONObject) -> list[FieldError]:
    return _rules(obj.get("rules"), namespaced=True)


def cluster_role(obj: JSONObject) -> list[FieldError]:
    errors = _rules(obj.get("rules"), namespaced=False)
    aggregation = obj.get("aggregationRule")
    if aggregation is None:
        return errors
    field, selectors = "aggregationRule.clusterRoleSelectors", aggregation.get("clusterRoleSelectors") or []
    if not selectors:
        text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        errors.append(required(field, text))
    for index, selector in enumerate(selectors):
        errors += checks.label_selector(f"{field}[{index}]", selector)
        if checks.selector_of(selector) is None:
            errors.append(invalid(f"{field}[{index}]", None, "invalid label selector."))
    return errors


def role_binding(obj: JSONObject) -> list[FieldError]:
    reference = obj["roleRef"]
    group = "rbac.authorization.k8s.io"
    errors: list[FieldError] = []
    if reference.get("apiGroup") != group:
        errors.append(not_supported("roleRef.apiGroup", reference.get("apiGroup"), (group,)))
    kinds = ("Role", "ClusterRole") if obj["kind"] == "RoleBinding" else ("ClusterRole",)
    if reference.get("kind") not in kinds:
        errors.append(not_supported("roleRef.kind", reference.get("kind"), kinds))
    if not reference.get("name"):
        errors.append(required("roleRef.name"))
    else:
        errors += checks.names("roleRef.name", reference["name"], checks.path_segment)
    for index, subject in enumerate(obj.get("subjects") or ()):
        path = f"subjects[{index}]"
        if not subject.get("name"):
            errors.append(required(f"{path}.name"))
        kind, given = subject.get("kind"), subject.get("apiGroup") or ""
        wanted = "" if kind == "ServiceAccount" else group
        if kind in ("ServiceAccount", "User", "Group") and given != wanted:
            errors.append(not_supported(f"{path}.apiGroup", given, (wanted,)))
        if kind == "ServiceAccount":
            if subject.get("name"):
                errors += checks.dns_subdomain(f"{path}.name", subject["name"])
            if not subject.get("namespace") and obj["kind"] == "ClusterRoleBinding":
                errors.append(required(f"{path}.namespace"))
        elif kind not in ("User", "Group"):
            errors.append(not_supported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group")))
    return errors


def role_binding_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    if checks.same(new.get("roleRef"), old.get("roleRef")):
        return []
    return [invalid("roleRef", shown("rbac.v1.RoleRef", new.get("roleRef")), "cannot change roleRef")]


def controller_revision_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    if new.get("data") == old.get("data"):
        return []
    return [invalid("data", new.get("data"), checks.IMMUTABLE)]


def controller_revision(obj: JSONObject) -> list[FieldError]:
    if (obj.get("revision") or 0) < 0:
        return [invalid("revision", obj["revision"], "must be greater than or equal to 0")]
    return []


def controller_revision_create(obj: JSONObject) -> list[FieldError]:
    """What only creation refuses, beside `controller_revision`."""
    data = obj.get("data")
    if data is None:
        return [required("data", "data is mandatory")]
    return [] if isinstance(data, dict) else [required("data", "data must be a valid JSON object")]
