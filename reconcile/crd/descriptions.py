"""Descriptions cut to a length: `kubectl apply` keeps the whole definition in an annotation of 256 KiB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast


def cut_descriptions(schema: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """The schema with descriptions of at most so many characters; 0 leaves them out."""
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "description":
            if longest > 0:
                found[key] = shortened(value, longest)
        elif key == "properties":
            found[key] = {name: cut_descriptions(below, longest) for name, below in value.items()}
        elif key in ("items", "additionalProperties") and isinstance(value, Mapping):
            found[key] = cut_descriptions(cast("Mapping[str, Any]", value), longest)
        else:
            found[key] = value
    return found


def shortened(text: str, longest: int) -> str:
    """At most so many characters, ended at a word where there is one.

    >>> shortened("How much machine it gets.", 12), shortened("Short.", 12)
    ('How much…', 'Short.')
    """
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    if not text[longest - 1].isspace() and " " in cut:
        cut = cut.rpartition(" ")[0]
    return cut.rstrip() + "…"
