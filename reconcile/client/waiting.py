"""Conditions to wait for with `Client.wait_for`: functions of an object, or of None when there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from reconcile.objects.access import uid_of

Condition: TypeAlias = Callable[[Any], bool]


def exists(obj: Any) -> bool:
    """There is an object of that name."""
    return obj is not None


def is_gone(uid: str = "") -> Condition:
    """There is no object of that name, or, with a uid, it is another one by now."""

    def gone(obj: Any) -> bool:
        return obj is None or bool(uid and uid_of(obj) != uid)

    return gone


def has_condition(type: str, status: str = "True", *, reason: str | None = None) -> Condition:
    """`status.conditions` has a condition of this type with this status (and reason).

    Where a condition says which generation it was computed for, it must be the present one.
    """

    def holds(obj: Any) -> bool:
        if obj is None:
            return False
        generation = _of(_of(obj, "metadata"), "generation")
        for condition in _of(_of(obj, "status"), "conditions") or ():
            if _of(condition, "type") != type:
                continue
            observed = _of(condition, "observed_generation", "observedGeneration")
            current = observed is None or generation is None or observed >= generation
            return (
                current and _of(condition, "status") == status and reason in (None, _of(condition, "reason"))
            )
        return False

    return holds


crd_established: Condition = has_condition("Established")
"""A CustomResourceDefinition is served: its objects can be created from now on."""


def _of(value: Any, attribute: str, wire: str = "") -> Any:
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).get(wire or attribute)
    return getattr(value, attribute, None)
