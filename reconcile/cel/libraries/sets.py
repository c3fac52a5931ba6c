"""Lists as sets: contains, equivalent, intersects."""

from __future__ import annotations

from reconcile.cel import types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.types import BOOL
from reconcile.cel.values import ListValue


def declarations() -> list[Function]:
    whole = types.list_of(types.parameter("T"))
    both = (whole, whole)
    return [
        Function("sets.contains", [Overload("list_sets_contains_list", both, BOOL, _contains)]),
        Function("sets.equivalent", [Overload("list_sets_equivalent_list", both, BOOL, _equivalent)]),
        Function("sets.intersects", [Overload("list_sets_intersects_list", both, BOOL, _intersects)]),
    ]


def _contains(values: ListValue, part: ListValue) -> bool:
    return all(values.contains(each) for each in part)


def _equivalent(one: ListValue, other: ListValue) -> bool:
    return _contains(one, other) and _contains(other, one)


def _intersects(one: ListValue, other: ListValue) -> bool:
    return any(other.contains(each) for each in one)
