"""What was chosen for a claim, as its status tells it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.api.core.v1 import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm
from reconcile.api.resource.v1 import (
    AllocationResult,
    DeviceAllocationConfiguration,
    DeviceAllocationResult,
    DeviceRequestAllocationResult,
    ResourceClaim,
)

from .device_capacity import Taken
from .device_requests import Candidate, Wanted
from .failing import PluginError


@dataclass(frozen=True, slots=True)
class Chosen:
    """One device for one request.

    Attributes:
        taken: how much of it, of a device that several claims can share; None of any other.
    """

    wanted: Wanted
    candidate: Candidate
    taken: Taken | None


def allocation_result(
    claim: ResourceClaim, picked: Sequence[Wanted], chosen: Sequence[Chosen], node: str
) -> AllocationResult:
    """A device that claims share gets an empty share ID, which stands until it is written."""
    results = [_result(each) for each in chosen]
    return AllocationResult(
        devices=DeviceAllocationResult(results=results, config=_config(claim, picked)),
        node_selector=_node_selector(claim, chosen, node),
    )


def _result(chosen: Chosen) -> DeviceRequestAllocationResult:
    driver, pool, name = chosen.candidate.id
    device, wanted = chosen.candidate.device, chosen.wanted
    return DeviceRequestAllocationResult(
        request=wanted.full_name,
        driver=driver,
        pool=pool,
        device=name,
        admin_access=True if wanted.admin else None,
        tolerations=list(wanted.tolerations),
        share_id=None if chosen.taken is None else "",
        consumed_capacity={key: str(amount) for key, amount in (chosen.taken or {}).items()},
        binding_conditions=list(device.binding_conditions),
        binding_failure_conditions=list(device.binding_failure_conditions),
    )


def _config(claim: ResourceClaim, picked: Sequence[Wanted]) -> list[DeviceAllocationConfiguration]:
    """The configuration of each class once, for all requests with that class; then the claim's own."""
    found: list[DeviceAllocationConfiguration] = []
    of_class: dict[str, list[DeviceAllocationConfiguration]] = {}
    for wanted in picked:
        name = wanted.device_class.metadata.name
        if name in of_class:
            for each in of_class[name]:
                each.requests.append(wanted.full_name)
            continue
        of_class[name] = [
            DeviceAllocationConfiguration(
                source="FromClass", requests=[wanted.full_name], opaque=config.opaque
            )
            for config in wanted.device_class.spec.config
        ]
        found += of_class[name]
    for config in claim.spec.devices.config:
        own = DeviceAllocationConfiguration(
            source="FromClaim", requests=list(config.requests), opaque=config.opaque
        )
        if not config.requests:
            found.append(own)
        for wanted in picked if config.requests else ():
            if wanted.base in config.requests or wanted.full_name in config.requests:
                found.append(own)
    return found


def _node_selector(claim: ResourceClaim, chosen: Sequence[Chosen], node: str) -> NodeSelector | None:
    """Where the devices can be used; None for everywhere."""
    term = NodeSelectorTerm()
    for each in chosen:
        device, spec = each.candidate.device, each.candidate.slice.spec
        source = device if spec.per_device_node_selection else spec
        if source.node_name is not None or device.binds_to_node:
            field = NodeSelectorRequirement(key="metadata.name", operator="In", values=[node])
            return NodeSelector(node_selector_terms=[NodeSelectorTerm(match_fields=[field])])
        terms = source.node_selector.node_selector_terms if source.node_selector is not None else []
        if len(terms) > 1:
            what = f"unsupported ResourceSlice.NodeSelector with {len(terms)} terms"
            raise PluginError(f"create NodeSelector for claim {claim.metadata.name}: {what}")
        for other in terms:
            _join(term.match_fields, other.match_fields)
            _join(term.match_expressions, other.match_expressions)
    if not term.match_fields and not term.match_expressions:
        return None
    return NodeSelector(node_selector_terms=[term])


def _join(to: list[NodeSelectorRequirement], more: Sequence[NodeSelectorRequirement]) -> None:
    for each in more:
        same = (each.key, each.operator, set(each.values))
        if all((known.key, known.operator, set(known.values)) != same for known in to):
            to.append(each)
