"""Jobs: what is wrong with their specs beside the pod template, in upstream's words and order."""

from __future__ import annotations

import re
from typing import Any

from reconcile.apiserver.field_errors import (
    OMITTED,
    FieldError,
    FieldErrorType,
    duplicate,
    go_quote,
    invalid,
    not_supported,
    required,
    too_long,
)
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.pod_spec import template_errors
from reconcile.objects.names import qualified_name_problems

JSONObject = dict[str, Any]

_MANY = 100_000
_COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip


def job_spec(path: str, spec: JSONObject) -> list[FieldError]:
    errors = checks.non_negative(spec, path, *_COUNTS)
    per_index, failed = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    if failed is not None and per_index is None:
        errors.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if spec.get("managedBy") is not None:
        errors += _manager(f"{path}.managedBy", spec["managedBy"])
    mode = spec.get("completionMode")
    if mode is not None and mode not in ("NonIndexed", "Indexed"):
        errors.append(not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed")))
    if mode == "Indexed":
        errors += _indexed(path, spec)
    if mode in (None, "NonIndexed"):
        errors += [
            invalid(f"{path}.{key}", value, "requires indexed completion mode")
            for key, value in (("backoffLimitPerIndex", per_index), ("maxFailedIndexes", failed))
            if value is not None
        ]
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    if spec.get("podFailurePolicy") is not None:
        errors += _failure_policy(f"{path}.podFailurePolicy", spec, pod)
    success = spec.get("successPolicy")
    if success is not None and mode != "Indexed":
        shown = {"Rules": [_shown_rule(rule) for rule in success.get("rules") or ()] or None}
        errors.append(invalid(f"{path}.successPolicy", shown, "requires indexed completion mode"))
    elif success is not None:
        errors += _success_policy(f"{path}.successPolicy", spec, success)
    errors += _replacement(path, spec)
    errors += template_errors(f"{path}.template", template)
    return errors + _restart_policy(f"{path}.template.spec.restartPolicy", spec, pod)


def _shown_rule(rule: JSONObject) -> JSONObject:
    return {
        "SucceededIndexes": rule.get("succeededIndexes"),
        "SucceededCount": rule.get("succeededCount"),
    }


def _manager(field: str, name: str) -> list[FieldError]:
    from reconcile.apiserver.strategies.networking import domain_prefixed

    errors = domain_prefixed(field, name)
    return errors if len(name) <= 63 else [*errors, too_long(field, "", 63)]


def _indexed(path: str, spec: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    completions, parallelism = spec.get("completions"), spec.get("parallelism")
    failed = spec.get("maxFailedIndexes")
    if completions is None:
        errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if parallelism is not None and parallelism > _MANY:
        text = f"must be less than or equal to {_MANY} when completion mode is Indexed"
        errors.append(invalid(f"{path}.parallelism", parallelism, text))
    if completions is not None and failed is not None and failed > completions:
        text = "must be less than or equal to completions"
        errors.append(invalid(f"{path}.maxFailedIndexes", failed, text))
    if failed is not None and failed > _MANY:
        errors.append(invalid(f"{path}.maxFailedIndexes", failed, f"must be less than or equal to {_MANY}"))
    if completions is not None and completions > _MANY and spec.get("backoffLimitPerIndex") is not None:
        text = "must be less than or equal to 10000 when completions are above 100000 and used with "
        text += "backoff limit per index"
        if failed is None:
            detail = f"must be specified when completions is above {_MANY}"
            errors.append(required(f"{path}.maxFailedIndexes", detail))
        errors += [
            invalid(f"{path}.{key}", value, text)
            for key, value in (("parallelism", parallelism), ("maxFailedIndexes", failed))
            if value is not None and value > 10_000
        ]
    return errors


def _restart_policy(field: str, spec: JSONObject, pod: JSONObject) -> list[FieldError]:
    policy = pod.get("restartPolicy")
    if policy in ("", None, "Always"):
        return [required(field, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [not_supported(field, policy, ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


def _replacement(path: str, spec: JSONObject) -> list[FieldError]:
    policy = spec.get("podReplacementPolicy")
    if policy is None:
        return []
    allowed = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    return [] if policy in allowed else [not_supported(f"{path}.podReplacementPolicy", policy, allowed)]


_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")


def _listed(values: tuple[str, ...]) -> str:
    return f"valid values: [{' '.join(chr(34) + value + chr(34) for value in values)}]"


def _failure_policy(path: str, spec: JSONObject, pod: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    rules: list[JSONObject] = spec["podFailurePolicy"].get("rules") or []
    if len(rules) > 20:
        errors.append(_too_many(f"{path}.rules", len(rules), 20))
    names = {
        container.get("name")
        for kind in ("containers", "initContainers")
        for container in pod.get(kind) or ()
    }
    for index, rule in enumerate(rules):
        where = f"{path}.rules[{index}]"
        action = rule.get("action") or ""
        if not action:
            errors.append(required(f"{where}.action", _listed(_ACTIONS)))
        elif action == "FailIndex":
            if spec.get("backoffLimitPerIndex") is None:
                text = "requires the backoffLimitPerIndex to be set"
                errors.append(invalid(f"{where}.action", action, text))
        elif action not in _ACTIONS:
            errors.append(not_supported(f"{where}.action", action, _ACTIONS))
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
        if codes is not None:
            errors += _exit_codes(f"{where}.onExitCodes", codes, names)
        errors += _pod_conditions(f"{where}.onPodConditions", conditions)
        if codes is not None and conditions:
            text = "specifying both OnExitCodes and OnPodConditions is not supported"
            errors.append(invalid(where, OMITTED, text))
        if codes is None and not conditions:
            text = "specifying one of OnExitCodes and OnPodConditions is required"
            errors.append(invalid(where, OMITTED, text))
    return errors


def _too_many(field: str, count: int, limit: int) -> FieldError:
    return FieldError(FieldErrorType.TOO_MANY, field, count, f"must have at most {limit} items")


def _exit_codes(path: str, codes: JSONObject, names: set[Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, container = codes.get("operator") or "", codes.get("containerName")
    values: list[int] = codes.get("values") or []
    if not operator:
        errors.append(required(f"{path}.operator", _listed(("In", "NotIn"))))
    elif operator not in ("In", "NotIn"):
        errors.append(not_supported(f"{path}.operator", operator, ("In", "NotIn")))
    if container is not None and container not in names:
        text = "must be one of the container or initContainer names in the pod template"
        errors.append(invalid(f"{path}.containerName", container, text))
    if not values:
        errors.append(invalid(f"{path}.values", codes.get("values"), "at least one value is required"))
    elif len(values) > 255:
        errors.append(_too_many(f"{path}.values", len(values), 255))
    for index, value in enumerate(values):
        field = f"{path}.values[{index}]"
        if operator == "In" and value == 0:
            errors.append(invalid(field, value, "must not be 0 for the In operator"))
        if value in values[:index]:
            errors.append(duplicate(field, value))
    if values != sorted(values):
        errors.append(invalid(f"{path}.values", values, "must be ordered"))
    return errors


def _pod_conditions(path: str, conditions: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    statuses = ("False", "True", "Unknown")
    if len(conditions) > 20:
        errors.append(_too_many(path, len(conditions), 20))
    for index, pattern in enumerate(conditions):
        where = f"{path}[{index}]"
        errors += checks.names(f"{where}.type", pattern.get("type") or "", qualified_name_problems)
        status = pattern.get("status") or ""
        if not status:
            errors.append(required(f"{where}.status", _listed(statuses)))
        elif status not in statuses:
            errors.append(not_supported(f"{where}.status", status, statuses))
    return errors


def _success_policy(path: str, spec: JSONObject, policy: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    rules: list[JSONObject] = policy.get("rules") or []
    if not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        errors.append(required(f"{path}.rules", text))
    if len(rules) > 20:
        errors.append(_too_many(f"{path}.rules", len(rules), 20))
    completions: int = spec.get("completions") or 0
    for index, rule in enumerate(rules):
        where = f"{path}.rules[{index}]"
        count, listed = rule.get("succeededCount"), rule.get("succeededIndexes")
        if count is None and listed is None:
            text = "at least one of succeededCount or succeededIndexes must be specified"
            errors.append(required(where, text))
        total = 0
        if listed is not None:
            if len(listed) > 64 * 1024:
                errors.append(too_long(f"{where}.succeededIndexes", "", 64 * 1024))
            total, problem = indexes(listed, completions)
            if problem:
                text = f"error parsing succeededIndexes: {problem}"
                errors.append(invalid(f"{where}.succeededIndexes", listed, text))
        if count is None:
            continue
        field = f"{where}.succeededCount"
        if count < 0:
            errors.append(invalid(field, count, "must be greater than or equal to 0"))
        if count > completions:
            text = f"must be less than or equal to {completions} (the number of specified completions)"
            errors.append(invalid(field, count, text))
        if listed is not None and count > total:
            text = (
                f"must be less than or equal to {total} (the number of indexes in the specified "
                "succeededIndexes field)"
            )
            errors.append(invalid(field, count, text))
    return errors


_NUMBER = re.compile(r"[+-]?\d+")


def _interval(text: str, completions: int) -> tuple[int, int] | str:
    """The borders of `3-5`, or what is wrong with it."""
    limits = text.split("-")
    if len(limits) > 2:
        rule = "violates the requirement that an index interval can have at most two parts separated by '-'"
        return f'the fragment "{text}" {rule}'
    numbers: list[int] = []
    for limit in limits:
        if not _NUMBER.fullmatch(limit):
            return f"cannot convert string to integer for index: {go_quote(limit)}"
        numbers.append(int(limit))
        if numbers[-1] >= completions:
            return f"too large index: {go_quote(limit)}"
    if len(numbers) > 1 and numbers[0] >= numbers[1]:
        return f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}"
    return numbers[0], numbers[-1]


def indexes(text: str, completions: int) -> tuple[int, str]:
    """How many indexes `1,3-5` names, or what is wrong with it."""
    total, last = 0, None
    for part in text.split(",") if text else ():
        found = _interval(part, completions)
        if isinstance(found, str):
            return 0, found
        if last is not None and last >= found[0]:
            return 0, f"non-increasing order, previous: {last}, current: {found[0]}"
        total, last = total + found[1] - found[0] + 1, found[1]
    return total, ""


def overlap(one: str, other: str, completions: int) -> int | None:
    """The first index that both name; what cannot be read is left out."""
    if not one or not other:
        return None

    def intervals(text: str) -> list[tuple[int, int]]:
        found = (_interval(part, completions) for part in text.split(","))
        return [each for each in found if not isinstance(each, str)]

    common = [
        max(low, start)
        for low, high in intervals(one)
        for start, end in intervals(other)
        if low <= end and start <= high
    ]
    return min(common, default=None)
