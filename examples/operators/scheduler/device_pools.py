"""Pools of devices, as drivers publish them in ResourceSlices, seen from one node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconcile.api.core.v1 import NodeSelector
from reconcile.api.resource.v1 import Counter, Device, ResourceSlice

from .node_terms import matches
from .nodes import NodeInfo

DeviceID = tuple[str, str, str]
"""Driver, pool, name."""


@dataclass(slots=True)
class Pool:
    """The slices of one pool that matter to a node.

    Attributes:
        slices: with devices that the node may reach, in the order of their names.
        others: of the same pool, for other nodes; their devices may use the same counters.
        counters: shared by devices, by set and name.
        incomplete: not all slices are there yet.
        invalid: what is there makes no sense.
    """

    driver: str
    name: str
    slices: Sequence[ResourceSlice] = ()
    others: Sequence[ResourceSlice] = ()
    counters: Mapping[str, Mapping[str, Counter]] = field(default_factory=dict[str, Mapping[str, Counter]])
    incomplete: bool = False
    invalid: bool = False

    def __str__(self) -> str:
        return f"{self.driver}/{self.name}"

    @property
    def usable(self) -> bool:
        return not (self.incomplete or self.invalid)

    def id(self, device: Device) -> DeviceID:
        return (self.driver, self.name, device.name)


def pools_for(
    node: NodeInfo, candidates: Iterable[ResourceSlice], every: Sequence[ResourceSlice]
) -> list[Pool]:
    """The pools with devices for the node, in the order in which they are looked through.

    Args:
        candidates: the slices of the node, those of no node, and those with shared counters.
        every: all slices of the cluster.
    """
    found: dict[tuple[str, str], list[ResourceSlice]] = {}
    for each in candidates:
        if _relevant(each, node):
            _add(found, each)
    pools: list[Pool] = []
    for (driver, name), slices in found.items():
        pool = Pool(driver, name)
        generation, wanted = slices[0].spec.pool.generation, slices[0].spec.pool.resource_slice_count
        whole: list[ResourceSlice] | None = None
        if len(slices) != wanted:
            of_pool = [each for each in every if (each.spec.driver, each.spec.pool.name) == (driver, name)]
            if any(each.spec.pool.generation > generation for each in of_pool):
                # The driver is replacing the slices that we see.
                continue
            whole = [each for each in of_pool if each.spec.pool.generation == generation]
            if len(whole) != wanted:
                pool.incomplete = True
                pools.append(pool)
                continue
        _fill(pool, slices, whole)
        pools.append(pool)
    # Devices that have to be prepared are the last choice.
    return sorted(pools, key=lambda pool: (_has_to_wait(pool), pool.driver, pool.name))


def reaches(node: NodeInfo, name: str | None, everywhere: bool | None, selector: NodeSelector | None) -> bool:
    """Whether a device or slice with this node selection is for the node."""
    if name:
        return name == node.name
    if everywhere:
        return True
    return selector is not None and any(
        matches(term, node.labels, node.name) for term in selector.node_selector_terms
    )


def _relevant(each: ResourceSlice, node: NodeInfo) -> bool:
    spec = each.spec
    if spec.shared_counters:
        return True
    if spec.node_name or spec.all_nodes or spec.node_selector is not None:
        return reaches(node, spec.node_name, spec.all_nodes, spec.node_selector)
    return bool(spec.per_device_node_selection) and any(
        reaches(node, device.node_name, device.all_nodes, device.node_selector) for device in spec.devices
    )


def _add(found: dict[tuple[str, str], list[ResourceSlice]], each: ResourceSlice) -> None:
    """Only the newest generation of a pool counts."""
    slices = found.setdefault((each.spec.driver, each.spec.pool.name), [])
    if slices and each.spec.pool.generation < slices[0].spec.pool.generation:
        return
    if slices and each.spec.pool.generation > slices[0].spec.pool.generation:
        slices.clear()
    slices.append(each)


def _fill(pool: Pool, slices: list[ResourceSlice], whole: list[ResourceSlice] | None) -> None:
    slices.sort(key=lambda each: each.metadata.name)
    pool.slices = [each for each in slices if not each.spec.shared_counters]
    names = [device.name for each in pool.slices for device in each.spec.devices]
    sets = [each for of_slice in slices for each in of_slice.spec.shared_counters]
    pool.counters = {each.name: each.counters for each in sets}
    seen = {each.metadata.name for each in slices}
    pool.others = [each for each in whole or () if each.metadata.name not in seen]
    pool.invalid = (
        len(set(names)) != len(names)
        or len(pool.counters) != len(sets)
        or not all(
            _counters_exist(pool, device) for each in (*slices, *pool.others) for device in each.spec.devices
        )
    )


def _counters_exist(pool: Pool, device: Device) -> bool:
    return all(
        used.counters.keys() <= pool.counters.get(used.counter_set, {}).keys()
        and used.counter_set in pool.counters
        for used in device.consumes_counters
    )


def _has_to_wait(pool: Pool) -> bool:
    return any(device.binding_conditions for each in pool.slices for device in each.spec.devices)
