"""The parts that handlers work with, in one bundle."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconcile.apiserver import status
from reconcile.apiserver.handlers.store import ObjectStore
from reconcile.apiserver.interfaces import (
    Access,
    AdmissionPlugin,
    FieldManager,
    ObjectSchema,
    Operation,
    Patcher,
    SchemaSource,
    TableRenderer,
)
from reconcile.apiserver.registry import Registry
from reconcile.apiserver.resources import Resource
from reconcile.objects.identity import GroupVersionKind
from reconcile.runtime import Runtime


@dataclass(slots=True)
class Parts:
    """What one server consists of, for its handlers."""

    runtime: Runtime
    store: ObjectStore
    registry: Registry
    patcher: Patcher
    field_manager: FieldManager
    admission: AdmissionChain
    tables: TableRenderer
    schemas: SchemaSource
    bookmark_interval: float = 60.0
    access: Access = field(init=False)

    def schema_for(self, gvk: GroupVersionKind) -> ObjectSchema:
        """The schema of a built-in kind that has to exist."""
        schema = self.schemas.schema_for(gvk)
        if schema is None:
            raise status.internal_error(f"no schema of {gvk}")
        return schema


class AdmissionChain:
    """The plugins in order, each asked only about what it handles."""

    def __init__(self, plugins: tuple[AdmissionPlugin, ...]) -> None:
        self.plugins = plugins
        self._interested: dict[tuple[Operation, Resource, str], tuple[AdmissionPlugin, ...]] = {}

    def plugins_for(
        self, operation: Operation, resource: Resource, subresource: str
    ) -> tuple[AdmissionPlugin, ...]:
        key = (operation, resource, subresource)
        found = self._interested.get(key)
        if found is None:
            if len(self._interested) > 4096:
                # Custom resources come and go: don't keep those that went.
                self._interested.clear()
            found = tuple(plugin for plugin in self.plugins if plugin.handles(*key))
            self._interested[key] = found
        return found
