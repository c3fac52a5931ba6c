"""Devices that have to be prepared: conditions in the claim's status say how far they are."""

from __future__ import annotations

from datetime import datetime

from reconcile import find_condition, parse_time
from reconcile.api.resource.v1 import ResourceClaim

from .failing import PluginError


def ready(claim: ResourceClaim) -> bool:
    """Whether all devices of the claim are; raises PluginError when one never will be."""
    allocation = claim.status.allocation
    if allocation is None:
        return False
    for result in allocation.devices.results:
        if not result.binding_conditions:
            continue
        status = next(
            (
                each
                for each in claim.status.devices
                if (each.driver, each.pool, each.device) == (result.driver, result.pool, result.device)
            ),
            None,
        )
        if status is None:
            return False
        for name in result.binding_failure_conditions:
            failed = find_condition(status.conditions, name)
            if failed is not None and failed.status == "True":
                raise PluginError(
                    f"device binding failed: claim={claim.metadata.name}, reason={failed.reason}, "
                    f'message="{failed.message}"'
                )
        for name in result.binding_conditions:
            found = find_condition(status.conditions, name)
            if found is None or found.status != "True":
                return False
    return True


def has_to_wait(claim: ResourceClaim) -> bool:
    allocation = claim.status.allocation
    return allocation is not None and any(result.binding_conditions for result in allocation.devices.results)


def is_overdue(claim: ResourceClaim, timeout: float, now: datetime | None) -> bool:
    """Whether the devices had `timeout` seconds and are not ready."""
    allocation = claim.status.allocation
    if now is None or allocation is None or allocation.allocation_timestamp is None or not has_to_wait(claim):
        return False
    return (now - parse_time(allocation.allocation_timestamp)).total_seconds() > timeout
