"""Revision numbers and the annotations that carry them; which old replica sets may go. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconcile.api.apps.v1 import Deployment, ReplicaSet

from .rolling import bounds
from .template import oldest_first

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
"""Asks for a revision; clients of API versions before apps/v1 wrote it, and it still works."""

_NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        ROLLBACK_TO,
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        MAX_REPLICAS,
    }
)
_HISTORY_CHARACTERS = 2000
_UNLIMITED = 2**31 - 1


def revision_of(replica_set: ReplicaSet) -> int:
    """The replica set's revision; 0 when it has none or it is no number."""
    return _revision(replica_set) or 0


def desired_replicas(replica_set: ReplicaSet) -> int | None:
    """The Deployment's replicas when this replica set was last scaled."""
    return _replicas(replica_set, DESIRED_REPLICAS)


def max_replicas(replica_set: ReplicaSet) -> int | None:
    """The Deployment's replicas with surge when this replica set was last scaled."""
    return _replicas(replica_set, MAX_REPLICAS)


def _revision(replica_set: ReplicaSet) -> int | None:
    """None when it is no number."""
    text = replica_set.metadata.annotations.get(REVISION, "0")
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None


def _replicas(replica_set: ReplicaSet, annotation: str) -> int | None:
    """None when it is absent, or nothing that `spec.replicas` could be: somebody tampered with it."""
    text = replica_set.metadata.annotations.get(annotation, "")
    if not re.fullmatch(r"[0-9]+", text) or int(text) > _UNLIMITED:
        return None
    return int(text)


def last_revision(replica_sets: Sequence[ReplicaSet]) -> int:
    """The revision before the present one; 0 when there is none."""
    return ([0, 0, *sorted(map(revision_of, replica_sets))])[-2]


def template_annotations(deployment: Deployment, replica_set: ReplicaSet) -> dict[str, str]:
    """The annotations of a Deployment that goes back to a replica set's template: those it had then."""
    own = {key: value for key, value in deployment.metadata.annotations.items() if key in _NOT_COPIED}
    then = {key: value for key, value in replica_set.metadata.annotations.items() if key not in _NOT_COPIED}
    return {**own, **then}


def next_revision(old: Sequence[ReplicaSet]) -> int:
    return max((revision_of(replica_set) for replica_set in old), default=0) + 1


def scale_annotations(deployment: Deployment) -> dict[str, str]:
    """What a replica set remembers of the Deployment that scaled it; proportional scaling reads it."""
    wanted = deployment.spec.replicas or 0
    return {
        DESIRED_REPLICAS: str(wanted),
        MAX_REPLICAS: str(wanted + bounds(deployment).surge),
    }


def new_annotations(deployment: Deployment, present: dict[str, str], revision: int) -> dict[str, str]:
    """The annotations of the present replica set: the Deployment's own, and its revision.

    A replica set that gets a higher number than it had is one rolled back to: its old number goes to its
    history, the oldest ones first to be forgotten.
    """
    copied = {key: value for key, value in deployment.metadata.annotations.items() if key not in _NOT_COPIED}
    annotations = {**present, **copied}
    before = present.get(REVISION)
    try:
        number = int(before or 0)
    except ValueError:
        # Somebody wrote what is no number: the replica set is left as it is.
        return present
    if number < revision:
        annotations[REVISION] = str(revision)
        if before is not None:
            annotations[REVISION_HISTORY] = _remember(present.get(REVISION_HISTORY, ""), before)
    return annotations


def _remember(history: str, revision: str) -> str:
    revisions = [*(history.split(",") if history else []), revision]
    while len(",".join(revisions)) > _HISTORY_CHARACTERS and len(revisions) > 1:
        revisions.pop(0)
    return ",".join(revisions)


def forgettable(deployment: Deployment, old: Sequence[ReplicaSet]) -> list[ReplicaSet]:
    """The old replica sets beyond `revisionHistoryLimit` that are empty, lowest revision first."""
    limit = deployment.spec.revision_history_limit
    if limit is None or limit == _UNLIMITED:
        return []

    alive = oldest_first([replica_set for replica_set in old if not replica_set.metadata.deletion_timestamp])
    alive.sort(key=revision_of)
    return [replica_set for replica_set in alive[: max(len(alive) - limit, 0)] if _is_empty(replica_set)]


def _is_empty(replica_set: ReplicaSet) -> bool:
    status = replica_set.status
    return (
        not replica_set.spec.replicas
        and not status.replicas
        and (replica_set.metadata.generation or 0) <= (status.observed_generation or 0)
    )
