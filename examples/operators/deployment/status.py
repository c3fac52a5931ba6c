"""The counts and the Available condition of a Deployment, from its replica sets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from reconcile.api.apps.v1 import Deployment, DeploymentStatus, ReplicaSet, ReplicaSetStatus

from .conditions import AVAILABLE, put
from .rolling import bounds


def count(
    deployment: Deployment, new: ReplicaSet | None, everything: Sequence[ReplicaSet], now: datetime
) -> DeploymentStatus:
    """A new status with every count; the conditions are carried over, and Available is set."""
    before = deployment.status

    def total(of: Callable[[ReplicaSetStatus], int | None], among: Sequence[ReplicaSet]) -> int:
        return sum((of(replica_set.status) or 0) for replica_set in among)

    planned = sum(replica_set.spec.replicas or 0 for replica_set in everything)
    available = total(lambda status: status.available_replicas, everything)
    status = DeploymentStatus(
        observed_generation=deployment.metadata.generation,
        replicas=total(lambda status: status.replicas, everything),
        updated_replicas=total(lambda status: status.replicas, [new] if new else []),
        ready_replicas=total(lambda status: status.ready_replicas, everything),
        available_replicas=available,
        unavailable_replicas=max(planned - available, 0),
        terminating_replicas=_terminating(everything),
        collision_count=before.collision_count,
        conditions=list(before.conditions),
    )
    wanted = deployment.spec.replicas or 0
    if available >= wanted - min(bounds(deployment).unavailable, wanted):
        text = "Deployment has minimum availability."
        put(status, AVAILABLE, "True", "MinimumReplicasAvailable", text, now)
    else:
        text = "Deployment does not have minimum availability."
        put(status, AVAILABLE, "False", "MinimumReplicasUnavailable", text, now)
    return status


def _terminating(replica_sets: Sequence[ReplicaSet]) -> int | None:
    """Pods on their way out; None where a replica set's controller does not count them."""
    total = 0
    for replica_set in replica_sets:
        status = replica_set.status
        if status.terminating_replicas is not None:
            total += status.terminating_replicas
        elif status.observed_generation:
            return None
    return total
