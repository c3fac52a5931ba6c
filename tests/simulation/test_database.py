"""The Database operator through a whole life, on nodes that run its pods, and when its process dies."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.world_of_examples import operator, run_examples

from reconcile import ObjectMeta, condition, set_condition
from reconcile.api.apps.v1 import StatefulSet
from reconcile.api.batch.v1 import CronJob, Job
from reconcile.api.core.v1 import Pod, Secret, Service
from reconcile.testing.builders import a_node
from reconcile.testing.cluster import Cluster
from reconcile.testing.process import Process

KEY = "default/orders"
OWNED = (Secret, Service, StatefulSet, CronJob)


def database(**spec: Any) -> Any:
    model = operator("database").model
    meta = ObjectMeta(name="orders", namespace="default")
    return model.Database(metadata=meta, spec=model.DatabaseSpec(**spec))


def run_operators(cluster: Cluster) -> Process:
    for number in range(3):
        cluster.create(a_node(f"node-{number}").build())
    return run_examples(cluster, "database", "statefulset", "scheduler", "hollow_nodes")


def owned(cluster: Cluster) -> dict[str, int]:
    return {kind.__name__: len(cluster.list(kind, namespace="default")) for kind in OWNED}


def test_a_database_lives_and_goes(cluster: Cluster) -> None:
    run_operators(cluster)
    kind = type(cluster.create(database(backup=True)))
    cluster.settle()
    made = cluster.get(kind, KEY)
    assert made.status.phase == "Ready"
    assert made.metadata.finalizers == ["example.com/final-backup"]
    assert owned(cluster) == {"Secret": 1, "Service": 1, "StatefulSet": 1, "CronJob": 1}

    cluster.patch(kind, KEY, {"spec": {"size": "medium", "backup": False}})
    cluster.settle()
    changed = cluster.get(kind, KEY)
    assert changed.status.phase == "Ready"
    assert changed.status.observed_generation == changed.metadata.generation
    assert owned(cluster)["CronJob"] == 0

    cluster.patch(kind, KEY, {"spec": {"backup": True}})
    cluster.settle()
    cluster.delete(kind, KEY)
    cluster.advance(seconds=10)
    assert cluster.get(kind, KEY).status.phase == "Deleting"
    (job,) = cluster.list(Job, namespace="default")
    moment = cluster.call(now(cluster))
    job.status.start_time = job.status.completion_time = moment
    for name in ("SuccessCriteriaMet", "Complete"):
        set_condition(job.status.conditions, condition(name, True, "Done"), now=moment)
    cluster.call(finish(cluster, job))
    cluster.settle()
    assert cluster.get_or_none(kind, KEY) is None
    cluster.advance(minutes=1)
    assert not any(owned(cluster).values())
    assert not cluster.list(Job, namespace="default")
    assert not cluster.list(Pod, namespace="default")


def test_a_last_backup_that_never_ends_is_given_up(cluster: Cluster) -> None:
    run_operators(cluster)
    kind = type(cluster.create(database(backup=True)))
    cluster.settle()
    cluster.delete(kind, KEY)
    cluster.advance(seconds=110)
    assert cluster.get_or_none(kind, KEY) is not None
    cluster.advance(seconds=20)
    assert cluster.get_or_none(kind, KEY) is None


@pytest.mark.parametrize("nth", range(1, 13))
def test_whenever_its_process_dies_there_is_one_password(cluster: Cluster, nth: int) -> None:
    history = cluster.record()
    process = run_examples(cluster, "database")
    process.die_after_write(nth, restart_after=0.5)
    kind = type(cluster.create(database(backup=True)))
    cluster.settle()
    cluster.delete(kind, KEY)
    cluster.settle()
    assert process.deaths == 1
    assert [write.what for write in history.of("secrets")] == ["ADDED", "DELETED"]
    assert cluster.get_or_none(kind, KEY) is None


async def now(cluster: Cluster) -> Any:
    return cluster.runtime.now()


async def finish(cluster: Cluster, job: Job) -> None:
    await cluster.client.update_status(job)
