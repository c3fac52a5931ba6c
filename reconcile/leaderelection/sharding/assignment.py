"""Which shards a replica should take, and which it should give up. Pure: every replica decides for itself.

All replicas look at the same Leases and so mostly decide alike. Where they do not, because one has seen a
newcomer that another has not, no harm is done: a shard belongs to whom its Lease names, whatever anybody
thinks should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one replica should do.

    Attributes:
        take: free shards to take.
        give_up: shards of its own to give up.
    """

    take: tuple[int, ...] = ()
    give_up: tuple[int, ...] = ()


def assign(me: str, members: Sequence[str], holders: Sequence[str | None]) -> Assignment:
    """What `me` should do so that every member ends with its fair share.

    Shares differ by one at most. Where they cannot be equal, those who have more already keep it, so that
    nothing is moved for nothing.

    Args:
        me: this replica; one of the members.
        members: the replicas that are there.
        holders: of each shard its holder; empty when it is free, None when it cannot be had now (held by
            one who is no member, or not seen yet).
    """
    held: dict[str, list[int]] = {member: [] for member in members}
    free: list[int] = []
    for shard, holder in enumerate(holders):
        if holder == "":
            free.append(shard)
        elif holder in held:
            held[holder].append(shard)
    order = sorted(held, key=lambda member: (-len(held[member]), member))
    share, rest = divmod(len(holders), len(order))
    quota = {member: share + (place < rest) for place, member in enumerate(order)}
    surplus = len(held[me]) - quota[me]
    if surplus > 0:
        return Assignment(give_up=tuple(held[me][-surplus:]))
    # Each takes from a stretch of its own, so that two never try for the same shard.
    for member in sorted(order):
        wants = max(0, quota[member] - len(held[member]))
        taken, free = free[:wants], free[wants:]
        if member == me:
            return Assignment(take=tuple(taken))
    return Assignment()
