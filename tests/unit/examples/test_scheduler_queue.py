"""The scheduler's queue: who is tried next, who waits for how long, and what brings a pod back."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.example_objects import node, pod

from examples.operators.scheduler.events import Change, ClusterEvent
from examples.operators.scheduler.nodes import NodeInfo
from examples.operators.scheduler.plugins.scheduling_gates import SchedulingGates
from examples.operators.scheduler.pods import PodInfo, pod_info
from examples.operators.scheduler.profile import default_profile
from examples.operators.scheduler.queue import Place, QueuedPod, SchedulingQueue
from examples.operators.scheduler.snapshot import Snapshot
from reconcile.api.core.v1 import Container, Node, Pod, PodSchedulingGate, PodSpec, ResourceRequirements

FIT = frozenset({"NodeResourcesFit"})
ERROR: frozenset[str] = frozenset()


def queue() -> SchedulingQueue:
    gates = SchedulingGates()
    plugins = {"default-scheduler": (gates, *default_profile().plugins)}
    return SchedulingQueue(
        lambda pod, since: (-pod.priority, since), plugins, lambda pod: gates.pre_enqueue(pod, Snapshot())
    )


def waiting(name: str = "p", **spec: Any) -> PodInfo:
    container = Container(name="c", resources=ResourceRequirements(requests={"cpu": "1"}))
    made = pod(name, spec=PodSpec(containers=[container], **spec))
    made.metadata.uid = f"uid of {name}"
    return pod_info(made)


def gone(name: str = "other") -> ClusterEvent:
    """A pod that had a node is gone, and with it what it took."""
    return ClusterEvent(Pod, Change.DELETED, pod_info(pod(name, node="n", requests={"cpu": "1"})))


def popped(queue: SchedulingQueue, now: float) -> QueuedPod:
    found = queue.pop(now)
    assert found is not None
    return found


def refuse(queue: SchedulingQueue, now: float, by: frozenset[str] = FIT) -> QueuedPod:
    """Take the next pod, and have it refused."""
    taken = popped(queue, now)
    queue.refused(taken, now, by)
    return taken


def test_who_matters_most_is_first_then_who_waits_longest() -> None:
    waits = queue()
    waits.add(waiting("late"), 2.0)
    waits.add(waiting("early"), 1.0)
    waits.add(waiting("important", priority=10), 3.0)
    assert [popped(waits, 4.0).pod.key.name for _ in range(3)] == ["important", "early", "late"]


def test_each_refusal_doubles_the_wait_up_to_ten_seconds() -> None:
    waits = queue()
    waits.add(waiting(), 0.0)
    taken = refuse(waits, 0.0)
    ends = [taken.backoff_ends]
    for _ in range(5):
        waits.happened(gone(), 0.0)
        refuse(waits, 0.0)
        ends.append(taken.backoff_ends)
    # The end of the window of a second in which the wait is over.
    assert ends == [2.0, 3.0, 5.0, 9.0, 11.0, 11.0]


def test_nobody_else_is_ready_who_backs_off_is_tried_at_once() -> None:
    waits = queue()
    waits.add(waiting(), 0.0)
    taken = refuse(waits, 0.0)
    assert waits.pop(0.1) is None
    waits.happened(gone(), 0.1)
    assert waits.place(taken.pod.key) is Place.BACKOFF
    assert waits.pop(0.1) is taken


def test_who_backs_off_lets_others_go_first() -> None:
    waits = queue()
    waits.add(waiting("refused", priority=10), 0.0)
    refuse(waits, 0.0)
    waits.happened(gone(), 0.1)
    waits.add(waiting("fresh"), 0.1)
    assert popped(waits, 0.2).pod.key.name == "fresh"


def test_a_pod_that_failed_waits_in_any_case() -> None:
    waits = queue()
    waits.add(waiting(), 0.0)
    taken = refuse(waits, 0.0, ERROR)
    assert waits.pop(1.9) is None
    assert waits.next_time() == 2.0
    assert waits.pop(2.0) is taken


def test_only_what_may_help_brings_a_pod_back() -> None:
    waits = queue()
    waits.add(waiting(), 0.0)
    taken = refuse(waits, 0.0)
    small, large = NodeInfo("small"), NodeInfo("large")
    small.set_node(node("small", cpu="500m"))
    large.set_node(node("large", cpu="4"))
    unbound = pod_info(pod("other", requests={"cpu": "1"}))
    for event in (
        ClusterEvent(Node, Change.ADDED, None, small),
        ClusterEvent(Node, Change.NODE_LABELS, small, large),
        ClusterEvent(Pod, Change.ADDED, None, gone().old),
        ClusterEvent(Pod, Change.DELETED, unbound),
    ):
        waits.happened(event, 1.0)
        assert waits.place(taken.pod.key) is Place.UNSCHEDULABLE
    waits.happened(ClusterEvent(Node, Change.ADDED, None, large), 100.0)
    assert waits.place(taken.pod.key) is Place.ACTIVE


def test_a_hint_that_fails_counts_as_yes() -> None:
    waits = queue()
    waits.add(waiting(), 0.0)
    taken = refuse(waits, 0.0)
    waits.happened(ClusterEvent(Pod, Change.DELETED, None, None), 100.0)
    assert waits.place(taken.pod.key) is Place.ACTIVE


def test_what_happens_while_a_pod_is_decided_is_not_missed() -> None:
    waits = queue()
    waits.add(waiting("first"), 0.0)
    waits.add(waiting("second"), 0.0)
    waits.add(waiting("third"), 0.0)
    first, second = popped(waits, 0.0), popped(waits, 0.0)
    waits.happened(gone(), 0.0)
    third = popped(waits, 0.0)
    for taken in (first, second, third):
        waits.refused(taken, 0.0, FIT)
    places = [waits.place(taken.pod.key) for taken in (first, second, third)]
    assert places == [Place.BACKOFF, Place.BACKOFF, Place.UNSCHEDULABLE]


def test_a_binding_that_failed_later_does_not_wait_for_an_event() -> None:
    waits = queue()
    waits.add(waiting(), 0.0)
    taken = popped(waits, 0.0)
    waits.done(taken)
    waits.refused(taken, 0.0, frozenset({"VolumeBinding"}))
    assert waits.place(taken.pod.key) is Place.BACKOFF


def test_what_was_pending_is_tried_without_backoff() -> None:
    waits = queue()
    waits.add(waiting(), 0.0)
    taken = popped(waits, 0.0)
    waits.refused(taken, 0.0, frozenset(), FIT)
    assert waits.place(taken.pod.key) is Place.UNSCHEDULABLE
    waits.happened(gone(), 0.0)
    assert waits.place(taken.pod.key) is Place.ACTIVE


def test_a_gated_pod_waits_until_its_last_gate_is_lifted() -> None:
    waits = queue()
    gates = [PodSchedulingGate(name="a"), PodSchedulingGate(name="b")]
    two, one, none = (waiting(scheduling_gates=gates[:count]) for count in (2, 1, 0))
    waits.add(two, 0.0)
    assert waits.pop(1000.0) is None
    waits.happened(gone(), 1000.0)
    waits.update(two, one, 1000.0)
    assert waits.pop(1000.0) is None
    waits.update(one, none, 1001.0)
    assert popped(waits, 1001.0).pod is none


def test_a_change_of_the_pod_itself_may_help_it() -> None:
    waits = queue()
    large = waiting()
    waits.add(large, 0.0)
    refuse(waits, 0.0)
    labelled = pod_info(pod("p", labels={"a": "b"}, requests={"cpu": "1"}))
    waits.update(large, labelled, 1.0)
    assert waits.place(large.key) is Place.UNSCHEDULABLE
    smaller = pod_info(pod("p", requests={"cpu": "500m"}))
    waits.update(labelled, smaller, 100.0)
    assert popped(waits, 100.0).pod is smaller


def test_a_pod_that_is_gone_is_not_tried() -> None:
    waits = queue()
    for name in ("a", "b"):
        waits.add(waiting(name), 0.0)
    waits.remove(waiting("a").key)
    assert popped(waits, 0.0).pod.key.name == "b"
    assert waits.pop(0.0) is None
    assert len(waits) == 0


@pytest.mark.parametrize("now", [300.0, 1000.0])
def test_nobody_waits_for_ever(now: float) -> None:
    waits = queue()
    waits.add(waiting(), 0.0)
    taken = refuse(waits, 0.0)
    assert waits.next_time() == 300.0
    assert waits.pop(299.0) is None
    assert waits.pop(now) is taken
