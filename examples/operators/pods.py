"""What several controllers ask of a pod. Pure functions of the pod and the time.

A controller of many pods looks at all of them each time one changes. `Replica` is the part of a pod that it
looks at: the cache reads each version of a pod once as such a part, instead of the whole pod each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, TypeAlias

from reconcile import Part, PartialObject, ResourceType, parse_time
from reconcile.api.core.v1 import Container, Pod, PodCondition


class ReplicaContainer(Part, frozen=True):
    name: str = ""
    restart_policy: str | None = None


class ReplicaSpec(Part, frozen=True):
    node_name: str | None = None
    init_containers: tuple[ReplicaContainer, ...] = ()


class ReplicaCondition(Part, frozen=True):
    type: str = ""
    status: str = ""
    last_transition_time: str | None = None


class ReplicaContainerStatus(Part, frozen=True):
    name: str = ""
    restart_count: int = 0


class ReplicaStatus(Part, frozen=True):
    phase: str | None = None
    conditions: tuple[ReplicaCondition, ...] = ()
    container_statuses: tuple[ReplicaContainerStatus, ...] = ()
    init_container_statuses: tuple[ReplicaContainerStatus, ...] = ()


class Replica(PartialObject, frozen=True):
    """A pod as one of many: what decides whether it counts, serves, or goes first."""

    __resource_type__: ClassVar[ResourceType] = Pod.__resource_type__

    spec: ReplicaSpec = ReplicaSpec()
    status: ReplicaStatus = ReplicaStatus()


AnyPod: TypeAlias = Pod | Replica
"""A pod, whole or as a replica: the functions below take both."""


def phase(pod: AnyPod) -> str:
    return pod.status.phase or "Pending"


def node_name(pod: AnyPod) -> str:
    return pod.spec.node_name or ""


def condition(pod: AnyPod, kind: str) -> PodCondition | ReplicaCondition | None:
    for found in pod.status.conditions:
        if found.type == kind:
            return found
    return None


def is_terminating(pod: AnyPod) -> bool:
    return bool(pod.metadata.deletion_timestamp)


def is_finished(pod: AnyPod) -> bool:
    return pod.status.phase in ("Succeeded", "Failed")


def is_active(pod: AnyPod) -> bool:
    """Neither finished nor on its way out: what counts as a replica."""
    return not (pod.metadata.deletion_timestamp or is_finished(pod))


def is_ready(pod: AnyPod) -> bool:
    ready = condition(pod, "Ready")
    return ready is not None and ready.status == "True"


def ready_since(pod: AnyPod) -> datetime | None:
    """When the pod became ready; None while it is not."""
    ready = condition(pod, "Ready")
    if ready is None or ready.status != "True" or not ready.last_transition_time:
        return None
    return parse_time(ready.last_transition_time)


def is_available(pod: AnyPod, min_ready_seconds: int, now: datetime) -> bool:
    """Ready, and has been for `min_ready_seconds`."""
    if not is_ready(pod):
        return False
    if min_ready_seconds == 0:
        return True
    since = ready_since(pod)
    return since is not None and since + timedelta(seconds=min_ready_seconds) <= now


def next_availability(pods: Iterable[AnyPod], min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until the next ready pod becomes available by age alone; None when none is waiting."""
    if min_ready_seconds == 0:
        return None
    waits = [
        (since + timedelta(seconds=min_ready_seconds) - now).total_seconds()
        for pod in pods
        if (since := ready_since(pod)) is not None and not is_available(pod, min_ready_seconds, now)
    ]
    return min(waits, default=None)


def restarts(pod: AnyPod) -> int:
    """The restarts of the container that restarted most."""
    return max((status.restart_count or 0 for status in pod.status.container_statuses), default=0)


def sidecar_restarts(pod: AnyPod) -> int:
    """The restarts of the sidecar (an init container that is restarted always) that restarted most."""
    sidecars = {container.name for container in pod.spec.init_containers if is_sidecar(container)}
    statuses = pod.status.init_container_statuses
    return max((status.restart_count or 0 for status in statuses if status.name in sidecars), default=0)


def is_sidecar(container: Container | ReplicaContainer) -> bool:
    return container.restart_policy == "Always"
