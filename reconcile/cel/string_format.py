"""`"%s of %d".format([…])`: the clauses, at run time and checked beforehand; as in cel-go's strings before
version 4, with its en_US separators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from reconcile.cel.libraries.standard import CONVERSIONS
from reconcile.cel.types import Type
from reconcile.cel.values import Duration, ListValue, MapValue, Timestamp, UInt, type_name

_PRECISION = 6


class FormatError(Exception):
    """A clause or its argument is wrong; `argument` is the argument's index, where one is."""

    def __init__(self, message: str, argument: int = -1) -> None:
        super().__init__(message)
        self.message = message
        self.argument = argument


def clauses(text: str, count: int) -> Iterator[tuple[str, str, int | None]]:
    """The parts of a format: plain text before each clause, its letter, its precision; no letter at the end.

    Raises:
        FormatError: a clause that is none, or more of them than there are arguments.
    """
    plain: list[str] = []
    place = used = 0
    while place < len(text):
        if text[place] != "%":
            plain.append(text[place])
            place += 1
            continue
        if text[place + 1 : place + 2] == "%":
            plain.append("%")
            place += 2
            continue
        if used >= count:
            raise FormatError(f"index {used} out of range")
        if place + 1 >= len(text):
            raise FormatError("unexpected end of string")
        place, letter, precision = _clause(text, place + 1)
        yield "".join(plain), letter, precision
        plain = []
        used += 1
    yield "".join(plain), "", None


def _clause(text: str, place: int) -> tuple[int, str, int | None]:
    wrong = "could not parse formatting clause: "
    precision = None
    if text[place] == ".":
        end = place + 1
        while end < len(text) and text[end] in "0123456789":
            end += 1
        if end >= len(text):
            raise FormatError(
                f"{wrong}error while parsing precision: could not find end of precision specifier"
            )
        digits = text[place + 1 : end]
        if not digits:
            raise FormatError(
                f"{wrong}error while parsing precision: error while converting precision to integer: "
                'strconv.Atoi: parsing "": invalid syntax'
            )
        precision, place = int(digits), end
    letter = text[place]
    if letter not in "sdfebxXo":
        raise FormatError(f'{wrong}unrecognized formatting clause "{letter}"')
    return place + 1, letter, precision


def format_string(text: str, args: ListValue) -> str:
    """The text with each clause replaced by its argument.

    Raises:
        FormatError: a clause, or an argument that does not fit one.
    """
    parts: list[str] = []
    for index, (plain, letter, precision) in enumerate(clauses(text, len(args))):
        parts.append(plain)
        if letter:
            value = args.at(index)
            try:
                parts.append(_CLAUSES[letter.lower()](value, precision, letter.isupper()))
            except FormatError as error:
                raise FormatError(f"error during formatting: {error.message}") from None
    return "".join(parts)


WRONG = {
    "s": "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, "
    "durations, and timestamps, was given ",
    "d": "decimal clause can only be used on integers, was given ",
    "f": "fixed-point clause can only be used on doubles, was given ",
    "e": "scientific clause can only be used on doubles, was given ",
    "b": "only integers and bools can be formatted as binary, was given ",
    "x": "only integers, byte buffers, and strings can be formatted as hex, was given ",
    "o": "octal clause can only be used on integers, was given ",
}
"""What is said of an argument that does not fit a clause, by its letter; the type follows."""


def _text(value: Any, precision: int | None = None, upper: bool = False) -> str:
    if value is None:
        return "null"
    if isinstance(value, ListValue):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, MapValue):
        return _map(value)
    if isinstance(value, Type):
        return value.name
    if isinstance(value, bool | int | float | str | Timestamp | bytes | Duration):
        return CONVERSIONS["string"](value)
    raise FormatError(WRONG["s"] + type_name(value))


def _map(value: MapValue) -> str:
    pairs: list[tuple[str, str]] = []
    for key in value:
        if not isinstance(key, str | bool | int):
            raise FormatError(f"no formatting function for map key of type {type_name(key)}")
        found = value.find(key)
        pairs.append((_literal(key), _literal(found[0] if found else None)))
    return "{" + ", ".join(f"{key}:{item}" for key, item in sorted(pairs, key=lambda pair: pair[0])) + "}"


def _literal(value: Any) -> str:
    """A value inside a list or map: as it would be written in CEL."""
    if isinstance(value, str):
        return go_quoted(value)
    if isinstance(value, bytes):
        return f"b{go_quoted(_text(value))}"
    if isinstance(value, float):
        text = _go_fixed(value, _PRECISION)
        return f'"{text}"' if math.isnan(value) or math.isinf(value) else text
    if isinstance(value, Timestamp):
        return f"timestamp({go_quoted(_text(value))})"
    if isinstance(value, Duration):
        return f"duration({go_quoted(_text(value))})"
    if value is None or isinstance(value, bool | int | ListValue | MapValue | Type):
        return _text(value)
    raise FormatError(f"no formatting function for {type_name(value)}")


_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f",
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip


def go_quoted(text: str) -> str:
    """A string as Go's `%q` prints it."""

    def shown(char: str) -> str:
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char.isprintable():
            return char
        code = ord(char)
        return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

    return f'"{"".join(shown(char) for char in text)}"'


def _go_fixed(value: float, precision: int) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.{precision}f}"


def _decimal(value: Any, precision: int | None, upper: bool) -> str:
    if type(value) not in (int, UInt):
        raise FormatError(WRONG["d"] + type_name(value))
    return str(int(value))


def _double(value: Any, letter: str) -> float:
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if not isinstance(value, float):
        raise FormatError(WRONG[letter] + type_name(value))
    # A zero has no sign there.
    return value or 0.0


def _unusual(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return ("-" if value < 0 else "") + "∞" if math.isinf(value) else ""


def _fixed(value: Any, precision: int | None, upper: bool) -> str:
    number = _double(value, "f")
    return _unusual(number) or f"{number:,.{_PRECISION if precision is None else precision}f}"


_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def _scientific(value: Any, precision: int | None, upper: bool) -> str:
    number = _double(value, "e")
    text = _unusual(number)
    if not text:
        mantissa, _, exponent = f"{number:.{_PRECISION}e}".partition("e")
        text = f"{mantissa}×10{exponent.replace('+', '').translate(_RAISED)}"
    # What is written as a precision is a width here, in cel-go too.
    return text.rjust(_PRECISION if precision is None else precision)


def _integer(value: Any, letter: str) -> int:
    if type(value) not in (int, UInt):
        raise FormatError(WRONG[letter] + type_name(value))
    return int(value)


def _binary(value: Any, precision: int | None, upper: bool) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{_integer(value, 'b'):b}"


def _hex(value: Any, precision: int | None, upper: bool) -> str:
    if isinstance(value, str | bytes):
        text = (value.encode() if isinstance(value, str) else value).hex()
    else:
        text = f"{_integer(value, 'x'):x}"
    return text.upper() if upper else text


def _octal(value: Any, precision: int | None, upper: bool) -> str:
    return f"{_integer(value, 'o'):o}"


_CLAUSES: dict[str, Callable[[Any, int | None, bool], str]] = {
    "s": _text,
    "d": _decimal,
    "f": _fixed,
    "e": _scientific,
    "b": _binary,
    "x": _hex,
    "o": _octal,
}
