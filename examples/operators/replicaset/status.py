"""The status of a replica set, from its pods. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconcile import format_time
from reconcile.api.apps.v1 import ReplicaSet, ReplicaSetCondition, ReplicaSetStatus

from .. import pods as of
from ..pods import AnyPod

REPLICA_FAILURE = "ReplicaFailure"


def status_of(
    replica_set: ReplicaSet,
    active: Sequence[AnyPod],
    terminating: Sequence[AnyPod] = (),
    *,
    now: datetime,
    failure: tuple[str, str] | None = None,
) -> ReplicaSetStatus:
    """What `status` should say.

    Args:
        active: the pods of the replica set that count as replicas.
        terminating: those that are on their way out.
        failure: reason and message of what went wrong in this reconcile, if anything did.
    """
    spec = replica_set.spec
    labels = spec.template.metadata.labels
    min_ready = spec.min_ready_seconds or 0
    ready = [pod for pod in active if of.is_ready(pod)]
    return ReplicaSetStatus(
        replicas=len(active),
        fully_labeled_replicas=sum(
            pod.metadata.labels == labels or labels.items() <= pod.metadata.labels.items() for pod in active
        ),
        ready_replicas=len(ready),
        available_replicas=sum(of.is_available(pod, min_ready, now) for pod in ready)
        if min_ready
        else len(ready),
        terminating_replicas=len(terminating),
        observed_generation=replica_set.metadata.generation,
        conditions=_conditions(replica_set, failure, now),
    )


def _conditions(
    replica_set: ReplicaSet, failure: tuple[str, str] | None, now: datetime
) -> list[ReplicaSetCondition]:
    old = replica_set.status.conditions
    others = [condition for condition in old if condition.type != REPLICA_FAILURE]
    if failure is None:
        return others
    standing = next((condition for condition in old if condition.type == REPLICA_FAILURE), None)
    if standing is not None:
        # The first failure is told until it is over; its time and text stay.
        return list(old)
    reason, message = failure
    return [
        *others,
        ReplicaSetCondition(
            type=REPLICA_FAILURE,
            status="True",
            reason=reason,
            message=message,
            last_transition_time=format_time(now),
        ),
    ]
