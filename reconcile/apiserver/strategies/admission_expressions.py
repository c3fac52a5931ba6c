"""Expressions of webhook configurations and admission policies: what is wrong with those to be stored."""

from __future__ import annotations

from collections.abc import Sequence

from reconcile.apiserver.field_errors import FieldError


def expression_errors(
    field: str,
    expression: str,
    allowed_types: Sequence[str] = ("bool",),
    *,
    params: bool = False,
    authorizer: bool = True,
    variables: Sequence[tuple[str, str]] = (),
) -> list[FieldError]:
    """What is wrong with an expression that is not empty.

    Args:
        field: its path.
        expression: the text.
        allowed_types: what it may evaluate to, as CEL names types.
        params: the variable `params` is there.
        authorizer: the variable `authorizer` is there.
        variables: names and expressions of the policy's variables before this one.
    """
    return []
