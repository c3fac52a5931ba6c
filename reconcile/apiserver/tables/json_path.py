"""The part of kubectl's JSONPath that printer columns use: fields, indexes, wildcards, simple filters."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.(?P<field>(?:\\.|[^.\[\]\\*])+)|\.(?P<star>\*)|\[(?P<index>-?\d+)\]|\[(?P<all>\*)\]"""
    r"""|\['(?P<quoted>[^']*)'\]|\["(?P<double>[^"]*)"\]"""
    r"""|\[\?\(\s*@\.(?P<key>[^\s=!<>)]+)\s*(?:(?P<op>==|!=)\s*(?P<value>'[^']*'|"[^"]*"|[^)\s]+))?\s*\)\]"""
)

Step = tuple[str, str, str, str]


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[Step, ...] | None:
    text = path.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    text = text.removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            return None
        found = match.groupdict()
        if found["field"] is not None:
            steps.append(("field", re.sub(r"\\(.)", r"\1", found["field"]), "", ""))
        elif found["quoted"] is not None or found["double"] is not None:
            steps.append(("field", found["quoted"] or found["double"] or "", "", ""))
        elif found["index"] is not None:
            steps.append(("index", found["index"], "", ""))
        elif found["key"] is not None:
            steps.append(("filter", found["key"], found["op"] or "", (found["value"] or "").strip("'\"")))
        else:
            steps.append(("all", "", "", ""))
        position = match.end()
    return tuple(steps)


def find(obj: Any, path: str) -> list[Any]:
    """The values at a path; none where it leads nowhere or is not understood."""
    steps = _steps(path)
    if steps is None:
        return []
    values: list[Any] = [obj]
    for kind, text, operator, wanted in steps:
        values = [found for value in values for found in _step(value, kind, text, operator, wanted)]
    return values


def _step(value: Any, kind: str, text: str, operator: str, wanted: str) -> list[Any]:
    if kind == "field":
        return [value[text]] if isinstance(value, dict) and text in value else []
    if kind == "index":
        index = int(text)
        return [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []
    items: list[Any] = (
        value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    )
    if kind == "all":
        return items
    kept: list[Any] = []
    for item in items:
        inner: Any = item
        for key in text.split("."):
            inner = inner.get(key) if isinstance(inner, dict) else None
        shown = "true" if inner is True else "false" if inner is False else str(inner)
        if (not operator and inner is not None) or (operator and (shown == wanted) == (operator == "==")):
            kept.append(item)
    return kept
