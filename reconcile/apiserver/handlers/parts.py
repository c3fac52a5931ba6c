"""The parts that handlers work with, in one bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconcile.apiserver import status
from reconcile.apiserver.admission.chain import AdmissionChain
from reconcile.apiserver.handlers.store import ObjectStore
from reconcile.apiserver.interfaces import (
    Access,
    FieldManager,
    ObjectSchema,
    Patcher,
    SchemaSource,
    TableRenderer,
)
from reconcile.apiserver.kubelet.backend import Kubelet
from reconcile.apiserver.registry import Registry
from reconcile.objects.identity import GroupVersionKind
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from reconcile.apiserver.access.authentication import Authentication
    from reconcile.apiserver.access.gate import Gate
    from reconcile.apiserver.access.service_account_tokens import ServiceAccountTokens
    from reconcile.apiserver.admission.outside import Outside
    from reconcile.apiserver.aggregation.aggregator import Aggregator


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
    tokens: ServiceAccountTokens
    authentication: Authentication
    bookmark_interval: float = 60.0
    gate: Gate | None = None
    access: Access = field(init=False)
    outside: Outside | None = None
    aggregator: Aggregator | None = None
    kubelet: Kubelet = field(default_factory=Kubelet)
    cbor: bool = False
    service_ranges: tuple[str, ...] = ("10.0.0.0/24",)

    def schema_for(self, gvk: GroupVersionKind) -> ObjectSchema:
        """The schema of a built-in kind that has to exist."""
        schema = self.schemas.schema_for(gvk)
        if schema is None:
            raise status.internal_error(f"no schema of {gvk}")
        return schema
