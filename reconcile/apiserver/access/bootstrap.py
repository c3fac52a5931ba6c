"""The roles and bindings of a new cluster, and their repair at each start.

They are those of a real server, kept in `bootstrap.json.gz` by `tools/generate_bootstrap_roles.py`. At a
start what is missing is made, and what was taken away from them is put back, unless the annotation
`rbac.authorization.kubernetes.io/autoupdate` is `false`: component-helpers/auth/rbac/reconciliation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from reconcile.apiserver.access.rbac import GROUP
from reconcile.apiserver.access.rules import parse_rule, uncovered
from reconcile.apiserver.data import data
from reconcile.apiserver.interfaces import Access, JSONObject
from reconcile.apiserver.status import StatusError

_KINDS: Final = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
_AUTOUPDATE: Final = "rbac.authorization.kubernetes.io/autoupdate"


def bootstrap_objects() -> dict[str, list[JSONObject]]:
    """The objects by plural name, in the order in which they are made; a fresh copy."""
    raw = data("access", "bootstrap.json.gz")
    return msgspec.json.decode(raw, type=dict[str, list[dict[str, Any]]])


async def ensure_bootstrap(access: Access) -> None:
    """Make what is missing, and give back what was taken away. Idempotent."""
    objects = bootstrap_objects()
    for plural in _KINDS:
        for obj in objects[plural]:
            await _ensure(access, f"{plural}.{GROUP}", obj)


async def _ensure(access: Access, group_resource: str, expected: JSONObject) -> None:
    metadata = expected["metadata"]
    namespace, name = metadata.get("namespace") or "", metadata["name"]
    existing = access.read(group_resource, namespace, name)
    if existing is not None and "roleRef" in expected and existing.get("roleRef") != expected["roleRef"]:
        if _is_protected(existing):
            return
        # A binding to another role cannot be changed: it makes place.
        await access.delete(group_resource, namespace, name)
        existing = None
    if existing is None:
        try:
            await access.create(group_resource, expected)
        except StatusError as error:
            # A namespace that went, or somebody was faster.
            if error.reason not in ("AlreadyExists", "NotFound", "Forbidden"):
                raise
        return
    if _is_protected(existing) or reconciled(existing, expected) is None:
        return
    await access.update(group_resource, namespace, name, lambda now: reconciled(now, expected))


def _is_protected(obj: JSONObject) -> bool:
    return (obj["metadata"].get("annotations") or {}).get(_AUTOUPDATE) == "false"


def reconciled(existing: JSONObject, expected: JSONObject) -> JSONObject | None:
    """The existing object with everything that is expected; None when it has all of that already.

    What it has beside that stays: rules and subjects are added, and never taken away.
    """
    new: JSONObject = {**existing, "metadata": dict(existing["metadata"])}
    for field in ("annotations", "labels"):
        merged = {**(expected["metadata"].get(field) or {}), **(existing["metadata"].get(field) or {})}
        if merged:
            new["metadata"][field] = merged
    if "roleRef" in expected:
        _add_missing(new, existing.get("subjects"), expected.get("subjects"))
        return None if new == existing else new
    held = [parse_rule(rule) for rule in existing.get("rules") or ()]
    wanted = [parse_rule(rule) for rule in expected.get("rules") or ()]
    missing = uncovered(held, wanted)
    if missing:
        new["rules"] = [*(existing.get("rules") or ()), *(rule.to_json() for rule in missing)]
    aggregation = expected.get("aggregationRule")
    if aggregation is None:
        new.pop("aggregationRule", None)
    else:
        selectors = list((existing.get("aggregationRule") or {}).get("clusterRoleSelectors") or ())
        more = [each for each in aggregation["clusterRoleSelectors"] if each not in selectors]
        if more:
            new["aggregationRule"] = {"clusterRoleSelectors": [*selectors, *more]}
    return None if new == existing else new


def _add_missing(
    new: JSONObject,
    existing: Sequence[Mapping[str, str]] | None,
    expected: Sequence[Mapping[str, str]] | None,
) -> None:
    missing = [subject for subject in expected or () if subject not in (existing or ())]
    if missing:
        new["subjects"] = [*(existing or ()), *missing]
