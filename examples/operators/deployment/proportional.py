"""Scaling a Deployment whose replica sets share its pods: each grows and shrinks by its share. Pure.

In mid-rollout several replica sets have pods. A new number of replicas is spread over them in proportion
to their sizes, so that scaling does not also decide how the rollout goes on. What rounding leaves over
goes to the largest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from reconcile.api.apps.v1 import Deployment, ReplicaSet

from .revisions import desired_replicas, max_replicas
from .rolling import available, bounds, is_rolling
from .template import oldest_first


def is_scaling_event(deployment: Deployment, replica_sets: Sequence[ReplicaSet]) -> bool:
    """Whether the number of replicas was changed since the replica sets were last scaled."""
    return any(
        desired is not None and desired != (deployment.spec.replicas or 0)
        for replica_set in replica_sets
        if size(replica_set) > 0
        for desired in [desired_replicas(replica_set)]
    )


def scale(
    deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]
) -> list[tuple[ReplicaSet, int]]:
    """The size that each replica set gets; those that keep theirs may be among them.

    Those are written all the same where their annotations say another number than the Deployment's: in a
    proportional scaling every replica set has to know what it was last measured against.
    """
    wanted = deployment.spec.replicas or 0
    only = active_or_latest(new, old)
    if only is not None:
        return [(only, wanted)] if size(only) != wanted else []
    active_old = [replica_set for replica_set in old if size(replica_set) > 0]
    if new is not None and is_saturated(deployment, new):
        return [(replica_set, 0) for replica_set in active_old]
    if not is_rolling(deployment):
        return []
    active = [*active_old, *([new] if new is not None and size(new) > 0 else [])]
    allowed = wanted + bounds(deployment).surge if wanted > 0 else 0
    to_add = allowed - sum(size(replica_set) for replica_set in active)
    ordered = _largest_first(active, newer_first=to_add > 0)
    sizes: list[int] = []
    added = 0
    for replica_set in ordered:
        part = _share(deployment, replica_set, to_add, added)
        sizes.append(size(replica_set) + part)
        added += part
    if sizes and to_add != 0:
        sizes[0] = max(sizes[0] + to_add - added, 0)
    return list(zip(ordered, sizes, strict=True))


def size(replica_set: ReplicaSet) -> int:
    return replica_set.spec.replicas or 0


def active_or_latest(new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The only replica set with pods, or, when none has any, the newest; None when several have."""
    everything = [*old, *([new] if new is not None else [])]
    active = [replica_set for replica_set in everything if size(replica_set) > 0]
    if len(active) == 1:
        return active[0]
    if active or not everything:
        return None
    return new if new is not None else oldest_first(old)[-1]


def is_saturated(deployment: Deployment, new: ReplicaSet) -> bool:
    """Whether the new replica set alone is all that the Deployment wants."""
    wanted = deployment.spec.replicas or 0
    return size(new) == wanted and desired_replicas(new) == wanted and available(new) == wanted


def _largest_first(replica_sets: Sequence[ReplicaSet], *, newer_first: bool) -> list[ReplicaSet]:
    by_age = oldest_first(replica_sets)
    if newer_first:
        by_age.reverse()
    return sorted(by_age, key=lambda replica_set: -size(replica_set))


def _share(deployment: Deployment, replica_set: ReplicaSet, to_add: int, added: int) -> int:
    if size(replica_set) == 0 or to_add == 0 or to_add == added:
        return 0
    share = _fraction(deployment, replica_set)
    left = to_add - added
    return min(share, left) if to_add > 0 else max(share, left)


def _fraction(deployment: Deployment, replica_set: ReplicaSet) -> int:
    wanted = deployment.spec.replicas or 0
    if wanted == 0:
        return -size(replica_set)
    before = max_replicas(replica_set) or deployment.status.replicas or 0
    if before == 0:
        return 0
    scaled = size(replica_set) * (wanted + bounds(deployment).surge) / before
    return math.floor(scaled + 0.5) - size(replica_set)
