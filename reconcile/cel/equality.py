"""Equality and order of values, across numbers of all types."""

from __future__ import annotations

import math
from typing import Any

from reconcile.cel.failure import Failure, no_such_overload
from reconcile.cel.numerals import MAX_INT, MAX_UINT, MIN_INT
from reconcile.cel.types import Type
from reconcile.cel.values import Duration, ListValue, MapValue, Opaque, Optional, Timestamp, UInt


def equal(left: Any, right: Any) -> bool:
    """`left == right`.

    Raises:
        Failure: values of a library, or parts of an object, beside something else.
    """
    if left is None or right is None:
        return left is right
    kind = type(left)
    if kind is str or kind is bytes or kind is bool:
        return type(right) is kind and left == right
    if kind is int or kind is float or kind is UInt:
        return _is_number(right) and _order_numbers(left, right) == 0
    if kind is Timestamp:
        return type(right) is Timestamp and left.nanos == right.nanos
    if kind is Duration:
        return type(right) is Duration and left.nanos == right.nanos
    if isinstance(left, ListValue):
        return _own(left, right) if type(left) is not ListValue else _equal_lists(left, right)
    if isinstance(left, MapValue):
        return _own(left, right) if type(left) is not MapValue else _equal_maps(left, right)
    if kind is Optional:
        if type(right) is not Optional or left.present != right.present:
            return False
        return not left.present or equal(left.value, right.value)
    if kind is Type:
        return isinstance(right, Type) and left.name == right.name
    if kind is Opaque:
        if not isinstance(right, Opaque) or right.type != left.type or right.pointer:
            raise no_such_overload()
        return left.value == right.value
    return _own(left, right)


def _own(left: Any, right: Any) -> bool:
    return left.equals(right)


def holds(left: Any, right: Any) -> bool:
    """Whether `left == right` is true; a failure is not."""
    try:
        return equal(left, right)
    except Failure:
        return False


def _equal_lists(left: ListValue, right: Any) -> bool:
    if not isinstance(right, ListValue) or len(left) != len(right):
        return False
    return all(_not_unequal(one, right.at(index)) for index, one in enumerate(left))


def _equal_maps(left: MapValue, right: Any) -> bool:
    if not isinstance(right, MapValue) or len(left) != len(right):
        return False
    for key in left:
        other = right.find(key)
        mine = left.find(key)
        if other is None or mine is None or not _not_unequal(mine[0], other[0]):
            return False
    return True


def _not_unequal(left: Any, right: Any) -> bool:
    """Inside lists and maps, only a clear difference counts."""
    try:
        return equal(left, right)
    except Failure:
        return True


def _is_number(value: Any) -> bool:
    kind = type(value)
    return kind is int or kind is float or kind is UInt


def _order_numbers(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None where one is not a number (NaN).

    Doubles beside integers are compared as doubles, in the range of the integers.
    """
    if type(left) is float and type(right) is float:
        if math.isnan(left) or math.isnan(right):
            return None
    elif isinstance(left, float):
        return None if math.isnan(left) else _order_double_integer(left, right)
    elif isinstance(right, float):
        whole: int = left
        return None if math.isnan(right) else -_order_double_integer(right, whole)
    return (left > right) - (left < right)


def _order_double_integer(left: float, right: int) -> int:
    low, high = (0, MAX_UINT) if type(right) is UInt else (MIN_INT, MAX_INT)
    if left < low:
        return -1
    if left > float(high):
        return 1
    as_double = float(right)
    return (left > as_double) - (left < as_double)


def compare(left: Any, right: Any) -> int:
    """-1, 0 or 1.

    Raises:
        Failure: the two have no order.
    """
    kind, other = type(left), type(right)
    if kind is int and other is int:
        return (left > right) - (left < right)
    if _is_number(left):
        if not _is_number(right):
            raise no_such_overload()
        order = _order_numbers(left, right)
        if order is None:
            raise Failure("NaN values cannot be ordered")
        return order
    if kind is not other:
        raise no_such_overload()
    if kind is str:
        # By bytes in Go, by code points here: the same order.
        return (left > right) - (left < right)
    if kind is bytes or kind is bool:
        return (left > right) - (left < right)
    if kind is Timestamp or kind is Duration:
        return (left.nanos > right.nanos) - (left.nanos < right.nanos)
    raise no_such_overload()
