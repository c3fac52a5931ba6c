"""What one replica knows of the others, and what follows from it. Pure: no clock, no server.

    Listing (all Leases of the election) ──▶ View.see ──▶ View.plan ──▶ Plan: take, give up, or wait

Replicas that are configured with different numbers of shards would cut the keys differently, and one key
could be in two of them at once. So nobody takes a shard while a replica with another number is there: each
announces itself before it looks, so of two that begin together at least one sees the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from reconcile.leaderelection.options import LeaseOptions
from reconcile.leaderelection.record import LeaseRecord
from reconcile.leaderelection.sharding.assignment import assign


@dataclass(frozen=True, slots=True)
class Member:
    """One replica's announcement.

    Attributes:
        identity: as in the Leases that it holds.
        shards: the number of shards that it was configured with.
        version: differs from that of the announcement before.
    """

    identity: str
    shards: int
    version: str


@dataclass(frozen=True, slots=True)
class Listing:
    """All Leases of one sharded election at one moment.

    Attributes:
        members: announcements.
        others: Leases of shards of another number, by name.
    """

    members: tuple[Member, ...] = ()
    others: Mapping[str, LeaseRecord] = field(default_factory=dict[str, LeaseRecord])


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next.

    Attributes:
        take: shards to take.
        give_up: shards of ours to give up.
        waits_for: a replica with another number of shards that keeps us from taking any; empty for none.
    """

    take: tuple[int, ...] = ()
    give_up: tuple[int, ...] = ()
    waits_for: str = ""


class View:
    """What one replica has seen.

    Args:
        options: the election's numbers.
        identity: our own.
        shards: how many there are.
    """

    def __init__(self, options: LeaseOptions, identity: str, shards: int) -> None:
        self._options = options
        self._identity = identity
        self._shards = shards
        self._members: dict[str, tuple[Member, float]] = {}
        self._others: dict[str, tuple[LeaseRecord, float]] = {}

    def see(self, listing: Listing, now: float) -> None:
        """Take in who there is; what was seen before and is unchanged keeps the time at which it was seen."""
        members: dict[str, tuple[Member, float]] = {}
        for member in listing.members:
            known = self._members.get(member.identity)
            members[member.identity] = (member, now) if known is None or known[0] != member else known
        self._members = members
        others: dict[str, tuple[LeaseRecord, float]] = {}
        for name, record in listing.others.items():
            before = self._others.get(name)
            others[name] = (record, now) if before is None or before[0] != record else before
        self._others = others

    def members(self, now: float) -> list[Member]:
        """The replicas that have announced themselves lately, in the order of their identities."""
        return [
            member
            for _, (member, seen) in sorted(self._members.items())
            if now < seen + self._options.lease_duration
        ]

    def gone(self, now: float) -> list[str]:
        """Identities whose announcement is so old that it can be swept away."""
        long = 10 * self._options.lease_duration
        return [name for name, (_, seen) in self._members.items() if now >= seen + long]

    def plan(self, holders: Sequence[str | None], now: float, *, giving_up: Collection[int] = ()) -> Plan:
        """What to do now.

        Args:
            holders: of each shard, as `assign` wants them.
            now: local time.
            giving_up: shards that are being given up already.
        """
        members = self.members(now)
        different = next((each for each in members if each.shards != self._shards), None)
        if different is not None:
            return Plan(waits_for=f"{different.identity}, which counts {different.shards} shards")
        for name, (record, seen) in self._others.items():
            duration = max(float(record.duration), self._options.lease_duration)
            if record.holder and now < seen + duration:
                return Plan(waits_for=f"{record.holder}, which holds {name}")
        names = [each.identity for each in members]
        if self._identity not in names:
            return Plan()
        assignment = assign(self._identity, names, holders)
        more = len(assignment.give_up) - len(giving_up)
        if more <= 0:
            return Plan(take=assignment.take)
        mine = [shard for shard, holder in enumerate(holders) if holder == self._identity]
        return Plan(give_up=tuple([shard for shard in mine if shard not in giving_up][-more:]))
