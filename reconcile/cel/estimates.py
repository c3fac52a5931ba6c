"""Sizes and costs before an expression runs: from … to, stopping at 2⁶⁴-1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from reconcile.cel.limits import UNBOUNDED

STRING_FACTOR: Final = 0.1
"""What reading one character costs."""
REGEX_FACTOR: Final = 0.25
"""What one character of a pattern costs, a character of the text."""
LIST_COST: Final = 10
MAP_COST: Final = 30
STRUCT_COST: Final = 40


def add(one: int, other: int) -> int:
    return min(one + other, UNBOUNDED)


def multiply(one: int, other: int) -> int:
    return min(one * other, UNBOUNDED)


def scale(amount: int, factor: float) -> int:
    """Times a factor, rounded up, as doubles compute it."""
    product = float(amount) * factor
    return UNBOUNDED if product >= 2.0**64 else math.ceil(product)


@dataclass(frozen=True, slots=True)
class Range:
    """A size or a cost, at least and at most."""

    min: int
    max: int

    def __add__(self, other: Range) -> Range:
        return Range(add(self.min, other.min), add(self.max, other.max))

    def __mul__(self, other: Range) -> Range:
        return Range(multiply(self.min, other.min), multiply(self.max, other.max))

    def times(self, factor: float) -> Range:
        return Range(scale(self.min, factor), scale(self.max, factor))

    def __or__(self, other: Range) -> Range:
        return Range(min(self.min, other.min), max(self.max, other.max))


def exactly(amount: int) -> Range:
    return Range(amount, amount)


NOTHING: Final = exactly(0)
ONE: Final = exactly(1)
UNKNOWN: Final = Range(0, UNBOUNDED)
EMPTY_UNION: Final = Range(UNBOUNDED, 0)
"""What a union begins with."""
