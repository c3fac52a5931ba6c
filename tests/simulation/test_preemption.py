"""A pod that matters takes the place of pods that matter less; the example scheduler on hollow nodes."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.world_of_examples import run_examples

from reconcile import LabelSelector, ObjectMeta, find_condition
from reconcile.api.core.v1 import Container, Pod, PodSpec, ResourceRequirements
from reconcile.api.events.v1 import Event
from reconcile.api.policy.v1 import PodDisruptionBudget, PodDisruptionBudgetSpec
from reconcile.api.scheduling.v1 import PriorityClass
from reconcile.testing.builders import a_node
from reconcile.testing.cluster import Cluster


def pod(name: str, cpu: str, **spec: Any) -> Pod:
    container = Container(name="c", image="web", resources=ResourceRequirements(requests={"cpu": cpu}))
    meta = ObjectMeta(name=name, namespace="default", labels={"app": name})
    return Pod(metadata=meta, spec=PodSpec(containers=[container], **spec))


@pytest.fixture
def cluster(cluster: Cluster) -> Cluster:
    """Two nodes of one core each, and a class of pods that matter."""
    run_examples(cluster, "scheduler", "hollow_nodes")
    for name in ("a", "b"):
        cluster.create(a_node(name).with_capacity(cpu="1").build())
    cluster.create(PriorityClass(metadata=ObjectMeta(name="high"), value=1000))
    cluster.create(PriorityClass(metadata=ObjectMeta(name="polite"), value=1000, preemption_policy="Never"))
    cluster.settle()
    return cluster


def names(cluster: Cluster) -> dict[str, str | None]:
    return {each.metadata.name: each.spec.node_name for each in cluster.list(Pod)}


def reasons(cluster: Cluster, name: str) -> set[str]:
    return {each.reason for each in cluster.list(Event) if each.regarding.name == name}


def test_the_least_that_is_needed_goes(cluster: Cluster) -> None:
    for name, cpu, where in (("large", "900m", "b"), ("half-1", "450m", "a"), ("half-2", "450m", "a")):
        cluster.create(pod(name, cpu, node_selector={"kubernetes.io/hostname": where}))
    cluster.settle()
    cluster.create(pod("important", "800m", priority_class_name="high"))
    cluster.settle()
    # Who has to go has the time that it asked for.
    cluster.advance(seconds=40)
    assert names(cluster) == {"important": "b", "half-1": "a", "half-2": "a"}
    assert reasons(cluster, "large") >= {"Preempted"}
    assert reasons(cluster, "important") >= {"FailedScheduling", "Scheduled"}


def test_who_never_preempts_waits(cluster: Cluster) -> None:
    for name in ("one", "two"):
        cluster.create(pod(name, "900m"))
    cluster.settle()
    cluster.create(pod("patient", "800m", priority_class_name="polite"))
    cluster.settle()
    assert names(cluster)["patient"] is None
    told = find_condition(cluster.get(Pod, "default/patient").status.conditions, "PodScheduled")
    assert told is not None and told.message.endswith("not eligible due to preemptionPolicy=Never.")


def test_a_budget_is_kept_where_that_is_possible(cluster: Cluster) -> None:
    for name in ("guarded", "free"):
        cluster.create(pod(name, "900m"))
        cluster.settle()
    budget = PodDisruptionBudgetSpec(min_available=1, selector=LabelSelector(match_labels={"app": "guarded"}))
    cluster.create(PodDisruptionBudget(metadata=ObjectMeta(name="b", namespace="default"), spec=budget))
    cluster.create(pod("important", "800m", priority_class_name="high"))
    cluster.settle()
    # Who has to go has the time that it asked for.
    cluster.advance(seconds=40)
    assert set(names(cluster)) == {"guarded", "important"}
