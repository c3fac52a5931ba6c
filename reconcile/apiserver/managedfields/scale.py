"""Ownership of replicas, seen from the scale subresource and back.

An object's managers of its replicas are the managers of `spec.replicas` of its Scale; who applies a Scale
conflicts with them, takes the field from them, and is written down in the object as its owner.
"""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.managedfields.entries import (
    Managed,
    ManagerId,
    Owned,
    decode_entries,
    encode_entries,
    manager_id,
)
from reconcile.apiserver.managedfields.fieldset import Path

_IN_SCALE: Path = ("f:spec", "f:replicas")
_VERSION = "autoscaling/v1"

Entries = list[dict[str, Any]]


def _decoded(entries: Any) -> Managed:
    try:
        return decode_entries(entries)
    except ValueError:
        return {}


def to_scale(entries: Any, replicas: Path) -> Entries:
    """The managedFields of the Scale of an object with these; `replicas` is where the object has them."""
    found: Managed = {}
    for who, owned in _decoded(entries).items():
        if replicas in owned.fields:
            seen = manager_id(who.manager, who.operation, _VERSION, who.subresource)
            found[seen] = Owned(frozenset({_IN_SCALE}), _VERSION, owned.time)
    return encode_entries(found)


def to_object(entries: Any, scale_entries: Any, replicas: Path, api_version: str) -> Entries:
    """The managedFields of the object after its Scale got `scale_entries`."""
    held = _decoded(entries)
    owners = {
        manager_id(who.manager, who.operation, api_version, who.subresource): owned
        for who, owned in _decoded(scale_entries).items()
        if _IN_SCALE in owned.fields
    }
    found: dict[ManagerId, Owned] = {}
    for who, owned in held.items():
        if replicas in owned.fields and who not in owners:
            left = owned.fields - {replicas}
            if left:
                found[who] = owned.with_fields(left)
            continue
        found[who] = owned
        if replicas in owned.fields:
            del owners[who]
    for who in owners:
        before = held.get(who)
        fields = frozenset({replicas}) | (before.fields if before else frozenset())
        found[who] = Owned(fields, api_version, before.time if before else "")
    return encode_entries(found)
