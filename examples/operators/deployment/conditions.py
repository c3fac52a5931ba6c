"""The conditions of a Deployment, and how long it may go without progress. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from reconcile import format_time, parse_time
from reconcile.api.apps.v1 import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet

PROGRESSING = "Progressing"
AVAILABLE = "Available"
REPLICA_FAILURE = "ReplicaFailure"

CREATED = "NewReplicaSetCreated"
FOUND = "FoundNewReplicaSet"
UPDATED = "ReplicaSetUpdated"
COMPLETE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED = "DeploymentPaused"
RESUMED = "DeploymentResumed"
CREATE_FAILED = "ReplicaSetCreateError"

_UNLIMITED = 2**31 - 1


def find(status: DeploymentStatus | None, kind: str) -> DeploymentCondition | None:
    for condition in status.conditions if status else ():
        if condition.type == kind:
            return condition
    return None


def put(status: DeploymentStatus, kind: str, value: str, reason: str, message: str, now: datetime) -> None:
    """Set a condition. One of the same status and reason stays as it is; the transition time moves only
    when the status changes."""
    current = find(status, kind)
    if current is not None and current.status == value and current.reason == reason:
        return
    drop(status, kind)
    same = current is not None and current.status == value
    status.conditions.append(
        DeploymentCondition(
            type=kind,
            status=value,
            reason=reason,
            message=message,
            last_update_time=format_time(now),
            last_transition_time=current.last_transition_time if current and same else format_time(now),
        )
    )


def drop(status: DeploymentStatus, kind: str) -> None:
    status.conditions = [condition for condition in status.conditions if condition.type != kind]


def has_deadline(deployment: Deployment) -> bool:
    seconds = deployment.spec.progress_deadline_seconds
    return seconds is not None and seconds != _UNLIMITED


def is_complete(deployment: Deployment, status: DeploymentStatus | None) -> bool:
    """Every pod is of the present template and available, and no other is left."""
    wanted = deployment.spec.replicas or 0
    return (
        status is not None
        and (status.updated_replicas or 0) == wanted
        and (status.replicas or 0) == wanted
        and (status.available_replicas or 0) == wanted
        and (status.observed_generation or 0) >= (deployment.metadata.generation or 0)
    )


def has_progressed(before: DeploymentStatus | None, after: DeploymentStatus) -> bool:
    """More new pods, fewer old ones, more ready or more available ones than before."""
    before = before or DeploymentStatus()

    def old(status: DeploymentStatus) -> int:
        return (status.replicas or 0) - (status.updated_replicas or 0)

    return (
        (after.updated_replicas or 0) > (before.updated_replicas or 0)
        or old(after) < old(before)
        or (after.ready_replicas or 0) > (before.ready_replicas or 0)
        or (after.available_replicas or 0) > (before.available_replicas or 0)
    )


def is_timed_out(deployment: Deployment, status: DeploymentStatus, now: datetime) -> bool:
    condition = find(status, PROGRESSING)
    if condition is None or not has_deadline(deployment) or condition.reason == COMPLETE:
        return False
    if condition.reason == TIMED_OUT:
        return True
    deadline = _deadline(deployment, condition)
    return deadline is not None and deadline < now


def _deadline(deployment: Deployment, condition: DeploymentCondition) -> datetime | None:
    if not condition.last_update_time:
        return None
    seconds = deployment.spec.progress_deadline_seconds or 0
    return parse_time(condition.last_update_time) + timedelta(seconds=seconds)


def next_check(deployment: Deployment, status: DeploymentStatus, now: datetime) -> float | None:
    """Seconds until the progress deadline has to be looked at; None when nothing is awaited."""
    condition = find(status, PROGRESSING)
    if condition is None or not has_deadline(deployment) or deployment.spec.paused:
        return None
    if is_complete(deployment, status) or condition.reason == TIMED_OUT:
        return None
    deadline = _deadline(deployment, condition)
    # A second more: times on the wire are whole seconds.
    return None if deadline is None else max((deadline - now).total_seconds(), 0.0) + 1.0


def pause_or_resume(deployment: Deployment, status: DeploymentStatus, now: datetime) -> None:
    """Say in the Progressing condition that progress is not expected, or expected again."""
    if not has_deadline(deployment):
        return
    condition = find(status, PROGRESSING)
    if condition is not None and condition.reason == TIMED_OUT:
        # Lack of progress was reported: a pause does not take that back.
        return
    is_marked = condition is not None and condition.reason == PAUSED
    if deployment.spec.paused and not is_marked:
        put(status, PROGRESSING, "Unknown", PAUSED, "Deployment is paused", now)
    elif not deployment.spec.paused and is_marked:
        put(status, PROGRESSING, "Unknown", RESUMED, "Deployment is resumed", now)


def report_progress(
    deployment: Deployment,
    before: DeploymentStatus | None,
    status: DeploymentStatus,
    new: ReplicaSet | None,
    now: datetime,
) -> None:
    """Set Progressing in `status`, which has its counts already; `before` is what was reported last."""
    if not has_deadline(deployment):
        drop(status, PROGRESSING)
        return
    current = find(status, PROGRESSING)
    settled = (
        (status.replicas or 0) == (status.updated_replicas or 0)
        and current is not None
        and current.reason == COMPLETE
    )
    if settled:
        # No rollout is under way: pods that come and go now are not its progress.
        return
    what = f'ReplicaSet "{new.metadata.name}"' if new else f'Deployment "{deployment.metadata.name}"'
    if is_complete(deployment, status):
        put(status, PROGRESSING, "True", COMPLETE, f"{what} has successfully progressed.", now)
    elif has_progressed(before, status):
        since = current.last_transition_time if current and current.status == "True" else None
        drop(status, PROGRESSING)
        put(status, PROGRESSING, "True", UPDATED, f"{what} is progressing.", now)
        if since:
            # The condition is new, and this status's alone.
            status.conditions[-1].last_transition_time = since
    elif is_timed_out(deployment, status, now):
        put(status, PROGRESSING, "False", TIMED_OUT, f"{what} has timed out progressing.", now)


def report_failures(
    status: DeploymentStatus, new: ReplicaSet | None, everything: Sequence[ReplicaSet], now: datetime
) -> None:
    """Show a replica set's ReplicaFailure as the Deployment's, the present one's before the others'."""
    ordered = [*([new] if new else []), *everything]
    for replica_set in ordered:
        for failure in replica_set.status.conditions:
            if failure.type == REPLICA_FAILURE:
                since = parse_time(failure.last_transition_time) if failure.last_transition_time else now
                put(
                    status,
                    REPLICA_FAILURE,
                    failure.status,
                    failure.reason or "",
                    failure.message or "",
                    since,
                )
                return
    drop(status, REPLICA_FAILURE)
