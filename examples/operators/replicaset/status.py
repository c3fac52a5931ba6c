"""The status of a replica set, from its pods. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from reconcile import format_time
from reconcile.api.apps.v1 import ReplicaSet, ReplicaSetCondition, ReplicaSetStatus
from reconcile.api.core.v1 import Pod

from .. import pods as of

REPLICA_FAILURE = "ReplicaFailure"


def status_of(
    replica_set: ReplicaSet,
    owned: Sequence[Pod],
    *,
    now: datetime,
    failure: tuple[str, str] | None = None,
) -> ReplicaSetStatus:
    """What `status` should say.

    Args:
        owned: every pod of the replica set, terminating and finished ones included.
        failure: reason and message of what went wrong in this reconcile, if anything did.
    """
    spec = replica_set.spec
    template_labels = spec.template.metadata.labels
    min_ready = spec.min_ready_seconds or 0
    active = [pod for pod in owned if of.is_active(pod)]

    return ReplicaSetStatus(
        replicas=len(active),
        fully_labeled_replicas=sum(template_labels.items() <= pod.metadata.labels.items() for pod in active),
        ready_replicas=sum(of.is_ready(pod) for pod in active),
        available_replicas=sum(of.is_available(pod, min_ready, now) for pod in active),
        terminating_replicas=sum(of.is_terminating(pod) and not of.is_finished(pod) for pod in owned),
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
