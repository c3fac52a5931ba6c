"""The ReplicaSet example makes no pod too many on a real kube-apiserver whose watches come late.

A proxy between operator and server delays the watches of each kind by up to seconds, cuts them, has them
listed anew, and loses answers to writes; meanwhile somebody scales six ReplicaSets up and down and deletes
their pods, and the operator is killed and started again. `helpers.pod_oracle` has the rule; it is judged
from what etcd was made to store.

The normal run takes some seconds; nightly it is twenty minutes (`NO_POD_TOO_MANY_SECONDS` sets another time).
"""

from __future__ import annotations

import asyncio
import os
import random
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import NoReturn, Self

import msgspec
import pytest
import structlog
from helpers.delivery_contract import Change
from helpers.etcd_history import EtcdHistory
from helpers.faulty_world import until_async
from helpers.pod_oracle import PodOracle
from helpers.watch_proxy import WatchProxy
from helpers.world_of_examples import operator

from reconcile import ConflictError, NotFoundError, ObjectMeta
from reconcile.api.apps.v1 import ReplicaSet
from reconcile.api.core.v1 import Namespace, Pod, ServiceAccount
from reconcile.client.client import Client
from reconcile.client.http_transport import HTTPTransport
from reconcile.manager import Manager, ManagerOptions
from reconcile.runtime import SystemRuntime
from reconcile.testing.builders import a_replica_set
from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.process import Process

SHORT = 12.0
LONG = float(os.environ.get("NO_POD_TOO_MANY_SECONDS", "1200"))
NAMES = tuple(f"web-{letter}" for letter in "abcdef")
MOST = 8
PATIENCE = 120.0
"""Seconds after which what a test waits for is taken to never happen."""

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

Planes = tuple[ControlPlane, EtcdHistory]


class Turmoil:
    """Six ReplicaSets in a namespace of their own, their controller behind a proxy, and what befalls them."""

    def __init__(self, planes: Planes, seed: int, *, read_your_writes: bool) -> None:
        self.incidents: Counter[str] = Counter()
        self.namespace = f"n{zlib.crc32(f'{seed} {read_your_writes}'.encode())}"
        self._plane, self._history = planes
        self._dice = random.Random(seed)
        self._proxy = WatchProxy(self._plane.kubeconfig)
        self._options = ManagerOptions(connect_timeout=60.0, read_your_writes=read_your_writes)
        self._process = Process(
            "operator",
            lambda: HTTPTransport(self._proxy.connection),
            self._manager,
            (operator("replicaset").setup,),
            SystemRuntime(),
        )

    def _manager(self, client: Client) -> Manager:
        # Each lost answer is an error in the log, as it should be; here there are very many.
        quiet = structlog.wrap_logger(None, processors=[_drop])
        return Manager(client, namespaces=[self.namespace], options=self._options, log=quiet)

    async def __aenter__(self) -> Self:
        await self._proxy.__aenter__()
        self._client = Client.from_kubeconfig(self._plane.kubeconfig)
        await self._client.create(Namespace(metadata=ObjectMeta(name=self.namespace)))
        # Without it the server admits no pod; the controller that would make it does not run here.
        await self._client.create(ServiceAccount(metadata=self._meta("default")))
        await self._process.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._process.stop()
        await self._client.close()
        await self._proxy.__aexit__(kind, error, trace)

    def _meta(self, name: str) -> ObjectMeta:
        return ObjectMeta(name=name, namespace=self.namespace)

    async def begin(self) -> None:
        """Watches lag, then the ReplicaSets are made: the first pods are seen late already."""
        self._proxy.faults.lag_watches(2.0, "pods")
        for name in NAMES:
            size = self._dice.randrange(2, MOST)
            await self._client.create(
                a_replica_set(name, namespace=self.namespace).with_replicas(size).build()
            )

    async def go_on(self, seconds: float) -> None:
        """Let things happen for so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        happenings: dict[Callable[[], Awaitable[None]], int] = {
            self._scale: 6,
            self._delete: 6,
            self._fail: 2,
            self._orphan: 1,
            self._lag: 3,
            self._cut: 1,
            self._relist: 1,
            self._lose_answer: 3,
            self._kill: 1,
        }
        while loop.time() < end:
            await asyncio.sleep(self._dice.expovariate(4.0))
            (happening,) = self._dice.choices(list(happenings), list(happenings.values()))
            await happening()
            self.incidents[happening.__name__.strip("_")] += 1
            self._process.raise_failure()

    async def come_to_rest(self) -> None:
        """Without faults, every ReplicaSet gets exactly the pods it wants, and says so."""
        self._proxy.faults.lag_watches(0.0)
        await until_async(self._is_at_rest, seconds=PATIENCE)

    async def judged(self) -> PodOracle:
        """What the rule says of all that etcd was made to store so far."""
        changes = await asyncio.to_thread(self._changes)
        oracle = PodOracle()
        for is_pod, change in changes:
            raw = None if change.object is None else msgspec.json.encode(change.object)
            if is_pod:
                oracle.pod(change.place, raw, change.revision)
            elif raw is not None:
                oracle.replica_set(raw)
        return oracle

    def _changes(self) -> list[tuple[bool, Change]]:
        """Those of pods (True) and of ReplicaSets, in the order of their revisions."""
        pods = self._history.changes(f"/registry/pods/{self.namespace}/")
        sets = self._history.changes(f"/registry/replicasets/{self.namespace}/")
        both = [*((True, change) for change in pods), *((False, change) for change in sets)]
        return sorted(both, key=lambda item: item[1].revision)

    async def _is_at_rest(self) -> bool:
        for found in await self._client.list(ReplicaSet, namespace=self.namespace):
            wanted = found.spec.replicas or 0
            active = [pod for pod in await self._pods(found.metadata.name) if pod.status.phase != "Failed"]
            seen = found.status.observed_generation == found.metadata.generation
            if not (seen and found.status.replicas == wanted == len(active)):
                return False
        return True

    async def _pods(self, app: str = "") -> list[Pod]:
        labels = {"app": app} if app else None
        return list(await self._client.list(Pod, namespace=self.namespace, labels=labels))

    # -- what users and others do --------------------------------------------------------------------

    async def _scale(self) -> None:
        patch = {"spec": {"replicas": self._dice.randrange(0, MOST + 1)}}
        with suppress(ConflictError):
            await self._client.patch(ReplicaSet, f"{self.namespace}/{self._dice.choice(NAMES)}", patch)

    async def _delete(self) -> None:
        pods = await self._pods(self._dice.choice(NAMES))
        for pod in self._dice.sample(pods, min(len(pods), self._dice.choice((1, 1, 2, 3)))):
            try:
                await self._client.delete(pod, grace_period_seconds=0)
            except (NotFoundError, ConflictError):
                continue

    async def _fail(self) -> None:
        await self._change({"status": {"phase": "Failed"}}, subresource="status")

    async def _orphan(self) -> None:
        await self._change({"metadata": {"ownerReferences": None}})

    async def _change(self, patch: dict[str, object], subresource: str = "") -> None:
        if pods := await self._pods():
            try:
                await self._client.patch(Pod, self._dice.choice(pods).key, patch, subresource=subresource)
            except (NotFoundError, ConflictError):
                return

    # -- what the network and the machine do ---------------------------------------------------------

    async def _lag(self) -> None:
        for resource in ("pods", "replicasets.apps"):
            self._proxy.faults.lag_watches(self._dice.choice((0.0, 0.05, 0.5, 2.0)), resource)

    async def _cut(self) -> None:
        self._proxy.faults.cut_watches(self._dice.choice(("pods", "replicasets.apps", "")))

    async def _relist(self) -> None:
        self._proxy.expire("pods")

    async def _lose_answer(self) -> None:
        self._proxy.faults.lose_answer(self._dice.randrange(1, 8))

    async def _kill(self) -> None:
        self._process.kill()
        await self._process.join()
        # What the dead one had sent may still arrive; a kubelet takes longer than that to start it again.
        await asyncio.sleep(0.2 + self._dice.random())
        await self._proxy.quiet()
        await self._process.start()


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


async def no_pod_too_many(planes: Planes, *, seed: int, seconds: float) -> None:
    async with Turmoil(planes, seed, read_your_writes=True) as turmoil:
        await turmoil.begin()
        await turmoil.go_on(seconds)
        await turmoil.come_to_rest()
        oracle = await turmoil.judged()
    print(
        f"{seconds:g} s: {oracle.created} pods created, {oracle.gone} gone, {oracle.adopted} adopted, "
        f"{len(oracle.too_many)} too many; {dict(turmoil.incidents)}"
    )
    assert not oracle.too_many, "\n".join(map(str, oracle.too_many))
    assert oracle.created >= len(NAMES)


@pytest.mark.timeout(300)
async def test_no_pod_too_many_while_watches_lag(plane_and_history: Planes) -> None:
    await no_pod_too_many(plane_and_history, seed=1, seconds=SHORT)


@pytest.mark.timeout(300)
async def test_without_the_overlay_there_are_pods_too_many(plane_and_history: Planes) -> None:
    async with Turmoil(plane_and_history, 1, read_your_writes=False) as turmoil:
        await turmoil.begin()

        async def too_many() -> int:
            await turmoil.go_on(1.0)
            return len((await turmoil.judged()).too_many)

        await until_async(too_many, seconds=PATIENCE)
        oracle = await turmoil.judged()
    print(f"overlay off: {oracle.created} pods created, {len(oracle.too_many)} too many")


@pytest.mark.nightly
@pytest.mark.timeout(4 * LONG + 600)
async def test_no_pod_too_many_in_twenty_minutes(plane_and_history: Planes) -> None:
    await no_pod_too_many(plane_and_history, seed=2, seconds=LONG)


@pytest.mark.nightly
@pytest.mark.timeout(LONG + 600)
async def test_without_the_overlay_there_are_many_too_many_in_a_minute(plane_and_history: Planes) -> None:
    async with Turmoil(plane_and_history, 2, read_your_writes=False) as turmoil:
        await turmoil.begin()
        await turmoil.go_on(min(LONG, 60.0))
        oracle = await turmoil.judged()
    print(f"overlay off: {oracle.created} pods created, {len(oracle.too_many)} too many")
    assert oracle.too_many
