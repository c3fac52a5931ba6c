"""Formats of strings and numbers in schemas: which a server knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from reconcile.apiserver.customresources.string_formats import known_format

JSONObject = dict[str, Any]

_KNOWN: Final = {
    "integer": frozenset({"int32", "int64"}),
    "number": frozenset({"float", "double"}),
}


def unknown_formats(schema: JSONObject) -> list[str]:
    """Formats that are ignored, each as often as it is there."""
    return [form for kind, form in _formats(schema) if not _known(kind, form)]


def _known(kind: str, form: str) -> bool:
    if kind in ("", "string"):
        return known_format(form) is not None
    return form in _KNOWN.get(kind, ())


def _formats(schema: JSONObject) -> Iterator[tuple[str, str]]:
    if schema.get("format"):
        yield schema.get("type") or "", schema["format"]
    for key in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(key), dict):
            yield from _formats(schema[key])
    for key in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(key) or ():
            yield from _formats(inner)
    for inner in (schema.get("properties") or {}).values():
        yield from _formats(inner)
