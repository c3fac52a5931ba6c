"""Flow schemas and priority levels: what is wrong with them, in upstream's words and order.

The rules are those of kube-apiserver's `pkg/apis/flowcontrol/validation`.
"""

from __future__ import annotations

import math
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
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]

_LAST = 10000
_MOST_QUEUES = 10_000_000
_HASH_BITS = 60
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_SUBJECTS = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}
_METHODS = ("ByNamespace", "ByUser")


def flow_schema(obj: JSONObject) -> list[FieldError]:
    spec: JSONObject = obj.get("spec") or {}
    errors: list[FieldError] = []
    field, precedence = "spec.matchingPrecedence", spec.get("matchingPrecedence") or 0
    if precedence <= 0:
        errors.append(invalid(field, precedence, "must be a positive value"))
    if precedence > _LAST:
        errors.append(invalid(field, precedence, f"must not be greater than {_LAST}"))
    if precedence == 1 and obj["metadata"].get("name") != "exempt":
        text = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(invalid(field, precedence, text))
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in _METHODS:
        value = shown("flowcontrol.v1.FlowDistinguisherMethod", method)
        errors.append(not_supported("spec.distinguisherMethod.type", value, _METHODS))
    field = "spec.priorityLevelConfiguration.name"
    level = (spec.get("priorityLevelConfiguration") or {}).get("name")
    errors += (
        checks.dns_subdomain(field, level) if level else [required(field, "must reference a priority level")]
    )
    for index, rule in enumerate(spec.get("rules") or ()):
        errors += _rule(f"spec.rules[{index}]", rule)
    return errors + condition_errors((obj.get("status") or {}).get("conditions") or [])


def condition_errors(conditions: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        field, kind = f"status.conditions[{index}].type", condition.get("type") or ""
        if kind in seen:
            errors.append(duplicate(field, kind))
        seen.add(kind)
        if not kind:
            errors.append(required(field))
    return errors


def status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return condition_errors((new.get("status") or {}).get("conditions") or [])


def _rule(path: str, rule: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, subject in enumerate(rule.get("subjects") or ()):
        errors += _subject(f"{path}.subjects[{index}]", subject)
    if not rule.get("subjects"):
        errors.append(required(f"{path}.subjects", "subjects must contain at least one value"))
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        text = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(required(path, text))
    for index, each in enumerate(rule.get("resourceRules") or ()):
        errors += _resources(f"{path}.resourceRules[{index}]", each)
    for index, each in enumerate(rule.get("nonResourceRules") or ()):
        errors += _paths(f"{path}.nonResourceRules[{index}]", each)
    return errors


def _subject(path: str, subject: JSONObject) -> list[FieldError]:
    kind = subject.get("kind") or ""
    if kind not in _SUBJECTS:
        return [not_supported(f"{path}.kind", kind, sorted(_SUBJECTS))]
    key = _SUBJECTS[kind]
    field, who = f"{path}.{key}", subject.get(key)
    if who is None:
        errors = [required(field, f"{key} is required when subject kind is '{kind}'")]
    elif not who.get("name"):
        errors = [required(f"{field}.name")]
    elif kind == "ServiceAccount" and who["name"] != "*":
        errors = checks.dns_subdomain(f"{field}.name", who["name"])
    else:
        errors = []
    if kind == "ServiceAccount" and who is not None:
        space, where = who.get("namespace"), f"{field}.namespace"
        text = "must specify namespace for service account"
        errors += checks.dns_label(where, space) if space else [required(where, text)]
    return errors + [
        forbidden(f"{path}.{other}", f"{other} is forbidden when subject kind is not '{name}'")
        for name, other in _SUBJECTS.items()
        if other != key and subject.get(other) is not None
    ]


def _alone(field: str, values: list[str], words: str) -> list[FieldError]:
    """A wildcard leaves nothing else to say."""
    if "*" in values and len(values) > 1:
        return [invalid(field, values, f"if '*' is present, must not specify other {words}")]
    return []


def _verbs(field: str, verbs: list[str]) -> list[FieldError]:
    if not verbs:
        return [required(field, "verbs must contain at least one value")]
    if "*" in verbs:
        return _alone(field, verbs, "verbs")
    return [] if set(verbs) <= set(_VERBS) else [not_supported(field, verbs, _VERBS)]


def _resources(path: str, rule: JSONObject) -> list[FieldError]:
    errors = _verbs(f"{path}.verbs", rule.get("verbs") or [])
    for key, one, words in (
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ):
        values: list[str] = rule.get(key) or []
        text = f"resource rules must supply at least one {one}"
        errors += _alone(f"{path}.{key}", values, words) if values else [required(f"{path}.{key}", text)]
    field, spaces = f"{path}.namespaces", rule.get("namespaces") or []
    if not spaces and not rule.get("clusterScope"):
        text = "resource rules that are not cluster scoped must supply at least one namespace"
        return [*errors, required(field, text)]
    if "*" in spaces:
        return errors + _alone(field, spaces, "namespaces")
    intro = "each member of this list must be '*' or a DNS-1123 label; "
    return errors + [
        invalid(f"{field}[{index}]", space, f"{intro}{error.detail}")
        for index, space in enumerate(spaces)
        for error in checks.dns_label("", space)
    ]


def _paths(path: str, rule: JSONObject) -> list[FieldError]:
    errors = _verbs(f"{path}.verbs", rule.get("verbs") or [])
    field, urls = f"{path}.nonResourceURLs", rule.get("nonResourceURLs") or []
    if not urls:
        return [*errors, required(field, "nonResourceURLs must contain at least one value")]
    if "*" in urls:
        return errors + _alone(field, urls, "non-resource URLs")
    return errors + [
        invalid(f"{field}[{index}]", url, problem)
        for index, url in enumerate(urls)
        if (problem := _path_problem(url))
    ]


def _path_problem(path: str) -> str:
    if not path:
        return "must not be empty"
    if not path.startswith("/"):
        return "must start with slash"
    if " " in path:
        return "must not contain white-space"
    if "//" in path:
        return "must not contain double slash"
    if path.count("*") > 1 or ("*" in path and not path.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""


def priority_level(obj: JSONObject) -> list[FieldError]:
    spec: JSONObject = obj.get("spec") or {}
    kind, exempt, limited = spec.get("type") or "", spec.get("exempt"), spec.get("limited")
    errors: list[FieldError] = []
    if (obj["metadata"].get("name") == "exempt") != (kind == "Exempt"):
        text = "must be 'Exempt' if and only if `name` is 'exempt'"
        errors.append(invalid("spec.type", kind, text))
    if kind == "Exempt":
        if limited is not None:
            errors.append(forbidden("spec.limited", "must be nil if the type is not Limited"))
        errors += _shares("spec.exempt", exempt or {}) + _lendable("spec.exempt", exempt or {})
    elif kind == "Limited":
        if exempt is not None:
            errors.append(forbidden("spec.exempt", "must be nil if the type is Limited"))
        errors += _limited("spec.limited", limited)
    elif not kind:
        errors.append(required("spec.type"))
    else:
        errors.append(not_supported("spec.type", kind, ("Exempt", "Limited")))
    return errors + condition_errors((obj.get("status") or {}).get("conditions") or [])


def _shares(path: str, level: JSONObject) -> list[FieldError]:
    shares = level.get("nominalConcurrencyShares") or 0
    field = f"{path}.nominalConcurrencyShares"
    return [invalid(field, shares, "must be a non-negative integer")] if shares < 0 else []


def _lendable(path: str, level: JSONObject) -> list[FieldError]:
    lendable = level.get("lendablePercent")
    if lendable is None or 0 <= lendable <= 100:
        return []
    return [invalid(f"{path}.lendablePercent", lendable, "must be between 0 and 100, inclusive")]


def _limited(path: str, level: JSONObject | None) -> list[FieldError]:
    if level is None:
        return [required(path, "must not be empty when type is Limited")]
    errors = _shares(path, level)
    errors += _response(f"{path}.limitResponse", level.get("limitResponse") or {})
    errors += _lendable(path, level)
    limit = level.get("borrowingLimitPercent")
    if limit is not None and limit < 0:
        text = "if specified, must be a non-negative integer"
        errors.append(invalid(f"{path}.borrowingLimitPercent", limit, text))
    return errors


def _response(path: str, response: JSONObject) -> list[FieldError]:
    kind, queuing, field = response.get("type") or "", response.get("queuing"), f"{path}.queuing"
    if kind == "Reject":
        text = "must be nil if limited.limitResponse.type is not Limited"
        return [] if queuing is None else [forbidden(field, text)]
    if kind == "Queue":
        if queuing is None:
            return [required(field, "must not be empty if limited.limitResponse.type is Limited")]
        return _queuing(field, queuing)
    if not kind:
        return [required(f"{path}.type")]
    return [not_supported(f"{path}.type", kind, ("Queue", "Reject"))]


def _queuing(path: str, queuing: JSONObject) -> list[FieldError]:
    length, queues, hand = (queuing.get(key) or 0 for key in ("queueLengthLimit", "queues", "handSize"))
    errors: list[FieldError] = []
    if length <= 0:
        errors.append(invalid(f"{path}.queueLengthLimit", length, "must be positive"))
    if queues <= 0:
        errors.append(invalid(f"{path}.queues", queues, "must be positive"))
    elif queues > _MOST_QUEUES:
        errors.append(invalid(f"{path}.queues", queues, f"must not be greater than {_MOST_QUEUES}"))
    field = f"{path}.handSize"
    if hand <= 0:
        errors.append(invalid(field, hand, "must be positive"))
    elif hand > queues:
        errors.append(invalid(field, hand, f"should not be greater than queues ({queues})"))
    elif math.ceil(math.log2(queues) * hand) > _HASH_BITS:
        text = f"required entropy bits of deckSize {queues} and handSize {hand}"
        errors.append(invalid(field, hand, f"{text} should not be greater than {_HASH_BITS}"))
    return errors
