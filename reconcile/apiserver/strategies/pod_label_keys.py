"""Label keys of affinity terms and spread constraints: of a new pod they become part of the selectors.

The rules are those of kube-apiserver's `mutatePodAffinity` and `mutateTopologySpreadConstraints`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

JSONObject = dict[str, Any]

_KEYS = (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))


def merge_label_keys(pod: JSONObject) -> None:
    """Have each selector ask for the values that the pod's own labels have under its keys."""
    labels: dict[str, str] = pod["metadata"].get("labels") or {}
    for holder in _holders(pod["spec"]):
        selector = holder.get("labelSelector")
        if selector is None:
            # Which matches nothing whatever is added.
            continue
        wanted = [
            {"key": key, "operator": operator, "values": [labels[key]]}
            for name, operator in _KEYS
            for key in holder.get(name) or ()
            if key in labels
        ]
        if wanted:
            holder["labelSelector"] = {
                **selector,
                "matchExpressions": [*(selector.get("matchExpressions") or ()), *wanted],
            }


def _holders(spec: JSONObject) -> Iterator[JSONObject]:
    for kind in ("podAffinity", "podAntiAffinity"):
        rules: JSONObject = (spec.get("affinity") or {}).get(kind) or {}
        for wish in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield wish.get("podAffinityTerm") or {}
        yield from rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    yield from spec.get("topologySpreadConstraints") or ()
