"""The syntax tree, after macros are expanded. Nodes are numbered; places in the text are kept by number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

ACCUMULATOR = "@result"
"""The name of a comprehension's running value; it cannot be written."""

UNUSED = "#unused"


@dataclass(slots=True)
class Literal:
    id: int
    value: Any


@dataclass(slots=True)
class Ident:
    id: int
    name: str


@dataclass(slots=True)
class Select:
    """`operand.field`; as a test, `has(operand.field)`."""

    id: int
    operand: Expr
    field: str
    test: bool = False


@dataclass(slots=True)
class Call:
    """`target.function(args)`, or `function(args)` without a target. Operators are calls too, named as in
    cel-go: `_+_`, `_&&_`, `_[_]`, `_?._`, …"""

    id: int
    function: str
    args: list[Expr]
    target: Expr | None = None


@dataclass(slots=True)
class ListExpr:
    id: int
    elements: list[Expr]
    optional: frozenset[int] = frozenset()


@dataclass(slots=True)
class Entry:
    id: int
    key: Expr
    value: Expr
    optional: bool = False


@dataclass(slots=True)
class MapExpr:
    id: int
    entries: list[Entry]


@dataclass(slots=True)
class FieldValue:
    id: int
    name: str
    value: Expr
    optional: bool = False


@dataclass(slots=True)
class StructExpr:
    id: int
    type_name: str
    fields: list[FieldValue]


@dataclass(slots=True)
class Comprehension:
    """A fold over a list or the keys of a map; with a second variable over indexes or keys and values."""

    id: int
    range: Expr
    variable: str
    variable2: str
    accumulator: str
    initial: Expr
    condition: Expr
    step: Expr
    result: Expr


Expr: TypeAlias = Literal | Ident | Select | Call | ListExpr | MapExpr | StructExpr | Comprehension


@dataclass(slots=True)
class Tree:
    """A parsed expression.

    Attributes:
        text: the expression.
        root: its tree.
        offsets: where each node stands, in characters from 0.
    """

    text: str
    root: Expr
    offsets: dict[int, int] = field(default_factory=dict[int, int])


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a place in a text."""
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1


def children(expr: Expr) -> list[Expr]:
    """The expressions directly below one, in the order of evaluation."""
    if isinstance(expr, Select):
        return [expr.operand]
    if isinstance(expr, Call):
        return [*([expr.target] if expr.target is not None else ()), *expr.args]
    if isinstance(expr, ListExpr):
        return expr.elements
    if isinstance(expr, MapExpr):
        return [part for entry in expr.entries for part in (entry.key, entry.value)]
    if isinstance(expr, StructExpr):
        return [each.value for each in expr.fields]
    if isinstance(expr, Comprehension):
        return [expr.range, expr.initial, expr.condition, expr.step, expr.result]
    return []


def descendants(expr: Expr) -> list[Expr]:
    """An expression and all below it."""
    found: list[Expr] = []
    waiting = [expr]
    while waiting:
        here = waiting.pop()
        found.append(here)
        waiting.extend(reversed(children(here)))
    return found
