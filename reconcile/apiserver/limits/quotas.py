"""Whether a request fits its namespace's quotas, and what they have left after it; what is used in all.

The rules and messages are those of apiserver's ResourceQuota admission and of the quota controller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from reconcile.apiserver.limits.amounts import (
    ZERO,
    Amounts,
    add,
    amounts,
    growth,
    only,
    printed,
    shown,
    without_zeros,
)
from reconcile.apiserver.limits.evaluators import Evaluator, Objects
from reconcile.apiserver.limits.scopes import requirements

JSONObject = dict[str, Any]


class QuotaExceededError(Exception):
    """The request does not fit; the text says why."""


def matches(quota: JSONObject, evaluator: Evaluator, obj: JSONObject, objects: Objects) -> bool:
    """Whether the quota counts this object."""
    hard: JSONObject = (quota.get("status") or {}).get("hard") or {}
    if not evaluator.matching(hard, objects):
        return False
    return all(evaluator.in_scope(requirement, obj) for requirement in requirements(quota))


def charged(
    quotas: Sequence[JSONObject],
    evaluator: Evaluator,
    new: JSONObject,
    old: JSONObject | None,
    objects: Objects,
    now: datetime,
    *,
    limited: bool = True,
) -> dict[int, Amounts]:
    """What each of the quotas would have as `status.used` after the request, where that changes it.

    `limited` False: what is used is counted and not refused (the status of a claim says what is so).
    Raises QuotaExceededError.
    """
    concerned: list[int] = []
    for index, quota in enumerate(quotas):
        if not matches(quota, evaluator, new, objects):
            continue
        name, status = quota["metadata"]["name"], quota["status"]
        restricted = evaluator.matching(status["hard"], objects)
        if missing := evaluator.missing(restricted, new):
            raise QuotaExceededError(f"failed quota: {name}: {missing}")
        if any(each not in (status.get("used") or {}) for each in restricted):
            listed = ",".join(sorted(restricted))
            raise QuotaExceededError(f"status unknown for quota: {name}, resources: {listed}")
        concerned.append(index)
    usage = evaluator.usage(new, objects, now)
    negative = sorted(name for name, amount in usage.items() if amount < 0)
    if negative:
        raise QuotaExceededError(f"quota usage is negative for resource(s): {','.join(negative)}")
    more = usage
    if old is not None and concerned:
        more = growth(usage, evaluator.usage(old, objects, now))
    after: dict[int, Amounts] = {}
    for index in concerned:
        quota = quotas[index]
        counted_before = old is not None and matches(quota, evaluator, old, objects)
        delta = without_zeros(more if counted_before else usage)
        if delta:
            after[index] = _after(quota, delta, limited=limited)
    return {
        index: used for index, used in after.items() if used != amounts(quotas[index]["status"].get("used"))
    }


def _after(quota: JSONObject, delta: Amounts, *, limited: bool) -> Amounts:
    hard, used = amounts(quota["status"]["hard"]), amounts(quota["status"].get("used"))
    asked = only(delta, hard)
    after = add(used, asked)
    beyond = [name for name in asked if after[name] > hard[name]]
    if beyond and limited:
        raise QuotaExceededError(
            f"exceeded quota: {quota['metadata']['name']}, requested: {printed(only(asked, beyond))}, "
            f"used: {printed(only(used, beyond))}, limited: {printed(only(hard, beyond))}"
        )
    return after


def status_of(
    quota: JSONObject,
    evaluators: Iterable[Evaluator],
    content: Callable[[str], Iterable[JSONObject]],
    objects: Objects,
    now: datetime,
) -> JSONObject:
    """The quota's status as its namespace's content has it.

    `content` gives the objects of a kind in the quota's namespace. What nothing here can count keeps what
    was said before.
    """
    hard: dict[str, str] = (quota.get("spec") or {}).get("hard") or {}
    used = amounts((quota.get("status") or {}).get("used"))
    counted: Amounts = {}
    for evaluator in evaluators:
        names = evaluator.matching(hard, objects)
        if not names:
            continue
        total: Amounts = dict.fromkeys(names, ZERO)
        wanted = requirements(quota)
        for obj in content(evaluator.group_resource):
            if all(evaluator.in_scope(requirement, obj) for requirement in wanted):
                total = add(total, evaluator.usage(obj, objects, now))
        counted = add(counted, total)
    used.update(only(counted, hard))
    return {"hard": dict(hard), "used": shown(only(used, hard))}
