"""Named amounts (`cpu: 100m, memory: 1Gi`) and what is computed with them.

The operations are apiserver's `quota/v1` and the resource lists of component-helpers: sums keep the format of
what they began with, and a name that is missing on one side is taken from the other.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from reconcile.objects.quantities import Amount

Amounts = dict[str, Amount]
ONE = Amount(10**9)
ZERO = Amount(0)
_MAX_MILLI = (2**63 - 1) // 1000


def amounts(given: Mapping[str, Any] | None) -> Amounts:
    """The amounts of a resource list as objects have it."""
    return {name: Amount.parse(text) for name, text in given.items()} if given else {}


def shown(given: Mapping[str, Amount]) -> dict[str, str]:
    """As objects have them."""
    return {name: str(amount) for name, amount in given.items()}


def printed(given: Mapping[str, Amount]) -> str:
    """As messages show them: `cpu=1,memory=1Gi`."""
    return ",".join(f"{name}={given[name]}" for name in sorted(given))


def add(one: Mapping[str, Amount], other: Mapping[str, Amount]) -> Amounts:
    total = dict(one)
    for name, amount in other.items():
        total[name] = total[name] + amount if name in total else amount
    return total


def larger(one: Mapping[str, Amount], *others: Mapping[str, Amount]) -> Amounts:
    """For each name the largest."""
    largest = dict(one)
    for other in others:
        for name, amount in other.items():
            if name not in largest or amount > largest[name]:
                largest[name] = amount
    return largest


def growth(one: Mapping[str, Amount], before: Mapping[str, Amount]) -> Amounts:
    """`one - before`, nothing below zero."""
    grown: Amounts = {}
    for name, amount in one.items():
        left = amount - before[name] if name in before else amount
        grown[name] = left if left.nanos > 0 else ZERO
    for name in before:
        grown.setdefault(name, ZERO)
    return grown


def only(given: Mapping[str, Amount], names: Container[str]) -> Amounts:
    """Those of these names."""
    return {name: amount for name, amount in given.items() if name in names}


def without_zeros(given: Mapping[str, Amount]) -> Amounts:
    return {name: amount for name, amount in given.items() if amount.nanos}


def comparable(*given: Amount | None) -> list[int]:
    """The amounts as whole numbers of one unit: thousandths, or units where those would not fit 64 bits."""
    values = [0 if amount is None else amount.value for amount in given]
    if all(value <= _MAX_MILLI for value in values):
        return [0 if amount is None else amount.milli_value for amount in given]
    return values
