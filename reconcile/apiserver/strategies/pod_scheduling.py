"""What is wrong with a pod's wishes for its node: spread constraints, tolerations, affinity."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from reconcile.apiserver.strategies import checks
from reconcile.objects.names import label_value_problems, qualified_name_problems

JSONObject = dict[str, Any]


_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")


def spread_constraints(path: str, constraints: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    kinds = [(each.get("topologyKey") or "", each.get("whenUnsatisfiable") or "") for each in constraints]
    for index, constraint in enumerate(constraints):
        where = f"{path}[{index}]"
        skew, (key, action) = constraint.get("maxSkew") or 0, kinds[index]
        if skew <= 0:
            errors.append(invalid(f"{where}.maxSkew", skew, "must be greater than zero"))
        if not key:
            errors.append(required(f"{where}.topologyKey", "can not be empty"))
        if action not in _ACTIONS:
            errors.append(not_supported(f"{where}.whenUnsatisfiable", action, _ACTIONS))
        if kinds[index] in kinds[index + 1 :]:
            field = f"{where}.{{topologyKey, whenUnsatisfiable}}"
            errors.append(duplicate(field, f"{{{key}, {action}}}"))
        minimum = constraint.get("minDomains")
        if minimum is not None:
            if minimum <= 0:
                errors.append(invalid(f"{where}.minDomains", minimum, "must be greater than zero"))
            if action != "DoNotSchedule":
                text = "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " + action
                errors.append(invalid(f"{where}.minDomains", minimum, text))
        for policy in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            value = constraint.get(policy)
            if value is not None and value not in ("Honor", "Ignore"):
                errors.append(not_supported(f"{where}.{policy}", value, ("Honor", "Ignore")))
        errors += _label_keys(where, constraint)
        errors += checks.label_selector(f"{where}.labelSelector", constraint.get("labelSelector"))
    return errors


def _label_keys(path: str, holder: JSONObject) -> list[FieldError]:
    """Keys of the pod's labels by which a selector is narrowed."""
    matched: list[str] = holder.get("matchLabelKeys") or []
    mismatched: list[str] = holder.get("mismatchLabelKeys") or []
    if not matched and not mismatched:
        return []
    errors: list[FieldError] = []
    selector = holder.get("labelSelector")
    for key, given in (("matchLabelKeys", matched), ("mismatchLabelKeys", mismatched)):
        if given and selector is None:
            text = "must not be specified when labelSelector is not set"
            errors.append(forbidden(f"{path}.{key}", text))
            continue
        errors += [
            invalid(f"{path}.{key}[{index}]", label, problem)
            for index, label in enumerate(given)
            for problem in qualified_name_problems(label)
        ]
    if selector is not None:
        seen: set[str] = set(selector.get("matchLabels") or ())
        places = {label: index for index, label in enumerate(matched)}
        for expression in selector.get("matchExpressions") or ():
            label = expression.get("key") or ""
            if label in places and label in seen:
                text = "exists in both matchLabelKeys and labelSelector"
                errors.append(invalid(f"{path}[{places[label]}]", label, text))
            seen.add(label)
    text = "exists in both matchLabelKeys and mismatchLabelKeys"
    return errors + [
        invalid(f"{path}.matchLabelKeys[{index}]", label, text)
        for index, label in enumerate(matched)
        if label in mismatched
    ]


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
                errors.append(invalid(f"{where}.operator", value, text))
        elif operator in ("Lt", "Gt"):
            # Known, but the feature that allows them is off.
            errors.append(not_supported(f"{where}.operator", operator, ("Equal", "Exists", "Lt", "Gt")))
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
        errors += _node_selector_term(f"{where}.preference", preference.get("preference") or {}, values=False)
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
    errors += _label_keys(path, term)
    if not key:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    errors += [invalid(f"{path}.topologyKey", key, problem) for problem in qualified_name_problems(key)]
    return errors


def _node_selector_term(path: str, term: JSONObject, *, values: bool = True) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, given = expression.get("operator", ""), expression.get("values") or []
        if operator in ("In", "NotIn"):
            if not given:
                errors.append(
                    required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'")
                )
        elif operator in ("Exists", "DoesNotExist"):
            if given:
                text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                errors.append(forbidden(f"{where}.values", text))
        elif operator in ("Gt", "Lt"):
            if len(given) != 1:
                text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                errors.append(required(f"{where}.values", text))
        else:
            errors.append(invalid(f"{where}.operator", operator, "not a valid selector operator"))
        key = expression.get("key", "")
        errors += [invalid(f"{where}.key", key, problem) for problem in qualified_name_problems(key)]
        errors += [
            invalid(f"{where}.values[{position}]", value, problem)
            for position, value in enumerate(given if values else ())
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
