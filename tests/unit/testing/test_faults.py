"""Faults of a test's processes: refused writes, deaths and returns, late and broken watches; and probes."""

from __future__ import annotations

import asyncio

import pytest

from reconcile import ObjectMeta, ObjectReconciler
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.errors import OutcomeUnknownError
from reconcile.testing.cluster import Cluster
from reconcile.testing.faults import Refusal
from reconcile.testing.history import ServerWrite


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


@pytest.mark.parametrize(
    ("refusal", "at"),
    [
        (Refusal(), 0.005),
        (Refusal(code=409, reason="Conflict"), 0.005),
        (Refusal(code=503, reason="ServiceUnavailable", retry_after=7), 7.0),
    ],
)
def test_a_refused_write_is_made_again_when_the_server_said(
    cluster: Cluster, refusal: Refusal, at: float
) -> None:
    process = cluster.run(CopyToSecret)
    process.refuse_write(refusal=refusal)
    cluster.create(source())
    history = cluster.record()
    cluster.settle()
    assert [write.what for write in history.of("secrets")] == ["ADDED"]
    assert history.of("secrets")[0].at == pytest.approx(at, abs=0.01)


def test_a_process_that_comes_back_finishes_its_work(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    process.die_after_write(2, restart_after=5)
    for number in range(4):
        cluster.create(source(number))
    cluster.settle()
    assert (process.deaths, process.running) == (1, True)
    assert len(cluster.list(Secret, namespace="default")) == 4
    assert cluster.time >= 5


def test_a_process_may_die_while_it_starts(cluster: Cluster) -> None:
    cluster.create(source())
    process = cluster.prepare(CopyToSecret)
    process.die_after_write(1, restart_after=1)
    cluster.start(process)
    cluster.settle()
    assert process.deaths == 1
    assert cluster.get_or_none(Secret, "default/source-1") is not None


def test_a_cluster_is_not_at_rest_while_a_process_starts(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    cluster.create(source(1))
    cluster.settle()

    async def die_and_return() -> None:
        process.kill(restart_after=1)
        process.lag_answers(5)
        await cluster.client.create(source(2))
        await asyncio.sleep(2)

    cluster.call(die_and_return())
    cluster.settle()
    assert len(cluster.list(Secret, namespace="default")) == 2


def test_a_planned_return_is_given_up_when_the_process_is_started_by_hand(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    process.die_after_write(1, restart_after=3600)
    cluster.create(source())
    cluster.advance(seconds=1)
    assert not process.running
    cluster.start(process)
    cluster.settle()
    assert cluster.time < 10
    cluster.advance(hours=2)
    assert process.running


def test_a_late_watch_is_acted_on_later(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    process.lag_watches(30)
    cluster.create(source())
    cluster.advance(seconds=29)
    assert cluster.get_or_none(Secret, "default/source-1") is None
    cluster.advance(seconds=2)
    assert cluster.get_or_none(Secret, "default/source-1") is not None


def test_a_cluster_is_not_at_rest_while_events_are_on_their_way(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    process.lag_watches(30)
    for number in range(300):
        cluster.create(source(number))
    cluster.settle()
    assert len(cluster.list(Secret, namespace="default")) == 300
    assert cluster.time == pytest.approx(60, abs=1)


def test_late_bookmarks_do_not_keep_a_cluster_from_resting(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    process.lag_watches(150)
    cluster.create(source())
    cluster.settle()
    assert cluster.get_or_none(Secret, "default/source-1") is not None
    assert cluster.time < 600


def test_a_late_event_keeps_its_order_when_the_lag_ends(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    process.lag_watches(30)
    created = cluster.create(source())
    process.lag_watches(0)
    created.data["a"] = "c"
    cluster.update(created)
    cluster.settle()
    assert cluster.get(Secret, "default/source-1").data == {"a": b"c"}


def test_a_cut_watch_is_opened_again_and_nothing_is_missed(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    cluster.settle()
    process.cut_watches()
    cluster.create(source())
    cluster.settle()
    assert cluster.get_or_none(Secret, "default/source-1") is not None
    informer = process.manager.informers.informer(ConfigMap)
    assert informer.stats().watches == 2


def test_a_cluster_is_not_at_rest_before_an_expired_watch_has_been_listed_anew(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    cluster.settle()
    process.cut_watches()
    cluster.create(source())
    cluster.server.storage.compact(cluster.server.storage.revision)
    cluster.settle()
    assert cluster.get_or_none(Secret, "default/source-1") is not None
    assert process.manager.informers.informer(ConfigMap).stats().lists == 2


def test_one_kind_can_lag_behind_another(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    process.lag_watches(30, "secrets")
    cluster.create(source())
    cluster.advance(seconds=1)
    assert cluster.get_or_none(Secret, "default/source-1") is not None
    assert process.manager.informers.informer(Secret).bare_reader.list() == []
    cluster.advance(seconds=30)
    assert len(process.manager.informers.informer(Secret).bare_reader.list()) == 1


def test_one_kinds_watch_can_be_cut_alone(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    cluster.settle()
    process.cut_watches("secrets")
    cluster.settle()
    informers = process.manager.informers
    assert informers.informer(Secret).stats().watches == 2
    assert informers.informer(ConfigMap).stats().watches == 1


def test_a_write_whose_answer_is_lost_was_made_and_its_outcome_is_unknown(cluster: Cluster) -> None:
    process = cluster.run(CopyToSecret)
    process.lose_answer()
    history = cluster.record()
    client = process.manager.client
    with pytest.raises(OutcomeUnknownError):
        cluster.call(client.create(source()))
    assert [write.what for write in history.of("configmaps")] == ["ADDED"]
    cluster.settle()
    assert cluster.get_or_none(Secret, "default/source-1") is not None


def test_a_late_list_shows_the_state_of_the_moment_in_which_it_was_asked_for(cluster: Cluster) -> None:
    async def list_and_create() -> int:
        listing = asyncio.ensure_future(process.manager.client.list(ConfigMap, namespace="default"))
        await asyncio.sleep(1.0)
        await cluster.client.create(source(2))
        return sum(found.metadata.name.startswith("source") for found in await listing)

    process = cluster.run(CopyToSecret)
    cluster.create(source(1))
    process.lag_answers(3.0)
    assert cluster.call(list_and_create()) == 1
    process.lag_answers(0)
    cluster.settle()


def test_answers_can_come_late_and_in_another_order(cluster: Cluster) -> None:
    async def create(number: int) -> None:
        await process.manager.client.create(source(number))
        arrived.append(number)

    async def both() -> None:
        await asyncio.gather(create(1), create(2))

    process = cluster.run(CopyToSecret)
    delays = iter((2.0, 1.0, *[0.0] * 10))
    process.lag_answers(lambda: next(delays))
    arrived: list[int] = []
    before = cluster.time
    cluster.call(both())
    assert arrived == [2, 1]
    assert cluster.time - before == pytest.approx(2)
    process.lag_answers(0)
    cluster.settle()


def test_a_probe_sees_every_state_and_its_complaint_reaches_the_test(cluster: Cluster) -> None:
    def no_second_secret(write: ServerWrite) -> None:
        if write.resource == "secrets":
            seen.append(write.decode(Secret).metadata.name)
            assert len(seen) < 2, "a second secret"

    seen: list[str] = []
    end = cluster.on_write(no_second_secret)
    cluster.run(CopyToSecret)
    cluster.create(source(1))
    cluster.settle()
    cluster.create(source(2))
    with pytest.raises(AssertionError, match="a second secret"):
        cluster.settle()
    end()
    cluster.create(source(3))
    cluster.settle()
    assert seen == ["source-1", "source-2"]


def test_a_history_holds_whole_objects(cluster: Cluster) -> None:
    history = cluster.record()
    cluster.create(source())
    cluster.delete(ConfigMap, "default/source-1")
    created, deleted = history.of("configmaps", "default/source-1")
    assert (created.what, deleted.what) == ("ADDED", "DELETED")
    assert created.decode(ConfigMap).data == {"a": "b"}
    assert deleted.resource_version > created.resource_version
    assert len(history.text().splitlines()) == len(history)


def test_no_task_outlives_the_processes(cluster: Cluster) -> None:
    before = asyncio.all_tasks(cluster.loop)
    process = cluster.run(CopyToSecret)
    process.lag_watches(10)
    process.die_after_write(1, restart_after=3600)
    cluster.create(source())
    cluster.advance(seconds=60)
    cluster.call(process.stop())
    cluster.advance(seconds=1)
    assert not [task for task in asyncio.all_tasks(cluster.loop) - before if not task.done()]
