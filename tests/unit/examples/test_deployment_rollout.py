"""The Deployment's decisions: bounds, steps of a rollout, proportional scaling, revisions, conditions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from helpers.example_objects import NOW, deployment, replica_set, template
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.operators.deployment import conditions, proportional, revisions, rolling
from examples.operators.deployment.status import count
from examples.operators.deployment.template import find_new, same_template, template_hash


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (3, 2)),
        (10, None, None, (3, 2)),
        (3, "25%", "25%", (1, 0)),
        (1, "0%", "25%", (0, 1)),
        (4, 0, 0, (0, 1)),
        (2, 0, 5, (0, 2)),
        (10, 1, "100%", (1, 10)),
    ],
)
def test_bounds_round_as_upstream(
    replicas: int, surge: int | str | None, unavailable: int | str | None, expected: tuple[int, int]
) -> None:
    found = rolling.bounds(deployment(replicas, surge=surge, unavailable=unavailable))
    assert (found.surge, found.unavailable) == expected


def test_unhealthy_pods_of_old_revisions_go_first() -> None:
    target = deployment(10, surge=0, unavailable=2)
    broken = replica_set("broken", 5, available=0, age=10)
    healthy = replica_set("healthy", 5, age=100)
    new = replica_set("new", 0, image="web:2")
    assert rolling.room_to_shrink(target, new, [healthy, broken]) == 2
    assert rolling.drop_unhealthy([healthy, broken], 2) == [(broken, 3)]
    broken.spec.replicas = 3
    assert rolling.drop_serving(target, new, [healthy, broken]) == []


@settings(max_examples=150, deadline=None)
@given(
    wanted=st.integers(1, 20),
    surge=st.integers(0, 10),
    unavailable=st.integers(0, 10),
    start=st.integers(1, 20),
    ready_in_a_step=st.integers(1, 5),
)
def test_a_rollout_ends_and_never_leaves_its_bounds(
    wanted: int, surge: int, unavailable: int, start: int, ready_in_a_step: int
) -> None:
    target = deployment(wanted, surge=surge, unavailable=unavailable)
    old = replica_set("old", wanted)
    new = replica_set("new", 0, image="web:2")
    limits = rolling.bounds(target)
    for _ in range(200):
        size = rolling.new_replicas(target, new, [old, new])
        if size != new.spec.replicas:
            new.spec.replicas = size
        else:
            room = rolling.room_to_shrink(target, new, [old])
            for step in (
                lambda: rolling.drop_unhealthy([old], room),  # noqa: B023
                lambda: rolling.drop_serving(target, new, [old]) if room > 0 else [],  # noqa: B023
            ):
                for found, replicas in step():
                    found.spec.replicas = replicas
                    found.status.available_replicas = min(found.status.available_replicas, replicas)
        total = old.spec.replicas + new.spec.replicas
        available = rolling.available(old) + rolling.available(new)
        assert total <= wanted + limits.surge
        assert available >= wanted - limits.unavailable
        ready = min(rolling.available(new) + ready_in_a_step, new.spec.replicas)
        new.status.available_replicas = ready
        if (new.spec.replicas, ready, old.spec.replicas) == (wanted, wanted, 0):
            return
    pytest.fail("the rollout did not end")


def test_scaling_in_mid_rollout_keeps_the_proportions() -> None:
    target = deployment(20, surge=0, unavailable=1)
    annotations = {revisions.DESIRED_REPLICAS: "10", revisions.MAX_REPLICAS: "10"}
    old = replica_set("old", 8, annotations=annotations)
    new = replica_set("new", 2, image="web:2", annotations=annotations)
    assert proportional.is_scaling_event(target, [old, new])
    sizes = {rs.metadata.name: size for rs, size in proportional.scale(target, new, [old])}
    assert sizes == {"old": 16, "new": 4}


def test_what_rounding_leaves_over_goes_to_the_largest() -> None:
    target = deployment(11, surge=0, unavailable=1)
    annotations = {revisions.DESIRED_REPLICAS: "10", revisions.MAX_REPLICAS: "10"}
    sets = [
        replica_set("a", 4, age=3, annotations=annotations),
        replica_set("b", 3, age=2, annotations=annotations),
    ]
    new = replica_set("new", 3, age=1, image="web:2", annotations=annotations)
    sizes = {rs.metadata.name: size for rs, size in proportional.scale(target, new, sets)}
    assert sum(sizes.values()) == 11
    assert sizes["a"] == 5


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=2, max_size=5),
    wanted=st.integers(0, 100),
    surge=st.integers(0, 5),
)
def test_proportional_scaling_gives_out_exactly_what_is_allowed(
    sizes: list[int], wanted: int, surge: int
) -> None:
    target = deployment(wanted, surge=surge, unavailable=1)
    before = {revisions.DESIRED_REPLICAS: str(sum(sizes)), revisions.MAX_REPLICAS: str(sum(sizes) + surge)}
    sets = [replica_set(f"rs{n}", size, age=n, annotations=before) for n, size in enumerate(sizes)]
    new = sets[0]
    new.status.available_replicas = 0
    result = proportional.scale(target, new, sets[1:])
    assert all(size >= 0 for _, size in result)
    assert sum(size for _, size in result) == (wanted + surge if wanted else 0)


def test_the_only_replica_set_with_pods_takes_the_whole_number() -> None:
    old = replica_set("old", 0)
    new = replica_set("new", 3, image="web:2")
    assert proportional.scale(deployment(7), new, [old]) == [(new, 7)]


def test_a_template_is_found_again_under_its_hash_label() -> None:
    target = deployment(1, image="web:2")
    labelled = replica_set("new", 1, image="web:2")
    labelled.spec.template = template("web:2", {"pod-template-hash": "abc"})
    assert find_new(target, [replica_set("old", 1), labelled]) is labelled
    assert same_template(labelled.spec.template, target.spec.template)


def test_the_hash_is_stable_and_moves_with_collisions() -> None:
    one = template("web:1")
    assert template_hash(one) == template_hash(template("web:1"))
    assert len({template_hash(one), template_hash(one, 1), template_hash(template("web:2"))}) == 3


def test_a_rollback_gets_the_next_number_and_remembers_the_old_one() -> None:
    target = deployment(1)
    present = {revisions.REVISION: "1", revisions.REVISION_HISTORY: ""}
    found = revisions.new_annotations(target, present, 4)
    assert (found[revisions.REVISION], found[revisions.REVISION_HISTORY]) == ("4", "1")
    assert revisions.new_annotations(target, found, 4) == found
    again = revisions.new_annotations(target, found, 7)
    assert again[revisions.REVISION_HISTORY] == "1,4"


def test_annotations_of_the_deployment_go_to_its_replica_set_but_not_the_bookkeeping() -> None:
    target = deployment(1)
    target.metadata.annotations = {
        "kubernetes.io/change-cause": "image",
        revisions.REVISION: "9",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    found = revisions.new_annotations(target, {}, 2)
    assert found == {"kubernetes.io/change-cause": "image", revisions.REVISION: "2"}


def test_history_beyond_the_limit_goes_lowest_revision_first_and_only_when_empty() -> None:
    target = deployment(1)
    target.spec.revision_history_limit = 1
    old = [
        replica_set("r1", 0, annotations={revisions.REVISION: "1"}),
        replica_set("r2", 1, annotations={revisions.REVISION: "2"}),
        replica_set("r3", 0, annotations={revisions.REVISION: "3"}),
    ]
    assert [rs.metadata.name for rs in revisions.forgettable(target, old)] == ["r1"]
    target.spec.revision_history_limit = 0
    assert [rs.metadata.name for rs in revisions.forgettable(target, old)] == ["r1", "r3"]


def test_progress_is_reported_then_completion() -> None:
    target = deployment(2)
    new = replica_set("new", 2, available=1, image="web:2")
    status = count(target, new, [new], NOW)
    conditions.report_progress(target, target.status, status, new, NOW)
    progressing = conditions.find(status, conditions.PROGRESSING)
    assert progressing is not None and progressing.reason == conditions.UPDATED
    new.status.available_replicas = 2
    target.status = status
    done = count(target, new, [new], NOW)
    conditions.report_progress(target, target.status, done, new, NOW)
    progressing = conditions.find(done, conditions.PROGRESSING)
    assert progressing is not None
    assert (progressing.status, progressing.reason) == ("True", "NewReplicaSetAvailable")
    assert progressing.message == 'ReplicaSet "new" has successfully progressed.'


def test_no_progress_within_the_deadline_is_reported() -> None:
    target = deployment(2)
    target.spec.progress_deadline_seconds = 60
    new = replica_set("new", 2, available=0, image="web:2")
    target.status = count(target, new, [new], NOW)
    conditions.put(target.status, conditions.PROGRESSING, "True", conditions.UPDATED, "", NOW)
    assert conditions.next_check(target, target.status, NOW) == 61.0
    later = NOW + timedelta(seconds=61)
    status = count(target, new, [new], later)
    conditions.report_progress(target, target.status, status, new, later)
    progressing = conditions.find(status, conditions.PROGRESSING)
    assert progressing is not None
    assert (progressing.status, progressing.reason) == ("False", "ProgressDeadlineExceeded")
    assert conditions.next_check(target, status, later) is None


def test_a_pause_is_told_and_taken_back() -> None:
    target = deployment(1)
    target.spec.paused = True
    conditions.pause_or_resume(target, target.status, NOW)
    paused = conditions.find(target.status, conditions.PROGRESSING)
    assert paused is not None and (paused.status, paused.reason) == ("Unknown", "DeploymentPaused")
    target.spec.paused = False
    conditions.pause_or_resume(target, target.status, NOW)
    resumed = conditions.find(target.status, conditions.PROGRESSING)
    assert resumed is not None and resumed.reason == "DeploymentResumed"


def test_a_replica_sets_failure_is_the_deployments() -> None:
    from reconcile.api.apps.v1 import ReplicaSetCondition

    new = replica_set("new", 1)
    new.status.conditions = [
        ReplicaSetCondition(type="ReplicaFailure", status="True", reason="FailedCreate", message="quota")
    ]
    status = count(deployment(1), new, [new], NOW)
    conditions.report_failures(status, new, [new], NOW)
    failure = conditions.find(status, conditions.REPLICA_FAILURE)
    assert failure is not None and failure.message == "quota"
