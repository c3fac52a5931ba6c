"""The life of a pod on a hollow node, and what becomes of a node that is silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from helpers.example_objects import NOW, node, pod

from examples.operators.hollow_nodes.behaviour import (
    EXIT_AFTER,
    EXIT_CODE,
    EXITS,
    IMAGE_PULL_ERROR,
    LIVENESS_FAILS_AFTER,
    READY,
    READY_DELAY,
    STARTUP_DELAY,
)
from examples.operators.hollow_nodes.heartbeat import report
from examples.operators.hollow_nodes.lifecycle import (
    NOT_READY,
    UNREACHABLE,
    taints_for,
    tolerated_seconds,
    with_taints,
)
from examples.operators.hollow_nodes.stages import last_status, next_status, seconds_to_end
from examples.operators.hollow_nodes.timings import Timings
from reconcile import is_true
from reconcile.api.core.v1 import (
    Container,
    ContainerStatus,
    Pod,
    PodReadinessGate,
    PodStatus,
    Probe,
    Toleration,
)

TIMINGS = Timings(start=1.0, init=1.0, ready=2.0, pull=0.5, back_off=10.0, stop=0.5)


class Life:
    """A pod on a node, and a clock."""

    def __init__(self, subject: Pod) -> None:
        self.pod = subject
        self.now = 0.0
        self._known: dict[str, float] = {}

    def age(self, what: str) -> float:
        return self.now - self._known.setdefault(what, self.now)

    def step(self) -> float | None:
        """One look of the kubelet: the seconds until the next one."""
        self.pod.status, wait = next_status(
            self.pod,
            TIMINGS,
            self.age,
            NOW + timedelta(seconds=self.now),
            host_ip="10.0.0.1",
            pod_ip="10.128.0.1",
        )
        return wait

    def live(self, until: float) -> Life:
        """Look whenever there is something to see, up to a time."""
        while (wait := self.step()) is not None and self.now + wait <= until:
            self.now += wait
        return self

    @property
    def status(self) -> PodStatus:
        return self.pod.status

    def reason(self, kind: str) -> tuple[str, str | None]:
        (found,) = [one for one in self.status.conditions if one.type == kind]
        return found.status, found.reason


def fresh(
    annotations: dict[str, str] | None = None,
    *,
    restart: str = "Always",
    init: Sequence[Container] = (),
    probed: bool = False,
) -> Life:
    subject = pod("p", node="n", phase="Pending", annotations=annotations)
    if probed:
        subject.spec.containers[0].readiness_probe = Probe()
    subject.spec.restart_policy = restart
    subject.spec.init_containers = list(init)
    return Life(subject)


def state_of(status: ContainerStatus) -> str:
    state = status.state
    if state.waiting is not None:
        return str(state.waiting.reason)
    return "running" if state.running is not None else "terminated"


def test_a_pod_without_a_probe_is_ready_as_soon_as_it_runs() -> None:
    life = fresh()
    assert life.step() == 1.0
    assert life.reason("Ready") == ("False", "ContainersNotReady")
    life.now = 1.0
    assert life.step() is None
    assert (life.status.phase, life.reason("Ready")) == ("Running", ("True", None))


def test_a_pod_with_a_probe_is_created_runs_and_becomes_ready() -> None:
    life = fresh(probed=True)
    assert life.step() == 1.0
    assert (life.status.phase, state_of(life.status.container_statuses[0])) == (
        "Pending",
        "ContainerCreating",
    )
    assert life.reason("PodReadyToStartContainers") == ("False", None)
    life.now = 1.0
    assert life.step() == 2.0
    assert (life.status.phase, life.reason("Ready")) == ("Running", ("False", "ContainersNotReady"))
    life.now = 3.0
    assert life.step() is None
    assert life.reason("Ready") == ("True", None)
    assert (life.status.pod_ip, life.status.host_ip) == ("10.128.0.1", "10.0.0.1")
    assert life.status.pod_ips[0].ip == "10.128.0.1" and life.status.start_time


def test_a_status_that_is_reached_is_not_changed_again() -> None:
    life = fresh().live(10)
    reached = life.status
    life.now = 100.0
    assert life.step() is None and life.status == reached


def test_a_probe_that_always_fails_never_makes_ready() -> None:
    life = fresh({READY_DELAY: "never"}).live(100)
    assert life.status.phase == "Running" and life.reason("Ready")[0] == "False"


def test_readiness_is_lost_and_comes_back_with_the_probe() -> None:
    life = fresh().live(10)
    life.pod.metadata.annotations = {READY: "false"}
    life.step()
    assert life.reason("Ready") == ("False", "ContainersNotReady")
    life.pod.metadata.annotations = {}
    life.step()
    assert life.reason("Ready")[0] == "True"


def test_a_startup_probe_comes_before_readiness() -> None:
    life = fresh({STARTUP_DELAY: "5"}, probed=True).live(5)
    assert life.status.container_statuses[0].started is False
    life.live(7.5)
    assert life.status.container_statuses[0].started and life.reason("Ready")[0] == "False"
    life.live(8)
    assert life.reason("Ready")[0] == "True"


def test_a_readiness_gate_holds_readiness_back() -> None:
    life = fresh()
    life.pod.spec.readiness_gates = [PodReadinessGate(condition_type="example.com/lb")]
    life.live(10)
    assert life.reason("ContainersReady")[0] == "True"
    assert life.reason("Ready") == ("False", "ReadinessGatesNotReady")


def test_an_image_that_cannot_be_pulled_keeps_the_pod_pending() -> None:
    life = fresh({IMAGE_PULL_ERROR: "yes"})
    told: list[str] = []
    while (wait := life.step()) is not None:
        told.append(state_of(life.status.container_statuses[0]))
        life.now += wait
    told.append(state_of(life.status.container_statuses[0]))
    assert told == ["ContainerCreating", "ErrImagePull", "ImagePullBackOff"]
    assert life.status.phase == "Pending"
    assert life.reason("PodReadyToStartContainers") == ("True", None)


@pytest.mark.parametrize(("code", "phase"), [("0", "Succeeded"), ("3", "Failed")])
def test_an_exit_code_ends_a_pod_that_is_not_restarted(code: str, phase: str) -> None:
    life = fresh({EXIT_CODE: code}, restart="Never").live(10)
    ended = life.status.container_statuses[0].state.terminated
    assert ended is not None and (life.status.phase, ended.exit_code) == (phase, int(code))
    assert life.reason("Ready") == ("False", "PodCompleted" if code == "0" else "PodFailed")


def test_a_container_may_end_as_soon_as_it_runs() -> None:
    life = fresh({EXIT_CODE: "0", EXIT_AFTER: "0"}, restart="Never").live(10)
    assert life.status.phase == "Succeeded"


def test_on_failure_restarts_until_it_works() -> None:
    life = fresh({EXIT_CODE: "1", EXIT_AFTER: "1", EXITS: "1"}, restart="OnFailure").live(100)
    assert life.status.phase == "Running" and life.status.container_statuses[0].restart_count == 1


def test_a_container_that_ends_is_restarted_at_once_and_then_with_longer_pauses() -> None:
    life = fresh({EXIT_CODE: "1", EXIT_AFTER: "1"})
    told: list[tuple[float, str, int]] = []
    while life.now < 40:
        wait = life.step()
        (container,) = life.status.container_statuses
        told.append((life.now, state_of(container), container.restart_count))
        assert wait is not None
        life.now += wait
    assert told == [
        (0.0, "ContainerCreating", 0),
        (1.0, "running", 0),
        (2.0, "terminated", 0),
        (2.0, "running", 1),
        (3.0, "terminated", 1),
        (3.0, "CrashLoopBackOff", 1),
        (13.0, "running", 2),
        (14.0, "terminated", 2),
        (14.0, "CrashLoopBackOff", 2),
        (34.0, "running", 3),
        (35.0, "terminated", 3),
        (35.0, "CrashLoopBackOff", 3),
    ]
    assert life.status.phase == "Running"
    last = life.status.container_statuses[0].last_state.terminated
    assert last is not None and last.exit_code == 1


def test_a_failing_liveness_probe_kills_and_restarts() -> None:
    life = fresh({LIVENESS_FAILS_AFTER: "5"})
    life.live(6)
    last = life.status.container_statuses[0].last_state.terminated
    assert last is not None and last.exit_code == 137
    assert life.status.container_statuses[0].restart_count == 1


def init(name: str, *, sidecar: bool = False) -> Container:
    return Container(name=name, image="init:1", restart_policy="Always" if sidecar else None)


def test_init_containers_run_one_after_the_other_and_sidecars_stay() -> None:
    life = fresh(init=[init("first"), init("proxy", sidecar=True), init("second")])
    told: list[tuple[str, ...]] = []
    while (wait := life.step()) is not None:
        everyone = [*life.status.init_container_statuses, *life.status.container_statuses]
        told.append(tuple(map(state_of, everyone)))
        life.now += wait
    starting = "PodInitializing"
    told.append(tuple(map(state_of, (*life.status.init_container_statuses, *life.status.container_statuses))))
    assert told == [
        (starting,) * 4,
        ("running", starting, starting, starting),
        ("terminated", "running", "running", starting),
        ("terminated", "running", "terminated", "running"),
    ]
    assert life.status.phase == "Running" and life.reason("Ready")[0] == "True"
    assert life.reason("Initialized") == ("True", None)


def test_an_init_container_that_fails_holds_the_pod_up_or_ends_it() -> None:
    fails = {f"{EXIT_CODE}.first": "1"}
    life = fresh(fails, init=[init("first")]).live(20)
    assert life.status.phase == "Pending"
    assert life.reason("Initialized") == ("False", "ContainersNotInitialized")
    assert life.status.init_container_statuses[0].restart_count >= 1
    life = fresh(fails, init=[init("first")], restart="Never").live(20)
    assert life.status.phase == "Failed"


def test_a_deleted_pod_goes_within_its_grace_period() -> None:
    life = Life(pod("p", deleting=True))
    life.pod.metadata.deletion_grace_period_seconds = 30
    assert seconds_to_end(life.pod, TIMINGS, life.age) == 0.5
    life.now = 0.1
    assert seconds_to_end(life.pod, TIMINGS, life.age) == 0.4
    life.pod.metadata.deletion_grace_period_seconds = 0
    assert seconds_to_end(life.pod, TIMINGS, life.age) == 0.0


def test_a_deleted_pods_containers_are_told_to_have_ended_before_it_is_gone() -> None:
    ran = fresh().live(10)
    status = last_status(ran.pod, NOW)
    assert (status.phase, state_of(status.container_statuses[0])) == ("Succeeded", "terminated")
    never_ran = fresh()
    never_ran.step()
    assert last_status(never_ran.pod, NOW).phase == "Failed"


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
