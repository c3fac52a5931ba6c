"""How checks look at a pod's containers, and word what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

JSONObject = dict[str, Any]
Finding = tuple[str, str]
"""In short, and in detail."""
Check = Callable[[JSONObject, JSONObject], Finding | None]
"""Of a pod's metadata and spec; None when there is nothing to say against it."""


def containers(spec: JSONObject) -> Iterator[JSONObject]:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(key) or ()


def security(part: JSONObject) -> JSONObject:
    """The security context of a container or of a pod's spec."""
    return part.get("securityContext") or {}


def name_of(container: JSONObject) -> str:
    return container.get("name") or ""


def quoted(items: Iterable[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def named(names: list[str]) -> str:
    """`container "a"`, `containers "a", "b"`."""
    return f"{plural('container', 'containers', len(names))} {quoted(names)}"


def setters(pod: bool, names: list[str]) -> list[str]:
    """Who set something: the pod, some of its containers."""
    return [*(["pod"] if pod else []), *([named(names)] if names else [])]


def is_windows(spec: JSONObject) -> bool:
    return (spec.get("os") or {}).get("name") == "windows"


def in_user_namespace(spec: JSONObject) -> bool:
    return spec.get("hostUsers") is False
