"""What is wrong with an expression, and what goes wrong when one is evaluated.

ConfigurationError
└── CelError                  an expression that cannot be used
    ├── CelSyntaxError        it does not parse
    ├── CelTypeError          it parses, and does not fit the types it is asked about
    └── CelCostError          it could cost more than the server allows
ReconcileError
└── CelEvaluationError        an evaluation that ended without a value
    └── CelBudgetError        it ran into a limit on what evaluations may cost
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.errors import ConfigurationError, ReconcileError


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with an expression, and where.

    Attributes:
        message: what is wrong, in cel-go's words.
        line: the line, from 1.
        column: the column in characters, from 1.
        offset: the place in the text in characters, from 0.
    """

    message: str
    line: int = 1
    column: int = 1
    offset: int = 0

    def shown(self, text: str) -> str:
        """The issue as a server shows it: place, message, the line, and a mark below the place."""
        lines = text.split("\n")
        if not 0 < self.line <= len(lines):
            return f"ERROR: <input>:{self.line}:{self.column}: {self.message}"
        before = lines[self.line - 1].replace("\t", " ")
        # Where a character is wide, so is the mark: cel-go measures in bytes.
        dots = "".join("." if ord(char) < 0x80 else "．" for char in before[: self.column - 1])
        wide = 0 < self.column <= len(before) and ord(before[self.column - 1]) >= 0x80
        mark = "＾" if wide else "^"
        return f"ERROR: <input>:{self.line}:{self.column}: {self.message}\n | {before}\n | {dots}{mark}"


class CelError(ConfigurationError):
    """An expression that cannot be used; the text is what a server would say of it.

    Attributes:
        expression: the expression.
        issues: what is wrong, each with its place.
    """

    def __init__(self, message: str, *, expression: str = "", issues: Sequence[Issue] = ()) -> None:
        super().__init__(message)
        self.expression = expression
        self.issues = tuple(issues)


class CelSyntaxError(CelError):
    """The expression does not parse."""


class CelTypeError(CelError):
    """The expression does not fit the types of its variables, or has another type than it must have."""


class CelCostError(CelError):
    """The expression could cost more than the server allows; bound what it reads, or make it simpler."""


class CelEvaluationError(ReconcileError):
    """An evaluation ended without a value; the text is cel-go's, such as `no such key: size`."""


class CelBudgetError(CelEvaluationError):
    """An evaluation cost more than it may."""
