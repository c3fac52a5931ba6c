"""Extended resources that are devices: a DeviceClass names the resource, and the scheduler makes the claim.

A node that offers the resource through a device plugin needs no claim. On any other node the pod's containers
are given devices of the class, by a claim that is made when the pod is bound there.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconcile import Amount
from reconcile.api.core.v1 import Container, ContainerExtendedResourceRequest
from reconcile.api.meta.v1 import OwnerReference
from reconcile.api.resource.v1 import DeviceRequest, ExactDeviceRequest, ResourceClaim

from .devices import CLASS_PREFIX, Devices
from .nodes import NodeInfo
from .pods import PodInfo

_MARK = "resource.kubernetes.io/extended-resource-claim"
_UNWRITTEN = "<extended-resources>"

Mappings = list[ContainerExtendedResourceRequest]
"""Which container gets its resource by which request."""


@dataclass(frozen=True, slots=True)
class NodeClaim:
    """The claim that a node needs."""

    claim: ResourceClaim
    mappings: Mappings = field(default_factory=Mappings)


def is_extended(name: str) -> bool:
    """Whether a resource can be devices: one with a domain that is not Kubernetes' own."""
    if name.startswith(CLASS_PREFIX):
        return True
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


def are_devices(name: str, node: NodeInfo, devices: Devices) -> bool:
    """Whether devices stand for a resource that the node does not offer in another way."""
    return is_extended(name) and not node.allocatable.get(name) and devices.class_for(name) is not None


def is_special(claim: ResourceClaim) -> bool:
    """Whether it is a claim for extended resources that is not written yet."""
    return claim.metadata.name == _UNWRITTEN


def special_claim(pod: PodInfo, devices: Devices) -> ResourceClaim | None:
    """The claim for the pod's extended resources: what an earlier attempt left, or one to be written."""
    if not any(
        amount and is_extended(name) and devices.class_for(name) is not None
        for name, amount in pod.requests.items()
    ):
        return None
    for claim in devices.claims:
        if claim.metadata.annotations.get(_MARK) == "true" and any(
            owner.uid == pod.uid and owner.name == pod.key.name and owner.controller
            for owner in claim.metadata.owner_references
        ):
            return claim
    claim = ResourceClaim()
    claim.metadata.name, claim.metadata.namespace = _UNWRITTEN, pod.key.namespace
    claim.metadata.generate_name = f"{pod.key.name}-extended-resources-"
    claim.metadata.uid = f"{_UNWRITTEN} of {pod.uid}"
    claim.metadata.annotations = {_MARK: "true"}
    owner = OwnerReference(api_version="v1", kind="Pod", name=pod.key.name, uid=pod.uid, controller=True)
    claim.metadata.owner_references = [owner]
    return claim


def node_claim(
    pod: PodInfo, special: ResourceClaim | None, node: NodeInfo, devices: Devices, *, alone: bool
) -> NodeClaim | str | None:
    """What the node needs; a text that says why it cannot do; None when it needs no claim.

    Args:
        alone: the pod has no other claims.
    """
    if special is None:
        return None
    if special.spec.devices.requests:
        return "cannot schedule extended resource claim"
    by_devices: list[str] = []
    for name, amount in sorted(pod.requests.items()):
        if not amount or not is_extended(name):
            continue
        if are_devices(name, node, devices):
            by_devices.append(name)
        elif name not in node.allocatable:
            return "cannot fit resource"
    if alone and not by_devices:
        return None
    claim = copy.deepcopy(special)
    requests: list[DeviceRequest] = []
    mappings: Mappings = []
    for name in by_devices:
        device_class = devices.class_for(name)
        if device_class is not None:
            _add_requests(pod, name, device_class.metadata.name, requests, mappings)
    claim.spec.devices.requests = sorted(requests, key=lambda request: request.name)
    return NodeClaim(claim, mappings)


def _add_requests(
    pod: PodInfo, resource: str, device_class: str, requests: list[DeviceRequest], mappings: Mappings
) -> None:
    """One request for each container that lives long; init containers use those of containers after them.

    What an init container needs beyond that is one more request, the largest for all of them.
    """
    containers = [*pod.spec.init_containers, *pod.spec.containers]
    first = len(pod.spec.init_containers)
    short = [
        place for place, each in enumerate(containers) if place < first and each.restart_policy != "Always"
    ]
    lasting: list[DeviceRequest | None] = [None] * len(containers)
    later: Mappings = []
    for place, container in enumerate(containers):
        if place not in short:
            lasting[place], mapped = _request(place, container, resource, device_class, ())
            mappings += mapped
    largest: DeviceRequest | None = None
    names: set[str] = set()
    for place in short:
        request, mapped = _request(place, containers[place], resource, device_class, lasting[place:])
        later += mapped
        if request is not None:
            names.add(request.name)
            if largest is None or _count(largest) < _count(request):
                largest = request
    if largest is not None:
        requests.append(largest)
        for each in later:
            if each.request_name in names:
                each.request_name = largest.name
    requests += [request for request in lasting if request is not None]
    mappings += later


def _request(
    place: int,
    container: Container,
    resource: str,
    device_class: str,
    reusable: Sequence[DeviceRequest | None],
) -> tuple[DeviceRequest | None, Mappings]:
    wanted: Mapping[str, str | int | float] = container.resources.requests if container.resources else {}
    amount = Amount.parse(wanted.get(resource, 0)).value
    mapped: Mappings = []
    if not amount:
        return None, mapped

    def use(name: str) -> None:
        mapped.append(
            ContainerExtendedResourceRequest(
                container_name=container.name, resource_name=resource, request_name=name
            )
        )

    have = 0
    for request in reusable:
        if request is not None:
            have += _count(request)
            use(request.name)
            if have >= amount:
                return None, mapped
    name = f"container-{place}-request-{sorted(wanted).index(resource)}"
    use(name)
    exactly = ExactDeviceRequest(
        device_class_name=device_class, allocation_mode="ExactCount", count=amount - have
    )
    return DeviceRequest(name=name, exactly=exactly), mapped


def _count(request: DeviceRequest) -> int:
    return (request.exactly.count or 0) if request.exactly is not None else 0
