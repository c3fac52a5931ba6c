"""Expressions of webhook configurations and admission policies: what is wrong with those to be stored."""

from __future__ import annotations

from collections.abc import Sequence

from reconcile.apiserver.field_errors import OMITTED, FieldError, FieldErrorType, invalid


def expression_errors(
    field: str,
    expression: str,
    allowed_types: Sequence[str] = ("bool",),
    *,
    params: bool = False,
    authorizer: bool = True,
    variables: Sequence[tuple[str, str]] = (),
    composed: bool = False,
) -> list[FieldError]:
    """What is wrong with an expression that is not empty.

    Args:
        field: its path.
        expression: the text.
        allowed_types: what it may evaluate to, as CEL names types; empty for anything. `Object` and
            `list(JSONPatch)` are those of mutating policies.
        params: the variable `params` is there.
        authorizer: the variable `authorizer` is there.
        variables: names and expressions of the policy's variables before this one.
        composed: the variable `variables` is there though it has nothing in it.
    """
    from reconcile.apiserver.admission import expressions
    from reconcile.cel import types
    from reconcile.cel.structs import JSON_PATCH, OBJECT

    known = {
        "bool": types.BOOL,
        "string": types.STRING,
        "null_type": types.NULL,
        "Object": OBJECT,
        "list(JSONPatch)": types.list_of(JSON_PATCH),
    }
    held: expressions.Composed | None = None
    if variables or composed:
        given = [{"name": name, "expression": text} for name, text in variables]
        held = expressions.composed_of(given, params=params)
    found = expressions.compiled(
        expression,
        [known[each] for each in allowed_types],
        expressions.variables(params=params, authorizer=authorizer, composed=held),
        structs=any(each in ("Object", "list(JSONPatch)") for each in allowed_types),
    )
    if not found.error:
        return []
    if found.error.startswith("program instantiation failed"):
        return [FieldError(FieldErrorType.INTERNAL, field, OMITTED, found.error)]
    return [invalid(field, expression, found.error)]
