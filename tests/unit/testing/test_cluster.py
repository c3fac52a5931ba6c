"""The embedded cluster of tests: rest, time, processes that die, one reconcile alone."""

from __future__ import annotations

import pytest

from reconcile import (
    ConfigurationError,
    Index,
    Manager,
    ObjectMeta,
    ObjectReconciler,
    Read,
    Reconciler,
    Request,
    Result,
)
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.testing.cluster import Cluster
from reconcile.testing.faults import Refusal
from reconcile.testing.settling import NotSettledError


class CopyToSecret(ObjectReconciler[ConfigMap]):
    """Each ConfigMap called `source-…` gets a Secret of its name."""

    name = "copy"
    owns = (Secret,)

    async def reconcile(self, config_map: ConfigMap, /) -> None:
        if config_map.metadata.name.startswith("source-"):
            meta = ObjectMeta(name=config_map.metadata.name, namespace=config_map.metadata.namespace)
            await self.client.apply(Secret(metadata=meta, string_data=config_map.data), owner=config_map)


def source(number: int = 1) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=f"source-{number}", namespace="default"), data={"a": "b"})


def test_the_world_stands_still_between_calls_and_settles_when_asked(cluster: Cluster) -> None:
    cluster.run(CopyToSecret)
    cluster.create(source())
    cluster.settle()
    assert cluster.get(Secret, "default/source-1").data == {"a": b"b"}


def test_a_deleted_child_comes_back(cluster: Cluster) -> None:
    cluster.run(CopyToSecret)
    cluster.create(source())
    cluster.settle()
    first = cluster.get(Secret, "default/source-1").metadata.uid
    cluster.delete(Secret, "default/source-1")
    cluster.settle()
    assert cluster.get(Secret, "default/source-1").metadata.uid != first


def test_a_deleted_owner_takes_its_child_along(cluster: Cluster) -> None:
    cluster.run(CopyToSecret)
    cluster.create(source())
    cluster.settle()
    cluster.delete(ConfigMap, "default/source-1")
    cluster.settle()
    assert cluster.get_or_none(Secret, "default/source-1") is None


def test_a_refused_write_is_retried(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    process.refuse_write(1, Refusal(code=403, reason="Forbidden"))
    cluster.create(source())
    cluster.settle()
    assert cluster.get(Secret, "default/source-1").data == {"a": b"b"}


class CountPasses(ObjectReconciler[ConfigMap]):
    """Counts in the object how often it was looked at, up to three."""

    name = "count"

    async def reconcile(self, config_map: ConfigMap, /) -> Result | None:
        # Not in its data: those of kube-root-ca.crt the server puts right.
        passes = int(config_map.metadata.annotations.get("passes", "0"))
        if passes < 3:
            config_map.metadata.annotations["passes"] = str(passes + 1)
            await self.client.update(config_map)
        return Result(requeue_after=3600)


def test_rest_is_reached_when_a_further_look_changes_nothing(cluster: Cluster) -> None:
    cluster.run(CountPasses)
    cluster.create(ConfigMap(metadata=ObjectMeta(name="x", namespace="default")))
    cluster.settle(within=24 * 3600)
    assert cluster.get(ConfigMap, "default/x").metadata.annotations == {"passes": "3"}


class HotLoop(ObjectReconciler[ConfigMap]):
    name = "hot-loop"

    async def reconcile(self, config_map: ConfigMap, /) -> Result:
        config_map.data["passes"] = str(int(config_map.data.get("passes", "0")) + 1)
        await self.client.update(config_map)
        return Result(requeue_after=10)


def test_a_loop_that_wakes_itself_is_named(cluster: Cluster) -> None:
    cluster.run(HotLoop)
    cluster.create(ConfigMap(metadata=ObjectMeta(name="x", namespace="default")))
    with pytest.raises(NotSettledError, match=r"hot-loop .*again and again"):
        cluster.settle(within=60)


class Counter(ObjectReconciler[ConfigMap]):
    """Writes to an object that it does not watch, every ten seconds, for ever."""

    name = "counter"

    async def reconcile(self, config_map: ConfigMap, /) -> Result:
        meta = ObjectMeta(name="count", namespace="default")
        text = self.runtime.now().isoformat()
        await self.client.apply(Secret(metadata=meta, string_data={"at": text}))
        return Result(requeue_after=10)


def test_a_loop_that_never_rests_is_named(cluster: Cluster) -> None:
    cluster.run(Counter)
    with pytest.raises(NotSettledError, match=r"counter .*asks to be run again"):
        cluster.settle(within=60)


class Failing(ObjectReconciler[ConfigMap]):
    name = "failing"

    async def reconcile(self, config_map: ConfigMap, /) -> None:
        raise ValueError("out of order")


def test_a_key_that_fails_again_and_again_is_not_at_rest(cluster: Cluster) -> None:
    cluster.run(Failing)
    with pytest.raises(NotSettledError, match=r"failing .*: failed"):
        cluster.settle(within=60)


def test_time_passes_when_told_to(cluster: Cluster) -> None:
    before = cluster.runtime.start
    cluster.advance(minutes=10)
    created = cluster.create(source())
    assert cluster.time == 600
    assert created.metadata.creation_timestamp == "2026-01-01T00:10:00Z"
    assert before.year == 2026


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_process_that_dies_after_any_write_finishes_when_started_again(cluster: Cluster, nth: int) -> None:
    process = cluster.run(CopyToSecret)
    process.die_after_write(nth)
    for number in range(3):
        cluster.create(source(number))
    cluster.settle()
    assert not process.running
    assert len(cluster.list(Secret, namespace="default")) <= nth
    cluster.start(process)
    cluster.settle()
    assert len(cluster.list(Secret, namespace="default")) == 3


def test_a_killed_process_writes_no_more(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    cluster.kill(process)
    cluster.create(source())
    cluster.settle()
    assert cluster.get_or_none(Secret, "default/source-1") is None


def test_an_instance_cannot_be_started_again_after_a_death(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret())
    cluster.kill(process)
    with pytest.raises(ConfigurationError, match="would keep its memory"):
        cluster.start(process)


def test_a_setup_function_is_a_process_too(cluster: Cluster) -> None:
    def setup(manager: Manager) -> None:
        manager.add(CopyToSecret())

    process = cluster.run(setup)
    cluster.kill(process)
    cluster.start(process)
    cluster.create(source())
    cluster.settle()
    assert cluster.get(Secret, "default/source-1").data == {"a": b"b"}


def test_one_reconcile_alone_returns_its_result(cluster: Cluster) -> None:
    cluster.create(source())
    assert cluster.reconcile_once(CopyToSecret, "default/source-1") is None
    assert cluster.get(Secret, "default/source-1").data == {"a": b"b"}
    assert cluster.reconcile_once(CountPasses(), "default/source-1") == Result(requeue_after=3600)


class Reading(ObjectReconciler[ConfigMap]):
    """Needs a kind that it only reads, and an index of it."""

    name = "reading"
    reads = (Read(Secret, indexes=(Index("type"),)),)

    async def reconcile(self, config_map: ConfigMap, /) -> Result:
        return Result(requeue_after=len(self.cache.index(Secret, "type", "Opaque")))


def test_one_reconcile_alone_reads_what_it_declares(cluster: Cluster) -> None:
    cluster.create(source())
    for name in ("a", "b"):
        cluster.create(Secret(metadata=ObjectMeta(name=name, namespace="default"), type="Opaque"))
    assert cluster.reconcile_once(Reading, "default/source-1") == Result(requeue_after=2)


def test_one_reconcile_alone_raises_its_own_error(cluster: Cluster) -> None:
    cluster.create(source())
    with pytest.raises(ValueError, match="out of order"):
        cluster.reconcile_once(Failing, "default/source-1")


class Plain(Reconciler[ConfigMap]):
    """A plain `def` reconciler, in a thread, through the sync facade."""

    name = "plain"

    def reconcile(self, request: Request, /) -> None:
        if request.name.startswith("source-"):
            config_map = self.client.sync.get(ConfigMap, request.key)
            meta = ObjectMeta(name=config_map.metadata.name, namespace=config_map.metadata.namespace)
            self.client.sync.apply(Secret(metadata=meta, string_data=config_map.data))


def test_plain_reconcilers_run_in_virtual_time_too(cluster: Cluster) -> None:
    cluster.run(Plain)
    cluster.create(source())
    cluster.settle()
    assert cluster.get(Secret, "default/source-1").data == {"a": b"b"}


def test_one_seed_gives_one_history() -> None:
    def history() -> list[str]:
        with Cluster(seed=3) as cluster:
            cluster.run(CopyToSecret)
            for number in range(3):
                cluster.create(source(number))
            cluster.settle()
            return [
                f"{meta.name} {meta.uid} {meta.resource_version} {meta.creation_timestamp}"
                for meta in (secret.metadata for secret in cluster.list(Secret, namespace="default"))
            ]

    assert history() == history()
