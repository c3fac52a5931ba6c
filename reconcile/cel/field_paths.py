"""`fieldPath` of a rule: a path of fields and map keys below the schema that the rule stands in.

The grammar is that of apiextensions' `ValidFieldPath`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconcile.cel.schema_types import Schema

_TOKEN = re.compile(r"'(?:[^'\\]|\\.|\\)*?(?<!\\)'|[.\[\]]|[^.\[\]']+|'.*", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}


class FieldPathError(ValueError):
    """A path that is none, or that leads nowhere; the text says why."""


def normalized_field_path(path: str, schema: Schema) -> str:
    """The path as the server reports it: `.spec['a-b']` becomes `spec.a-b`.

    Raises:
        FieldPathError: it is none.
    """
    return schema_at(path, schema)[0]


def schema_at(path: str, schema: Schema, *, arrays: bool = True) -> tuple[str, Schema]:
    """The path as the server reports it, and the schema that it leads to.

    Args:
        arrays: it may have keys in brackets.

    Raises:
        FieldPathError: it is none.
    """
    tokens = _TOKEN.findall(path)
    place, text = 0, ""
    here: Schema = schema
    while place < len(tokens):
        token = tokens[place]
        if token == "[":
            if not arrays:
                raise FieldPathError("array notation is not allowed")
            quoted = tokens[place + 1] if place + 1 < len(tokens) else None
            if quoted is None:
                raise FieldPathError("unexpected end of JSON path")
            if len(quoted) < 2 or quoted[0] != "'" or quoted[-1] != "'":
                raise FieldPathError(f"expected single quoted string but got {quoted}")
            name = _unescaped(quoted[1:-1])
            here, text = _step(here, text, name)
            closing = tokens[place + 2] if place + 2 < len(tokens) else None
            if closing is None:
                raise FieldPathError("unexpected end of JSON path")
            if closing != "]":
                raise FieldPathError(f"expected ] but got {closing}")
            place += 3
        elif token == ".":
            if place + 1 >= len(tokens):
                raise FieldPathError("unexpected end of JSON path")
            here, text = _step(here, text, tokens[place + 1])
            place += 2
        else:
            raise FieldPathError(f"expected [ or . but got: {token}")
    return text, here


def _step(schema: Schema, text: str, name: str) -> tuple[Schema, str]:
    properties = schema.get("properties")
    if properties:
        if name not in properties:
            raise FieldPathError("does not refer to a valid field")
        return properties[name], f"{text}.{name}" if text else name
    additional = schema.get("additionalProperties")
    if additional is None:
        raise FieldPathError("does not refer to a valid field")
    return additional if isinstance(additional, Mapping) else {}, f"{text}[{name}]"


def _unescaped(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        if match.group(1) not in _ESCAPES:
            raise FieldPathError(f"invalid string literal: invalid escape char {match.group()}")
        return _ESCAPES[match.group(1)]

    return _ESCAPE.sub(character, text)
