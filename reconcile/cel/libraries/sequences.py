"""cel-go's lists: slice, flatten, sort, sortBy, lists.range, reverse, distinct."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

from reconcile.cel import types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.equality import compare, holds
from reconcile.cel.failure import Failure
from reconcile.cel.libraries.lists import COMPARABLE
from reconcile.cel.numerals import MAX_INT
from reconcile.cel.types import INT
from reconcile.cel.values import Duration, ListValue, Timestamp, UInt, type_of_value

_RANGE_LIMIT = 10_000_000
"""A longer range costs more than any expression may: it is refused before it fills the memory."""


def declarations() -> list[Function]:
    whole = types.list_of(types.parameter("T"))
    return [
        Function("slice", [Overload("list_slice", (whole, INT, INT), whole, _slice, True)]),
        Function(
            "flatten",
            [
                Overload("list_flatten", (types.list_of(whole),), whole, _flatten, True),
                Overload("list_flatten_int", (types.LIST, INT), types.LIST, _flatten, True),
            ],
            guarded=False,
        ),
        Function(
            "sort",
            [
                Overload(f"list_{type.name}_sort", (types.list_of(type),), types.list_of(type), member=True)
                for _, type in _SORTED
            ],
            run=lambda values: _sorted(values, values),
        ),
        Function(
            "@sortByAssociatedKeys",
            [
                Overload(
                    f"list_{type.name}_sortByAssociatedKeys",
                    (whole, types.list_of(type)),
                    whole,
                    member=True,
                )
                for _, type in _SORTED
            ],
            run=_sorted_by,
        ),
        Function("lists.range", [Overload("lists_range", (INT,), types.list_of(INT), _range)]),
        Function("reverse", [Overload("list_reverse", (whole,), whole, _reverse, True)]),
        Function("distinct", [Overload("list_distinct", (whole,), whole, _distinct, True)]),
    ]


_SORTED = tuple(COMPARABLE)
_ABLE = (bool, int, UInt, float, str, bytes, Duration, Timestamp)


def _slice(values: ListValue, start: int, end: int) -> ListValue:
    if start < 0 or end < 0:
        raise Failure(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise Failure(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if len(values) < end:
        raise Failure(f"cannot slice({start}, {end}), list is length {len(values)}")
    return ListValue([values.at(index) for index in range(start, end)])


def _flatten(values: Any, *depths: Any) -> ListValue:
    depth = depths[0] if depths else 1
    given = str(type_of_value(depth)) if depths else ""
    if not isinstance(values, ListValue) or type(depth) is not int:
        raise Failure(f"no such overload: {type_of_value(values)}.flatten({given})")
    if depth < 0:
        raise Failure("level must be non-negative")
    found: list[Any] = []

    def walk(inner: ListValue, left: int) -> None:
        for value in inner:
            if left and isinstance(value, ListValue):
                walk(value, left - 1)
            else:
                found.append(value)

    walk(values, depth)
    return ListValue(found)


def _sorted_by(values: Any, keys: Any) -> ListValue:
    return _sorted(values, keys)


def _sorted(values: Any, keys: Any) -> ListValue:
    if not isinstance(values, ListValue) or not isinstance(keys, ListValue):
        raise Failure("no such overload: sort")
    if len(values) != len(keys):
        raise Failure(
            "@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got "
            f"{len(values)} and {len(keys)} elements respectively"
        )
    if not len(values):
        return values
    by = list(keys)
    if type(by[0]) not in _ABLE:
        raise Failure("list elements must be comparable")
    if any(type(key) is not type(by[0]) for key in by):
        raise Failure("list elements must have the same type")

    def order(one: int, other: int) -> int:
        try:
            return compare(by[one], by[other])
        except Failure:
            return 0

    return ListValue([values.at(index) for index in sorted(range(len(by)), key=cmp_to_key(order))])


def _range(count: int) -> ListValue:
    if count > min(_RANGE_LIMIT, MAX_INT):
        raise Failure("range is too long")
    return ListValue(range(max(count, 0)))


def _reverse(values: ListValue) -> ListValue:
    return ListValue(list(values)[::-1])


def _distinct(values: ListValue) -> ListValue:
    if not len(values):
        return values
    found: list[Any] = []
    for value in values:
        if not any(holds(value, other) for other in found):
            found.append(value)
    return ListValue(found)
