"""The built-in resources of Kubernetes 1.36, put together from discovery, schemas and strategies."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import msgspec

from reconcile.apiserver.field_errors import FieldError
from reconcile.apiserver.interfaces import (
    Action,
    Conversion,
    JSONObject,
    ObjectSchema,
    RequestContext,
    SchemaSource,
    Strategy,
    Subresource,
)
from reconcile.apiserver.resources import Resource
from reconcile.objects.identity import GroupVersionKind, ResourceType

_STORED_AS = {
    # Where several versions are served: the one in which objects are held.
    "horizontalpodautoscalers.autoscaling": "autoscaling/v2",
    "events": "v1",
    "events.events.k8s.io": "v1",
}
_STORED_UNDER = {"events.events.k8s.io": "events"}
_RETURNS_DELETED = frozenset(
    {
        "csidrivers.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "deviceclasses.resource.k8s.io",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "resourceclaims.resource.k8s.io",
        "resourceclaimtemplates.resource.k8s.io",
        "resourcequotas",
        "resourceslices.resource.k8s.io",
        "serviceaccounts",
        "services",
        "storageclasses.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
    }
)


def discovery_data() -> dict[str, Any]:
    """The discovery of a real server with default flags: `version` and `groups`."""
    raw = files("reconcile.apiserver.discovery").joinpath("builtin.json").read_bytes()
    return msgspec.json.decode(raw)


class LazySchema:
    """A schema that is looked up when first used: most kinds of a server never are."""

    __slots__ = ("_gvk", "_made", "_source")

    def __init__(self, source: SchemaSource, gvk: GroupVersionKind) -> None:
        self._source = source
        self._gvk = gvk
        self._made: ObjectSchema | None = None

    @property
    def _schema(self) -> ObjectSchema:
        if self._made is None:
            self._made = self._source.schema_for(self._gvk)
            if self._made is None:
                raise LookupError(f"no schema of {self._gvk}")
        return self._made

    def check(self, obj: JSONObject, context: RequestContext) -> list[str]:
        return self._schema.check(obj, context)

    def default(self, obj: JSONObject) -> None:
        self._schema.default(obj)

    def validate(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[FieldError]:
        return self._schema.validate(new, old, context)

    @property
    def patch_schema(self) -> Any | None:
        return self._schema.patch_schema

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._schema, name)


def builtin_resources(
    schemas: SchemaSource,
    *,
    strategy_for: Callable[[ResourceType], Strategy],
    subresources_for: Callable[[ResourceType], tuple[Subresource, ...]],
    action_for: Callable[[ResourceType], Action | None],
    conversion_for: Callable[[ResourceType], Conversion | None],
) -> list[Resource]:
    """Every built-in resource in every version, preferred versions first."""
    found: list[Resource] = []
    for group in discovery_data()["groups"]:
        for version in group["versions"]:
            entries: list[JSONObject] = version["resources"]
            for entry in entries:
                if "/" not in entry["name"]:
                    kind = ResourceType(
                        group["name"], version["version"], entry["kind"], entry["name"], entry["namespaced"]
                    )
                    found.append(
                        _resource(
                            kind, entry, entries, schemas, strategy_for, subresources_for, action_for,
                            conversion_for,
                        )
                    )  # fmt: skip
    return found


def _resource(
    kind: ResourceType,
    entry: JSONObject,
    entries: list[JSONObject],
    schemas: SchemaSource,
    strategy_for: Callable[[ResourceType], Strategy],
    subresources_for: Callable[[ResourceType], tuple[Subresource, ...]],
    action_for: Callable[[ResourceType], Action | None],
    conversion_for: Callable[[ResourceType], Conversion | None],
) -> Resource:
    prefix = f"{kind.plural}/"
    served = {
        other["name"][len(prefix) :]: tuple(other["verbs"])
        for other in entries
        if other["name"].startswith(prefix)
    }
    subresources: dict[str, Subresource] = {
        # What nothing implements is known, so that the answer can say so.
        name: Subresource(name, verbs=verbs)
        for name, verbs in served.items()
    }
    subresources.update({item.name: item for item in subresources_for(kind)})
    name = kind.group_resource
    return Resource(
        kind,
        entry["singularName"],
        LazySchema(schemas, kind.gvk),
        strategy_for(kind),
        verbs=tuple(entry["verbs"]),
        short_names=tuple(entry.get("shortNames") or ()),
        categories=tuple(entry.get("categories") or ()),
        subresources=MappingProxyType(subresources),
        stored_as=_STORED_AS.get(name, ""),
        storage_name=_STORED_UNDER.get(name, ""),
        conversion=conversion_for(kind),
        action=action_for(kind),
        returns_deleted=name in _RETURNS_DELETED,
        deprecation=_DEPRECATED.get((kind.api_version, kind.plural), ""),
        storage_version_hash=entry.get("storageVersionHash") or "",
    )


_DEPRECATED = {
    ("v1", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ("v1", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
}
