"""Kubernetes' find and findAll."""

from __future__ import annotations

from typing import Any

from reconcile.cel import types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure
from reconcile.cel.re2 import PatternError, compile_re2, find_all
from reconcile.cel.types import INT, STRING
from reconcile.cel.values import ListValue


def declarations() -> list[Function]:
    strings = types.list_of(STRING)
    return [
        Function("find", [Overload("string_find_string", (STRING, STRING), STRING, _find, True)]),
        Function(
            "findAll",
            [
                Overload("string_find_all_string", (STRING, STRING), strings, _find_all, True),
                Overload("string_find_all_string_int", (STRING, STRING, INT), strings, _find_all, True),
            ],
        ),
    ]


def _compiled(pattern: str) -> Any:
    try:
        return compile_re2(pattern)
    except PatternError as error:
        raise Failure(f"Illegal regex: error parsing regexp: {error}") from None


def _find(text: str, pattern: str) -> str:
    found = _compiled(pattern).search(text)
    return found.group() if found else ""


def _find_all(text: str, pattern: str, most: int = -1) -> ListValue:
    return ListValue(find_all(_compiled(pattern), text, most))
