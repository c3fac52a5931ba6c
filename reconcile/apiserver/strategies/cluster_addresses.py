"""Cluster addresses of services: the networks they come from, which are free, and who has them.

An address is taken while there is an IPAddress object of its name. Networks are those of the ServiceCIDRs
that are ready; a server without any allocates from the ranges that it was made with. The rules are those of
kube-apiserver's `registry/core/service/ipallocator`.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from reconcile.apiserver.interfaces import Access, RequestContext

JSONObject = dict[str, Any]
Draw = Callable[[int], int]
"""A number below the given one."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ADDRESSES: Final = "ipaddresses.networking.k8s.io"
NETWORKS: Final = "servicecidrs.networking.k8s.io"
MANAGED_BY: Final = "ipaddress.kubernetes.io/managed-by"
FAMILY: Final = "ipaddress.kubernetes.io/ip-family"
ALLOCATOR: Final = "ipallocator.k8s.io"
DEFAULT_RANGES: Final = ("10.0.0.0/24",)
# The server's own service, which may not be there, and the number of its address in the first range.
_OWN_NAME: Final = "kubernetes"
_NAMESPACE: Final = uuid.UUID("a35c1f4e-0c0e-4d7c-9f7b-6d3c7f0e2b11")


@dataclass(frozen=True, slots=True)
class Range:
    """A network of services. Its lower part is given out last: it is for who asks for a certain address."""

    network: Network

    @property
    def family(self) -> str:
        return f"IPv{self.network.version}"

    @property
    def _last(self) -> int:
        """The number of the last address: the broadcast address of IPv4 is none."""
        return self.network.num_addresses - (2 if self.network.version == 4 else 1)

    @property
    def _static(self) -> int:
        """How many addresses the lower part has."""
        size = self.network.num_addresses
        return 0 if size <= 16 else min(max(16, size // 16), 256)

    def __contains__(self, address: object) -> bool:
        """Whether it is one that a service can have."""
        if address not in self.network:
            return False
        return 1 <= int(address) - int(self.network.network_address) <= self._last  # type: ignore[call-overload]

    def free(self, taken: Callable[[str], bool], draw: Draw) -> str:
        """An address that nobody has; empty when it is full."""
        for low, high in ((1 + self._static, self._last + 1), (1, 1 + self._static)):
            if high <= low:
                continue
            for index in _from_anywhere(low, high, draw):
                address = str(self.network[index])
                if not taken(address):
                    return address
        return ""


def _from_anywhere(low: int, high: int, draw: Draw) -> Iterator[int]:
    start = low + draw(high - low)
    yield from range(start, high)
    yield from range(low, start)


def default_ranges(access: Access) -> list[Range]:
    """The ranges that the server was made with; the first says which family is the default."""
    return [Range(ipaddress.ip_network(each)) for each in access.service_ranges]


def families(access: Access) -> tuple[str, ...]:
    """The families that services can have."""
    return tuple(each.family for each in default_ranges(access))


def ready_ranges(access: Access) -> list[Range]:
    """The networks that addresses are given out from, by their name; those of the server first."""
    objects = access.read_all(NETWORKS)
    if not objects:
        return default_ranges(access)
    found: dict[str, Range] = {}
    for obj in sorted(objects, key=lambda each: each["metadata"]["name"] != _OWN_NAME):
        if is_ready(obj):
            for each in obj["spec"].get("cidrs") or ():
                found.setdefault(each, Range(ipaddress.ip_network(each)))
    return list(found.values())


def is_ready(network: JSONObject) -> bool:
    """Whether addresses are given out from a ServiceCIDR. Where no controller says so, it is ready."""
    if network["metadata"].get("deletionTimestamp"):
        return False
    conditions: list[JSONObject] = (network.get("status") or {}).get("conditions") or []
    return next((each["status"] == "True" for each in conditions if each["type"] == "Ready"), True)


class FullError(Exception):
    """No address is left."""


class Pool:
    """The addresses that one write takes.

    Arguments:
        name: of the service.
        access: the server's objects.
        draw: the dice.
        dry_run: nothing is taken; values are made up, as the real server's are.
    """

    def __init__(self, name: str, access: Access, draw: Draw, *, dry_run: bool) -> None:
        self._access = access
        self._draw = draw
        self._dry_run = dry_run
        self._ranges = ready_ranges(access)
        own = default_ranges(access)[0].network[1]
        self._reserved = "" if name == _OWN_NAME else str(own)

    def _taken(self, address: str) -> bool:
        return address == self._reserved or self._access.exists(ADDRESSES, "", address)

    def problem(self, wanted: str) -> str:
        """Why this address cannot be had; empty when it can."""
        address = ipaddress.ip_address(wanted)
        ranges = [each for each in self._ranges if each.network.version == address.version]
        if any(address in each for each in ranges):
            taken = not self._dry_run and self._taken(str(address))
            return "provided IP is already allocated" if taken else ""
        if not self._dry_run:
            return "the provided network does not match the current range"
        if not ranges:
            return "allocator not ready"
        return (
            f"the provided IP ({wanted}) is not in the valid range. "
            f"The range of valid IPs is {ranges[0].network}"
        )

    def any(self, family: str) -> str:
        """A free address of a family. Raises FullError."""
        ranges = [each for each in self._ranges if each.family == family]
        for each in ranges:
            address = str(each.network[0]) if self._dry_run else each.free(self._taken, self._draw)
            if address:
                return address
        raise FullError


def take(address: str, service: JSONObject, context: RequestContext) -> None:
    """Make the IPAddress of a service that is about to be stored."""
    context.access.create_now(ADDRESSES, address_object(address, service["metadata"], context.timestamp))


def is_derived(uid: str) -> bool:
    """Whether it is a uid as `address_object` makes them."""
    return uid[14:15] == "5"


def address_object(address: str, service: JSONObject, now: str) -> JSONObject:
    """The IPAddress that says that the service, of which this is the metadata, has the address."""
    # Not of the dice: what a test draws does not depend on how many services it makes.
    uid = uuid.uuid5(_NAMESPACE, f"{address} {service.get('uid')} {now}")
    labels = {FAMILY: "IPv6" if ":" in address else "IPv4", MANAGED_BY: ALLOCATOR}
    fields: JSONObject = {
        "f:metadata": {"f:labels": {".": {}, **{f"f:{key}": {} for key in labels}}},
        "f:spec": {"f:parentRef": {".": {}, "f:name": {}, "f:namespace": {}, "f:resource": {}}},
    }
    entry: JSONObject = {
        "manager": "kube-apiserver",
        "operation": "Update",
        "apiVersion": "networking.k8s.io/v1",
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {
        "kind": "IPAddress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": {
            "name": address,
            "uid": str(uid),
            "creationTimestamp": now,
            "labels": labels,
            "managedFields": [entry],
        },
        "spec": {
            "parentRef": {
                "resource": "services",
                "namespace": service.get("namespace") or "",
                "name": service["name"],
            }
        },
    }
