"""One seed, one life of a ReplicaSet under a controller whose watches lag; what happened, and what was wrong.

    seed ──▶ sizes, lags of each kind, and twelve or so incidents at random moments:
             scale up and down · pods deleted, failed, orphaned or relabelled by somebody else · watches cut,
             resumed or listed anew · answers to writes late or lost · the process killed and started again

The world is small on purpose, an embedded server in virtual time, so that ten thousand of them are cheap.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from helpers.pod_oracle import PodOracle, PodTooMany

from reconcile import ObjectKey, ObjectMeta
from reconcile.api.apps.v1 import ReplicaSet
from reconcile.api.core.v1 import Namespace, Pod, ServiceAccount
from reconcile.apiserver import ServerOptions
from reconcile.errors import ConflictError, NotFoundError
from reconcile.manager import Manager, ManagerOptions
from reconcile.testing.builders import a_replica_set
from reconcile.testing.cluster import Cluster
from reconcile.testing.history import ServerWrite
from reconcile.testing.process import Process

KEY = ObjectKey("default", "web")
MOST = 8
PODS, SETS = "pods", "replicasets.apps"

_SERVER = ServerOptions(
    garbage_collection=False, namespace_deletion=False, service_accounts=False, bootstrap=False
)


@dataclass
class Life:
    """What one seed led to.

    Attributes:
        seed: of the life.
        too_many: pods too many, see `pod_oracle`.
        created, adopted, gone: how many pods.
        incidents: how often each kind of incident happened.
        deaths: of the process.
        active, wanted: how many active pods there were at rest, and how many were wanted.
        seconds: of virtual time.
    """

    seed: int
    too_many: list[PodTooMany] = field(default_factory=list[PodTooMany])
    created: int = 0
    adopted: int = 0
    gone: int = 0
    incidents: Counter[str] = field(default_factory=Counter[str])
    deaths: int = 0
    active: int = 0
    wanted: int = 0
    seconds: float = 0.0


def live(seed: int, setup: Callable[[Manager], None], options: ManagerOptions | None = None) -> Life:
    """Live the life of a seed with the controllers that `setup` adds to a manager of these options."""
    life = Life(seed)
    with Cluster(seed=seed, options=_SERVER) as cluster:
        oracle = PodOracle()
        cluster.on_write(lambda write: _show(oracle, write))
        cluster.create(Namespace(metadata=ObjectMeta(name=KEY.namespace)))
        cluster.create(ServiceAccount(metadata=ObjectMeta(name="default", namespace=KEY.namespace)))
        process = cluster.run(setup, options=options)
        story = _Story(cluster, process, life)
        cluster.call(story.tell())
        cluster.settle()
        found = cluster.get(ReplicaSet, KEY)
        life.too_many, life.created, life.adopted = oracle.too_many, oracle.created, oracle.adopted
        life.gone, life.deaths, life.seconds = oracle.gone, process.deaths, cluster.time
        life.active, life.wanted = oracle.active(found.metadata.uid), found.spec.replicas
    return life


def _show(oracle: PodOracle, write: ServerWrite) -> None:
    if write.resource == PODS:
        gone = write.what == "DELETED"
        oracle.pod(str(write.key), None if gone else write.raw, write.resource_version)
    elif write.resource == SETS and write.what != "DELETED":
        oracle.replica_set(write.raw)


class _Story:
    def __init__(self, cluster: Cluster, process: Process, life: Life) -> None:
        self._cluster = cluster
        self._client = cluster.client
        self._process = process
        self._life = life
        self._dice = random.Random(life.seed)
        self._incidents: dict[str, tuple[int, Callable[[], Awaitable[object] | object]]] = {
            "scale": (6, self._scale),
            "delete": (5, self._delete),
            "fail": (2, self._fail),
            "orphan": (1, self._orphan),
            "relabel": (1, self._relabel),
            "lag": (3, self._lag),
            "late answers": (2, self._late_answers),
            "lost answer": (3, self._lose_answer),
            "cut": (3, self._cut),
            "relist": (2, self._relist),
            "death": (1, self._die),
            "kill": (1, self._kill),
        }

    async def tell(self) -> None:
        dice = self._dice
        self._lag()
        if dice.random() < 0.3:
            self._late_answers()
        await self._client.create(a_replica_set(KEY.name).with_replicas(dice.randrange(1, MOST)).build())
        names = list(self._incidents)
        weights = [weight for weight, _ in self._incidents.values()]
        for name in dice.choices(names, weights, k=dice.randrange(6, 14)):
            # Some follow at once on the heels of the one before.
            if dice.random() < 0.8:
                await asyncio.sleep(dice.expovariate(1.5))
            done = self._incidents[name][1]()
            if isinstance(done, Awaitable):
                done = await done
            if done is not False:
                self._life.incidents[name] += 1
        await asyncio.sleep(dice.random())
        self._process.lag_watches(0)
        self._process.lag_answers(0)

    # -- what users and others do --------------------------------------------------------------------

    async def _scale(self) -> None:
        patch = {"spec": {"replicas": self._dice.randrange(0, MOST + 1)}}
        await self._client.patch(ReplicaSet, KEY, patch)

    async def _delete(self) -> bool:
        pods = await self._pods()
        for pod in self._dice.sample(pods, min(len(pods), self._dice.choice((1, 1, 1, 2, 3)))):
            try:
                await self._client.delete(pod, grace_period_seconds=0)
            except (NotFoundError, ConflictError):
                continue
        return bool(pods)

    async def _fail(self) -> bool:
        pod = await self._one()
        if pod is None:
            return False
        return await self._change(pod, {"status": {"phase": "Failed"}}, subresource="status")

    async def _orphan(self) -> bool:
        pod = await self._one()
        return pod is not None and await self._change(pod, {"metadata": {"ownerReferences": None}})

    async def _relabel(self) -> bool:
        pod = await self._one()
        return pod is not None and await self._change(pod, {"metadata": {"labels": {"app": "other"}}})

    async def _pods(self) -> list[Pod]:
        return list(await self._client.list(Pod, namespace=KEY.namespace))

    async def _one(self) -> Pod | None:
        pods = await self._pods()
        return self._dice.choice(pods) if pods else None

    async def _change(self, pod: Pod, patch: dict[str, object], subresource: str = "") -> bool:
        try:
            await self._client.patch(Pod, pod.key, patch, subresource=subresource)
        except NotFoundError:
            return False
        return True

    # -- what the network and the machine do ---------------------------------------------------------

    def _lag(self) -> None:
        for resource in (PODS, SETS):
            self._process.lag_watches(self._dice.choice((0.0, 0.02, 0.3, 1.0, 3.0)), resource)

    def _late_answers(self) -> None:
        most = self._dice.choice((0.0, 0.05, 0.5))
        self._process.lag_answers(lambda: self._dice.random() * most)

    def _lose_answer(self) -> None:
        self._process.lose_answer(self._dice.randrange(1, 5))

    def _cut(self) -> None:
        self._process.cut_watches(self._dice.choice((PODS, SETS, "")))

    async def _relist(self) -> None:
        storage = self._cluster.server.storage
        storage.compact(storage.revision)
        self._cut()
        if self._dice.random() < 0.5:
            # The list takes its time, and what happens meanwhile is not in it.
            self._process.lag_answers(self._dice.random)
            await asyncio.sleep(0.5 + self._dice.random())
            await self._scale()

    def _die(self) -> None:
        self._process.die_after_write(self._dice.randrange(1, 4), restart_after=self._dice.random())

    def _kill(self) -> None:
        self._process.kill(restart_after=self._dice.random())
