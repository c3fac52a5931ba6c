"""Conditions: what a controller says about an object, one entry a type.

    ready = condition("Ready", True, "Provisioned", observed_generation=database.metadata.generation)
    set_condition(database.status.conditions, ready, now=self.runtime.now())

The rules are `meta.SetStatusCondition`'s: a type has one entry, and `lastTransitionTime` moves only when
its status does. Entries are `Condition`, another struct with `type` and `status` (a pod's conditions), or
dicts in wire form.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec

from reconcile.objects.meta import Condition
from reconcile.objects.times import format_time

C = TypeVar("C")


def condition(
    type: str,
    status: bool | str | None,
    reason: str,
    message: str = "",
    *,
    observed_generation: int | None = None,
) -> Condition:
    """A condition; its time is set by `set_condition`.

    Args:
        type: what it is about.
        status: True, False, None for Unknown, or the word itself.
        reason: one CamelCase word.
        message: for people.
        observed_generation: the `metadata.generation` it was computed from.
    """
    if not isinstance(status, str):
        status = "Unknown" if status is None else str(bool(status))
    return Condition(
        type=type, status=status, reason=reason, message=message, observed_generation=observed_generation
    )


def set_condition(conditions: MutableSequence[C], new: C, *, now: datetime) -> bool:
    """Put `new` into `conditions`, in place of the entry of its type or at the end.

    Args:
        conditions: an object's conditions, changed in place.
        new: the condition as it is now; not changed itself. A `lastTransitionTime` that it has is taken
            where the status changes.
        now: the time that is written otherwise.

    Returns:
        Whether anything changed, so whether a status needs writing.
    """
    wanted = _copy(new)
    for index, present in enumerate(conditions):
        if _get(present, "type") != _get(new, "type"):
            continue
        if _get(present, "status") == _get(new, "status") and _get(present, "last_transition_time"):
            _set(wanted, "last_transition_time", _get(present, "last_transition_time"))
        elif not _get(new, "last_transition_time"):
            _set(wanted, "last_transition_time", format_time(now))
        if wanted == present:
            return False
        conditions[index] = wanted
        return True
    if not _get(new, "last_transition_time"):
        _set(wanted, "last_transition_time", format_time(now))
    conditions.append(wanted)
    return True


def find_condition(conditions: Sequence[C] | None, type: str) -> C | None:
    """The condition of a type, or None."""
    for present in conditions or ():
        if _get(present, "type") == type:
            return present
    return None


def remove_condition(conditions: MutableSequence[Any], type: str) -> bool:
    """Remove the condition of a type; whether there was one."""
    for index, present in enumerate(conditions):
        if _get(present, "type") == type:
            del conditions[index]
            return True
    return False


def is_true(conditions: Sequence[Any] | None, type: str) -> bool:
    """Whether the condition of a type is there and True."""
    return has_status(conditions, type, "True")


def is_false(conditions: Sequence[Any] | None, type: str) -> bool:
    """Whether the condition of a type is there and False."""
    return has_status(conditions, type, "False")


def has_status(conditions: Sequence[Any] | None, type: str, status: str) -> bool:
    """Whether the condition of a type is there and has this status."""
    found = find_condition(conditions, type)
    return found is not None and _get(found, "status") == status


_WIRE = {"last_transition_time": "lastTransitionTime"}


def _get(entry: Any, field: str) -> Any:
    if isinstance(entry, dict):
        return cast("dict[str, Any]", entry).get(_WIRE.get(field, field))
    return getattr(entry, field, None)


def _set(entry: Any, field: str, value: Any) -> None:
    if isinstance(entry, dict):
        entry[_WIRE.get(field, field)] = value
    else:
        setattr(entry, field, value)


def _copy(entry: C) -> C:
    if isinstance(entry, dict):
        return cast("C", dict(cast("dict[str, Any]", entry)))
    if isinstance(entry, msgspec.Struct):
        return msgspec.structs.replace(entry)
    return cast("Any", entry).model_copy()
