"""Schemas and rules compiled, as others use them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from reconcile.cel.compiler import Failed
from reconcile.cel.errors import (
    CelBudgetError,
    CelCostError,
    CelError,
    CelEvaluationError,
    CelSyntaxError,
    CelTypeError,
)
from reconcile.cel.evaluation import Evaluator
from reconcile.cel.limits import PER_CALL_LIMIT, PER_EXPRESSION_ESTIMATE_LIMIT, RUNTIME_BUDGET
from reconcile.cel.programs import Expression
from reconcile.cel.results import CostEstimate, RuleCost, RuleProblem, Verdict, Violation
from reconcile.cel.rules import (
    SchemaCompiler,
    compile_message,
    compile_one,
    cost_message,
    old_value,
)
from reconcile.cel.schema_types import DYN, Declared, Schema, declare, with_type_and_meta
from reconcile.cel.schema_values import Convert, ValueSchema, dynamic, raw


class CompiledSchema:
    """A structural schema with its rules compiled. Validations don't know of each other.

    Attributes:
        problems: what a server would refuse the schema for, in its order; empty for a good one.
        form_problems: those among them that no expression need be compiled for: an empty rule, a message with
            a line break, …
        costs: what each expression is estimated to cost.
    """

    problems: tuple[RuleProblem, ...]
    form_problems: tuple[RuleProblem, ...]
    costs: tuple[RuleCost, ...]

    def __init__(
        self, schema: Schema, *, path: str = "", unsound: Collection[str] = (), resource: bool = True
    ) -> None:
        compiler = SchemaCompiler(path, unsound)
        self._root = compiler.compile(schema, resource=resource)
        self.problems = compiler.all_problems()
        self.form_problems = self.problems[: len(compiler.rule_problems)]
        prefix = f"{path}." if path else ""
        self.costs = tuple(
            RuleCost(prefix + each.field, each.expression, each.cost, each.cardinality, each.total)
            for each in compiler.costs
        )

    @property
    def has_rules(self) -> bool:
        """Whether there is any rule at all."""
        return not self._root.empty

    @property
    def total_cost(self) -> int:
        """What all expressions together are estimated to cost for one object, at most."""
        return sum(each.total for each in self.costs)

    def raise_for_problems(self) -> None:
        """Raise what is wrong with the rules, if anything is.

        Raises:
            CelError: of the first problem's kind (`CelSyntaxError`, `CelTypeError`, `CelCostError`), with
                the text of all.
        """
        if not self.problems:
            return
        first = self.problems[0]
        kinds: dict[str, type[CelError]] = {
            "syntax": CelSyntaxError,
            "type": CelTypeError,
            "cost": CelCostError,
        }
        text = "\n".join(f"{each.field}: {each.message}" for each in self.problems)
        raise kinds.get(first.kind, CelError)(text, expression=first.expression, issues=first.issues)

    def judge(self, new: Any, old: Any = None, *, budget: int = RUNTIME_BUDGET) -> Verdict:
        """What the rules say of an object.

        Args:
            new: the object, as JSON.
            old: what it was before an update; None on creation: rules that need `oldSelf` don't run then.
            budget: what all evaluations together may cost.
        """
        return Evaluator(budget).run(self._root, new, old)

    def validate(self, new: Any, old: Any = None, *, budget: int = RUNTIME_BUDGET) -> list[Violation]:
        """The rules that an object breaks; those that only warn (see `Verdict`) are left out."""
        return list(self.judge(new, old, budget=budget).violations)


class Program:
    """One rule, compiled against the schema that it stands in.

    Attributes:
        cost: what one evaluation can cost.
        uses_old_self: whether it is a transition rule.
    """

    cost: CostEstimate
    uses_old_self: bool

    def __init__(
        self, schema: Schema, rule: Mapping[str, Any], expression: Expression, *, resource: bool
    ) -> None:
        self._expression = expression
        self._values = ValueSchema(with_type_and_meta(schema) if resource else schema)
        self._optional_old = bool(rule.get("optionalOldSelf"))
        self.cost = expression.cost
        self.uses_old_self = expression.uses("oldSelf")

    def evaluate(self, value: Any, old: Any = None, *, limit: int = PER_CALL_LIMIT) -> Any:
        """The rule's value for `self` (and `oldSelf`), both JSON.

        Raises:
            CelEvaluationError: it has none; `CelBudgetError` when it cost more than `limit`.
        """
        from reconcile.cel.failure import Failure

        present = old is not None
        try:
            before = self._values.convert(old) if present else None
            variables = {
                "self": self._values.convert(value),
                "oldSelf": old_value(before, present=present, optional=self._optional_old),
            }
            found, _ = self._expression.run(variables, limit=limit)
        except Failure as failure:
            raise CelEvaluationError(failure.message) from None
        except Failed as failed:
            kind = CelBudgetError if failed.cancelled else CelEvaluationError
            raise kind(failed.message) from None
        return raw(found)


def compile_schema(
    schema: Schema, *, path: str = "", unsound: Collection[str] = (), resource: bool = True
) -> CompiledSchema:
    """Compile every rule of a custom resource's schema (openAPIV3Schema of one version).

    What is wrong is in `problems`; nothing is raised.

    Args:
        schema: the structural schema.
        path: its own path, put before the fields of problems and costs.
        unsound: places of schemas below it (as `properties[spec].`) whose rules are not judged, as something
            else is known to be wrong there.
        resource: the schema is a whole resource's, and not that of a part.

    >>> compiled = compile_schema({
    ...     "type": "object",
    ...     "properties": {
    ...         "spec": {
    ...             "type": "object",
    ...             "properties": {"size": {"type": "integer"}},
    ...             "x-kubernetes-validations": [
    ...                 {"rule": "self.size >= oldSelf.size", "message": "only grows"}
    ...             ],
    ...         }
    ...     },
    ... })
    >>> compiled.problems
    ()
    >>> broken = compiled.validate({"spec": {"size": 1}}, {"spec": {"size": 2}})
    >>> [(each.field, each.message) for each in broken]
    [('spec', 'only grows')]
    """
    return CompiledSchema(schema, path=path, unsound=unsound, resource=resource)


def compile_rule(schema: Schema, rule: str | Mapping[str, Any], *, root: bool = False) -> Program:
    """Compile one rule against the schema that it stands in.

    Args:
        schema: the structural schema of `self`.
        rule: the expression, or the whole entry of `x-kubernetes-validations`.
        root: the schema is a custom resource's own (`metadata.name` and its like are there then).

    Raises:
        CelSyntaxError: it does not parse.
        CelTypeError: it does not fit the schema, or is not a bool.
        CelCostError: one evaluation could cost more than the server allows.

    >>> schema = {"type": "object", "properties": {"size": {"type": "integer"}}}
    >>> program = compile_rule(schema, "self.size > 2")
    >>> program.evaluate({"size": 3})
    True
    """
    entry: Mapping[str, Any] = {"rule": rule} if isinstance(rule, str) else rule
    declared = declare(schema, resource=root)
    text = entry.get("rule") or ""
    if declared is None:
        raise CelTypeError("the schema has no type that rules can see", expression=text)
    compiled = compile_one(entry, schema, declared)
    error = compiled.error or compiled.message_error
    if error is not None:
        raise type(error)(compile_message(error), expression=error.expression, issues=error.issues)
    if compiled.program is None:
        raise CelSyntaxError("rule is not specified", expression=text)
    cost = compiled.program.cost.max
    if cost > PER_EXPRESSION_ESTIMATE_LIMIT:
        wrong = cost_message("estimated rule cost", cost, PER_EXPRESSION_ESTIMATE_LIMIT)
        raise CelCostError(wrong, expression=text)
    return Program(schema, entry, compiled.program, resource=root)


def compile_expression(text: str, variables: Mapping[str, Schema | None]) -> Expression:
    """Compile an expression over variables of one's own.

    Args:
        text: the expression.
        variables: the schema of each; None for any JSON, known at run time alone.

    Raises:
        CelSyntaxError: it does not parse.
        CelTypeError: it does not fit its variables.

    >>> compile_expression("params.max - object.size", {"object": None, "params": None}).evaluate(
    ...     {"object": {"size": 1}, "params": {"max": 3}}
    ... )
    2
    """
    declared: dict[str, Declared] = {}
    converters: dict[str, Convert] = {}
    for name, schema in variables.items():
        found = DYN if schema is None else declare(schema)
        if found is None:
            raise CelTypeError(f"the schema of {name} has no type that expressions can see", expression=text)
        declared[name] = found.named(f"{name}Type")
        converters[name] = dynamic if schema is None else ValueSchema(schema).convert
    return Expression(text, declared, converters)
