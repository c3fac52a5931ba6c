"""What is wrong with a pod's wishes for its node: spread constraints, tolerations, affinity."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required
from reconcile.apiserver.strategies import checks
from reconcile.objects.names import label_value_problems, qualified_name_problems

JSONObject = dict[str, Any]


def spread_constraints(path: str, constraints: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, constraint in enumerate(constraints):
        where = f"{path}[{index}]"
        skew = constraint.get("maxSkew") or 0
        if skew <= 0:
            errors.append(invalid(f"{where}.maxSkew", skew, "must be greater than zero"))
        if not constraint.get("topologyKey"):
            errors.append(required(f"{where}.topologyKey", "can not be empty"))
        action = constraint.get("whenUnsatisfiable", "")
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            allowed = ("DoNotSchedule", "ScheduleAnyway")
            errors.append(not_supported(f"{where}.whenUnsatisfiable", action, allowed))
        minimum = constraint.get("minDomains")
        if minimum is not None:
            if minimum <= 0:
                errors.append(invalid(f"{where}.minDomains", minimum, "must be greater than zero"))
            if action != "DoNotSchedule":
                text = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " + action
                errors.append(invalid(f"{where}.minDomains", minimum, text))
        errors += checks.label_selector(f"{where}.labelSelector", constraint.get("labelSelector"))
    return errors


def tolerations(path: str, values: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, toleration in enumerate(values):
        where = f"{path}[{index}]"
        key, operator = toleration.get("key", ""), toleration.get("operator", "")
        if key:
            errors += [invalid(f"{where}.key", key, problem) for problem in qualified_name_problems(key)]
        elif operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid(f"{where}.operator", operator, text))
        if toleration.get("tolerationSeconds") is not None and toleration.get("effect") != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid(f"{where}.effect", toleration.get("effect", ""), text))
        value = toleration.get("value", "")
        if operator in ("Equal", ""):
            problems = label_value_problems(value)
            if problems:
                errors.append(invalid(f"{where}.operator", value, ";".join(problems)))
        elif operator == "Exists":
            if value:
                text = "value must be empty when `operator` is 'Exists'"
                errors.append(invalid(f"{where}.operator", toleration, text))
        else:
            errors.append(not_supported(f"{where}.operator", operator, ("Equal", "Exists")))
        effect = toleration.get("effect", "")
        if effect:
            allowed = ("NoSchedule", "PreferNoSchedule", "NoExecute")
            if effect not in allowed:
                errors.append(not_supported(f"{where}.effect", effect, allowed))
    return errors


def affinity(path: str, given: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    node = given.get("nodeAffinity") or {}
    needed = node.get("requiredDuringSchedulingIgnoredDuringExecution")
    if needed is not None:
        errors += node_selector(f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution", needed)
    for index, preference in enumerate(node.get("preferredDuringSchedulingIgnoredDuringExecution") or ()):
        where = f"{path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        errors += _weight(where, preference)
        errors += _node_selector_term(f"{where}.preference", preference.get("preference") or {})
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = given.get(kind) or {}
        key = "requiredDuringSchedulingIgnoredDuringExecution"
        for index, term in enumerate(rules.get(key) or ()):
            errors += _pod_term(f"{path}.{kind}.{key}[{index}]", term)
        key = "preferredDuringSchedulingIgnoredDuringExecution"
        for index, weighted in enumerate(rules.get(key) or ()):
            where = f"{path}.{kind}.{key}[{index}]"
            errors += _weight(where, weighted)
            errors += _pod_term(f"{where}.podAffinityTerm", weighted.get("podAffinityTerm") or {})
    return errors


def node_selector(path: str, selector: JSONObject) -> list[FieldError]:
    """Terms of which a node must fit one."""
    where = f"{path}.nodeSelectorTerms"
    terms: list[JSONObject] = selector.get("nodeSelectorTerms") or []
    errors = [] if terms else [required(where, "must have at least one node selector term")]
    for index, term in enumerate(terms):
        errors += _node_selector_term(f"{where}[{index}]", term)
    return errors


def _weight(path: str, preference: JSONObject) -> list[FieldError]:
    weight = preference.get("weight") or 0
    return [] if 1 <= weight <= 100 else [invalid(f"{path}.weight", weight, "must be in the range 1-100")]


def _pod_term(path: str, term: JSONObject) -> list[FieldError]:
    errors = checks.label_selector(f"{path}.labelSelector", term.get("labelSelector"))
    errors += checks.label_selector(f"{path}.namespaceSelector", term.get("namespaceSelector"))
    key = term.get("topologyKey", "")
    for name in term.get("namespaces") or ():
        errors += checks.dns_label(f"{path}.namespace", name)
    if not key:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    errors += [invalid(f"{path}.topologyKey", key, problem) for problem in qualified_name_problems(key)]
    return errors


def _node_selector_term(path: str, term: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = expression.get("operator", ""), expression.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                errors.append(
                    required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'")
                )
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                errors.append(forbidden(f"{where}.values", text))
        elif operator in ("Gt", "Lt"):
            if len(values) != 1:
                text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                errors.append(required(f"{where}.values", text))
        else:
            errors.append(invalid(f"{where}.operator", operator, "not a valid selector operator"))
        key = expression.get("key", "")
        errors += [invalid(f"{where}.key", key, problem) for problem in qualified_name_problems(key)]
        errors += [
            invalid(f"{where}.values[{position}]", value, problem)
            for position, value in enumerate(values)
            for problem in label_value_problems(value)
        ]
    for index, field in enumerate(term.get("matchFields") or ()):
        errors += _node_field(f"{path}.matchFields[{index}]", field)
    return errors


def _node_field(path: str, field: JSONObject) -> list[FieldError]:
    """A requirement on a field of a node: on its name, that is."""
    errors: list[FieldError] = []
    operator, values = field.get("operator", ""), field.get("values") or []
    if operator not in ("In", "NotIn"):
        errors.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    elif len(values) != 1:
        text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(f"{path}.values", text))
    key = field.get("key", "")
    if key != "metadata.name":
        return [*errors, invalid(f"{path}.key", key, "not a valid field selector key")]
    for index, value in enumerate(values):
        errors += checks.dns_subdomain(f"{path}.values[{index}]", value)
    return errors
