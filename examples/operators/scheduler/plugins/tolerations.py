"""Whether tolerations answer a taint; shared by the plugins that look at taints."""

from __future__ import annotations

from collections.abc import Iterable

from reconcile.api.core.v1 import Toleration

Taint = tuple[str, str, str]
"""Key, value, effect."""


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    key, value, effect = taint
    if toleration.effect and toleration.effect != effect:
        return False
    if toleration.key and toleration.key != key:
        return False
    operator = toleration.operator or "Equal"
    if operator == "Exists":
        return True
    if operator == "Equal":
        return bool(toleration.key) and (toleration.value or "") == value
    return _compares(operator, toleration.value or "", value)


def _compares(operator: str, wanted: str, value: str) -> bool:
    try:
        bound, number = int(wanted), int(value)
    except ValueError:
        return False
    return number > bound if operator == "Gt" else number < bound if operator == "Lt" else False


def untolerated(
    taints: Iterable[Taint], tolerations: Iterable[Toleration], effects: tuple[str, ...]
) -> list[Taint]:
    """The taints of these effects that no toleration answers."""
    answers = list(tolerations)
    return [
        taint
        for taint in taints
        if taint[2] in effects and not any(tolerates(toleration, taint) for toleration in answers)
    ]
