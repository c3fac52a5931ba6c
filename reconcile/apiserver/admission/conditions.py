"""`matchConditions` of webhooks and policies: whether a request that matches is meant after all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reconcile.apiserver.interfaces import JSONObject

if TYPE_CHECKING:
    from reconcile.apiserver.admission.expressions import Compiled, Composed
    from reconcile.cel.schema_types import Declared


class ConditionsError(Exception):
    """Conditions that came to no value, of what must not fail."""


@dataclass(slots=True)
class Conditions:
    """The compiled conditions of one webhook or policy.

    Attributes:
        compiled: the expressions, in order.
        fails: failurePolicy is not Ignore.
        composed: the policy's variables.
    """

    compiled: list[Compiled]
    fails: bool
    composed: Composed | None = None

    @classmethod
    def of(
        cls,
        conditions: Sequence[JSONObject],
        declared: Mapping[str, Declared],
        *,
        fails: bool,
        composed: Composed | None = None,
    ) -> Conditions:
        from reconcile.apiserver.admission.expressions import compiled
        from reconcile.cel import types

        made = [compiled(each.get("expression") or "", (types.BOOL,), declared) for each in conditions]
        return cls(made, fails, composed)

    def hold(self, values: Mapping[str, Any]) -> bool:
        """Whether all hold. One that does not counts more than errors; raises ConditionsError for these."""
        from reconcile.apiserver.admission.expressions import MATCH_BUDGET, Activation, OutOfBudgetError

        activation = Activation(values, MATCH_BUDGET, self.composed)
        errors: list[str] = []
        try:
            found = [activation.evaluate(each) for each in self.compiled]
        except OutOfBudgetError as error:
            if self.fails:
                raise ConditionsError(str(error)) from None
            return False
        for each in found:
            if each.error:
                errors.append(each.error)
            elif each.value is False:
                return False
        if not errors:
            return True
        if self.fails:
            distinct = list(dict.fromkeys(errors))
            raise ConditionsError(distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]")
        return False
