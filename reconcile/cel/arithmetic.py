"""Sums, differences, products, quotients: checked, in 64 bits."""

from __future__ import annotations

import math
from typing import Any

from reconcile.cel.failure import Failure, no_such_overload
from reconcile.cel.numerals import MAX_INT, MAX_SECONDS, MAX_UINT, MIN_INT, MIN_SECONDS, SECOND
from reconcile.cel.values import Duration, ListValue, Timestamp, UInt


def _int(value: int) -> int:
    if MIN_INT <= value <= MAX_INT:
        return value
    raise Failure("integer overflow")


def _uint(value: int) -> UInt:
    if 0 <= value <= MAX_UINT:
        return UInt(value)
    raise Failure("unsigned integer overflow")


def _duration(nanos: int) -> Duration:
    if MIN_INT <= nanos <= MAX_INT:
        return Duration(nanos)
    raise Failure("duration overflow")


def _timestamp(nanos: int, east: int) -> Timestamp:
    if MIN_SECONDS <= nanos // SECOND <= MAX_SECONDS:
        return Timestamp(nanos, east)
    raise Failure("timestamp overflow")


def add(left: Any, right: Any) -> Any:
    kind, other = type(left), type(right)
    if kind is int and other is int:
        return _int(left + right)
    if kind is other and kind in (str, bytes, float):
        return left + right
    if kind is UInt and other is UInt:
        return _uint(int(left) + int(right))
    if isinstance(left, ListValue):
        if not isinstance(right, ListValue):
            raise no_such_overload()
        return left.joined(right)
    if kind is Duration and other is Duration:
        return _duration(left.nanos + right.nanos)
    if kind is Duration and other is Timestamp:
        return _timestamp(right.nanos + left.nanos, right.east)
    if kind is Timestamp and other is Duration:
        return _timestamp(left.nanos + right.nanos, left.east)
    raise _misfit("_+_", kind, (int, UInt, float, str, bytes, Duration, Timestamp))


def subtract(left: Any, right: Any) -> Any:
    kind, other = type(left), type(right)
    if kind is int and other is int:
        return _int(left - right)
    if kind is float and other is float:
        return left - right
    if kind is UInt and other is UInt:
        return _uint(int(left) - int(right))
    if kind is Duration and other is Duration:
        return _duration(left.nanos - right.nanos)
    if kind is Timestamp and other is Duration:
        return _timestamp(left.nanos - right.nanos, left.east)
    if kind is Timestamp and other is Timestamp:
        return Duration(_int(left.nanos - right.nanos))
    raise _misfit("_-_", kind, (int, UInt, float, Duration, Timestamp))


def multiply(left: Any, right: Any) -> Any:
    kind, other = type(left), type(right)
    if kind is int and other is int:
        return _int(left * right)
    if kind is float and other is float:
        return left * right
    if kind is UInt and other is UInt:
        return _uint(int(left) * int(right))
    raise _misfit("_*_", kind, (int, UInt, float))


def divide(left: Any, right: Any) -> Any:
    kind, other = type(left), type(right)
    if kind is float and other is float:
        if right:
            return left / right
        if math.isnan(left) or not left:
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1, right)
    if kind is other and kind in (int, UInt):
        if not right:
            raise Failure("division by zero")
        # Towards zero.
        quotient = abs(int(left)) // abs(int(right))
        if kind is UInt:
            return UInt(quotient)
        return _int(-quotient if (left < 0) != (right < 0) else quotient)
    raise _misfit("_/_", kind, (int, UInt, float))


def modulo(left: Any, right: Any) -> Any:
    kind = type(left)
    if kind is type(right) and kind in (int, UInt):
        if not right:
            raise Failure("modulus by zero")
        if left == MIN_INT and right == -1:
            raise Failure("integer overflow")
        rest = abs(int(left)) % abs(int(right))
        if kind is UInt:
            return UInt(rest)
        return -rest if left < 0 else rest
    raise _misfit("_%_", kind, (int, UInt))


def negate(value: Any) -> Any:
    kind = type(value)
    if kind is int:
        return _int(-value)
    if kind is float:
        return -value
    if kind is Duration:
        return _duration(-value.nanos)
    raise Failure("no such overload" if kind in (bool, str, Timestamp) else "no such overload: -_")


def _misfit(function: str, kind: type, able: tuple[type, ...]) -> Failure:
    """The two ways in which cel-go says that an operator does not fit."""
    receiving = kind in (str, Timestamp, Duration)
    return Failure("no such overload" if kind in able or receiving else f"no such overload: {function}")
