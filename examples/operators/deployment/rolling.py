"""Rolling updates: how far to scale up and down now. Pure.

Two bounds hold at every moment: never more than `replicas + max_surge` pods, never fewer than
`replicas - max_unavailable` available ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.api.apps.v1 import Deployment, ReplicaSet

from .template import oldest_first


@dataclass(frozen=True, slots=True)
class Bounds:
    """`maxSurge` and `maxUnavailable` as numbers of pods."""

    surge: int
    unavailable: int


def bounds(deployment: Deployment) -> Bounds:
    """Resolve percentages: surge rounds up, unavailability down; both zero becomes one unavailable.

    With `Recreate` both are zero.
    """
    rolling = deployment.spec.strategy.rolling_update
    replicas = deployment.spec.replicas or 0
    if not is_rolling(deployment):
        return Bounds(surge=0, unavailable=0)
    surge = resolve(_or(rolling and rolling.max_surge, "25%"), replicas, round_up=True)
    unavailable = resolve(_or(rolling and rolling.max_unavailable, "25%"), replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        # Percentages of few pods may both round to nothing, and then nothing could ever move.
        unavailable = 1
    return Bounds(surge=surge, unavailable=min(unavailable, replicas))


def is_rolling(deployment: Deployment) -> bool:
    return deployment.spec.strategy.type != "Recreate"


def resolve(value: int | str, total: int, *, round_up: bool) -> int:
    """A number, or a percentage of `total`.

    >>> resolve("25%", 10, round_up=True), resolve("25%", 10, round_up=False), resolve(2, 10, round_up=True)
    (3, 2, 2)
    """
    if isinstance(value, int):
        return value
    share = int(value.removesuffix("%")) * total / 100
    return math.ceil(share) if round_up else math.floor(share)


def _or(value: int | str | None, default: str) -> int | str:
    return default if value is None else value


def new_replicas(deployment: Deployment, new: ReplicaSet, everything: Sequence[ReplicaSet]) -> int:
    """How many replicas the new replica set may have now."""
    wanted = deployment.spec.replicas or 0
    if not is_rolling(deployment):
        return wanted
    current = new.spec.replicas or 0
    if current > wanted:
        return wanted
    total = sum(replica_set.spec.replicas or 0 for replica_set in everything)
    room = wanted + bounds(deployment).surge - total
    return current if room <= 0 else current + min(room, wanted - current)


def scale_downs(
    deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]
) -> list[tuple[ReplicaSet, int]]:
    """The old replica sets to shrink now, and to what.

    Pods that do not serve go first, wherever they are: giving them up takes nothing from the service.
    Then available ones of the oldest revisions, as far as the availability of all allows.
    """
    old_total = sum(replica_set.spec.replicas or 0 for replica_set in old)
    if old_total == 0:
        return []
    wanted = deployment.spec.replicas or 0
    minimum = wanted - bounds(deployment).unavailable
    new_unavailable = (new.spec.replicas or 0) - available(new)
    spare = old_total + (new.spec.replicas or 0) - minimum - new_unavailable
    if spare <= 0:
        return []
    sizes = {replica_set.metadata.uid: replica_set.spec.replicas or 0 for replica_set in old}
    ordered = oldest_first(old)
    left = spare
    for replica_set in ordered:
        size = sizes[replica_set.metadata.uid]
        unhealthy = max(size - available(replica_set), 0)
        drop = min(unhealthy, left)
        sizes[replica_set.metadata.uid] = size - drop
        left -= drop
    serving = available(new) + sum(available(replica_set) for replica_set in old)
    left = max(serving - minimum, 0)
    for replica_set in ordered:
        drop = min(sizes[replica_set.metadata.uid], left)
        sizes[replica_set.metadata.uid] -= drop
        left -= drop
    return [
        (replica_set, sizes[replica_set.metadata.uid])
        for replica_set in ordered
        if sizes[replica_set.metadata.uid] != (replica_set.spec.replicas or 0)
    ]


def available(replica_set: ReplicaSet) -> int:
    """Pods that serve and may stay: what a replica set was told to give up counts no more.

    Its status shows that a little later. Counted once more in between, the same pods would be given up
    twice, and fewer would be left than must serve.
    """
    return min(replica_set.status.available_replicas or 0, replica_set.spec.replicas or 0)
