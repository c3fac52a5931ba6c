"""How large a volume can be made where, as drivers tell it in CSIStorageCapacity objects."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile import Amount, Selector
from reconcile.api.core.v1 import PersistentVolumeClaim
from reconcile.api.storage.v1 import CSIStorageCapacity, StorageClass
from reconcile.objects import InvalidSelectorError

from .volumes import Volumes, size_of


def enough_capacity(
    claim: PersistentVolumeClaim, storage_class: StorageClass, labels: Mapping[str, str], storage: Volumes
) -> bool:
    """Whether a volume for the claim can be made where nodes with these labels reach it."""
    driver = storage.drivers.get(storage_class.provisioner)
    if "storage" not in claim.spec.resources.requests or driver is None or not driver.spec.storage_capacity:
        return True
    size = size_of(claim).value
    return any(
        capacity.storage_class_name == storage_class.metadata.name
        and (limit := limit_of(capacity)) is not None
        and limit >= size
        and _reached_from(capacity, labels)
        for capacity in storage.capacities.values()
    )


def limit_of(capacity: CSIStorageCapacity) -> int | None:
    """The largest volume in bytes; None where nothing is known."""
    limit = capacity.capacity if capacity.maximum_volume_size is None else capacity.maximum_volume_size
    return None if limit is None else Amount.parse(limit).value


def _reached_from(capacity: CSIStorageCapacity, labels: Mapping[str, str]) -> bool:
    if capacity.node_topology is None:
        return False
    try:
        return Selector.from_api(capacity.node_topology).matches(labels)
    except InvalidSelectorError:
        return False
