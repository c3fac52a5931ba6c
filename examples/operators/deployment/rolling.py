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


def room_to_shrink(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> int:
    """How many pods the old replica sets may lose at most, those that do not serve included.

    The new replica set's pods that do not serve yet are taken off: they must not be paid for twice.
    """
    minimum = _minimum(deployment)
    new_unavailable = (new.spec.replicas or 0) - available(new)
    total = sum(replica_set.spec.replicas or 0 for replica_set in [*old, new])
    return total - minimum - new_unavailable


def drop_unhealthy(old: Sequence[ReplicaSet], at_most: int) -> list[tuple[ReplicaSet, int]]:
    """First step: pods that do not serve go, wherever they are: that takes nothing from the service."""
    sizes: list[tuple[ReplicaSet, int]] = []
    left = at_most
    for replica_set in oldest_first(old):
        size = replica_set.spec.replicas or 0
        drop = min(size - available(replica_set), left)
        if drop > 0:
            sizes.append((replica_set, size - drop))
            left -= drop
    return sizes


def drop_serving(
    deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]
) -> list[tuple[ReplicaSet, int]]:
    """Second step: available pods of the oldest revisions go, as far as the availability of all allows."""
    sizes: list[tuple[ReplicaSet, int]] = []
    left = sum(available(replica_set) for replica_set in [*old, new]) - _minimum(deployment)
    for replica_set in oldest_first(old):
        size = replica_set.spec.replicas or 0
        drop = min(size, left)
        if drop > 0:
            sizes.append((replica_set, size - drop))
            left -= drop
    return sizes


def _minimum(deployment: Deployment) -> int:
    return (deployment.spec.replicas or 0) - bounds(deployment).unavailable


def available(replica_set: ReplicaSet) -> int:
    """Pods that serve and may stay: what a replica set was told to give up counts no more.

    Its status shows that a little later. Counted once more in between, the same pods would be given up
    twice, and fewer would be left than must serve.
    """
    return min(replica_set.status.available_replicas or 0, replica_set.spec.replicas or 0)
