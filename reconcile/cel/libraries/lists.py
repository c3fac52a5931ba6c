"""Kubernetes' lists: isSorted, sum, max, min, indexOf, lastIndexOf."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from reconcile.cel import types
from reconcile.cel.arithmetic import add
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.equality import compare, holds
from reconcile.cel.failure import Failure
from reconcile.cel.types import BOOL, BYTES, DOUBLE, DURATION, INT, STRING, TIMESTAMP, UINT, Type
from reconcile.cel.values import Duration, ListValue, UInt

COMPARABLE: tuple[tuple[str, Type], ...] = (
    ("int", INT),
    ("uint", UINT),
    ("double", DOUBLE),
    ("bool", BOOL),
    ("duration", DURATION),
    ("timestamp", TIMESTAMP),
    ("string", STRING),
    ("bytes", BYTES),
)
_SUMMABLE: tuple[tuple[str, Type, Any], ...] = (
    ("int", INT, 0),
    ("uint", UINT, UInt(0)),
    ("double", DOUBLE, 0.0),
    ("duration", DURATION, Duration(0)),
)


def declarations() -> list[Function]:
    element = types.parameter("A")
    whole = types.list_of(element)
    return [
        Function(
            "isSorted",
            [
                Overload(f"list_{name}_is_sorted_bool", (types.list_of(type),), BOOL, _is_sorted, True)
                for name, type in COMPARABLE
            ],
        ),
        Function(
            "sum",
            [
                Overload(f"list_{name}_sum_{name}", (types.list_of(type),), type, _sum(zero), True)
                for name, type, zero in _SUMMABLE
            ],
        ),
        _extreme("max", -1),
        _extreme("min", 1),
        Function("indexOf", [Overload("list_a_index_of_int", (whole, element), INT, _index_of, True)]),
        Function(
            "lastIndexOf", [Overload("list_a_last_index_of_int", (whole, element), INT, _last_index_of, True)]
        ),
    ]


def _is_sorted(values: ListValue) -> bool:
    items = list(values)
    return all(compare(one, next) <= 0 for one, next in pairwise(items))


def _sum(zero: Any) -> Callable[[ListValue], Any]:
    def run(values: ListValue) -> Any:
        total = zero
        for value in values:
            total = add(total, value)
        return total

    return run


def _extreme(name: str, replaced_at: int) -> Function:
    def run(values: ListValue) -> Any:
        items = iter(values)
        try:
            best = next(items)
        except StopIteration:
            raise Failure(f"{name} called on empty list") from None
        for item in items:
            if compare(best, item) == replaced_at:
                best = item
        return best

    return Function(
        name,
        [
            Overload(f"list_{kind}_{name}_{kind}", (types.list_of(type),), type, run, True)
            for kind, type in COMPARABLE
        ],
    )


def _index_of(values: ListValue, wanted: Any) -> int:
    for index, value in enumerate(values):
        if holds(value, wanted):
            return index
    return -1


def _last_index_of(values: ListValue, wanted: Any) -> int:
    found = -1
    for index, value in enumerate(values):
        if holds(value, wanted):
            found = index
    return found
