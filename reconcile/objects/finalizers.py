"""Finalizers: names that hold back an object's deletion until each is removed.

These functions change objects in memory; the write is the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconcile.errors import ConfigurationError
from reconcile.objects.access import key_of, metadata_of
from reconcile.objects.meta import ObjectMeta
from reconcile.objects.metadata import ObjectMetadata


def finalizers_of(obj: Any) -> Sequence[str]:
    """The object's finalizers, for reading."""
    metadata = metadata_of(obj)
    if isinstance(metadata, ObjectMeta | ObjectMetadata):
        return metadata.finalizers
    return metadata.get("finalizers") or ()


def has_finalizer(obj: Any, finalizer: str) -> bool:
    return finalizer in finalizers_of(obj)


def add_finalizer(obj: Any, finalizer: str) -> bool:
    """Add a finalizer at the end; whether it was missing."""
    if has_finalizer(obj, finalizer):
        return False
    _write(obj, [*finalizers_of(obj), finalizer])
    return True


def remove_finalizer(obj: Any, finalizer: str) -> bool:
    """Remove a finalizer, every time it stands there; whether it was there."""
    before = finalizers_of(obj)
    after = [present for present in before if present != finalizer]
    if len(after) == len(before):
        return False
    _write(obj, after)
    return True


def _write(obj: Any, finalizers: list[str]) -> None:
    metadata = metadata_of(obj)
    if isinstance(metadata, ObjectMeta):
        metadata.finalizers = finalizers
    elif isinstance(metadata, ObjectMetadata):
        raise ConfigurationError(f"{key_of(obj)} was read as metadata only and cannot be changed")
    elif finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
