"""The parts of a pod's spec that many rules walk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

JSONObject = dict[str, Any]


def every_container(path: str, spec: JSONObject) -> Iterator[tuple[str, JSONObject]]:
    """Containers of every sort with their places, in the order in which upstream visits them."""
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            yield f"{path}.{kind}[{index}]", container
