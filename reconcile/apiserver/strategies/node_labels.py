"""Labels of nodes that are deprecated: what clients are told who select by them."""

from __future__ import annotations

from typing import Any, Final

from reconcile.objects.names import label_value_problems

JSONObject = dict[str, Any]

DEPRECATED_LABELS: Final = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": (
        "deprecated since v1.22; use Taints and Tolerations instead"
    ),
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}


def selector_warnings(path: str, selector: JSONObject | None) -> list[str]:
    """Of a label selector for nodes."""
    if selector is None:
        return []
    warnings = [
        f"{path}.matchExpressions[{index}].key: {each['key']} is {DEPRECATED_LABELS[each['key']]}"
        for index, each in enumerate(selector.get("matchExpressions") or ())
        if each.get("key") in DEPRECATED_LABELS
    ]
    return warnings + [
        f"{path}.matchLabels.{label}: {DEPRECATED_LABELS[label]}"
        for label in selector.get("matchLabels") or ()
        if label in DEPRECATED_LABELS
    ]


def term_warnings(path: str, term: JSONObject, *, values: bool) -> list[str]:
    """Of a term of a node selector; `values`: its values are looked at as well."""
    warnings: list[str] = []
    for index, each in enumerate(term.get("matchExpressions") or ()):
        key = each.get("key") or ""
        where = f"{path}.matchExpressions[{index}]"
        if key in DEPRECATED_LABELS:
            warnings.append(f"{where}.key: {key} is {DEPRECATED_LABELS[key]}")
        if values:
            warnings += [
                f"{where}.values[{position}]: {value} is invalid, {problem}"
                for position, value in enumerate(each.get("values") or ())
                for problem in label_value_problems(value)
            ]
    return warnings
