"""DynamicResources: devices that pods claim.

A claim that has its devices says which nodes can use them. One that has none yet gets them on the node that
the pod is decided for: on each node it is tried whether all claims of the pod can be fulfilled together
(`device_allocator.py`). The devices are in use from then on; before the pod is bound they are written into
the claim's status (`claim_writes.py`).

An extended resource may be devices too, where a DeviceClass names it (`extended_resources.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reconcile import ObjectKey
from reconcile.api.core.v1 import Node, Pod
from reconcile.api.resource.v1 import AllocationResult, DeviceClass, ResourceClaim, ResourceSlice

from ..claim_names import claims_of
from ..claim_writes import bind_claims, deallocate, give_back
from ..device_allocator import Allocator, NotHere, OutOfTime, subrequest_points
from ..device_conditions import is_overdue, ready
from ..devices import Devices
from ..events import Change, HelpedBy
from ..extended_resources import NodeClaim, is_special, node_claim, special_claim
from ..framework import (
    SKIP,
    Attempt,
    CycleState,
    Plugin,
    PluginError,
    PreFlight,
    Refusal,
    Remedy,
    Surroundings,
    normalized,
)
from ..node_terms import matches
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Snapshot


@dataclass(slots=True)
class _State:
    """The pod's claims and what each node means for them. Shared by trials: it does not depend on pods.

    Attributes:
        claims: in the pod's order; last the special one for extended resources, if the pod has it.
        special: whether it has.
        to_allocate: the places of those without devices.
        unavailable: the places of those whose devices were out of reach on some node.
        by_node: what the claims in `to_allocate` would get.
        special_by_node: the special claim as the node needs it.
        reserved: what was chosen, by place.
    """

    devices: Devices
    claims: list[ResourceClaim] = field(default_factory=list[ResourceClaim])
    special: bool = False
    to_allocate: list[int] = field(default_factory=list[int])
    allocator: Allocator | None = None
    unavailable: set[int] = field(default_factory=set[int])
    by_node: dict[str, list[AllocationResult]] = field(default_factory=dict[str, list[AllocationResult]])
    special_by_node: dict[str, NodeClaim] = field(default_factory=dict[str, NodeClaim])
    reserved: dict[int, AllocationResult] = field(default_factory=dict[int, AllocationResult])

    @property
    def special_claim(self) -> ResourceClaim | None:
        return self.claims[-1] if self.special else None


class DynamicResources(Plugin):
    """
    Attributes:
        timeout: for how many seconds a pod waits for its devices to be ready on the node.
        search_timeout: for how many seconds devices for a pod are looked for on one node; then the pod is
            tried again after its backoff. Nothing else happens meanwhile, the renewal of a lease included:
            let it be well below the lease's renew deadline. (kube-scheduler, which searches beside its other
            work, has 10.)
    """

    name = "DynamicResources"

    def __init__(self, *, timeout: float = 600.0, search_timeout: float = 5.0) -> None:
        self.timeout = timeout
        self.search_timeout = search_timeout

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(Node, Change.ADDED | Change.NODE_LABELS | Change.NODE_ALLOCATABLE),
            HelpedBy(ResourceClaim, Change.ADDED | Change.UPDATED, _after_claim),
            HelpedBy(Pod, Change.POD_CLAIMS, _after_pod),
            HelpedBy(DeviceClass, Change.ADDED | Change.UPDATED),
            HelpedBy(ResourceSlice, Change.ADDED | Change.UPDATED),
        ]

    def pre_enqueue(self, pod: PodInfo, snapshot: Snapshot, /) -> Refusal | None:
        """A pod is not tried until each of its claims is there."""
        claims = claims_of(pod, snapshot.devices)
        return self.refuse(claims, final=True) if isinstance(claims, str) else None

    def pre_filter(
        self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /
    ) -> Refusal | Literal["skip"] | None:
        devices = snapshot.devices
        own = state[self.name] = _State(devices)
        claims = claims_of(pod, devices)
        if isinstance(claims, str):
            return self.refuse(claims, final=True)
        special = special_claim(pod, devices)
        if special is not None:
            claims.append(special)
        if not claims:
            return SKIP
        for place, claim in enumerate(claims):
            if claim.status.allocation is None:
                own.to_allocate.append(place)
                why = _cannot_allocate(claim, devices, special=claim is special)
                if why:
                    return self.refuse(why, final=True)
        if own.to_allocate:
            own.allocator = Allocator(devices.in_use(), devices.classes, devices.selectors, devices.elapsed)
        own.claims, own.special = claims, special is not None
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        own: _State = state[self.name]
        alone = len(own.claims) == own.special
        of_node = node_claim(pod, own.special_claim, node, own.devices, alone=alone)
        if isinstance(of_node, str):
            return self.refuse(of_node, final=True)
        if of_node is None and alone:
            # A device plugin of the node has what the pod requests.
            return None
        now = own.devices.now()
        unavailable = {
            place for place, claim in enumerate(own.claims) if not _available(claim, node, self.timeout, now)
        }
        if own.allocator is not None:
            wanted = [own.claims[place] for place in own.to_allocate]
            if of_node is not None:
                wanted[-1] = of_node.claim
            try:
                pools = own.devices.pools(node)
                found = own.allocator.allocate(node, pools, wanted, timeout=self.search_timeout)
            except OutOfTime:
                what = "timed out trying to allocate devices"
                raise PluginError(f"node {node.name}: {what}") from None
            except NotHere as reason:
                return self.refuse(str(reason), final=True)
            if found is None:
                return self.refuse("cannot allocate all claims", final=True)
            if not unavailable:
                own.by_node[node.name] = found
                if of_node is not None:
                    own.special_by_node[node.name] = of_node
        if unavailable:
            own.unavailable |= unavailable
            return self.refuse("resourceclaim not available on the node", final=True)
        return None

    def post_filter(self, attempt: Attempt, /) -> Remedy:
        """Claims of this pod that have devices out of reach may be given others."""
        own: _State | None = attempt.state.get(self.name)
        if own is None:
            # An earlier plugin refused all nodes. The word is upstream's, though it says little.
            raise PluginError("not found")
        if not own.claims:
            return Remedy(message="no new claims to deallocate")
        for place in sorted(own.unavailable):
            claim = own.claims[place]
            users = [each.uid for each in claim.status.reserved_for]
            if claim is not own.special_claim and users in ([], [attempt.pod.uid]):
                done = "deallocation of ResourceClaim completed"
                return Remedy(message=done, deallocate=(claim.key,))
        special = own.special_claim
        if special is not None and not is_special(special):
            return Remedy(message="deletion of ResourceClaim completed", deallocate=(special.key,))
        return Remedy(message="still not schedulable")

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: object, snapshot: object, /) -> bool:
        own: _State = state[self.name]
        return any(request.first_available for claim in own.claims for request in claim.spec.devices.requests)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        own: _State = state[self.name]
        found = own.by_node.get(node.name)
        if found is None:
            return 0
        fresh = dict(zip(own.to_allocate, found, strict=True))
        allocations = {
            place: claim.status.allocation or fresh[place] for place, claim in enumerate(own.claims)
        }
        return subrequest_points(own.claims, allocations)

    def normalize(self, state: CycleState, scores: list[int], nodes: Sequence[NodeInfo], /) -> list[int]:
        return normalized(scores)

    def reserve(self, state: CycleState, pod: PodInfo, node: str, /) -> None:
        own: _State = state[self.name]
        if own.allocator is None:
            return
        found = own.by_node.get(node)
        if found is None:
            if own.to_allocate == [len(own.claims) - 1] and own.special:
                return
            raise PluginError("claim allocation not found for node")
        for place, allocation in zip(own.to_allocate, found, strict=True):
            own.reserved[place] = allocation
            own.devices.set_pending(own.claims[place].metadata.uid, allocation)

    def unreserve(self, state: CycleState, pod: PodInfo, node: str, /) -> None:
        own: _State | None = state.get(self.name)
        if own is None:
            return
        for place in own.reserved:
            claim = own.claims[place]
            if own.devices.drop_pending(claim.metadata.uid) and not is_special(claim):
                own.devices.restore(claim.key)

    def pre_bind_pre_flight(self, state: CycleState, pod: PodInfo, node: str, /) -> PreFlight | None:
        own: _State = state[self.name]
        return PreFlight(parallel=True) if own.claims else None

    async def pre_bind(self, state: CycleState, pod: PodInfo, node: str, around: Surroundings, /) -> None:
        own: _State = state[self.name]
        await bind_claims(
            pod,
            node,
            own.claims,
            own.reserved,
            own.special_by_node.get(node),
            around,
            timeout=self.timeout,
        )

    async def take_back(self, state: CycleState, pod: PodInfo, node: str, around: Surroundings, /) -> None:
        own: _State | None = state.get(self.name)
        if own is not None:
            await give_back(pod, own.claims, around, special=own.special_claim)

    async def deallocate(self, pod: PodInfo, key: ObjectKey, around: Surroundings, /) -> None:
        await deallocate(key, around)


def _cannot_allocate(claim: ResourceClaim, devices: Devices, *, special: bool) -> str:
    """Why no node can fulfil the claim now; empty when some may."""
    if devices.is_pending(claim):
        return f"resource claim {claim.key} is in the process of being allocated"
    for request in () if special else claim.spec.devices.requests:
        named = (
            [(request.name, request.exactly.device_class_name)]
            if request.exactly is not None
            else [(f"{request.name}/{each.name}", each.device_class_name) for each in request.first_available]
        )
        if not named:
            return f"resource claim {claim.key}, request {request.name}: unknown request type"
        for name, class_name in named:
            if not class_name:
                raise PluginError(f"request {name}: unsupported request type")
            if class_name not in devices.classes:
                return f"request {name}: device class {class_name} does not exist"
    return ""


def _available(claim: ResourceClaim, node: NodeInfo, timeout: float, now: datetime | None) -> bool:
    """Whether what the claim has can be used on the node; true for a claim that has nothing."""
    allocation = claim.status.allocation
    if allocation is None:
        return True
    selector = allocation.node_selector
    if selector is not None and not any(
        matches(term, node.labels, node.name) for term in selector.node_selector_terms
    ):
        return False
    try:
        return ready(claim) or not is_overdue(claim, timeout, now)
    except PluginError:
        return False


def _after_claim(pod: PodInfo, old: ResourceClaim | None, new: ResourceClaim) -> bool:
    if old is not None and old.status.allocation is not None and new.status.allocation is None:
        return True
    ours = new.metadata.namespace == pod.key.namespace and any(
        new.metadata.name in (wanted.resource_claim_name, generated.get(wanted.name))
        for generated in [{each.name: each.resource_claim_name for each in pod.claim_statuses[:-1]}]
        for wanted in pod.spec.resource_claims
    )
    return ours and (old is None or old.status != new.status)


def _after_pod(pod: PodInfo, old: PodInfo, new: PodInfo) -> bool:
    return pod.uid == new.uid
