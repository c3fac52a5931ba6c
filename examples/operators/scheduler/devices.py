"""Devices of a cluster, and the claims on them, kept from informer events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from reconcile import Amount, ObjectKey, parse_time
from reconcile.api.resource.v1 import AllocationResult, DeviceClass, ResourceClaim, ResourceSlice

from .device_allocator import InUse
from .device_capacity import Taken
from .device_pools import DeviceID, Pool, pools_for
from .device_requests import Selectors
from .nodes import NodeInfo

KINDS = (ResourceClaim, ResourceSlice, DeviceClass)
"""The kinds that are kept here."""

CLASS_PREFIX = "deviceclass.resource.kubernetes.io/"


class Devices:
    """Claims are as the server has them, or as they were written a moment ago.

    A claim whose allocation is decided but not written is *pending*: its devices are in use, and other pods
    with the claim wait until it is written.

    Attributes:
        classes: by name.
        selectors: compiled, for all pods.
        now: the time, to know which devices took too long to be ready; without one, none did.
        elapsed: seconds since any fixed moment, for the limit on a search; without it there is none.
    """

    def __init__(self) -> None:
        self.classes: dict[str, DeviceClass] = {}
        self.selectors = Selectors()
        self.now: Callable[[], datetime | None] = lambda: None
        self.elapsed: Callable[[], float] = lambda: 0.0
        self._claims: dict[ObjectKey, ResourceClaim] = {}
        self._stored: dict[ObjectKey, ResourceClaim] = {}
        self._slices: dict[str, ResourceSlice] = {}
        self._version = 0
        self._of_node: dict[str, dict[str, ResourceSlice]] = {}
        self._pending: dict[str, AllocationResult] = {}
        self._in_use: Counter[DeviceID] = Counter()
        self._sharing: Counter[DeviceID] = Counter()
        self._shared: dict[DeviceID, Taken] = {}
        self._of_resource: dict[str, DeviceClass] | None = None

    def set(self, kind: type[Any], key: ObjectKey, obj: Any | None) -> None:
        """An object of one of `KINDS` came, changed, or (None) went."""
        if kind is ResourceClaim:
            self._set_claim(key, obj)
        elif kind is ResourceSlice:
            self._set_slice(key.name, obj)
        else:
            self._of_resource = None
            if obj is None:
                self.classes.pop(key.name, None)
            else:
                self.classes[key.name] = obj

    def get(self, kind: type[Any], key: ObjectKey) -> Any | None:
        if kind is ResourceClaim:
            return self._stored.get(key)
        return self._slices.get(key.name) if kind is ResourceSlice else self.classes.get(key.name)

    def claim(self, key: ObjectKey) -> ResourceClaim | None:
        return self._claims.get(key)

    @property
    def claims(self) -> Iterator[ResourceClaim]:
        return iter(self._claims.values())

    def assume(self, claim: ResourceClaim) -> bool:
        """Take over what the server answered to a write, before its event; false for an unknown claim."""
        if claim.key not in self._claims:
            return False
        if not _older(claim, self._claims[claim.key]):
            self._replace(claim.key, claim)
        return True

    def add(self, claim: ResourceClaim) -> None:
        """A claim that was made just now."""
        self._replace(claim.key, claim)

    def is_pending(self, claim: ResourceClaim) -> bool:
        return claim.metadata.uid in self._pending

    def set_pending(self, uid: str, allocation: AllocationResult) -> None:
        """The allocation of a claim is decided, and will be written."""
        self.drop_pending(uid)
        self._pending[uid] = allocation
        self._count(allocation, 1)

    def drop_pending(self, uid: str) -> bool:
        """It is written, or will not be; whether it was pending."""
        allocation = self._pending.pop(uid, None)
        if allocation is not None:
            self._count(allocation, -1)
        return allocation is not None

    def restore(self, key: ObjectKey) -> None:
        """The claim is as the server's last event had it."""
        self._replace(key, self._stored.get(key))

    def in_use(self) -> InUse:
        return InUse(set(self._in_use), {id: dict(taken) for id, taken in self._shared.items()})

    def pools(self, node: NodeInfo) -> Sequence[Pool]:
        """What drivers offer to a node; remembered until slices or the node change."""
        remembered = node.memo.get("device pools")
        if remembered is None or remembered[0] != self._version:
            candidates = [*self._of_node.get(node.name, {}).values(), *self._of_node.get("", {}).values()]
            remembered = (self._version, pools_for(node, candidates, list(self._slices.values())))
            node.remember("device pools", remembered)
        return remembered[1]

    def class_for(self, resource: str) -> DeviceClass | None:
        """The class whose devices stand for an extended resource; of several, the newest."""
        if self._of_resource is None:
            self._of_resource = {}
            for each in sorted(self.classes.values(), key=_newest_last):
                if each.spec.extended_resource_name:
                    self._of_resource[each.spec.extended_resource_name] = each
                self._of_resource[CLASS_PREFIX + each.metadata.name] = each
        return self._of_resource.get(resource)

    def _set_claim(self, key: ObjectKey, obj: ResourceClaim | None) -> None:
        if obj is None:
            self._stored.pop(key, None)
        else:
            self._stored[key] = obj
        held = self._claims.get(key)
        if obj is None or held is None or held.metadata.uid != obj.metadata.uid or not _older(obj, held):
            self._replace(key, obj)

    def _replace(self, key: ObjectKey, obj: ResourceClaim | None) -> None:
        before = self._claims.pop(key, None)
        if before is not None and before.status.allocation is not None:
            self._count(before.status.allocation, -1)
        if obj is not None:
            self._claims[key] = obj
            if obj.status.allocation is not None:
                self._count(obj.status.allocation, 1)

    def _set_slice(self, name: str, obj: ResourceSlice | None) -> None:
        before = self._slices.pop(name, None)
        if before is not None:
            self._of_node[_place(before)].pop(name)
        if obj is not None:
            self._slices[name] = obj
            self._of_node.setdefault(_place(obj), {})[name] = obj
        self._version += 1

    def _count(self, allocation: AllocationResult, sign: int) -> None:
        for result in allocation.devices.results:
            if result.admin_access:
                # Who watches over a device does not keep others from it.
                continue
            id = (result.driver, result.pool, result.device)
            if result.share_id is None:
                self._in_use[id] += sign
                if not self._in_use[id]:
                    del self._in_use[id]
                continue
            self._sharing[id] += sign
            taken = self._shared.setdefault(id, {})
            for name, text in result.consumed_capacity.items():
                amount = Amount.parse(text)
                taken[name] = taken.get(name, Amount(0)) + (amount if sign > 0 else -amount)
            if not self._sharing[id]:
                del self._sharing[id], self._shared[id]


def _place(obj: ResourceSlice) -> str:
    """The node that a slice is looked up by; empty for one that concerns several."""
    return "" if obj.spec.shared_counters else obj.spec.node_name or ""


def _older(one: ResourceClaim, other: ResourceClaim) -> bool:
    return int(one.metadata.resource_version or "0") < int(other.metadata.resource_version or "0")


def _newest_last(each: DeviceClass) -> tuple[float, list[int]]:
    created = each.metadata.creation_timestamp
    # Of two of one moment the one with the lower name is preferred: it comes last.
    return (
        parse_time(created).timestamp() if created else 0.0,
        [-ord(letter) for letter in each.metadata.name],
    )
