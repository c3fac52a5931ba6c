"""What compiling and validating hand back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reconcile.cel.errors import Issue

Reason = Literal[
    "FieldValueInvalid",
    "FieldValueForbidden",
    "FieldValueRequired",
    "FieldValueDuplicate",
    "FieldValueNotSupported",
    "InternalError",
]


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What an expression costs at least and at most, in cel-go's units (about 50 ns each on the server)."""

    min: int
    max: int


@dataclass(frozen=True, slots=True)
class RuleCost:
    """The estimate for one expression of a schema.

    Attributes:
        field: the expression's place in the schema, as `properties[spec].x-kubernetes-validations[0].rule`.
        expression: the expression.
        cost: the most that one evaluation costs.
        cardinality: how often the rule can be met in one object, at most.
        total: `cost` times `cardinality`; what is compared with the limit.
    """

    field: str
    expression: str
    cost: int
    cardinality: int
    total: int


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """Why a server would refuse a schema for one of its rules.

    Attributes:
        kind: what sort of problem; "cost" is too dear, "rule" is anything that is not about the expression
            itself (a message with a line break, a fieldPath to nowhere, …).
        field: the place in the schema, as `properties[spec].x-kubernetes-validations[0].rule`.
        reason: the reason of the cause in the server's answer.
        message: the server's words, without field, reason and value.
        value: the JSON value that the server shows with it; None where it shows none.
        expression: the expression, or empty.
        issues: each place in the expression that is wrong.
    """

    kind: Literal["syntax", "type", "cost", "rule"]
    field: str
    reason: Reason
    message: str
    value: Any = None
    expression: str = ""
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that an object breaks.

    Attributes:
        field: the field's path in the object, as `spec.ports[0].port`; empty for the object itself.
        reason: the reason of the cause in the server's answer.
        message: the server's words, without field, reason and value.
        value: the JSON value that the server shows with it.
        shows_value: whether the server shows a value at all: of lists and objects it does not.
        rule: the rule; empty when the budget was spent.
    """

    field: str
    reason: Reason
    message: str
    value: Any = None
    shows_value: bool = True
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules of a schema say of an object.

    Attributes:
        violations: the rules that it breaks.
        warnings: those that it breaks in parts which an update left as they were: shown, not refused.
        cost: what the evaluations cost.
    """

    violations: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()
    cost: int = 0
