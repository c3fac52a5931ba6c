"""CEL rules of a schema (`x-kubernetes-validations`) in the server's words: of definitions, and on objects.

What expressions mean is `reconcile.cel`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from reconcile.apiserver.customresources.structural import unreadable
from reconcile.apiserver.field_errors import OMITTED, FieldError, FieldErrorType

if TYPE_CHECKING:
    from reconcile.cel import CompiledSchema, RuleProblem, Violation

JSONObject = dict[str, Any]

RULES = "x-kubernetes-validations"

_TYPES = {
    each.reason: each
    for each in (
        FieldErrorType.INVALID,
        FieldErrorType.FORBIDDEN,
        FieldErrorType.REQUIRED,
        FieldErrorType.DUPLICATE,
        FieldErrorType.NOT_SUPPORTED,
        FieldErrorType.INTERNAL,
    )
}
_BLOCKING = frozenset(
    {
        FieldErrorType.NOT_SUPPORTED,
        FieldErrorType.REQUIRED,
        FieldErrorType.TOO_LONG,
        FieldErrorType.TOO_MANY,
        FieldErrorType.TYPE_INVALID,
    }
)
_NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to "
    "complete validation"
)


class SchemaRules:
    """The rules of a schema, compiled when first asked for; `resource`: it is the schema of a whole one."""

    def __init__(self, schema: JSONObject, *, resource: bool = True) -> None:
        self._schema = schema
        self._resource = resource

    @cached_property
    def _compiled(self) -> CompiledSchema:
        from reconcile.cel import compile_schema

        return compile_schema(self._schema, resource=self._resource)

    def check(
        self, new: JSONObject, old: JSONObject | None, found: Iterable[FieldError], warnings: list[str]
    ) -> list[FieldError]:
        """What the rules say of an object; `old` is None on creation.

        Args:
            found: what the rest of the schema says: with some of it, rules are not asked.
            warnings: takes what would be errors, had an update not left those parts as they were.
        """
        if not self._compiled.has_rules:
            return []
        if any(error.type in _BLOCKING for error in found):
            return [FieldError(FieldErrorType.INVALID, "<nil>", None, _NOT_CHECKED)]
        verdict = self._compiled.judge(new, old)
        warnings += [str(_violated(each)) for each in verdict.warnings]
        return [_violated(each) for each in verdict.violations]


def _violated(violation: Violation) -> FieldError:
    value = violation.value if violation.shows_value else OMITTED
    return FieldError(_TYPES[violation.reason], violation.field or "<nil>", value, violation.message)


def form_errors(schema: JSONObject, path: str) -> list[FieldError]:
    """What is wrong with the rules of one schema, not with those below, whatever they say."""
    rules = schema.get(RULES)
    if not rules:
        return []
    from reconcile.cel.rules import form_problems

    found = [
        problem
        for index, rule in enumerate(rules)
        for problem in form_problems(rule, f"{path}.{RULES}[{index}]", schema)
    ]
    if unreadable(schema):
        # Nobody can say where a path of it leads.
        found = [each for each in found if each.message != "must be a valid path"]
    return [_refused(each) for each in found]


def rule_errors(schema: JSONObject, path: str, unsound: Collection[str]) -> list[FieldError]:
    """What is wrong with what the rules of a definition's structural schema say, and with what they cost.

    Args:
        path: the schema's own.
        unsound: places below it whose expressions are not compiled, as something else is wrong there.
    """
    from reconcile.cel import compile_schema

    compiled = compile_schema(schema, path=path, unsound=unsound)
    return [_refused(each) for each in compiled.problems[len(compiled.form_problems) :]]


def _refused(problem: RuleProblem) -> FieldError:
    message = problem.message
    if problem.reason == "InternalError":
        message = message.removeprefix("Internal error: ")
    return FieldError(_TYPES[problem.reason], problem.field, problem.value, message)
