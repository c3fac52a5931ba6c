"""The built-in resources of Kubernetes 1.36, put together from discovery, schemas and strategies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from reconcile.apiserver.data import data
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
from reconcile.apiserver.resources import Resource, Rules
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
    return msgspec.json.decode(data("discovery", "builtin.json"))


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

    def settle(self, obj: JSONObject) -> None:
        self._schema.settle(obj)

    def validate(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[FieldError]:
        return self._schema.validate(new, old, context)

    @property
    def patch_schema(self) -> Any | None:
        return self._schema.patch_schema

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._schema, name)


class KindTable(Protocol):
    """Which kind goes by which rules (`apiserver.strategies`)."""

    def strategy_for(self, resource: ResourceType) -> Strategy: ...

    def subresources_for(self, resource: ResourceType) -> tuple[Subresource, ...]: ...

    def action_for(self, resource: ResourceType) -> Action | None: ...

    def conversion_for(self, resource: ResourceType) -> Conversion | None: ...


def _rules(kind: ResourceType, served: Mapping[str, tuple[str, ...]], table: KindTable) -> Rules:
    """The rules of a kind; `served` is the verbs of each subresource in discovery."""
    # What nothing implements is known, so that the answer can say so.
    subresources: dict[str, Subresource] = {
        name: Subresource(name, verbs=verbs) for name, verbs in served.items()
    }
    subresources.update({item.name: item for item in table.subresources_for(kind)})
    return Rules(
        table.strategy_for(kind),
        MappingProxyType(subresources),
        table.action_for(kind),
        table.conversion_for(kind),
    )


def builtin_resources(schemas: SchemaSource, table: KindTable) -> list[Resource]:
    """Every built-in resource in every version, preferred versions first."""
    found: list[Resource] = []
    for group in discovery_data()["groups"]:
        for version in group["versions"]:
            subresources: dict[str, dict[str, tuple[str, ...]]] = {}
            for entry in version["resources"]:
                parent, _, name = entry["name"].partition("/")
                if name:
                    subresources.setdefault(parent, {})[name] = tuple(entry["verbs"])
            for entry in version["resources"]:
                if "/" not in entry["name"]:
                    kind = ResourceType(
                        group["name"], version["version"], entry["kind"], entry["name"], entry["namespaced"]
                    )
                    rules = partial(_rules, kind, subresources.get(kind.plural, {}), table)
                    found.append(_resource(kind, entry, rules, schemas))
    return found


def _resource(
    kind: ResourceType, entry: JSONObject, rules: Callable[[], Rules], schemas: SchemaSource
) -> Resource:
    name = kind.group_resource
    return Resource(
        kind,
        entry["singularName"],
        LazySchema(schemas, kind.gvk),
        rules,
        verbs=tuple(entry["verbs"]),
        short_names=tuple(entry.get("shortNames") or ()),
        categories=tuple(entry.get("categories") or ()),
        stored_as=_STORED_AS.get(name, ""),
        storage_name=_STORED_UNDER.get(name, ""),
        returns_deleted=name in _RETURNS_DELETED,
        deprecation=_DEPRECATED.get((kind.api_version, kind.plural), ""),
        storage_version_hash=entry.get("storageVersionHash") or "",
    )


_DEPRECATED = {
    ("v1", "endpoints"): "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ("v1", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
}
