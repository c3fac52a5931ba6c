"""The scheduler's decisions, one plugin after the other, in kube-scheduler's words."""

from __future__ import annotations

import random
from typing import Any

from helpers.example_objects import node, pod
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.operators.scheduler.cycle import Decision, decide
from examples.operators.scheduler.pods import pod_info
from examples.operators.scheduler.profile import default_profile
from examples.operators.scheduler.resources import pod_requests
from examples.operators.scheduler.snapshot import Snapshot
from reconcile import LabelSelector
from reconcile.api.core.v1 import (
    Affinity,
    Container,
    ContainerPort,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    PodSpec,
    PreferredSchedulingTerm,
    ResourceRequirements,
    Toleration,
    TopologySpreadConstraint,
    WeightedPodAffinityTerm,
)

WEB = LabelSelector(match_labels={"app": "web"})
ZONE = "topology.kubernetes.io/zone"


def cluster(*nodes: Any, pods: list[Any] | None = None) -> Snapshot:
    snapshot = Snapshot()
    for each in nodes:
        snapshot.set_node(each.metadata.name, each)
    for each in pods or []:
        snapshot.set_pod(pod_info(each))
    return snapshot


def choose(snapshot: Snapshot, waiting: Any) -> Decision:
    return decide(default_profile(), snapshot, pod_info(waiting), random.Random(1))


def test_without_nodes_it_says_so() -> None:
    assert choose(Snapshot(), pod("p")).message == "no nodes available to schedule pods"


def test_reasons_are_counted_and_sorted_as_upstream_does() -> None:
    snapshot = cluster(
        node("cordoned", unschedulable=True),
        node("small-1", cpu="100m"),
        node("small-2", cpu="100m"),
        node("tainted", taints=[("dedicated", "db", "NoSchedule")]),
    )
    decision = choose(snapshot, pod("p", requests={"cpu": "1"}))
    assert decision.message == (
        "0/4 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, "
        "2 Insufficient cpu. no new claims to deallocate, preemption: 0/4 nodes are available: "
        "4 Preemption is not helpful for scheduling."
    )
    assert decision.rejected_by == {"NodeUnschedulable", "NodeResourcesFit", "TaintToleration"}


def test_every_missing_resource_is_named() -> None:
    snapshot = cluster(node("n", cpu="1", memory="1Gi", pods="0"))
    decision = choose(snapshot, pod("p", requests={"cpu": "2", "memory": "2Gi", "example.com/gpu": "1"}))
    assert decision.message == (
        "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/gpu, 1 Insufficient memory, "
        "1 Too many pods. no new claims to deallocate, preemption: 0/1 nodes are available: "
        "1 Preemption is not helpful for scheduling."
    )


def test_pods_on_a_node_and_assumed_ones_count() -> None:
    snapshot = cluster(node("n", cpu="1"), pods=[pod("there", node="n", requests={"cpu": "600m"})])
    waiting = pod("p", requests={"cpu": "400m"})
    assert choose(snapshot, waiting).node == "n"
    snapshot.assume(pod_info(waiting), "n")
    assert choose(snapshot, pod("q", requests={"cpu": "1m"})).node == ""
    snapshot.forget(pod_info(waiting))
    assert choose(snapshot, pod("q", requests={"cpu": "1m"})).node == "n"


def test_the_emptier_node_is_preferred() -> None:
    snapshot = cluster(node("busy"), node("empty"), pods=[pod("x", node="busy", requests={"cpu": "2"})])
    assert choose(snapshot, pod("p", requests={"cpu": "100m", "memory": "100Mi"})).node == "empty"


def test_a_toleration_opens_a_tainted_node() -> None:
    snapshot = cluster(node("tainted", taints=[("pool", "db", "NoSchedule")]))
    tolerant = PodSpec(
        tolerations=[Toleration(key="pool", operator="Equal", value="db", effect="NoSchedule")]
    )
    assert choose(snapshot, pod("p")).node == ""
    assert choose(snapshot, pod("p", spec=tolerant)).node == "tainted"
    wrong = PodSpec(tolerations=[Toleration(key="pool", operator="Equal", value="web")])
    assert choose(snapshot, pod("p", spec=wrong)).node == ""


def test_a_node_that_would_rather_not_is_taken_last() -> None:
    snapshot = cluster(node("rather-not", taints=[("disk", "slow", "PreferNoSchedule")]), node("fine"))
    assert choose(snapshot, pod("p")).node == "fine"


def test_node_affinity_required_and_preferred() -> None:
    snapshot = cluster(
        node("a", labels={"disk": "ssd", "n": "5"}), node("b", labels={"disk": "ssd", "n": "9"})
    )

    def term(key: str, operator: str, *values: str) -> NodeSelectorTerm:
        requirement = NodeSelectorRequirement(key=key, operator=operator, values=list(values))
        return NodeSelectorTerm(match_expressions=[requirement])

    def affine(required: NodeSelectorTerm, *preferred: NodeSelectorTerm) -> PodSpec:
        return PodSpec(
            affinity=Affinity(
                node_affinity=NodeAffinity(
                    required_during_scheduling_ignored_during_execution=NodeSelector(
                        node_selector_terms=[required]
                    ),
                    preferred_during_scheduling_ignored_during_execution=[
                        PreferredSchedulingTerm(weight=100, preference=each) for each in preferred
                    ],
                )
            )
        )

    assert choose(snapshot, pod("p", spec=affine(term("n", "Gt", "7")))).node == "b"
    assert choose(snapshot, pod("p", spec=affine(term("disk", "Exists"), term("n", "Lt", "7")))).node == "a"
    refused = choose(snapshot, pod("p", spec=affine(term("disk", "NotIn", "ssd"))))
    assert refused.message.startswith(
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. "
    )
    by_selector = choose(snapshot, pod("p", spec=PodSpec(node_selector={"n": "9"})))
    assert by_selector.node == "b"


def test_a_host_port_is_taken_once() -> None:
    def with_port(address: str | None = None) -> PodSpec:
        port = ContainerPort(container_port=80, host_port=80, host_ip=address)
        return PodSpec(containers=[Container(name="c", image="web", ports=[port])])

    snapshot = cluster(node("n"), pods=[pod("there", node="n", spec=with_port("10.0.0.1"))])
    assert choose(snapshot, pod("p", spec=with_port("10.0.0.2"))).node == "n"
    refused = choose(snapshot, pod("p", spec=with_port()))
    assert "didn't have free ports for the requested pod ports" in refused.message


def near(kind: str, *, required: bool = True) -> PodSpec:
    term = PodAffinityTerm(topology_key=ZONE, label_selector=WEB)
    parts: dict[str, Any] = (
        {"required_during_scheduling_ignored_during_execution": [term]}
        if required
        else {
            "preferred_during_scheduling_ignored_during_execution": [
                WeightedPodAffinityTerm(weight=100, pod_affinity_term=term)
            ]
        }
    )
    if kind == "near":
        return PodSpec(affinity=Affinity(pod_affinity=PodAffinity(**parts)))
    return PodSpec(affinity=Affinity(pod_anti_affinity=PodAntiAffinity(**parts)))


def zones() -> tuple[Any, Any]:
    return node("a1", labels={ZONE: "a"}), node("b1", labels={ZONE: "b"})


def test_affinity_and_anti_affinity_between_pods() -> None:
    snapshot = cluster(*zones(), pods=[pod("web", node="a1")])
    assert choose(snapshot, pod("p", labels={}, spec=near("near"))).node == "a1"
    assert choose(snapshot, pod("p", labels={}, spec=near("apart"))).node == "b1"
    assert choose(snapshot, pod("p", labels={}, spec=near("near", required=False))).node == "a1"
    assert choose(snapshot, pod("p", labels={}, spec=near("apart", required=False))).node == "b1"


def test_the_first_of_a_series_that_wants_to_be_together_may_start() -> None:
    assert choose(cluster(*zones()), pod("p", spec=near("near"))).node != ""
    refused = choose(cluster(*zones()), pod("p", labels={}, spec=near("near")))
    assert "2 node(s) didn't match pod affinity rules" in refused.message


def test_a_running_pod_keeps_others_away() -> None:
    snapshot = cluster(zones()[0], pods=[pod("alone", node="a1", spec=near("apart"))])
    refused = choose(snapshot, pod("p"))
    assert "1 node(s) didn't satisfy existing pods anti-affinity rules" in refused.message


def spread(when: str, skew: int = 1) -> PodSpec:
    constraint = TopologySpreadConstraint(
        max_skew=skew, topology_key=ZONE, when_unsatisfiable=when, label_selector=WEB
    )
    return PodSpec(topology_spread_constraints=[constraint])


def test_spread_refuses_what_would_be_too_uneven() -> None:
    snapshot = cluster(*zones(), pods=[pod("w1", node="a1")])
    assert choose(snapshot, pod("p", spec=spread("DoNotSchedule"))).node == "b1"
    assert choose(snapshot, pod("p", spec=spread("ScheduleAnyway"))).node == "b1"
    unlabelled = cluster(node("bare"))
    refused = choose(unlabelled, pod("p", spec=spread("DoNotSchedule")))
    assert "didn't match pod topology spread constraints (missing required label)" in refused.message


@settings(max_examples=60, deadline=None)
@given(placed=st.lists(st.sampled_from("abc"), max_size=12), skew=st.integers(1, 3))
def test_a_hard_spread_constraint_always_holds(placed: list[str], skew: int) -> None:
    snapshot = cluster(*(node(f"{zone}1", labels={ZONE: zone}) for zone in "abc"))
    counts = dict.fromkeys("abc", 0)
    for number in range(len(placed)):
        waiting = pod(f"p{number}", spec=spread("DoNotSchedule", skew))
        chosen = choose(snapshot, waiting).node
        assert chosen
        snapshot.assume(pod_info(waiting), chosen)
        counts[chosen[0]] += 1
        assert max(counts.values()) - min(counts.values()) <= skew


def test_init_containers_and_sidecars_count_at_the_hungriest_moment() -> None:
    def container(cpu: str, policy: str | None = None) -> Container:
        return Container(
            name="c", image="i", restart_policy=policy, resources=ResourceRequirements(requests={"cpu": cpu})
        )

    spec = PodSpec(
        init_containers=[container("100m", "Always"), container("2")],
        containers=[container("500m"), container("500m")],
        overhead={"cpu": "50m"},
    )
    assert pod_requests(spec)["cpu"] == 2150
