"""Kubernetes' quantities."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.numerals import MAX_INT, MIN_INT
from reconcile.cel.types import BOOL, DOUBLE, INT, QUANTITY, STRING
from reconcile.cel.values import Opaque
from reconcile.objects.quantities import Amount, Format, InvalidQuantityError


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """An amount, and how apimachinery holds it: a whole number times a power of ten, or a decimal (None).

    Only what is held as a whole number counts as an integer there.
    """

    amount: Amount
    scaled: tuple[int, int] | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.amount == other.amount

    def __hash__(self) -> int:
        return hash(self.amount)

    @property
    def integer(self) -> int | None:
        if self.scaled is None:
            return None
        value, scale = self.scaled
        if scale < 0:
            return None
        whole = value * 10**scale
        return whole if MIN_INT <= whole <= MAX_INT else None

    @property
    def double(self) -> float:
        if self.scaled is None:
            return float(self.amount.fraction)
        value, scale = self.scaled
        return float(value) * float(f"1e{scale}") if scale else float(value)


def declarations() -> list[Function]:
    both = (QUANTITY, QUANTITY)
    return [
        Function("quantity", [Overload("string_to_quantity", (STRING,), QUANTITY, _quantity)]),
        Function("isQuantity", [Overload("is_quantity_string", (STRING,), BOOL, _is_quantity)]),
        Function("sign", [Overload("quantity_sign", (QUANTITY,), INT, _sign)]),
        Function(
            "isGreaterThan",
            [
                Overload(
                    "quantity_is_greater_than", both, BOOL, lambda one, other: _order(one, other) > 0, True
                )
            ],
        ),
        Function(
            "isLessThan",
            [Overload("quantity_is_less_than", both, BOOL, lambda one, other: _order(one, other) < 0, True)],
        ),
        Function("compareTo", [Overload("quantity_compare_to", both, INT, _order, True)]),
        Function(
            "asApproximateFloat",
            [Overload("quantity_get_float", (QUANTITY,), DOUBLE, lambda one: one.value.double, True)],
        ),
        Function("asInteger", [Overload("quantity_get_int", (QUANTITY,), INT, _integer, True)]),
        Function(
            "isInteger",
            [
                Overload(
                    "quantity_is_integer", (QUANTITY,), BOOL, lambda one: one.value.integer is not None, True
                )
            ],
        ),
        Function(
            "add",
            [
                Overload("quantity_add", both, QUANTITY, _sum(1), True),
                Overload("quantity_add_int", (QUANTITY, INT), QUANTITY, _sum(1), True),
            ],
        ),
        Function(
            "sub",
            [
                Overload("quantity_sub", both, QUANTITY, _sum(-1), True),
                Overload("quantity_sub_int", (QUANTITY, INT), QUANTITY, _sum(-1), True),
            ],
        ),
    ]


def _opaque(held: _Held, *, pointer: bool = False) -> Opaque:
    return Opaque(QUANTITY, held, str(held.amount), pointer=pointer)


def quantity_value(text: str) -> Opaque:
    """The value of a quantity's text; raises Failure when it is none."""
    return _quantity(text)


def _quantity(text: str) -> Opaque:
    try:
        amount = Amount.parse(text)
    except InvalidQuantityError as error:
        raise Failure(str(error)) from None
    return _opaque(_Held(amount, _scaled(text, amount)))


_PARTS = re.compile(r"[-+]?0*(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def _scaled(text: str, amount: Amount) -> tuple[int, int] | None:
    """What apimachinery's short way of parsing makes of a text; None where it takes the long one."""
    match = _PARTS.fullmatch(text)
    if match is None:
        return None
    whole, fraction, suffix = match.group(1), match.group(2) or "", match.group(3)
    scale, factor = 0, 1
    if suffix in _BINARY:
        exponent = _BINARY[suffix]
        if fraction:
            return None
        precision = 15 - len(whole) - exponent * 3 // 10 - 1
        factor = 1 << exponent
    else:
        scale = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
        precision = 18 - len(whole) - len(fraction)
    scale -= len(fraction)
    if precision < 0 or scale < -9:
        return None
    value = int((whole or "0") + fraction) * factor
    if value > MAX_INT:
        return None
    return (-value if text.startswith("-") else value), scale


def _is_quantity(text: str) -> bool:
    try:
        Amount.parse(text)
    except InvalidQuantityError:
        return False
    return True


def _sign(one: Opaque) -> int:
    nanos = one.value.amount.nanos
    return (nanos > 0) - (nanos < 0)


def _order(one: Opaque, other: Opaque) -> int:
    left, right = one.value.amount.nanos, other.value.amount.nanos
    return (left > right) - (left < right)


def _integer(one: Opaque) -> int:
    found = one.value.integer
    if found is None:
        raise Failure("cannot convert value to integer")
    return found


def _sum(sign: int) -> Callable[[Opaque, Any], Opaque]:
    def run(one: Opaque, other: Opaque | int) -> Opaque:
        left: _Held = one.value
        if isinstance(other, Opaque):
            right: _Held = other.value
        else:
            right = _Held(Amount.of(other, Format.EXPONENT), (other, 0))
        amount = left.amount + right.amount if sign > 0 else left.amount - right.amount
        return _opaque(_Held(amount, _add(left.scaled, right.scaled, sign)), pointer=True)

    return run


def _add(left: tuple[int, int] | None, right: tuple[int, int] | None, sign: int) -> tuple[int, int] | None:
    if left is None or right is None:
        return None
    value, scale = right[0] * sign, right[1]
    if value == 0:
        return left
    if left[0] == 0:
        return value, scale
    lowest = min(left[1], scale)
    total = left[0] * 10 ** (left[1] - lowest) + value * 10 ** (scale - lowest)
    return (total, lowest) if MIN_INT <= total <= MAX_INT else None
