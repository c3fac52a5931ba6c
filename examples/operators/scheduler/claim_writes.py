"""What is written of a pod's claims before it is bound: their devices, and who uses them; or taken back."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Mapping

from reconcile import APIError, ConflictError, NotFoundError, ObjectKey, TransportError, format_time
from reconcile.api.core.v1 import Pod
from reconcile.api.resource.v1 import AllocationResult, ResourceClaim, ResourceClaimConsumerReference

from .claim_names import is_reserved_for
from .device_conditions import has_to_wait, is_overdue, ready
from .extended_resources import NodeClaim, is_special
from .framework import PluginError, Surroundings
from .pods import PodInfo, reference

_FINALIZER = "resource.kubernetes.io/delete-protection"
_ATTEMPTS = 5
_LOOK_EVERY = 5.0


async def bind_claims(
    pod: PodInfo,
    node: str,
    claims: list[ResourceClaim],
    reserved: Mapping[int, AllocationResult],
    special: NodeClaim | None,
    around: Surroundings,
    *,
    timeout: float,
) -> None:
    """Write each claim's devices, and that the pod uses it; then wait until the devices are ready.

    `claims` is changed: each becomes what the server answered.
    """
    for place, claim in enumerate(claims):
        if is_reserved_for(pod, claim):
            continue
        allocation = reserved.get(place)
        try:
            if is_special(claim):
                if special is None:
                    continue
                claims[place] = await _create(pod, special, around)
            claims[place] = await _reserve(pod, claims[place], allocation, around)
        finally:
            if allocation is not None:
                around.snapshot.devices.drop_pending(claim.metadata.uid)
        if is_special(claim) and special is not None:
            await _tell_pod(pod, claims[place], special, around)
    if any(has_to_wait(claim) for claim in claims):
        await _wait(pod, node, claims, around, timeout)


async def _reserve(
    pod: PodInfo, claim: ResourceClaim, allocation: AllocationResult | None, around: Surroundings
) -> ResourceClaim:
    client = around.manager.client
    key = claim.key
    claim = copy.deepcopy(claim)
    for attempt in range(_ATTEMPTS):
        if claim.metadata.deletion_timestamp is not None:
            raise PluginError(f"claim {key} got deleted in the meantime")
        doing = "add reservation to"
        try:
            if allocation is not None:
                if claim.status.allocation is not None:
                    raise PluginError(f"claim {key} got allocated elsewhere in the meantime")
                if _FINALIZER not in claim.metadata.finalizers:
                    claim.metadata.finalizers = [*claim.metadata.finalizers, _FINALIZER]
                    doing = "add finalizer to"
                    claim = await client.update(claim)
                doing = "add allocation and reservation to"
                claim.status.allocation = _with_shares(allocation, around)
            user = ResourceClaimConsumerReference(resource="pods", name=pod.key.name, uid=pod.uid)
            claim.status.reserved_for = [*claim.status.reserved_for, user]
            if claim.status.allocation is None:
                raise PluginError(f"claim {key} got deallocated elsewhere in the meantime")
            if claim.status.allocation.allocation_timestamp is None:
                claim.status.allocation.allocation_timestamp = format_time(around.manager.runtime.now())
            claim = await client.update_status(claim)
        except ConflictError as error:
            if attempt + 1 == _ATTEMPTS:
                raise PluginError(f"{doing} claim {key}: {error}") from error
            await asyncio.sleep(0.01)
            claim = await client.get(ResourceClaim, key)
            continue
        except (APIError, TransportError) as error:
            raise PluginError(f"{doing} claim {key}: {error}") from error
        around.snapshot.devices.assume(claim)
        return claim
    raise AssertionError("each attempt returns or raises")


def _with_shares(allocation: AllocationResult, around: Surroundings) -> AllocationResult:
    """Each share of a device gets a name of its own."""
    allocation = copy.deepcopy(allocation)
    for result in allocation.devices.results:
        if result.share_id is not None:
            result.share_id = around.manager.runtime.uuid()
    return allocation


async def _create(pod: PodInfo, special: NodeClaim, around: Surroundings) -> ResourceClaim:
    claim = copy.deepcopy(special.claim)
    claim.metadata.name = claim.metadata.uid = ""
    try:
        created = await around.manager.client.create(claim)
    except (APIError, TransportError) as error:
        raise PluginError(f"create claim for extended resources {pod.key.namespace}/: {error}") from error
    around.snapshot.devices.add(created)
    return created


async def _tell_pod(pod: PodInfo, claim: ResourceClaim, special: NodeClaim, around: Surroundings) -> None:
    """The kubelet reads in the pod's status which container gets which devices."""
    if not special.mappings:
        what = f"no update of pod {pod.key} ExtendedResourceClaimStatus"
        raise PluginError(f"nil or empty request mappings, {what}")
    mappings = [
        {
            "containerName": each.container_name,
            "resourceName": each.resource_name,
            "requestName": each.request_name,
        }
        for each in special.mappings
    ]
    told = {"resourceClaimName": claim.metadata.name, "requestMappings": mappings}
    patch = {"metadata": {"uid": pod.uid}, "status": {"extendedResourceClaimStatus": told}}
    await around.manager.client.patch(Pod, pod.key, patch, type="strategic", subresource="status")


async def _wait(
    pod: PodInfo, node: str, claims: list[ResourceClaim], around: Surroundings, timeout: float
) -> None:
    note = f"waiting for binding conditions for device on node {node}"
    events = around.manager.event_recorder(around.scheduler)
    events.event(reference(pod), "Normal", "BindingConditionsPending", "Scheduling", note)
    try:
        async with asyncio.timeout(timeout):
            while not _all_ready(claims, around, timeout):
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError as error:
        raise PluginError("device binding timeout: context deadline exceeded") from error


def _all_ready(claims: list[ResourceClaim], around: Surroundings, timeout: float) -> bool:
    for place, claim in enumerate(claims):
        now = around.snapshot.devices.claim(claim.key)
        if now is None:
            raise PluginError(f'could not find ResourceClaim "{claim.key}"')
        claims[place] = now
        if not ready(now):
            if is_overdue(now, timeout, around.manager.runtime.now()):
                raise PluginError(f"device binding timeout: claim={now.metadata.name}")
            return False
    return True


async def give_back(
    pod: PodInfo, claims: list[ResourceClaim], around: Surroundings, *, special: ResourceClaim | None
) -> None:
    """The pod is not bound after all: its claims are not used by it, and keep their devices."""
    for claim in claims:
        if claim is special:
            if not is_special(claim):
                await _delete(claim.key, around)
            continue
        if claim.status.allocation is not None and is_reserved_for(pod, claim):
            gone = [{"$patch": "delete", "uid": pod.uid}]
            patch = {"metadata": {"uid": claim.metadata.uid}, "status": {"reservedFor": gone}}
            # What fails is tried again with the pod.
            with contextlib.suppress(APIError, TransportError):
                await around.manager.client.patch(
                    ResourceClaim, claim.key, patch, type="strategic", subresource="status"
                )


async def deallocate(key: ObjectKey, around: Surroundings) -> None:
    """A claim whose devices are out of reach gets rid of them; one for extended resources goes itself."""
    claim = around.snapshot.devices.claim(key)
    if claim is None:
        return
    if claim.metadata.annotations.get("resource.kubernetes.io/extended-resource-claim") == "true":
        await _delete(key, around)
        return
    claim = copy.deepcopy(claim)
    claim.status.reserved_for, claim.status.devices, claim.status.allocation = [], [], None
    await around.manager.client.update_status(claim)


async def _delete(key: ObjectKey, around: Surroundings) -> None:
    client = around.manager.client
    with contextlib.suppress(NotFoundError):
        for attempt in range(_ATTEMPTS):
            claim = await client.get(ResourceClaim, key)
            try:
                if _FINALIZER in claim.metadata.finalizers:
                    kept = [each for each in claim.metadata.finalizers if each != _FINALIZER]
                    claim.metadata.finalizers = kept
                    claim = await client.update(claim)
                await client.delete(claim)
                return
            except ConflictError:
                if attempt + 1 == _ATTEMPTS:
                    raise
