"""What an update changed, as some refusals show it."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import quoted
from reconcile.apiserver.strategies.checks import same

JSONObject = dict[str, Any]


def difference(old: JSONObject, new: JSONObject) -> str:
    """What differs, one line a field. (The real server prints a Go diff here.)"""
    lines: list[str] = []

    def walk(path: str, left: Any, right: Any) -> None:
        if same(left, right):
            return
        if isinstance(left, dict) and isinstance(right, dict):
            for key in {**left, **right}:
                walk(f"{path}.{key}" if path else str(key), left.get(key), right.get(key))
        else:
            lines.append(f"  {path}:\n-  {quoted(left)}\n+  {quoted(right)}")

    walk("", old, new)
    return "\n".join(lines)
