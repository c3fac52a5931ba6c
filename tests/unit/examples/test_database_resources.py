"""What a Database is made of, and what its status says."""

from __future__ import annotations

from helpers.example_objects import NOW, pod

from examples.operators.database.model import Database, DatabaseSpec, DatabaseStatus
from examples.operators.database.resources import (
    SIZES,
    backup_for,
    final_backup_for,
    secret_for,
    service_for,
    stateful_set_for,
)
from examples.operators.database.status import deleting_status, status_of
from examples.operators.statefulset.plan import REVISION_LABEL, next_step
from reconcile import ObjectMeta
from reconcile.api.apps.v1 import StatefulSet, StatefulSetSpec, StatefulSetStatus


def database(**spec: object) -> Database:
    metadata = ObjectMeta(name="orders", namespace="shop", uid="u", generation=3)
    return Database(metadata=metadata, spec=DatabaseSpec(**spec))  # type: ignore[arg-type]


def test_a_size_is_replicas_and_resources() -> None:
    for word, size in SIZES.items():
        found = stateful_set_for(database(size=word))
        requests = found.spec.template.spec.containers[0].resources
        assert found.spec.replicas == size.replicas
        assert requests is not None and requests.requests == {"cpu": size.cpu, "memory": size.memory}


def test_names_follow_from_the_database() -> None:
    subject = database(backup=True)
    names = [
        made.metadata.name
        for made in (
            secret_for(subject, "x"),
            service_for(subject),
            stateful_set_for(subject),
            backup_for(subject),
            final_backup_for(subject, 60),
        )
    ]
    assert names == ["orders-credentials", "orders", "orders", "orders-backup", "orders-final-backup"]


def test_backup_pods_are_not_behind_the_service() -> None:
    subject = database(backup=True)
    selector = service_for(subject).spec.selector
    job = final_backup_for(subject, 60)
    assert not selector.items() <= job.spec.template.metadata.labels.items()


def test_storage_becomes_a_claim_and_no_storage_an_empty_dir() -> None:
    with_storage = stateful_set_for(database(storage="10Gi"))
    assert with_storage.spec.volume_claim_templates and not with_storage.spec.template.spec.volumes
    without = stateful_set_for(database())
    assert without.spec.template.spec.volumes[0].empty_dir is not None


def stateful_set(ready: int, wanted: int = 1) -> StatefulSet:
    return StatefulSet(
        metadata=ObjectMeta(generation=1),
        spec=StatefulSetSpec(replicas=wanted),
        status=StatefulSetStatus(
            replicas=wanted, ready_replicas=ready, updated_replicas=wanted, observed_generation=1
        ),
    )


def test_the_phase_follows_the_stateful_set() -> None:
    subject = database()
    subject.status = status_of(subject, None, NOW)
    assert (subject.status.phase, subject.status.endpoint) == ("Provisioning", None)
    subject.status = status_of(subject, stateful_set(1), NOW)
    assert (subject.status.phase, subject.status.endpoint) == ("Ready", "orders.shop.svc:5432")
    (ready,) = subject.status.conditions
    assert (ready.type, ready.status, ready.observed_generation) == ("Ready", "True", 3)
    subject.status = status_of(subject, stateful_set(0), NOW)
    assert subject.status.phase == "Updating"
    assert subject.status.conditions[0].message == "0 of 1 replicas are ready"


def test_nothing_changed_means_the_same_status() -> None:
    subject = database()
    subject.status = status_of(subject, stateful_set(1), NOW)
    assert status_of(subject, stateful_set(1), NOW) == subject.status


def test_a_database_that_goes_says_so() -> None:
    subject = database()
    subject.status = DatabaseStatus(phase="Ready")
    assert deleting_status(subject, "waiting", NOW).phase == "Deleting"
    assert subject.status.phase == "Ready"


def test_numbered_pods_come_in_order_and_go_in_reverse() -> None:
    def numbered(number: int, *, ready: bool = True, revision: str = "r1") -> object:
        return pod(f"db-{number}", ready=10 if ready else None, labels={REVISION_LABEL: revision})

    assert next_step(2, {}, "r1").create == (0,)
    assert next_step(2, {0: numbered(0, ready=False)}, "r1") == next_step(0, {}, "r1")
    assert next_step(2, {0: numbered(0)}, "r1").create == (1,)
    both = {0: numbered(0), 1: numbered(1)}
    assert next_step(1, both, "r1").delete == (both[1],)
    assert next_step(2, both, "r2").delete == (both[1],)
    assert next_step(3, {}, "r1", in_order=False).create == (0, 1, 2)
