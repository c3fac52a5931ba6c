"""Webhook configurations: what is wrong with them, in upstream's words and order.

The rules are those of kube-apiserver's `pkg/apis/admissionregistration/validation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    invalid,
    not_supported,
    required,
    too_many,
)
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.admission_expressions import expression_errors
from reconcile.apiserver.strategies.urls import url_errors
from reconcile.objects.names import dns_1035_label_problems, dns_subdomain_problems

JSONObject = dict[str, Any]

FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_REVIEW_VERSIONS = ("v1", "v1beta1")
_NO_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_SIDE_EFFECTS = ("None", "NoneOnDryRun", "Some", "Unknown")


@dataclass(frozen=True)
class _Leniency:
    """What an update leaves alone because the object was already stored with it."""

    conditions: bool = False
    side_effects: bool = False
    review_versions: bool = False
    names: bool = False


def webhooks(obj: JSONObject) -> list[FieldError]:
    return _webhooks(obj, _Leniency())


def webhooks_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    hooks: list[JSONObject] = new.get("webhooks") or []
    before: list[JSONObject] = old.get("webhooks") or []
    names = [hook.get("name") or "" for hook in before]
    return _webhooks(
        new,
        _Leniency(
            conditions=len(hooks) == len(before)
            and all(
                (hook.get("matchConditions") or []) == (held.get("matchConditions") or [])
                for hook, held in zip(hooks, before, strict=True)
            ),
            side_effects=any(hook.get("sideEffects") not in _NO_SIDE_EFFECTS for hook in before),
            review_versions=any(
                hook.get("admissionReviewVersions")
                and not set(hook["admissionReviewVersions"]) & set(_REVIEW_VERSIONS)
                for hook in before
            ),
            names=len(set(names)) < len(names),
        ),
    )


def _webhooks(obj: JSONObject, lenient: _Leniency) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, hook in enumerate(obj.get("webhooks") or ()):
        path = f"webhooks[{index}]"
        errors += _webhook(path, hook, lenient)
        versions = hook.get("admissionReviewVersions") or []
        errors += _review_versions(f"{path}.admissionReviewVersions", versions, lenient)
        name = hook.get("name") or ""
        if name and not lenient.names:
            if name in seen:
                errors.append(duplicate(f"{path}.name", name))
            seen.add(name)
    return errors


def _webhook(path: str, hook: JSONObject, lenient: _Leniency) -> list[FieldError]:
    errors = _qualified_name(f"{path}.name", hook.get("name") or "")
    for index, rule in enumerate(hook.get("rules") or ()):
        errors += rule_errors(f"{path}.rules[{index}]", rule)
    errors += optional(hook, path, "failurePolicy", FAILURE_POLICIES)
    errors += optional(hook, path, "matchPolicy", MATCH_POLICIES)
    effects, allowed = hook.get("sideEffects"), _SIDE_EFFECTS if lenient.side_effects else _NO_SIDE_EFFECTS
    if effects is None:
        errors.append(required(f"{path}.sideEffects", f"must specify one of {', '.join(allowed)}"))
    elif effects not in allowed:
        errors.append(not_supported(f"{path}.sideEffects", effects, allowed))
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        text = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid(f"{path}.timeoutSeconds", seconds, text))
    for key in ("namespaceSelector", "objectSelector"):
        errors += checks.label_selector(f"{path}.{key}", hook.get(key))
    errors += optional(hook, path, "reinvocationPolicy", REINVOCATION_POLICIES)
    errors += client_config(f"{path}.clientConfig", hook.get("clientConfig") or {})
    if not lenient.conditions:
        errors += match_conditions(f"{path}.matchConditions", hook.get("matchConditions") or [], params=False)
    return errors


def optional(obj: JSONObject, path: str, key: str, allowed: Sequence[str]) -> list[FieldError]:
    """A field that may be left out, and not be empty."""
    value = obj.get(key)
    return [] if value is None or value in allowed else [not_supported(f"{path}.{key}", value, allowed)]


def _qualified_name(field: str, name: str) -> list[FieldError]:
    if not name:
        return [required(field)]
    problems = dns_subdomain_problems(name)
    if problems:
        return [invalid(field, name, ",".join(problems))]
    text = "should be a domain with at least three segments separated by dots"
    return [] if name.count(".") >= 2 else [invalid(field, name, text)]


def _review_versions(path: str, versions: list[str], lenient: _Leniency) -> list[FieldError]:
    listed = ", ".join(_REVIEW_VERSIONS)
    if not versions:
        return [required(path, f"must specify one of {listed}")]
    errors: list[FieldError] = []
    for index, version in enumerate(versions):
        field = f"{path}[{index}]"
        if version in versions[:index]:
            errors.append(invalid(field, version, "duplicate version"))
        else:
            errors += checks.names(field, version, dns_1035_label_problems)
    if not lenient.review_versions and not set(versions) & set(_REVIEW_VERSIONS):
        errors.append(invalid(path, versions, f"must include at least one of {listed}"))
    return errors


def rule_errors(path: str, rule: JSONObject) -> list[FieldError]:
    """Which requests a webhook or a policy is about."""
    operations: list[str] = rule.get("operations") or []
    errors: list[FieldError] = [] if operations else [required(f"{path}.operations")]
    errors += _only_wildcard(f"{path}.operations", operations, "operations")
    errors += [
        not_supported(f"{path}.operations[{index}]", operation, _OPERATIONS)
        for index, operation in enumerate(operations)
        if operation not in _OPERATIONS
    ]
    for key, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        given: list[str] = rule.get(key) or []
        if not given:
            errors.append(required(f"{path}.{key}"))
        errors += _only_wildcard(f"{path}.{key}", given, what)
        if key == "apiVersions":
            errors += [required(f"{path}.{key}[{index}]") for index, each in enumerate(given) if not each]
    errors += _resources(f"{path}.resources", rule.get("resources") or [])
    return errors + optional(rule, path, "scope", _SCOPES)


def _only_wildcard(field: str, given: list[str], what: str) -> list[FieldError]:
    if len(given) < 2 or "*" not in given:
        return []
    return [invalid(field, given, f"if '*' is present, must not specify other {what}")]


def _resources(path: str, resources: list[str]) -> list[FieldError]:
    errors: list[FieldError] = [] if resources else [required(path)]
    all_below: set[str] = set()
    below_all: set[str] = set()
    plain = False
    for index, text in enumerate(resources):
        field = f"{path}[{index}]"
        if not text:
            errors.append(required(field))
            continue
        resource, slash, inner = text.partition("/")
        if not slash:
            plain = text != "*"
            continue
        if resource in all_below:
            errors.append(invalid(field, text, f"if '{resource}/*' is present, must not specify {text}"))
        if inner in below_all:
            errors.append(invalid(field, text, f"if '*/{inner}' is present, must not specify {text}"))
        if inner == "*":
            all_below.add(resource)
        if resource == "*":
            below_all.add(inner)
    if len(resources) > 1 and "*/*" in resources:
        errors.append(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and plain:
        text = "if '*' is present, must not specify other resources without subresources"
        errors.append(invalid(path, resources, text))
    return errors


def client_config(path: str, config: JSONObject) -> list[FieldError]:
    """Where a webhook is."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if service is None:
        return url_errors(f"{path}.url", url or "")
    errors: list[FieldError] = []
    where = f"{path}.service"
    # Upstream hands the two over in the wrong order: it complains about the one where the other is missing.
    errors += [required(f"{where}.name")] * (not service.get("namespace"))
    errors += [required(f"{where}.namespace")] * (not service.get("name"))
    port = service.get("port") or 0
    if not 1 <= port <= 65535:
        errors.append(invalid(f"{where}.port", port, f"port is not valid: {checks.PORT_RANGE}"))
    return errors + _service_path(f"{where}.path", service.get("path") or "")


def _service_path(field: str, path: str) -> list[FieldError]:
    if path in ("", "/"):
        return []
    if path == "//":
        return [invalid(field, path, "segment[0] may not be empty")]
    errors = [] if path.startswith("/") else [invalid(field, path, "must start with a '/'")]
    for index, step in enumerate(path[1:].removesuffix("/").split("/")):
        if not step:
            errors.append(invalid(field, path, f"segment[{index}] may not be empty"))
        else:
            problems = dns_subdomain_problems(step)
            errors += [invalid(field, path, f"segment[{index}]: {problem}") for problem in problems]
    return errors


def match_conditions(path: str, conditions: list[JSONObject], *, params: bool) -> list[FieldError]:
    """The conditions under which a webhook or a policy is asked at all."""
    errors = [too_many(path, len(conditions), 64)] if len(conditions) > 64 else []
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        where = f"{path}[{index}]"
        expression = (condition.get("expression") or "").strip()
        if not expression:
            errors.append(required(f"{where}.expression"))
        else:
            errors += expression_errors(f"{where}.expression", expression, params=params)
        name = condition.get("name") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        else:
            errors += checks.names(f"{where}.name", name, checks.qualified_name_problems)
            if name in seen:
                errors.append(duplicate(f"{where}.name", name))
            seen.add(name)
    return errors
