"""Groups of operators in virtual time, on machines with clocks of their own; judged by the server's storage.

Manager on a Machine ─▶ Wire ─▶ embedded API server ─▶ storage ──every commit, and who asked──▶ judge
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from helpers.leadership_machines import Machine, MachineLoop
from helpers.leadership_operator import COPIES, ELECTION, VALUE, OperatorConfig, make_manager
from helpers.leadership_verdict import LeaseCommit, ObjectCommit, Rules, Verdict, judge
from helpers.leadership_wire import Wire, asking

from reconcile import Client, Manager
from reconcile.api.coordination.v1 import Lease
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.apiserver import APIServer, ServerOptions
from reconcile.apiserver.storage import Change
from reconcile.errors import ConflictError, NotFoundError
from reconcile.leaderelection.sharding import shard_of
from reconcile.leaderelection.sharding.leases import shard_name
from reconcile.objects.identity import ObjectKey
from reconcile.runtime import SimulatedRuntime

SLOWEST, FASTEST = 0.9, 1.1
"""Rates of machines' clocks; both in one group at worst."""

LEASE, DEADLINE, RETRY = 15.0, 10.0, 2.0

_PATIENCE = 600.0
_LATEST = 0.02


class World:
    """One API server in virtual time, for many groups one after the other.

    Attributes:
        loop: its time is true outside of machines.
        client: an administrator's.
    """

    def __init__(self) -> None:
        self.loop = MachineLoop()
        self._runtime = SimulatedRuntime(1)
        options = ServerOptions(
            garbage_collection=False, namespace_deletion=False, service_accounts=False, history=2000
        )
        self.server = APIServer(options, runtime=self._runtime)
        self.listeners: dict[str, Callable[[str, Change], None]] = {}
        self.server.storage.feed(self._committed)
        self.run(self.server.start())
        self.client = Client(self.server.transport(), runtime=self._runtime)

    def run(self, work: Any) -> Any:
        """Run a coroutine in true time."""
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        self.run(self._stop())
        self.loop.close()

    async def _stop(self) -> None:
        await self.client.close()
        await self.server.stop()
        await asyncio.sleep(0)

    def _committed(self, resource: str, change: Change) -> None:
        listener = self.listeners.get(change.object.namespace)
        if listener is not None:
            listener(resource, change)


class Replica:
    """One operator of a group through all its incarnations, each on a machine of its own."""

    def __init__(self, name: str, rate: float, wall_offset: float) -> None:
        self.name = name
        self.rate = rate
        self.wall_offset = wall_offset
        self.number = 0
        self.identity = ""
        self.here: Incarnation | None = None


@dataclass
class Incarnation:
    """One process: a manager on a machine behind a wire."""

    identity: str
    machine: Machine
    wire: Wire
    client: Client
    manager: Manager
    running: asyncio.Task[None]


class VirtualGroup:
    """Operators of one election in a namespace of their own; an async context manager."""

    def __init__(
        self,
        world: World,
        seed: int,
        *,
        size: int,
        shards: int = 0,
        guarded: bool = True,
        skewed: bool = True,
        objects: int = 3,
        tick: float = 1.0,
        grace: float | None = None,
    ) -> None:
        self.world = world
        self.namespace = f"v{seed}"
        self.dice = random.Random(seed)
        self.shards = shards
        self.happened: Counter[str] = Counter()
        self.desired: dict[str, str] = {}
        self.identities: set[str] = set()
        self.leases: list[LeaseCommit] = []
        self.writes: list[ObjectCommit] = []
        self._guarded = guarded
        self._skewed = skewed
        self._objects = objects
        self._tick = tick
        self._grace = grace
        self._values = 0
        self._graves: list[Incarnation] = []
        rates = [self._rate() for _ in range(size)]
        self.replicas = [
            Replica("abcdefgh"[number], rate, self.dice.choice((0.0, -3600.0, 86400.0)))
            for number, rate in enumerate(rates)
        ]

    def _rate(self) -> float:
        return self.dice.choice((1.0, SLOWEST, FASTEST)) if self._skewed else 1.0

    async def __aenter__(self) -> VirtualGroup:
        self.world.listeners[self.namespace] = self._committed
        metadata = {"name": self.namespace}
        await self.world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        for number in range(self._objects):
            await self.want(f"d-{number}", number % 2 == 1)
        for replica in self.replicas:
            self.start(replica)
        return self

    async def __aexit__(self, *_: object) -> None:
        for replica in self.replicas:
            self.kill(replica)
        graves, self._graves = self._graves, []
        for grave in graves:
            await _bury(grave)
        del self.world.listeners[self.namespace]

    # ---- processes

    def start(self, replica: Replica) -> None:
        """A new incarnation, with empty memory; nothing where another fault has started one."""
        if replica.here is not None:
            return
        replica.number += 1
        identity = f"{self.namespace}-{replica.name}{replica.number}"
        self.identities.add(identity)
        world = self.world
        machine = Machine(
            world.loop,
            identity,
            rate=replica.rate,
            wall_offset=replica.wall_offset,
            seed=self.dice.getrandbits(32),
        )
        wire = Wire(world.server, identity, random.Random(self.dice.getrandbits(32)), world.loop)
        wire.latest = _LATEST
        client = Client(wire, runtime=machine.runtime)
        config = OperatorConfig(
            namespace=self.namespace,
            identity=identity,
            lease_duration=LEASE,
            renew_deadline=DEADLINE,
            retry_period=RETRY,
            guarded=self._guarded,
            shards=self.shards,
            watch_seconds=40.0,
            grace=self._grace,
        )
        manager = make_manager(client, machine.runtime, config, _log())
        running = machine.start(_main(manager), name=identity)
        replica.here = Incarnation(identity, machine, wire, client, manager, running)

    def kill(self, replica: Replica) -> None:
        """As SIGKILL: nothing of it runs any more; what it has sent still arrives."""
        here, replica.here = replica.here, None
        if here is not None:
            here.machine.freeze()
            here.wire.down = True
            self._graves.append(here)

    async def terminate(self, replica: Replica) -> None:
        """As SIGTERM: returns when it has ended in order."""
        here, replica.here = replica.here, None
        if here is not None:
            here.manager.request_stop()
            self._graves.append(here)
            async with asyncio.timeout(_PATIENCE):
                await asyncio.wait([here.running])

    def heal(self) -> None:
        for replica in self.replicas:
            if replica.here is None:
                self.start(replica)
                continue
            wire = replica.here.wire
            wire.down = wire.silent = wire.loses_answers = False
            wire.latest = _LATEST
            if replica.here.machine.frozen:
                replica.here.machine.thaw()

    def assert_alive(self) -> None:
        for replica in self.replicas:
            if replica.here is not None and replica.here.running.done():
                replica.here.running.result()
                raise AssertionError(f"{replica.here.identity} ended by itself")

    # ---- what is wanted, and what is there

    async def want(self, name: str, ticking: bool) -> None:
        self._values += 1
        value = self.desired[name] = str(self._values)
        data = {"value": value, **({"tick": str(self._tick)} if ticking else {})}
        key = ObjectKey(self.namespace, name)
        metadata = {"name": name, "namespace": self.namespace}
        if await self.world.client.get_or_none(ConfigMap, key) is None:
            manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            await self.world.client.create(manifest)
        else:
            await self.world.client.patch(ConfigMap, key, {"data": {"tick": None, **data}})

    async def churn(self, enough: asyncio.Event) -> None:
        """Change what is wanted, until it is enough; a change that was begun is made."""
        while not enough.is_set():
            await asyncio.sleep(self.dice.uniform(0.1, 0.5) * LEASE)
            name = f"d-{self.dice.randrange(self._objects)}"
            if self.dice.random() < 0.2 and name in self.desired:
                del self.desired[name]
                await self.world.client.delete(ConfigMap, f"{self.namespace}/{name}")
            else:
                await self.want(name, self.dice.random() < 0.4)

    def leader(self) -> Replica | None:
        """Who leads, or holds one shard, if it is one of the replicas that run."""
        holder = next((each.holder for each in reversed(self.leases) if each.holder), "")
        for replica in self.replicas:
            if replica.here is not None and replica.here.identity == holder:
                return replica
        return None

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                while not await condition():
                    self.assert_alive()
                    await asyncio.sleep(1.0)
        except TimeoutError:
            raise AssertionError(f"{self.namespace}: not within {_PATIENCE:g} s: {what}") from None

    async def until_right(self) -> None:
        """Wait until every object is as it is wanted."""
        wrong: list[str] = []

        async def right() -> bool:
            wrong[:] = await self.wrong()
            return not wrong

        try:
            await self.until(right, "every object right")
        except AssertionError as error:
            raise AssertionError(f"{error}: {'; '.join(wrong)}") from None

    async def wrong(self) -> list[str]:
        listed = await self.world.client.list(Secret, namespace=self.namespace)
        found = {secret.metadata.name: secret.metadata.annotations.get(VALUE) for secret in listed}
        wanted = {f"{copy}-{name}": value for name, value in self.desired.items() for copy in COPIES}
        return [
            f"{name}: {found.get(name)}, wanted {wanted.get(name)}"
            for name in sorted(found.keys() | wanted.keys())
            if found.get(name) != wanted.get(name)
        ]

    # ---- what an administrator may do

    async def delete_lease(self) -> None:
        for lease in await self.world.client.list(Lease, namespace=self.namespace):
            try:
                await self.world.client.delete(Lease, f"{self.namespace}/{lease.metadata.name}")
            except NotFoundError:
                continue
            break

    async def seize(self) -> None:
        client = self.world.client
        for lease in await client.list(Lease, namespace=self.namespace):
            lease.spec.holder_identity = "stranger"
            lease.spec.renew_time = f"2020-01-01T00:00:00.{self.dice.randrange(1000000):06d}Z"
            try:
                await client.update(lease)
            except ConflictError:
                continue
            break

    # ---- the verdict

    def _committed(self, resource: str, change: Change) -> None:
        who, received = asking.get()
        now = self.world.loop.true_time()
        name = change.object.name
        if resource == "leases.coordination.k8s.io":
            holder = ""
            if change.type != "DELETED":
                spec = msgspec.json.decode(change.object.raw).get("spec", {})
                holder = spec.get("holderIdentity", "").rpartition("_")[0] or spec.get("holderIdentity", "")
            self.leases.append(LeaseCommit(name, change.revision, holder, who, received or now, now))
        elif resource == "secrets":
            what = f"secrets {self.namespace}/{name}"
            self.writes.append(ObjectCommit(self._lease_of(name), change.revision, what, who, received))

    def _lease_of(self, copy: str) -> str:
        """The Lease that the writer of this copy must hold."""
        if not self.shards:
            return ELECTION
        original = ObjectKey(self.namespace, copy.partition("-")[2])
        return shard_name(ELECTION, shard_of(original, self.shards), self.shards)

    def verdict(self) -> Verdict:
        fastest, slowest = (FASTEST, SLOWEST) if self._skewed else (1.0, 1.0)
        rules = Rules(
            lease_duration=LEASE / fastest,
            outlives=DEADLINE / slowest + (LEASE - DEADLINE) / fastest,
            contenders=frozenset(self.identities),
        )
        return judge(self.leases, self.writes, rules)


async def _main(manager: Manager) -> None:
    async with manager:
        await manager.wait()


async def _bury(dead: Incarnation) -> None:
    """Free what an incarnation held; nothing of it reaches the server any more."""
    dead.wire.dead = True
    if dead.machine.frozen:
        dead.machine.thaw()
    dead.running.cancel()
    await asyncio.wait([dead.running])
    await dead.client.close()


def _log() -> Any:
    return structlog.wrap_logger(
        logging.getLogger("operator"),
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
