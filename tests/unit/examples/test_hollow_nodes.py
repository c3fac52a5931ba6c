"""The life of a pod on a hollow node, and what becomes of a node that is silent."""

from __future__ import annotations

from helpers.example_objects import NOW, node, pod

from examples.operators.hollow_nodes.heartbeat import report
from examples.operators.hollow_nodes.lifecycle import (
    NOT_READY,
    UNREACHABLE,
    taints_for,
    tolerated_seconds,
    with_taints,
)
from examples.operators.hollow_nodes.stages import (
    EXIT_CODE,
    IMAGE_PULL_ERROR,
    READY_DELAY,
    Ages,
    next_status,
    seconds_to_end,
)
from examples.operators.hollow_nodes.timings import Timings
from reconcile import is_true
from reconcile.api.core.v1 import Pod, Toleration

TIMINGS = Timings(start=1.0, ready=2.0, stop=0.5)


def step(subject: Pod, on_node: float, running: float = 0.0) -> float | None:
    ages = Ages(on_node=on_node, running=running)
    subject.status, wait = next_status(subject, TIMINGS, ages, NOW, host_ip="10.0.0.1", pod_ip="10.128.0.1")
    return wait


def fresh(**annotations: str) -> Pod:
    return pod("p", node="n", phase="Pending", annotations=annotations)


def test_a_pod_is_created_runs_and_becomes_ready() -> None:
    subject = fresh()
    assert step(subject, 0.0) == 1.0
    waiting = subject.status.container_statuses[0].state.waiting
    assert subject.status.phase == "Pending"
    assert waiting is not None and waiting.reason == "ContainerCreating"
    assert step(subject, 1.0) == 2.0
    assert (subject.status.phase, is_true(subject.status.conditions, "Ready")) == ("Running", False)
    assert step(subject, 3.0, running=2.0) is None
    assert is_true(subject.status.conditions, "Ready")
    assert subject.status.pod_ip == "10.128.0.1"


def test_a_status_that_is_reached_is_not_changed_again() -> None:
    subject = fresh()
    for on_node, running in ((0.0, 0.0), (1.0, 0.0), (3.0, 2.0)):
        step(subject, on_node, running)
    reached = subject.status
    step(subject, 100.0, running=99.0)
    assert subject.status == reached


def test_a_probe_that_always_fails_never_makes_ready() -> None:
    subject = fresh(**{READY_DELAY: "never"})
    step(subject, 0.0)
    step(subject, 1.0)
    assert step(subject, 100.0, running=99.0) is None
    assert not is_true(subject.status.conditions, "Ready")


def test_an_image_that_cannot_be_pulled_keeps_the_pod_pending() -> None:
    subject = fresh(**{IMAGE_PULL_ERROR: "yes"})
    step(subject, 0.0)
    assert step(subject, 5.0) is None
    waiting = subject.status.container_statuses[0].state.waiting
    assert waiting is not None and waiting.reason == "ImagePullBackOff"


def test_an_exit_code_ends_the_pod() -> None:
    for code, phase in (("0", "Succeeded"), ("3", "Failed")):
        subject = fresh(**{EXIT_CODE: code})
        step(subject, 0.0)
        assert step(subject, 1.0) == 2.0
        assert step(subject, 3.0, running=2.0) is None
        ended = subject.status.container_statuses[0].state.terminated
        assert subject.status.phase == phase
        assert ended is not None and ended.exit_code == int(code)


def test_a_deleted_pod_goes_within_its_grace_period() -> None:
    leaving = pod("p", deleting=True)
    leaving.metadata.deletion_grace_period_seconds = 30
    assert seconds_to_end(leaving, TIMINGS, Ages(deleting=0.1)) == 0.4
    leaving.metadata.deletion_grace_period_seconds = 0
    assert seconds_to_end(leaving, TIMINGS, Ages()) == 0.0


def test_a_node_reports_itself_once() -> None:
    subject = node("n")
    subject.status.allocatable = {}
    assert report(subject, NOW)
    assert is_true(subject.status.conditions, "Ready")
    assert subject.status.allocatable["pods"] == "110"
    assert not report(subject, NOW)


def test_health_taints_follow_the_health_and_leave_others_alone() -> None:
    subject = node("n", taints=[("pool", "db", "NoSchedule")])
    assert with_taints(subject, taints_for("Unknown"), "t")
    assert [(taint.key, taint.effect) for taint in subject.spec.taints] == [
        ("pool", "NoSchedule"),
        (UNREACHABLE, "NoSchedule"),
        (UNREACHABLE, "NoExecute"),
    ]
    assert not with_taints(subject, taints_for("Unknown"), "t")
    assert with_taints(subject, taints_for("False"), "t")
    assert {taint.key for taint in subject.spec.taints} == {"pool", NOT_READY}
    assert with_taints(subject, taints_for("True"), "t")
    assert [taint.key for taint in subject.spec.taints] == ["pool"]


def test_tolerations_say_how_long_a_pod_stays() -> None:
    taints = (UNREACHABLE,)
    assert tolerated_seconds([], taints) == 0.0
    seconds = Toleration(key=UNREACHABLE, operator="Exists", effect="NoExecute", toleration_seconds=7)
    assert tolerated_seconds([seconds], taints) == 7.0
    assert tolerated_seconds([Toleration(operator="Exists")], taints) == float("inf")
    assert tolerated_seconds([seconds], ()) == float("inf")
