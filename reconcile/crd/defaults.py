"""Whether a default passes the schema that it stands in: a server refuses a definition where it does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

_TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def problem_of(schema: Mapping[str, Any], value: Any, path: str = "") -> str:
    """What is wrong with a value, as `.ports[0].name is missing`; empty if nothing is."""
    where = f"{path}: " if path else ""
    if value is None:
        return "" if schema.get("nullable") else f"{where}null is not allowed"
    kind = schema.get("type")
    if kind is not None and not _TYPES[kind](value):
        return f"{where}not of type {kind}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where}not among {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str):
        return _text(schema, value, where)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(schema, value, where)
    if isinstance(value, list):
        return _list(schema, cast("list[Any]", value), path, where)
    if isinstance(value, dict):
        return _object(schema, cast("dict[str, Any]", value), path, where)
    return ""


def _size(schema: Mapping[str, Any], size: int, what: str, where: str) -> str:
    if size < schema.get(f"min{what}", size) or size > schema.get(f"max{what}", size):
        return f"{where}{size} of {what.lower()}"
    return ""


def _text(schema: Mapping[str, Any], value: str, where: str) -> str:
    if problem := _size(schema, len(value), "Length", where):
        return problem
    pattern = schema.get("pattern")
    try:
        matches = pattern is None or re.search(pattern, value) is not None
    except re.error:
        # RE2 has constructs that Python has not.
        matches = True
    return "" if matches else f"{where}does not match {pattern}"


def _number(schema: Mapping[str, Any], value: float, where: str) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value < low or (value == low and schema.get("exclusiveMinimum"))):
        return f"{where}too small"
    if high is not None and (value > high or (value == high and schema.get("exclusiveMaximum"))):
        return f"{where}too large"
    step = schema.get("multipleOf")
    return f"{where}no multiple of {step}" if step and value % step else ""


def _list(schema: Mapping[str, Any], value: Sequence[Any], path: str, where: str) -> str:
    if problem := _size(schema, len(value), "Items", where):
        return problem
    below = (problem_of(schema.get("items", {}), each, f"{path}[{i}]") for i, each in enumerate(value))
    return next(filter(None, below), "")


def _object(schema: Mapping[str, Any], value: Mapping[str, Any], path: str, where: str) -> str:
    if problem := _size(schema, len(value), "Properties", where):
        return problem
    fields = cast("Mapping[str, Mapping[str, Any]]", schema.get("properties", {}))
    for name in schema.get("required", ()):
        if name not in value and "default" not in fields.get(name, {}):
            return f"{path}.{name} is missing"
    other = schema.get("additionalProperties")
    for name, each in value.items():
        found = fields.get(name, cast("Mapping[str, Any]", other) if isinstance(other, Mapping) else {})
        if problem := problem_of(found, each, f"{path}.{name}"):
            return problem
    return ""
