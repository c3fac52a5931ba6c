"""A pod as the scheduler sees it: read once from the object, asked often."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from reconcile import LabelSelector, ObjectKey, Selector, controller_of, find_condition, parse_time
from reconcile.api.core.v1 import Pod, PodAffinity, PodAffinityTerm, PodAntiAffinity, PodCondition, PodSpec

from .resources import DEFAULT_REQUESTS, Amounts, pod_requests

DEFAULT_SCHEDULER = "default-scheduler"

HostPort = tuple[str, str, int]
"""Address (`0.0.0.0` for all), protocol, port."""


@dataclass(frozen=True, slots=True)
class AffinityTerm:
    """Pods that a selector matches, in some namespaces, within one value of a topology key."""

    topology_key: str
    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector | None

    def matches(self, pod: PodInfo, namespace_labels: Mapping[str, Mapping[str, str]]) -> bool:
        inside = pod.key.namespace in self.namespaces or (
            self.namespace_selector is not None
            and self.namespace_selector.matches(namespace_labels.get(pod.key.namespace, {}))
        )
        return inside and self.selector.matches(pod.labels)


@dataclass(frozen=True, slots=True)
class Affinity:
    """The terms between a pod and other pods; preferred ones with their weights."""

    required: tuple[AffinityTerm, ...] = ()
    preferred: tuple[tuple[int, AffinityTerm], ...] = ()
    required_anti: tuple[AffinityTerm, ...] = ()
    preferred_anti: tuple[tuple[int, AffinityTerm], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.required or self.preferred or self.required_anti or self.preferred_anti)


@dataclass(frozen=True, slots=True, eq=False)
class PodInfo:
    """One state of a pod.

    Attributes:
        requests: what filters reserve for it.
        scored_requests: the same, where a container without a request counts as a small one.
        version: its resource version.
        generation: of its spec.
        scheduled: its condition PodScheduled; None before anybody said anything.
        node_name: where it is bound, or is assumed to be; empty for a pod that waits.
        nominated_node: where preemption has made room for it; empty without.
        started: when it began to run, in seconds since 1970; infinity while it has not.
        preempted: whether it is going, to make room for another.
        shape: equal for pods that a node by itself cannot tell apart: requests, node affinity, tolerations,
            ports.
        kin: equal for pods that other pods cannot tell apart either: namespace, labels, affinity to pods.
        owner: its controller: API version and kind, and the name; None without one.
        claim_statuses: what its status says of the resource claims that were generated for it.
    """

    key: ObjectKey
    uid: str
    version: str
    generation: int
    labels: Mapping[str, str]
    spec: PodSpec
    node_name: str
    phase: str
    deleting: bool
    requests: Amounts
    scored_requests: Amounts
    host_ports: tuple[HostPort, ...]
    affinity: Affinity
    owner: tuple[tuple[str, str], str] | None
    scheduled: PodCondition | None
    nominated_node: str
    started: float
    preempted: bool
    shape: bytes
    kin: bytes
    claim_statuses: tuple[Any, ...] = ()

    @property
    def priority(self) -> int:
        return self.spec.priority or 0

    @property
    def scheduler(self) -> str:
        """The name of the scheduler, or of its profile, that it asks for."""
        return self.spec.scheduler_name or DEFAULT_SCHEDULER

    @property
    def holds_room(self) -> bool:
        """Whether it has a node, or one keeps room for it."""
        return bool(self.node_name or self.nominated_node)

    @property
    def finished(self) -> bool:
        return self.phase in ("Succeeded", "Failed")


def pod_info(pod: Pod) -> PodInfo:
    spec = pod.spec
    owner = controller_of(pod)
    requests, host_ports = pod_requests(spec), _host_ports(spec)
    scored_requests = pod_requests(spec, defaults=DEFAULT_REQUESTS)
    node_affinity = spec.affinity.node_affinity if spec.affinity else None
    near = spec.affinity.pod_affinity if spec.affinity else None
    apart = spec.affinity.pod_anti_affinity if spec.affinity else None
    shape = (
        requests,
        scored_requests,
        host_ports,
        spec.node_name,
        spec.node_selector,
        node_affinity,
        spec.tolerations,
        # Another scheduler may ask other plugins.
        spec.scheduler_name,
    )
    return PodInfo(
        key=pod.key,
        uid=pod.metadata.uid,
        version=pod.metadata.resource_version,
        generation=pod.metadata.generation or 0,
        labels=pod.metadata.labels,
        spec=spec,
        node_name=spec.node_name or "",
        phase=pod.status.phase or "Pending",
        deleting=pod.metadata.deletion_timestamp is not None,
        requests=requests,
        scored_requests=scored_requests,
        host_ports=host_ports,
        affinity=_affinity(pod),
        owner=((owner.api_version, owner.kind), owner.name) if owner else None,
        scheduled=find_condition(pod.status.conditions, "PodScheduled"),
        nominated_node=pod.status.nominated_node_name or "",
        started=parse_time(pod.status.start_time).timestamp() if pod.status.start_time else math.inf,
        preempted=pod.metadata.deletion_timestamp is not None and _preempted(pod),
        shape=msgspec.json.encode(shape),
        kin=msgspec.json.encode((pod.metadata.namespace, pod.metadata.labels, near, apart), order="sorted"),
        claim_statuses=(*pod.status.resource_claim_statuses, pod.status.extended_resource_claim_status),
    )


def _preempted(pod: Pod) -> bool:
    for condition in pod.status.conditions:
        if condition.type == "DisruptionTarget":
            return condition.status == "True" and condition.reason == "PreemptionByScheduler"
    return False


def _host_ports(spec: PodSpec) -> tuple[HostPort, ...]:
    sidecars = [container for container in spec.init_containers if container.restart_policy == "Always"]
    return tuple(
        (port.host_ip or "0.0.0.0", port.protocol or "TCP", port.host_port)
        for container in [*spec.containers, *sidecars]
        for port in container.ports
        if port.host_port
    )


def _affinity(pod: Pod) -> Affinity:
    affinity = pod.spec.affinity
    near = affinity.pod_affinity if affinity else None
    apart = affinity.pod_anti_affinity if affinity else None
    return Affinity(
        required=_required(pod, near),
        preferred=_preferred(pod, near),
        required_anti=_required(pod, apart),
        preferred_anti=_preferred(pod, apart),
    )


def _required(pod: Pod, affinity: PodAffinity | PodAntiAffinity | None) -> tuple[AffinityTerm, ...]:
    terms = affinity.required_during_scheduling_ignored_during_execution if affinity else ()
    return tuple(_term(pod, term) for term in terms)


def _preferred(
    pod: Pod, affinity: PodAffinity | PodAntiAffinity | None
) -> tuple[tuple[int, AffinityTerm], ...]:
    terms = affinity.preferred_during_scheduling_ignored_during_execution if affinity else ()
    return tuple((term.weight, _term(pod, term.pod_affinity_term)) for term in terms)


def _term(pod: Pod, term: PodAffinityTerm) -> AffinityTerm:
    own_namespace = not term.namespaces and term.namespace_selector is None
    return AffinityTerm(
        topology_key=term.topology_key,
        selector=selector_of(term.label_selector),
        namespaces=frozenset([pod.metadata.namespace] if own_namespace else term.namespaces),
        namespace_selector=Selector.from_api(term.namespace_selector) if term.namespace_selector else None,
    )


def selector_of(selector: LabelSelector | None) -> Selector:
    """An absent selector matches nothing, an empty one everything."""
    return Selector.nothing() if selector is None else Selector.from_api(selector)


def reference(pod: PodInfo) -> Pod:
    """Enough of a pod to record an event about it."""
    found = Pod(spec=pod.spec)
    found.metadata.name, found.metadata.namespace = pod.key.name, pod.key.namespace
    found.metadata.uid, found.metadata.resource_version = pod.uid, pod.version
    return found
