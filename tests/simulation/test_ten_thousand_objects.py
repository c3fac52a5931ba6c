"""Thousands of objects come, change and go at random while their controller restarts at random times.

At the end every source has its mirror and nothing else has one, the queue is empty and no task is left. The
normal run has 2,000 objects, the nightly one 10,000 and more seeds.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from reconcile import ObjectMeta, ObjectReconciler
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.testing.cluster import Cluster
from reconcile.testing.process import Process

NAMESPACES = ("default", "kube-public")


class Mirror(ObjectReconciler[ConfigMap]):
    """Each ConfigMap with the label has a Secret of its name and data, which goes with it."""

    name = "mirror"
    labels = "mirrored=yes"
    owns = (Secret,)

    async def reconcile(self, source: ConfigMap, /) -> None:
        mirror = self.cache.get(Secret, source.key)
        wanted = {name: value.encode() for name, value in source.data.items()}
        if mirror is not None and mirror.data == wanted:
            return
        meta = ObjectMeta(name=source.metadata.name, namespace=source.metadata.namespace)
        await self.client.apply(Secret(metadata=meta, data=wanted), owner=source)


class Life:
    """What the user does, and what must be there at the end."""

    def __init__(self, cluster: Cluster, process: Process, count: int, seed: int) -> None:
        self.expected: dict[tuple[str, str], str] = {}
        self.operations = {"create": 0, "update": 0, "delete": 0, "kill": 0, "stop": 0}
        self._cluster = cluster
        self._process = process
        self._count = count
        self._dice = random.Random(seed)
        self._names: list[tuple[str, str]] = []
        self._over = False

    async def live(self) -> None:
        """Create all objects, and update and delete some meanwhile; the process dies now and then."""
        restarts = asyncio.create_task(self._restart_at_random(), name="restarts")
        while self.operations["create"] < self._count:
            await self._operate()
            if self._dice.random() < 0.05:
                await asyncio.sleep(self._dice.expovariate(20.0))
        self._over = True
        await restarts

    async def _operate(self) -> None:
        dice, client = self._dice, self._cluster.client
        what = dice.choices(("create", "update", "delete"), (5, 3, 2))[0] if self._names else "create"
        self.operations[what] += 1
        if what == "create":
            place = (dice.choice(NAMESPACES), f"object-{self.operations['create']}")
            await client.create(self._object(place))
            self._names.append(place)
            return
        at = dice.randrange(len(self._names))
        place = self._names[at]
        if what == "update":
            await client.patch(ConfigMap, "/".join(place), {"data": self._object(place).data})
            return
        self._names[at] = self._names[-1]
        self._names.pop()
        del self.expected[place]
        await client.delete(ConfigMap, "/".join(place))

    def _object(self, place: tuple[str, str]) -> ConfigMap:
        namespace, name = place
        value = self.expected[place] = str(self._dice.random())
        meta = ObjectMeta(name=name, namespace=namespace, labels={"mirrored": "yes"})
        return ConfigMap(metadata=meta, data={"value": value})

    async def _restart_at_random(self) -> None:
        while not self._over:
            await asyncio.sleep(self._dice.expovariate(1.0))
            if not self._process.running:
                continue
            if self._dice.random() < 0.5:
                self.operations["kill"] += 1
                self._process.kill(restart_after=self._dice.random())
            else:
                self.operations["stop"] += 1
                await self._process.stop()
                await asyncio.sleep(self._dice.random())
                await self._process.start()


def mirrors_of(cluster: Cluster) -> dict[tuple[str, str], str]:
    return {
        (secret.metadata.namespace, secret.metadata.name): secret.data["value"].decode()
        for secret in cluster.list(Secret)
    }


def check(count: int, seed: int, report: Callable[[str], None] = print) -> None:
    with Cluster(seed=seed) as cluster:
        before = asyncio.all_tasks(cluster.loop)
        process = cluster.run(Mirror)
        life = Life(cluster, process, count, seed)
        cluster.call(life.live())
        cluster.settle()
        assert mirrors_of(cluster) == life.expected
        queue = process.manager.controller("mirror").queue
        assert queue is not None
        assert not len(queue) and not queue.core.processing and not list(queue.core.scheduled())
        cluster.call(process.stop())
        cluster.advance(seconds=1)
        left = [task for task in asyncio.all_tasks(cluster.loop) - before if not task.done()]
        assert not left, f"tasks left behind: {left}"
        assert life.operations["kill"] and life.operations["stop"], "no restart happened"
        report(f"seed {seed}: {life.operations}, {process.deaths} deaths, {cluster.time:.1f} s of time")


def test_every_source_has_its_mirror_whatever_happened() -> None:
    check(2_000, seed=1)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_ten_thousand_objects(seed: int) -> None:
    check(10_000, seed)
