"""Finds devices for claims on one node: the first choice that fulfils all requests together.

Requests are taken one after the other and devices in the order of their pools; where that leads nowhere, the
last choice is taken back and the next device tried. A claim gets all that it asks for, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconcile import Amount
from reconcile.api.resource.v1 import AllocationResult, DeviceClass, ResourceClaim

from .device_capacity import Taken, consumed_by, fits
from .device_constraints import Constraint, constraint_of
from .device_pools import DeviceID, Pool, reaches
from .device_requests import Candidate, Selectors, Wanted, wanted_by
from .device_results import Chosen, allocation_result
from .failing import PluginError
from .nodes import NodeInfo

_MOST_DEVICES = 32
_Place = tuple[int, int, int]


class NotHere(Exception):
    """Nothing can be allocated on this node; the text says why."""


class OutOfTime(Exception):
    """The search was ended before its end."""


class _TooMany(Exception):
    """A claim would get more devices than can be written down."""


@dataclass(slots=True)
class InUse:
    """What claims have been given already.

    Attributes:
        devices: by one claim alone.
        shared: how much is taken of devices that claims share.
    """

    devices: set[DeviceID] = field(default_factory=set[DeviceID])
    shared: dict[DeviceID, Taken] = field(default_factory=dict[DeviceID, Taken])

    def __contains__(self, id: DeviceID) -> bool:
        return id in self.devices or id in self.shared


class Allocator:
    """For the claims of one pod; asked for each node.

    Attributes:
        in_use: what others have; it does not change while the pod is decided.
        elapsed: seconds since any fixed moment.
    """

    def __init__(
        self,
        in_use: InUse,
        classes: dict[str, DeviceClass],
        selectors: Selectors,
        elapsed: Callable[[], float],
    ) -> None:
        self.in_use = in_use
        self.classes = classes
        self.selectors = selectors
        self.elapsed = elapsed
        self._left: dict[tuple[str, str], dict[tuple[str, str], int]] = {}

    def allocate(
        self, node: NodeInfo, pools: Sequence[Pool], claims: Sequence[ResourceClaim], *, timeout: float
    ) -> list[AllocationResult] | None:
        """What each claim would get; None when they cannot all be fulfilled here.

        Raises:
            NotHere: the same, for a reason that has to be told.
            PluginError: a claim or class makes no sense, on any node.
            OutOfTime: no answer after `timeout` seconds.
        """
        search = _Search(self, node, pools, claims, until=self.elapsed() + timeout)
        if search.run():
            return [
                allocation_result(claim, search.picked(number), search.chosen[number], node.name)
                for number, claim in enumerate(claims)
            ]
        if any(pool.invalid for pool in pools):
            raise NotHere("invalid resource pools were encountered")
        return None

    def counters_left(self, pool: Pool) -> dict[tuple[str, str], int]:
        """What devices that are in use leave of a pool's counters, in billionths."""
        key = (pool.driver, pool.name)
        left = self._left.get(key)
        if left is None:
            left = {
                (set_name, name): Amount.parse(counter.value).nanos
                for set_name, counters in pool.counters.items()
                for name, counter in counters.items()
            }
            for each in (*pool.slices, *pool.others):
                for device in each.spec.devices:
                    if pool.id(device) in self.in_use:
                        for counter, amount in _uses(Candidate(device, pool, each)):
                            if counter in left:
                                left[counter] -= amount
            self._left[key] = left
        return left


@dataclass(slots=True)
class _Undo:
    """What choosing a device changed."""

    counters: bool = False
    constraints: int = 0
    marked: bool = False
    shared: Taken | None = None
    shared_before: bool = False


class _Search:
    """One node, with what was chosen so far."""

    def __init__(
        self,
        allocator: Allocator,
        node: NodeInfo,
        pools: Sequence[Pool],
        claims: Sequence[ResourceClaim],
        *,
        until: float,
    ) -> None:
        self.until = until
        self.allocator = allocator
        self.node = node
        self.pools = pools
        self.claims = claims
        self.chosen: list[list[Chosen]] = [[] for _ in claims]
        self._wanted: list[list[list[Wanted]]] = []
        self._picked: dict[tuple[int, int], int] = {}
        self._constraints: list[list[Constraint]] = []
        self._marked: dict[DeviceID, set[int]] = {}
        self._shared: dict[DeviceID, Taken] = {}
        self._counters: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
        for number, claim in enumerate(claims):
            self._prepare(number, claim)

    def run(self) -> bool:
        return self._request(0, 0)

    def picked(self, claim: int) -> list[Wanted]:
        """Of each request the alternative that was taken."""
        return [
            alternatives[self._picked.get((claim, number), 0)]
            for number, alternatives in enumerate(self._wanted[claim])
        ]

    def _prepare(self, number: int, claim: ResourceClaim) -> None:
        requests: list[list[Wanted]] = []
        least = 0
        for request in claim.spec.devices.requests:
            alternatives = wanted_by(claim, request, self.allocator.classes)
            for wanted in alternatives:
                if wanted.all is not None:
                    wanted.all.extend(self._all(claim, wanted))
                    wanted.number = len(wanted.all)
            requests.append(alternatives)
            least += min(wanted.number for wanted in alternatives)
        if least > _MOST_DEVICES:
            limit = f"exceeds the claim limit of {_MOST_DEVICES}"
            raise PluginError(f"claim {claim.key}: number of requested devices {least} {limit}")
        constraints: list[Constraint] = []
        for place, each in enumerate(claim.spec.devices.constraints):
            constraint = constraint_of(each)
            if constraint is None:
                what = "empty constraint (unsupported constraint type?)"
                raise PluginError(f"claim {claim.key}, constraint #{place}: {what}")
            constraints.append(constraint)
        self._wanted.append(requests)
        self._constraints.append(constraints)

    def _all(self, claim: ResourceClaim, wanted: Wanted) -> Iterator[Candidate]:
        """Every device that matches, for a request that wants all."""
        for pool in self.pools:
            if not pool.usable:
                state = "being updated" if pool.incomplete else "invalid"
                raise PluginError(
                    f"claim {claim.key}, request {wanted.name}: asks for all devices, "
                    f"but resource pool {pool} is currently {state}"
                )
            for each in pool.slices:
                for device in each.spec.devices:
                    candidate = Candidate(device, pool, each)
                    if self._matches(claim, wanted, candidate) and self._has_room(wanted, candidate):
                        yield candidate

    def _request(self, claim: int, request: int) -> bool:
        """Fulfil a request and all after it; raises _TooMany when only fewer devices before could help."""
        if claim == len(self.claims):
            return True
        if request == len(self._wanted[claim]):
            try:
                return self._request(claim + 1, 0)
            except _TooMany:
                return False
        alternatives = self._wanted[claim][request]
        if not alternatives[0].parent:
            return self._device(claim, request, alternatives[0], 0, (0, 0, 0))
        too_many = True
        for number, wanted in enumerate(alternatives):
            try:
                done = self._device(claim, request, wanted, 0, (0, 0, 0))
            except _TooMany:
                continue
            too_many = False
            if done:
                self._picked[claim, request] = number
                return True
        if too_many:
            raise _TooMany
        return False

    def _device(self, claim: int, request: int, wanted: Wanted, number: int, start: _Place) -> bool:
        """Choose a device for a request that has `number` already, then all that comes after."""
        if self.allocator.elapsed() > self.until:
            raise OutOfTime
        if wanted.all is not None and not wanted.all:
            return False
        if number >= wanted.number:
            return self._request(claim, request + 1)
        if len(self.chosen[claim]) + wanted.number - number > _MOST_DEVICES:
            raise _TooMany
        if wanted.all is not None:
            candidate = wanted.all[number]
            undo = self._choose(claim, wanted, candidate, must=True)
            return undo is not None and self._go_on(
                claim, request, wanted, number, (0, 0, 0), candidate, undo
            )
        for place, candidate in self._candidates(start):
            # What is cheap is looked at first.
            if wanted.admin:
                if claim in self._marked.get(candidate.id, ()):
                    continue
            elif self._is_taken(candidate.id):
                continue
            if not self._matches(self.claims[claim], wanted, candidate):
                continue
            if not self._has_room(wanted, candidate):
                continue
            undo = self._choose(claim, wanted, candidate, must=False)
            if undo is not None and self._go_on(claim, request, wanted, number, place, candidate, undo):
                return True
        return False

    def _go_on(
        self,
        claim: int,
        request: int,
        wanted: Wanted,
        number: int,
        place: _Place,
        candidate: Candidate,
        undo: _Undo,
    ) -> bool:
        """The next device; the order within a request does not matter, so only later ones are tried."""
        following = (place[0], place[1], place[2] + 1) if wanted.all is None else place
        done = False
        try:
            done = self._device(claim, request, wanted, number + 1, following)
        finally:
            if not done:
                self.chosen[claim].pop()
                self._take_back(claim, wanted, candidate, undo)
        return done

    def _candidates(self, start: _Place) -> Iterator[tuple[_Place, Candidate]]:
        for at_pool in range(start[0], len(self.pools)):
            pool = self.pools[at_pool]
            if not pool.usable:
                continue
            first_slice = start[1] if at_pool == start[0] else 0
            for at_slice in range(first_slice, len(pool.slices)):
                each = pool.slices[at_slice]
                first = start[2] if (at_pool, at_slice) == start[:2] else 0
                for at in range(first, len(each.spec.devices)):
                    yield (at_pool, at_slice, at), Candidate(each.spec.devices[at], pool, each)

    def _matches(self, claim: ResourceClaim, wanted: Wanted, candidate: Candidate) -> bool:
        """Whether the selectors of class and request are fulfilled, and the device is for this node."""
        found = wanted.fits.get(candidate.id)
        if found is None:
            device, driver = candidate.device, candidate.pool.driver
            cls = wanted.device_class
            match = self.allocator.selectors.match
            found = (
                match(cls.spec.selectors, f"class {cls.metadata.name}", device, driver)
                and match(wanted.selectors, f"claim {claim.key}", device, driver)
                and (
                    not candidate.slice.spec.per_device_node_selection
                    or reaches(self.node, device.node_name, device.all_nodes, device.node_selector)
                )
            )
            wanted.fits[candidate.id] = found
        return found

    def _has_room(self, wanted: Wanted, candidate: Candidate) -> bool:
        id = candidate.id
        return fits(
            wanted.capacity,
            candidate.device.capacity,
            self.allocator.in_use.shared.get(id, {}),
            self._shared.get(id, {}),
        )

    def _is_taken(self, id: DeviceID) -> bool:
        return id in self.allocator.in_use.devices or bool(self._marked.get(id))

    def _choose(self, claim: int, wanted: Wanted, candidate: Candidate, *, must: bool) -> _Undo | None:
        """Take a device for the claim, or None when it cannot have it."""
        device, id = candidate.device, candidate.id
        shared = bool(device.allow_multiple_allocations)
        if wanted.admin:
            if not shared and claim in self._marked.get(id, ()):
                return None
        elif self._is_taken(id):
            return None
        undo = _Undo()
        in_part = shared and (id in self.allocator.in_use.shared or id in self._shared)
        if device.consumes_counters and not in_part:
            if not self._count(candidate):
                return None
            undo.counters = True
        if not wanted.tolerates(device):
            self._take_back(claim, wanted, candidate, undo)
            return None
        for constraint in self._constraints[claim]:
            if not constraint.add(wanted.base, wanted.subrequest, device, id):
                self._take_back(claim, wanted, candidate, undo)
                if must:
                    where = f"claim {self.claims[claim].key}, request {wanted.name}"
                    what = "because a claim constraint would not be satisfied"
                    raise PluginError(f"{where}: cannot add device {'/'.join(id)} {what}")
                return None
            undo.constraints += 1
        if not shared:
            self._marked.setdefault(id, set()).add(claim)
            undo.marked = True
        if not self._has_room(wanted, candidate):
            self._take_back(claim, wanted, candidate, undo)
            return None
        if shared:
            undo.shared = consumed_by(wanted.capacity, device.capacity)
            undo.shared_before = id in self._shared
            taken = self._shared.setdefault(id, {})
            for name, amount in undo.shared.items():
                taken[name] = taken[name] + amount if name in taken else amount
        self.chosen[claim].append(Chosen(wanted, candidate, undo.shared))
        return undo

    def _take_back(self, claim: int, wanted: Wanted, candidate: Candidate, undo: _Undo) -> None:
        id = candidate.id
        if undo.shared is not None:
            if undo.shared_before:
                for name, amount in undo.shared.items():
                    self._shared[id][name] -= amount
            else:
                del self._shared[id]
        if undo.marked:
            self._marked[id].discard(claim)
        for constraint in reversed(self._constraints[claim][: undo.constraints]):
            constraint.remove(wanted.base, wanted.subrequest)
        if undo.counters:
            used = self._counters[candidate.pool.driver, candidate.pool.name]
            for counter, amount in _uses(candidate):
                used[counter] -= amount

    def _count(self, candidate: Candidate) -> bool:
        """Take the device's counters, if there are enough."""
        pool = candidate.pool
        left = self.allocator.counters_left(pool)
        used = self._counters.setdefault((pool.driver, pool.name), {})
        for counter, amount in _uses(candidate):
            used[counter] = used.get(counter, 0) + amount
        if all(available >= used.get(counter, 0) for counter, available in left.items()):
            return True
        for counter, amount in _uses(candidate):
            used[counter] -= amount
        return False


def _uses(candidate: Candidate) -> Iterator[tuple[tuple[str, str], int]]:
    for used in candidate.device.consumes_counters:
        for name, counter in used.counters.items():
            yield (used.counter_set, name), Amount.parse(counter.value).nanos


def subrequest_points(claims: Sequence[ResourceClaim], allocations: Mapping[int, AllocationResult]) -> int:
    """How good a choice is by the alternatives that were taken: the first of a request is worth the most."""
    points = 0
    for number, claim in enumerate(claims):
        taken = {result.request for result in allocations[number].devices.results}
        for request in claim.spec.devices.requests:
            for place, each in enumerate(request.first_available):
                if f"{request.name}/{each.name}" in taken:
                    points += 8 - place
    return points
