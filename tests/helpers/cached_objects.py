"""Cached objects made from a few words."""

from __future__ import annotations

import json
from typing import Any

from reconcile.informers import CachedObject, Detail


def cached(
    name: str = "a",
    version: int = 1,
    *,
    namespace: str = "default",
    uid: str = "",
    detail: Detail = Detail.FULL,
    **body: Any,
) -> CachedObject:
    """An object as the cache holds it; keyword arguments are its top-level members."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
    }
    metadata.update(body.pop("metadata", {}))
    return CachedObject.of(json.dumps({"metadata": metadata, **body}).encode(), detail)
