"""One expression, from text to program: parse, check, estimate, compile."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from reconcile.cel.checker import Checked, check
from reconcile.cel.compiler import Compiled, Failed
from reconcile.cel.cost_estimate import estimate
from reconcile.cel.errors import CelBudgetError, CelEvaluationError
from reconcile.cel.failure import Failure
from reconcile.cel.limits import PER_CALL_LIMIT
from reconcile.cel.parser import parse, too_large
from reconcile.cel.results import CostEstimate
from reconcile.cel.schema_types import Declared
from reconcile.cel.schema_values import Convert, raw
from reconcile.cel.types import Type
from reconcile.cel.validators import validate


def checked_expression(
    text: str, variables: Mapping[str, Declared], *, structs: bool = False, bindings: bool = False
) -> Checked:
    """Parse and check.

    Raises:
        CelSyntaxError: it does not parse.
        CelTypeError: it does not fit its variables.
    """
    checked = check(parse(text, bindings=bindings), variables, structs=structs)
    validate(checked)
    return checked


class Expression:
    """An expression that can be evaluated, as often as one likes.

    Attributes:
        text: the expression.
    """

    def __init__(
        self,
        text: str,
        variables: Mapping[str, Declared],
        converters: Mapping[str, Convert] | None = None,
        *,
        structs: bool = False,
        bindings: bool = False,
    ) -> None:
        """Compile an expression.

        `structs`: it may make those of mutating policies; `bindings`: it has `cel.bind`.

        Raises:
            CelSyntaxError: it does not parse.
            CelTypeError: it does not fit its variables, or a literal in it is wrong.
        """
        self.text = text
        self._converters = converters or {}
        try:
            self._checked = checked_expression(text, variables, structs=structs, bindings=bindings)
            self._compiled = Compiled(self._checked)
        except RecursionError:
            raise too_large(text) from None

    @property
    def type(self) -> Type:
        """The type of its value."""
        return self._checked.result

    @cached_property
    def cost(self) -> CostEstimate:
        """What one evaluation can cost."""
        return estimate(self._checked)

    def uses(self, variable: str) -> bool:
        """Whether it reads a variable."""
        return variable in self._checked.names.values()

    def run(self, variables: dict[str, Any], *, limit: int = PER_CALL_LIMIT) -> tuple[Any, int]:
        """The value, as this room keeps values, and what it cost.

        Raises:
            Failed: no value.
        """
        return self._compiled.evaluate(variables, limit=limit)

    def evaluate(self, variables: Mapping[str, Any], *, limit: int = PER_CALL_LIMIT) -> Any:
        """The value, from JSON and as JSON where it is such.

        Raises:
            CelEvaluationError: no value; CelBudgetError when it cost more than the limit.
        """
        try:
            values = {name: convert(variables.get(name)) for name, convert in self._converters.items()}
            value, _ = self.run(values, limit=limit)
        except Failure as failure:
            raise CelEvaluationError(failure.message) from None
        except Failed as failed:
            kind = CelBudgetError if failed.cancelled else CelEvaluationError
            raise kind(failed.message) from None
        return raw(value)
