"""Both versions of the Database kind at once: what is written as one is read and changed as the other."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.world_of_examples import operator, run_examples

from reconcile import APIError, ObjectMeta
from reconcile.api.apps.v1 import StatefulSet
from reconcile.api.batch.v1 import CronJob
from reconcile.testing.cluster import Cluster
from reconcile.testing.conversions import check_round_trips

KEY = "default/orders"


def versions() -> tuple[Any, Any]:
    found = operator("database")
    return found.Database, found.DatabaseV1Beta1


def old_database(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "example.com/v1beta1",
        "kind": "Database",
        "metadata": {"name": "orders", "namespace": "default"},
        "spec": {"instances": 2, "engine": "postgres-16", "backup": {"schedule": "0 5 * * *"}, **spec},
    }


def test_no_version_loses_what_the_other_one_says() -> None:
    assert check_round_trips(versions()[0], examples=60) >= 100


def test_what_is_written_in_the_old_version_is_a_database_of_the_new_one(cluster: Cluster) -> None:
    new, old = versions()
    run_examples(cluster, "database", "statefulset", "scheduler", "hollow_nodes")
    cluster.create(old_database())
    cluster.settle()
    found = cluster.get(new, KEY)
    assert (found.spec.size, found.spec.version) == ("medium", "16")
    assert (found.spec.backup, found.spec.backup_schedule) == (True, "0 5 * * *")
    stateful_set = cluster.get(StatefulSet, KEY)
    assert stateful_set.spec.replicas == 2
    assert stateful_set.metadata.owner_references[0].api_version == "example.com/v1"
    assert cluster.get(CronJob, "default/orders-backup").spec.schedule == "0 5 * * *"
    same = cluster.get(old, KEY)
    assert (same.spec.instances, same.spec.engine) == (2, "postgres-16")
    assert same.status.state == found.status.phase == "Provisioning"
    assert same.metadata.resource_version == found.metadata.resource_version


def test_a_change_in_either_version_is_seen_in_both(cluster: Cluster) -> None:
    new, old = versions()
    run_examples(cluster, "database")
    cluster.create(new(metadata=ObjectMeta(name="orders", namespace="default"), spec={"size": "small"}))
    cluster.settle()
    cluster.patch(old, KEY, {"spec": {"instances": 3, "backup": {"schedule": "0 6 * * *"}}})
    cluster.settle()
    assert cluster.get(new, KEY).spec.size == "large"
    assert cluster.get(StatefulSet, KEY).spec.replicas == 3
    cluster.patch(new, KEY, {"spec": {"backup": False}})
    cluster.settle()
    without = cluster.get(old, KEY)
    assert without.spec.backup is None
    assert without.metadata.annotations == {"example.com/backup-schedule": "0 6 * * *"}
    assert cluster.get(new, KEY).metadata.annotations == {}
    assert cluster.get(new, KEY).spec.backup_schedule == "0 6 * * *"
    cluster.patch(old, KEY, {"metadata": {"labels": {"team": "red"}}})
    assert cluster.get(new, KEY).spec.backup_schedule == "0 6 * * *"
    assert cluster.get(new, KEY).metadata.labels == {"team": "red"}


def test_the_old_version_is_applied_and_its_owner_keeps_its_fields(cluster: Cluster) -> None:
    new, _ = versions()
    run_examples(cluster, "database")
    cluster.apply(old_database(), field_manager="old")
    cluster.settle()
    cluster.apply(old_database(instances=3), field_manager="old")
    cluster.settle()
    assert cluster.get(new, KEY).spec.size == "large"
    (entry,) = (each for each in cluster.get(new, KEY).metadata.managed_fields if each.manager == "old")
    assert entry.api_version == "example.com/v1beta1"


def test_storage_cannot_be_changed_through_either_version(cluster: Cluster) -> None:
    new, old = versions()
    run_examples(cluster, "database")
    cluster.create(old_database(volume={"size": "1Gi"}))
    with pytest.raises(APIError, match="cannot be changed"):
        cluster.patch(new, KEY, {"spec": {"storage": "2Gi"}})
    with pytest.raises(APIError, match="cannot be changed"):
        cluster.patch(old, KEY, {"spec": {"volume": {"size": "2Gi"}}})


def test_without_the_operator_only_the_stored_version_is_served(cluster: Cluster) -> None:
    new, old = versions()
    process = run_examples(cluster, "database")
    cluster.create(new(metadata=ObjectMeta(name="orders", namespace="default"), spec={"size": "small"}))
    cluster.kill(process)
    assert cluster.get(new, KEY).spec.size == "small"
    with pytest.raises(APIError, match=r"conversion webhook .* failed: .*service \"database\" not found"):
        cluster.get(old, KEY)
    cluster.start(process)
    assert cluster.get(old, KEY).spec.instances == 1
