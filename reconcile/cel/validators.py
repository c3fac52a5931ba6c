"""What is checked of literals once the types are known: durations, times, patterns, formats, mixed lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reconcile.cel import types
from reconcile.cel.checker import Checked, raise_issues
from reconcile.cel.errors import Issue
from reconcile.cel.failure import Failure
from reconcile.cel.libraries.standard import CONVERSIONS
from reconcile.cel.re2 import check_re2
from reconcile.cel.string_format import WRONG, FormatError, clauses
from reconcile.cel.syntax import (
    Call,
    Expr,
    ListExpr,
    Literal,
    MapExpr,
    children,
    descendants,
    line_and_column,
)
from reconcile.cel.types import Kind, Type

Reporter = Callable[[int, str], None]

_FORMATTED: dict[str, tuple[Kind, ...]] = {
    "d": (Kind.INT, Kind.UINT),
    "f": (Kind.DOUBLE, Kind.STRING),
    "e": (Kind.DOUBLE, Kind.STRING),
    "b": (Kind.INT, Kind.UINT, Kind.BOOL),
    "x": (Kind.INT, Kind.UINT, Kind.STRING, Kind.BYTES),
    "o": (Kind.INT, Kind.UINT),
}
_TEXTUAL = frozenset(
    {
        Kind.LIST, Kind.MAP, Kind.INT, Kind.UINT, Kind.DOUBLE, Kind.BOOL, Kind.STRING, Kind.TIMESTAMP,
        Kind.BYTES, Kind.DURATION, Kind.TYPE, Kind.NULL,
    }
)  # fmt: skip


def validate(checked: Checked) -> None:
    """Look at the literals of a checked tree.

    Raises:
        CelTypeError: with all that is wrong with them.
    """
    issues: list[Issue] = []
    text = checked.tree.text

    def report(number: int, message: str) -> None:
        offset = checked.tree.offsets.get(number, 0)
        line, column = line_and_column(text, offset)
        issues.append(Issue(message, line, column, offset))

    for node in descendants(checked.tree.root):
        if isinstance(node, Call):
            _call(node, report)
            _format(node, checked, report)
    for number, message in _mixed(checked.tree.root, checked, exempt=False):
        report(number, message)
    raise_issues(text, issues)


def _call(call: Call, report: Reporter) -> None:
    """A conversion or match whose first argument is a literal that cannot be one."""
    if not call.args or not isinstance(call.args[0], Literal):
        return
    value = call.args[0].value
    wrong = False
    if call.function in ("duration", "timestamp") and call.target is None:
        try:
            CONVERSIONS[call.function](value)
        except (Failure, TypeError, AttributeError):
            wrong = True
    elif call.function == "matches":
        wrong = isinstance(value, str) and check_re2(value) is not None
    if wrong:
        report(call.args[0].id, f"invalid {call.function} argument")


def _mixed(expr: Expr, checked: Checked, *, exempt: bool) -> Iterator[tuple[int, str]]:
    """Lists and maps whose elements have several types; inside `format` they may."""
    if isinstance(expr, ListExpr) and not exempt:
        yield from _mixed_list(expr, checked)
    elif isinstance(expr, MapExpr) and not exempt:
        yield from _mixed_map(expr, checked)
    exempt = exempt or (isinstance(expr, Call) and expr.function == "format")
    for child in children(expr):
        yield from _mixed(child, checked, exempt=exempt)


def _mixed_list(expr: ListExpr, checked: Checked) -> Iterator[tuple[int, str]]:
    common: Type | None = None
    for index, element in enumerate(expr.elements):
        type = checked.types[element.id]
        if index in expr.optional and type.parameters:
            type = type.parameters[0]
        if common is None:
            common = type
        elif common != type:
            yield element.id, f"expected type '{common}' but found '{type}'"
            return


def _mixed_map(expr: MapExpr, checked: Checked) -> Iterator[tuple[int, str]]:
    key: Type | None = None
    value: Type | None = None
    for entry in expr.entries:
        key_type, value_type = checked.types[entry.key.id], checked.types[entry.value.id]
        if entry.optional and value_type.parameters:
            value_type = value_type.parameters[0]
        if key is None or value is None:
            key, value = key_type, value_type
            continue
        if key != key_type:
            yield entry.key.id, f"expected type '{key}' but found '{key_type}'"
        if value != value_type:
            yield entry.value.id, f"expected type '{value}' but found '{value_type}'"


def _format(call: Call, checked: Checked, report: Reporter) -> None:
    """A literal format with literal arguments: do they fit?"""
    if call.function != "format" or not isinstance(call.target, Literal) or len(call.args) != 1:
        return
    args = call.args[0]
    if not isinstance(call.target.value, str) or not isinstance(args, ListExpr):
        return
    used = 0
    try:
        for _, letter, _ in clauses(call.target.value, len(args.elements)):
            if letter:
                used += 1
                wrong = _misfit(letter, args.elements[used - 1], checked)
                if wrong is not None:
                    number, message = wrong
                    report(number, f"error during formatting: {message}")
                    return
    except FormatError as error:
        report(call.id, error.message)
        return
    if len(args.elements) > used:
        given = len(args.elements)
        report(call.id, f"too many arguments supplied to string.format (expected {used}, got {given})")


def _misfit(letter: str, arg: Expr, checked: Checked) -> tuple[int, str] | None:
    type = checked.types[arg.id]
    if letter == "s":
        bad = _untextual(arg, checked)
        return None if bad is None else (bad, WRONG["s"] + checked.types[bad].name)
    if type == types.DYN or type.kind in _FORMATTED[letter.lower()]:
        return None
    return arg.id, WRONG[letter.lower()] + type.name


def _untextual(expr: Expr, checked: Checked) -> int | None:
    """The first part that `%s` cannot show."""
    type = checked.types[expr.id]
    if type != types.DYN and type.kind not in _TEXTUAL:
        return expr.id
    if isinstance(expr, ListExpr | MapExpr):
        return next((bad for part in children(expr) if (bad := _untextual(part, checked)) is not None), None)
    return None
