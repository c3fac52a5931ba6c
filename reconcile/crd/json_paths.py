"""Simple JSON paths (`.spec.size`) of columns, scale and selectable fields, looked up in a schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_SIMPLE: Final = re.compile(r"(\.[A-Za-z_][\w-]*|\['[^']+'\])+")
_STEP: Final = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']+)'\]")


def steps_of(path: str) -> tuple[str, ...] | None:
    """The names of a path; None for one with filters, indexes or wildcards.

    >>> steps_of(".spec.template['app.name']"), steps_of(".status.conditions[0]")
    (('spec', 'template', 'app.name'), None)
    """
    if not _SIMPLE.fullmatch(path):
        return None
    return tuple(plain or quoted for plain, quoted in _STEP.findall(path))


def field_at(schema: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """The schema of the field that a path leads to; None where the schema has none.

    Empty where the schema does not say: below fields of any name or type.
    """
    steps = steps_of(path)
    if steps is None:
        return {}
    if steps[0] == "metadata":
        return {}
    for step in steps:
        if schema.get("x-kubernetes-preserve-unknown-fields") and step not in schema.get("properties", {}):
            return {}
        other = schema.get("additionalProperties")
        found = schema.get("properties", {}).get(step, other if isinstance(other, Mapping) else None)
        if found is None:
            return None
        schema = found
    return schema
