"""How much of each object a stream has to bring for what is asked of it."""

from __future__ import annotations

from typing import Any

from reconcile.informers.cached_object import Detail
from reconcile.objects.identity import ResourceType
from reconcile.objects.kinds import MetadataOnly


def wanted_detail(kind: Any, *, stripped: bool) -> Detail:
    """How much of each object a kind argument needs its stream to bring."""
    if isinstance(kind, MetadataOnly):
        return Detail.METADATA
    return Detail.STRIPPED if stripped else Detail.FULL


def projection_of(resource: ResourceType, detail: Detail) -> ResourceType | MetadataOnly:
    """What to ask the server for, to get that much of each object."""
    return MetadataOnly(resource) if detail is Detail.METADATA else resource
