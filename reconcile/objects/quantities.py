"""Amounts of resources: `100m` of a CPU, `2Gi` of memory; apimachinery's `resource.Quantity`.

On the wire a quantity is a string (or a number), and it stays one in objects. `Amount` computes: exact, in
billionths, which is the finest the API knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import total_ordering
from typing import Final

from reconcile.errors import ConfigurationError

_NANO: Final = 10**9
_CAP: Final = (2**63 - 1) * _NANO
_SHAPE: Final = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*(?:[-+]?\d*))")
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL: Final = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_DECIMAL_SUFFIX: Final = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX: Final = {exponent: suffix for suffix, exponent in _BINARY.items()}


class InvalidQuantityError(ConfigurationError, ValueError):
    """A text that is no quantity; the message is apimachinery's."""


class Format(Enum):
    """How an amount is written: `12M`, `12Mi` or `12e6`."""

    DECIMAL = "DecimalSI"
    BINARY = "BinarySI"
    EXPONENT = "DecimalExponent"


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Amount:
    """An exact amount. Amounts compare by value alone, with numbers too: `1000m` equals `1`.

    Attributes:
        nanos: the amount in billionths.
        format: how it is written; the result of a sum keeps the left side's, unless that is zero.

    >>> str(Amount.parse("1.5Gi") + Amount.parse("512Mi"))
    '2Gi'
    >>> Amount.parse("100m") < 1
    True
    """

    nanos: int
    format: Format = Format.DECIMAL

    @classmethod
    def parse(cls, text: str | int | float) -> Amount:
        """Read a quantity; finer than billionths is rounded away from zero.

        Raises:
            InvalidQuantityError: it is none.
        """
        text = str(text)
        found = _SHAPE.fullmatch(text)
        if not found or not text:
            raise InvalidQuantityError(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            )
        sign, whole, fraction, suffix = found.groups()
        fraction = fraction or ""
        if not whole and not fraction:
            raise InvalidQuantityError("unable to parse numeric part of quantity")
        form, factor = _scale_of(suffix)
        exact = Fraction(int((whole or "") + fraction or "0"), 10 ** len(fraction)) * factor * _NANO
        nanos = -(-exact.numerator // exact.denominator)
        if form is Format.BINARY:
            nanos = min(nanos, _CAP)
            if 0 < nanos < _NANO:
                form = Format.DECIMAL
        return cls(-nanos if sign == "-" else nanos, form)

    @classmethod
    def of(cls, value: int | float | Fraction, format: Format = Format.DECIMAL) -> Amount:
        """An amount from a number; finer than billionths is rounded away from zero."""
        exact = Fraction(value) * _NANO
        nanos = -(-abs(exact.numerator) // exact.denominator)
        return cls(-nanos if exact < 0 else nanos, format)

    @property
    def value(self) -> int:
        """The amount in whole units, rounded away from zero, as the API rounds."""
        return self._scaled(_NANO)

    @property
    def milli_value(self) -> int:
        """The amount in thousandths, rounded away from zero."""
        return self._scaled(_NANO // 1000)

    @property
    def fraction(self) -> Fraction:
        """The exact amount."""
        return Fraction(self.nanos, _NANO)

    def _scaled(self, unit: int) -> int:
        rounded = -(-abs(self.nanos) // unit)
        return -rounded if self.nanos < 0 else rounded

    def __str__(self) -> str:
        """The canonical form: the largest suffix that needs no fraction."""
        if not self.nanos:
            return "0"
        sign, nanos = ("-", -self.nanos) if self.nanos < 0 else ("", self.nanos)
        if self.format is Format.BINARY and nanos >= 1024 * _NANO and nanos % _NANO == 0:
            number, exponent = nanos // _NANO, 0
            while number % 1024 == 0 and exponent < 60:
                number, exponent = number // 1024, exponent + 10
            return f"{sign}{number}{_BINARY_SUFFIX.get(exponent, '')}"
        number, exponent = nanos, -9
        limit = 18 if self.format is not Format.EXPONENT else 10**9
        while number % 1000 == 0 and exponent < limit:
            number, exponent = number // 1000, exponent + 3
        if self.format is Format.EXPONENT:
            return f"{sign}{number}e{exponent}" if exponent else f"{sign}{number}"
        return f"{sign}{number}{_DECIMAL_SUFFIX[exponent]}"

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.nanos + other.nanos, self.format if self.nanos else other.format)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.nanos - other.nanos, self.format if self.nanos else other.format)

    def __mul__(self, factor: int) -> Amount:
        return Amount(self.nanos * factor, self.format)

    def __neg__(self) -> Amount:
        return Amount(-self.nanos, self.format)

    def __bool__(self) -> bool:
        return self.nanos != 0

    def __float__(self) -> float:
        return self.nanos / _NANO

    def __eq__(self, other: object) -> bool:
        nanos = _nanos_of(other)
        return NotImplemented if nanos is None else self.nanos == nanos

    def __lt__(self, other: Amount | int | float | Fraction) -> bool:
        nanos = _nanos_of(other)
        return NotImplemented if nanos is None else self.nanos < nanos

    def __hash__(self) -> int:
        return hash(self.fraction)


def canonical(text: str | int | float) -> str:
    """The canonical form of a quantity, as the API server writes it back.

    >>> [canonical(text) for text in ("1000m", "0.5", "1024Mi", "1500Mi", "1e3")]
    ['1', '500m', '1Gi', '1500Mi', '1e3']
    """
    return str(Amount.parse(text))


def _scale_of(suffix: str) -> tuple[Format, Fraction]:
    if suffix in _DECIMAL:
        return Format.DECIMAL, _power_of_ten(_DECIMAL[suffix])
    if suffix in _BINARY:
        return Format.BINARY, Fraction(2 ** _BINARY[suffix])
    if re.fullmatch(r"[eE][-+]?\d{1,3}", suffix):
        return Format.EXPONENT, _power_of_ten(int(suffix[1:]))
    raise InvalidQuantityError("unable to parse quantity's suffix")


def _power_of_ten(exponent: int) -> Fraction:
    return Fraction(10**exponent) if exponent >= 0 else Fraction(1, 10**-exponent)


def _nanos_of(value: object) -> int | Fraction | None:
    if isinstance(value, Amount):
        return value.nanos
    if isinstance(value, int | float | Fraction):
        return Fraction(value) * _NANO
    return None
