"""A real control plane for many groups of operators at once, and what it recorded of them.

Arena: kube-apiserver, etcd's history, audit log, fork server
  ├─ Group n1: operators a, b, c ─▶ a proxy each ─▶ kube-apiserver
  └─ Group n2: …
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from helpers.etcd_history import EtcdHistory
from helpers.fault_proxy import FaultProxy
from helpers.leadership_forks import Fork, ForkServer
from helpers.leadership_operator import COPIES, ELECTION, VALUE, OperatorConfig
from helpers.leadership_record import AUDIT_RULES, AuditIndex, Record, record_of
from helpers.leadership_verdict import Rules, Verdict, judge

from reconcile import Client
from reconcile.api.coordination.v1 import Lease
from reconcile.api.core.v1 import ConfigMap, Namespace, Secret
from reconcile.errors import APIError, NotFoundError, TransportError
from reconcile.leaderelection.sharding import shard_of
from reconcile.leaderelection.sharding.leases import SHARD_LABEL, shard_name
from reconcile.objects.identity import ObjectKey
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

PATIENCE = 180.0
"""Seconds after which what must happen on a real server is taken to never happen."""

SLOWEST, FASTEST = 0.92, 1.08
"""Rates of the clocks of operators; both in one group at worst."""

_POLL = 0.05
_PROBES = 8
_AT_EASE = 0.08
_SLOWEST_PACE = 6.0


@dataclass(frozen=True)
class Numbers:
    """An election's times in seconds."""

    lease_duration: float
    renew_deadline: float
    retry_period: float

    @property
    def slack(self) -> float:
        """Seconds between a leader's end and the earliest takeover."""
        return self.lease_duration - self.renew_deadline


SCALED = Numbers(1.5, 1.0, 0.2)
REAL = Numbers(15.0, 10.0, 2.0)


class Arena:
    """An async context manager.

    Attributes:
        torn: lines of the audit log that a killed server left unfinished.
        factor: by how much the leases of the last `pace` are longer than the scaled ones.
    """

    def __init__(self, directory: Path) -> None:
        flags = (
            "--storage-media-type=application/json",
            # Without it a server in orderly shutdown waits a minute for watches to end by themselves.
            "--shutdown-watch-termination-grace-period=1s",
        )
        self.directory = directory
        self.plane = ControlPlane(
            ControlPlaneOptions(audit_level="None", audit_rules=AUDIT_RULES, apiserver_flags=flags)
        )
        self.forks = ForkServer()
        self.torn = 0
        self.factor = 1.0
        self._read = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.forks)
            await stack.enter_async_context(self.plane)
            self.history = EtcdHistory(self.plane)
            await asyncio.to_thread(self.history.__enter__)
            stack.push(self.history.__exit__)
            self.client = Client.from_kubeconfig(self.plane.kubeconfig)
            stack.push_async_callback(self.client.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    @property
    def port(self) -> int:
        return urlsplit(self.plane.url).port or 0

    async def patiently(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """What a request of the test itself answers, however long the server is away."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await ask()
                except NotFoundError:
                    raise
                except (APIError, TransportError):
                    await asyncio.sleep(_POLL)

    async def pace(self) -> Numbers:
        """The scaled numbers, as much longer as this machine is slow at the moment.

        A lease must not be shorter than what a busy machine needs to open a connection: then nobody would
        lead, each attempt would cost another connection, and nothing would be tested.
        """
        loop = asyncio.get_running_loop()
        slowest = 0.0
        for _ in range(_PROBES):
            began = loop.time()
            client = Client.from_kubeconfig(self.plane.kubeconfig)
            try:
                await client.get(Namespace, "default")
            finally:
                await client.close()
            slowest = max(slowest, loop.time() - began)
        self.factor = min(_SLOWEST_PACE, max(1.0, slowest / _AT_EASE))
        return Numbers(
            SCALED.lease_duration * self.factor,
            SCALED.renew_deadline * self.factor,
            SCALED.retry_period * self.factor,
        )

    def new_audit(self) -> AuditIndex:
        """What the audit log has gained since the last call."""
        with self.plane.audit_log.open("rb") as log:
            log.seek(self._read)
            *lines, rest = log.read().split(b"\n")
            self._read = log.tell() - len(rest)
        events: list[dict[str, Any]] = []
        for line in lines:
            try:
                events.append(json.loads(line))
            except ValueError:
                # A server that was killed leaves half a line, to which the next one adds.
                self.torn += 1
        return AuditIndex(events)


class Slot:
    """One operator of a group, through all its incarnations.

    Attributes:
        proxy: between it and the server.
        fork: the present incarnation, or None.
        frozen: the incarnation that is stopped, or None.
    """

    def __init__(self, name: str, proxy: FaultProxy, wall_offset: float, rate: float) -> None:
        self.name = name
        self.proxy = proxy
        self.wall_offset = wall_offset
        self.rate = rate
        self.number = 0
        self.starting = False
        self.fork: Fork | None = None
        self.frozen: Fork | None = None


class Group:
    """Operators of one election in a namespace of their own; an async context manager.

    Attributes:
        dice: of the schedule.
        slots: the operators.
        desired: what is to be copied: name → value.
        happened: faults that hit, counted.
        unaudited: revisions that the audit log did not have, once there is a verdict.
    """

    def __init__(
        self,
        arena: Arena,
        namespace: str,
        seed: int,
        *,
        size: int,
        numbers: Numbers = SCALED,
        guarded: bool = True,
        skewed: bool = True,
        shards: int = 0,
        objects: int = 4,
        tick: float = 0.04,
    ) -> None:
        self.arena = arena
        self.namespace = namespace
        self.dice = random.Random(seed)
        self.numbers = numbers
        self.happened: Counter[str] = Counter()
        self.desired: dict[str, str] = {}
        self.slots: list[Slot] = []
        self.identities: set[str] = set()
        self.unaudited = 0
        self._guarded = guarded
        self._skewed = skewed
        self._shards = shards
        self._size = size
        self._objects = objects
        self._tick = tick
        self._values = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            metadata = {"name": self.namespace}
            await self.arena.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            for number in range(self._objects):
                # Every other object is copied only when it changes.
                await self.want(f"d-{number}", self._tick if number % 2 else None)
            stack.push_async_callback(self._end)
            for number in range(self._size):
                proxy = await stack.enter_async_context(FaultProxy(self.arena.port))
                offset = self.dice.choice((0.0, -3600.0, 86400.0)) if self._skewed else 0.0
                rate = self.dice.choice((1.0, SLOWEST, FASTEST)) if self._skewed else 1.0
                self.slots.append(Slot("abcdefgh"[number], proxy, offset, rate))
            for slot in self.slots:
                await self.start(slot)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def _end(self) -> None:
        for slot in self.slots:
            await self.kill(slot)

    # ---- processes

    async def start(self, slot: Slot) -> None:
        """A new incarnation, with empty memory and an identity of its own.

        Nothing where another fault has started one, or does so now.
        """
        if slot.fork is not None or slot.starting:
            return
        slot.starting = True
        try:
            await self._start(slot)
        finally:
            slot.starting = False

    async def _start(self, slot: Slot) -> None:
        slot.number += 1
        identity = f"{self.namespace}-{slot.name}{slot.number}"
        self.identities.add(identity)
        plane, directory = self.arena.plane, self.arena.directory
        given = await asyncio.to_thread(plane.kubeconfig_for, identity, ["system:masters"])
        kubeconfig = directory / f"{identity}.kubeconfig"
        kubeconfig.write_text(given.read_text().replace(plane.url, slot.proxy.url))
        slot.fork = await self.arena.forks.start(
            OperatorConfig(
                namespace=self.namespace,
                identity=identity,
                kubeconfig=str(kubeconfig),
                lease_duration=self.numbers.lease_duration,
                renew_deadline=self.numbers.renew_deadline,
                retry_period=self.numbers.retry_period,
                guarded=self._guarded,
                shards=self._shards,
                wall_offset=slot.wall_offset,
                rate=slot.rate,
                log=str(directory / f"{identity}.log"),
            )
        )

    async def kill(self, slot: Slot) -> None:
        """SIGKILL."""
        fork, slot.fork = slot.fork, None
        if fork is not None:
            fork.signal(signal.SIGKILL)
            await fork.ended

    async def terminate(self, slot: Slot) -> int:
        """SIGTERM; returns the exit status."""
        fork, slot.fork = slot.fork, None
        if fork is None:
            return 0  # another fault was faster
        fork.signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            return await fork.ended

    def freeze(self, slot: Slot) -> None:
        """SIGSTOP; nothing where another fault ended it."""
        if slot.fork is not None:
            slot.frozen = slot.fork
            slot.fork.signal(signal.SIGSTOP)

    def thaw(self, slot: Slot) -> None:
        """SIGCONT, also to one that was asked to end meanwhile."""
        fork, slot.frozen = slot.frozen, None
        if fork is not None:
            fork.signal(signal.SIGCONT)

    async def heal(self) -> None:
        """Everything runs again, and nothing is in its way."""
        for slot in self.slots:
            slot.proxy.up()
            slot.proxy.slow_down(0.0)
            self.thaw(slot)
            if slot.fork is None:
                await self.start(slot)

    def assert_alive(self) -> None:
        """No operator ended that was not asked to: losing the lead does not end a process."""
        ended = [
            f"{slot.fork.config.identity} with status {slot.fork.ended.result()}"
            for slot in self.slots
            if slot.fork is not None and slot.fork.ended.done()
        ]
        assert not ended, f"ended by themselves: {', '.join(ended)}; logs in {self.arena.directory}"

    # ---- what is wanted, and what is there

    async def want(self, name: str, tick: float | None = None) -> None:
        """Ask for a new value of one object."""
        self._values += 1
        value = self.desired[name] = str(self._values)
        data = {"value": value, **({} if tick is None else {"tick": str(tick)})}
        metadata = {"name": name, "namespace": self.namespace}
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        await self.arena.patiently(lambda: self.arena.client.apply(manifest))

    async def want_no_more(self, name: str) -> None:
        """Ask for one object's copies to go."""
        self.desired.pop(name, None)

        async def delete() -> None:
            await self.arena.client.delete(ConfigMap, f"{self.namespace}/{name}")

        try:
            await self.arena.patiently(delete)
        except NotFoundError:
            return

    async def churn(self, enough: asyncio.Event) -> None:
        """Change what is wanted, until it is enough; a change that was begun is made."""
        while not enough.is_set():
            await asyncio.sleep(self.dice.uniform(0.05, 0.3) * self.numbers.lease_duration)
            name = f"d-{self.dice.randrange(self._objects)}"
            if self.dice.random() < 0.2:
                await self.want_no_more(name)
            else:
                await self.want(name, self._tick if self.dice.random() < 0.5 else None)

    async def leases(self) -> list[Lease]:
        """The Lease, or those of shards: what a fault may hit."""
        listed = await self.arena.patiently(lambda: self.arena.client.list(Lease, namespace=self.namespace))
        return [lease for lease in listed if not self._shards or SHARD_LABEL in (lease.metadata.labels or {})]

    async def leader(self) -> Slot | None:
        """Who holds a Lease, if it is one of the operators that run."""
        holders = {user_of(lease.spec.holder_identity or "") for lease in await self.leases()}
        leading = [
            slot for slot in self.slots if slot.fork is not None and slot.fork.config.identity in holders
        ]
        return self.dice.choice(leading) if leading else None

    async def until_led(self, *but: Slot) -> Slot:
        """The leader, once there is one (another than these)."""
        async with asyncio.timeout(PATIENCE):
            while (slot := await self.leader()) is None or slot in but:
                await asyncio.sleep(_POLL)
            return slot

    async def wrong(self) -> list[str]:
        """What is not as it is wanted."""
        listed = await self.arena.patiently(lambda: self.arena.client.list(Secret, namespace=self.namespace))
        found = {secret.metadata.name: secret.metadata.annotations.get(VALUE) for secret in listed}
        wanted = {f"{copy}-{name}": value for name, value in self.desired.items() for copy in COPIES}
        return [
            f"{name}: {found.get(name)}, wanted {wanted.get(name)}"
            for name in sorted(found.keys() | wanted.keys())
            if found.get(name) != wanted.get(name)
        ]

    async def until_right(self) -> None:
        """Wait until every object is as it is wanted; no reconcile was lost."""
        wrong: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while wrong := await self.wrong():
                    self.assert_alive()
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise AssertionError(f"{self.namespace}: never became right: {'; '.join(wrong)}") from None

    # ---- the verdict

    def _lease_of(self, copy: str) -> str:
        """The Lease that the writer of this copy must hold."""
        if not self._shards:
            return ELECTION
        original = ObjectKey(self.namespace, copy.partition("-")[2])
        return shard_name(ELECTION, shard_of(original, self._shards), self._shards)

    def record(self, audit: AuditIndex) -> Record:
        """What the server recorded of this group; blocks."""
        history = self.arena.history
        return record_of(
            history.changes(f"/registry/leases/{self.namespace}/"),
            history.changes(f"/registry/secrets/{self.namespace}/"),
            audit,
            self._lease_of,
            user_of,
        )

    @property
    def rules(self) -> Rules:
        """What the judge is to hold this group to."""
        fastest, slowest = (FASTEST, SLOWEST) if self._skewed else (1.0, 1.0)
        return Rules(
            lease_duration=self.numbers.lease_duration / fastest,
            outlives=self.numbers.renew_deadline / slowest + self.numbers.slack,
            contenders=frozenset(self.identities),
        )

    def verdict(self, audit: AuditIndex) -> Verdict:
        """The judge's findings; blocks."""
        record = self.record(audit)
        self.unaudited = record.unaudited
        return judge(record.leases, record.writes, self.rules)


def user_of(holder: str) -> str:
    """The user behind a holder's identity: the election appends a uuid."""
    return holder.rpartition("_")[0] if "_" in holder else holder


__all__ = ["FASTEST", "REAL", "SCALED", "SLOWEST", "Arena", "Group", "Numbers", "Slot", "user_of"]
