"""The Leases of a sharded election on the server: one a shard, one a replica, found by their labels.

<name>-<shard>-of-<shards>     held by the replica that has the shard
<name>-replica-<digest>        held by the replica itself: "I am here", renewed all the time
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b

from reconcile.api.coordination.v1 import Lease
from reconcile.client.client import Client
from reconcile.controllers.logs import Logger
from reconcile.errors import AlreadyExistsError, ConflictError, NotFoundError
from reconcile.leaderelection.held import HeldLease
from reconcile.leaderelection.options import LeaseOptions
from reconcile.leaderelection.record import LeaseRecord
from reconcile.leaderelection.sharding.view import Listing, Member
from reconcile.objects.identity import ObjectKey
from reconcile.objects.meta import ObjectMeta
from reconcile.objects.times import format_micro_time
from reconcile.runtime import Runtime

ELECTION_LABEL = "reconcile/election"
SHARDS_LABEL = "reconcile/shards"
SHARD_LABEL = "reconcile/shard"


def shard_name(name: str, shard: int, shards: int) -> str:
    """The name of a shard's Lease."""
    return f"{name}-{shard}-of-{shards}"


class ShardLeases:
    """All Leases of one election, as one replica writes and sees them.

    Attributes:
        held: the Lease of each shard, in order.
    """

    def __init__(
        self,
        options: LeaseOptions,
        shards: int,
        identity: str,
        *,
        client: Client,
        runtime: Runtime,
        log: Logger,
    ) -> None:
        self._options = options
        self._shards = shards
        self._identity = identity
        self._client = client
        self._runtime = runtime
        self._namespace = options.namespace or ""
        self._labels = {
            **options.labels,
            ELECTION_LABEL: options.name,
            SHARDS_LABEL: str(shards),
        }
        digest = blake2b(identity.encode(), digest_size=5).hexdigest()
        self._own = ObjectKey(self._namespace, f"{options.name}-replica-{digest}")
        self._announced: Lease | None = None
        self._versions: dict[str, tuple[ObjectKey, str]] = {}
        self.held = [self._held(shard, log) for shard in range(shards)]

    def _held(self, shard: int, log: Logger) -> HeldLease:
        key = ObjectKey(self._namespace, shard_name(self._options.name, shard, self._shards))
        return HeldLease(
            replace(self._options, labels={**self._labels, SHARD_LABEL: str(shard)}),
            self._identity,
            key=key,
            client=self._client,
            runtime=self._runtime,
            log=log.bind(shard=shard),
        )

    async def announce(self) -> None:
        """Say that this replica is here. Raises what the server or the network do."""
        moment = format_micro_time(self._runtime.now())
        lease = self._announced
        if lease is None:
            metadata = ObjectMeta(
                name=self._own.name, namespace=self._own.namespace, labels=dict(self._labels)
            )
            lease = Lease(metadata=metadata)
            LeaseRecord().taken_by(self._identity, moment, self._options.lease_duration).put_into(lease)
            try:
                self._announced = await self._client.create(lease)
            except AlreadyExistsError:
                # Made by a request of ours whose answer was lost.
                self._announced = await self._client.get(Lease, self._own)
            return
        LeaseRecord.of(lease).renewed_at(moment, self._options.lease_duration).put_into(lease)
        try:
            self._announced = await self._client.update(lease)
        except (ConflictError, NotFoundError):
            # Renewed by a request whose answer was lost, or swept away while we were silent.
            self._announced = await self._client.get_or_none(Lease, self._own)
            raise

    async def withdraw(self) -> None:
        """Say that this replica takes no more shards. Raises what the server or the network do."""
        with suppress(NotFoundError):
            await self._client.delete(Lease, self._own)
        self._announced = None

    async def sweep(self, identity: str) -> None:
        """Delete the announcement of a replica that is gone, unless it is renewed meanwhile."""
        key, version = self._versions[identity]
        with suppress(NotFoundError, ConflictError):
            await self._client.delete(Lease, key, resource_version=version)

    async def look(self) -> Listing:
        """All Leases as they are now; those of shards that are not ours take note of it."""
        listed = await self._client.list(
            Lease, namespace=self._namespace, labels=f"{ELECTION_LABEL}={self._options.name}"
        )
        members: list[Member] = []
        shards: dict[int, Lease] = {}
        others: dict[str, LeaseRecord] = {}
        self._versions = {}
        for lease in listed:
            metadata = lease.metadata
            labels = metadata.labels or {}
            count, shard = labels.get(SHARDS_LABEL, ""), labels.get(SHARD_LABEL)
            record, version = LeaseRecord.of(lease), metadata.resource_version or ""
            if shard is None:
                members.append(Member(record.holder, int(count) if count.isdigit() else 0, version))
                key = ObjectKey(metadata.namespace or "", metadata.name or "")
                self._versions[record.holder] = (key, version)
            elif count == str(self._shards) and shard.isdigit() and int(shard) < self._shards:
                shards[int(shard)] = lease
            else:
                others[metadata.name or ""] = record
        for number, held in enumerate(self.held):
            held.observe(shards.get(number))
        return Listing(tuple(members), others)

    def holders(self) -> list[str | None]:
        """Of each shard its holder; empty when it is free, None when it cannot be had now."""
        return [self._holder(held) for held in self.held]

    def _holder(self, held: HeldLease) -> str | None:
        if held.is_held:
            return self._identity
        # Our own, of which we did not know, is as good as free: taking it is renewing it.
        if held.holder == self._identity or held.seconds_bound() <= 0:
            return ""
        return held.holder or None
