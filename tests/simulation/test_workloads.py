"""Deployments, ReplicaSets and the scheduler of the examples, with what must hold at every single write."""

from __future__ import annotations

import pytest
from helpers.world_of_examples import Pods, run_examples, run_workloads

from reconcile import LabelSelector
from reconcile.api.apps.v1 import Deployment, DeploymentStrategy, ReplicaSet, RollingUpdateDeployment
from reconcile.api.core.v1 import (
    Affinity,
    Node,
    Pod,
    PodAffinityTerm,
    PodAntiAffinity,
    TopologySpreadConstraint,
)
from reconcile.testing.builders import a_deployment, a_node, a_pod, a_replica_set
from reconcile.testing.cluster import Cluster

NEW = "example.com/main:2"


def rolling(replicas: int, *, surge: int | str, unavailable: int | str) -> Deployment:
    deployment = a_deployment("web").with_replicas(replicas).build()
    limits = RollingUpdateDeployment(max_surge=surge, max_unavailable=unavailable)
    deployment.spec.strategy = DeploymentStrategy(type="RollingUpdate", rolling_update=limits)
    return deployment


def set_image(cluster: Cluster, image: str) -> None:
    containers = [{"name": "main", "image": image}]
    cluster.patch(
        Deployment,
        "default/web",
        {"spec": {"template": {"spec": {"containers": containers}}}},
        type="strategic",
    )


def scale(cluster: Cluster, replicas: int) -> None:
    cluster.patch(Deployment, "default/web", {"spec": {"replicas": replicas}})


def images(cluster: Cluster) -> set[str]:
    return {pod.spec.containers[0].image for pod in cluster.list(Pod, namespace="default")}


nightly = pytest.mark.nightly


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "most", "least"),
    [
        (4, 1, 0, 5, 4),
        pytest.param(4, 0, 1, 4, 3, marks=nightly),
        (10, "25%", "25%", 13, 8),
        pytest.param(10, "100%", "0%", 20, 10, marks=nightly),
    ],
)
@pytest.mark.parametrize("lag", [0.0, 0.7, pytest.param(1.5, marks=nightly)])
def test_a_roll_stays_within_its_bounds_at_every_write(
    cluster: Cluster,
    replicas: int,
    surge: int | str,
    unavailable: int | str,
    most: int,
    least: int,
    lag: float,
) -> None:
    process = run_workloads(cluster)
    cluster.create(rolling(replicas, surge=surge, unavailable=unavailable))
    cluster.settle()

    def check(pods: Pods) -> None:
        assert len(pods.staying) <= most, f"{len(pods.staying)} pods at {cluster.time}"
        assert len(pods.ready) >= least, f"{len(pods.ready)} ready pods at {cluster.time}"

    pods = Pods(cluster)
    pods.all = {pod.key: pod for pod in cluster.list(Pod, namespace="default")}
    assert len(pods.ready) == replicas
    pods.check = check
    process.lag_watches(lag)
    set_image(cluster, NEW)
    # Where a watch lags longer than a heartbeat lasts there is always one on its way, and never rest.
    cluster.advance(minutes=3)
    process.lag_watches(0.0)
    cluster.settle()
    assert images(cluster) == {NEW}
    assert len(cluster.list(Pod, namespace="default")) == replicas
    assert pods.checks > 4 * replicas


def test_a_scale_in_the_middle_of_a_roll_and_a_roll_back(cluster: Cluster) -> None:
    run_workloads(cluster)
    cluster.create(rolling(4, surge=1, unavailable=0))
    cluster.settle()
    (first,) = cluster.list(ReplicaSet, namespace="default")
    set_image(cluster, NEW)
    cluster.advance(seconds=1.2)
    assert len(images(cluster)) == 2
    scale(cluster, 6)
    cluster.settle()
    assert images(cluster) == {NEW}
    assert cluster.get(Deployment, "default/web").status.available_replicas == 6
    set_image(cluster, "example.com/main:1")
    cluster.settle()
    assert images(cluster) == {"example.com/main:1"}
    assert cluster.get(ReplicaSet, first.key).spec.replicas == 6
    revision = "deployment.kubernetes.io/revision"
    assert cluster.get(Deployment, "default/web").metadata.annotations[revision] == "3"
    assert cluster.get(ReplicaSet, first.key).metadata.annotations[revision] == "3"


def test_a_paused_roll_waits(cluster: Cluster) -> None:
    run_workloads(cluster)
    cluster.create(rolling(4, surge=1, unavailable=0))
    cluster.settle()
    cluster.patch(Deployment, "default/web", {"spec": {"paused": True}})
    set_image(cluster, NEW)
    cluster.settle()
    assert images(cluster) == {"example.com/main:1"}
    cluster.patch(Deployment, "default/web", {"spec": {"paused": False}})
    cluster.settle()
    assert images(cluster) == {NEW}


def test_a_finished_roll_forgets_what_the_history_need_not_keep(cluster: Cluster) -> None:
    run_workloads(cluster)
    deployment = rolling(2, surge=1, unavailable=0)
    deployment.spec.revision_history_limit = 1
    cluster.create(deployment)
    for version in range(2, 5):
        cluster.settle()
        set_image(cluster, f"example.com/main:{version}")
    cluster.settle()
    kept = {
        replica_set.spec.template.spec.containers[0].image
        for replica_set in cluster.list(ReplicaSet, namespace="default")
    }
    assert kept == {"example.com/main:3", "example.com/main:4"}


@pytest.mark.parametrize("death", [None, 1, 2, 3, *(pytest.param(nth, marks=nightly) for nth in range(4, 8))])
@pytest.mark.parametrize("lag", [0.0, 2.0])
def test_a_replica_set_never_makes_too_many(cluster: Cluster, death: int | None, lag: float) -> None:
    def check(pods: Pods) -> None:
        assert pods.per_owner()["web"] <= 3, f"{pods.per_owner()} at {cluster.time}"

    process = run_examples(cluster, "replicaset")
    pods = Pods(cluster, check)
    process.lag_watches(lag)
    if death is not None:
        process.die_after_write(death, restart_after=0.5)
    cluster.create(a_replica_set("web").with_replicas(3).build())
    cluster.settle()
    assert len(pods.staying) == 3
    cluster.delete(pods.staying[0], grace_period_seconds=0)
    cluster.settle()
    assert len(pods.staying) == 3
    if death is not None:
        assert process.deaths == 1


def test_nothing_is_put_where_there_is_no_room(cluster: Cluster) -> None:
    def check(pods: Pods) -> None:
        assert all(cpu <= 4.0 for cpu in pods.requested("cpu").values()), pods.requested("cpu")

    process = run_workloads(cluster, nodes=3)
    process.lag_watches(0.5)
    pods = Pods(cluster, check)
    for number in range(12):
        cluster.create(a_pod(f"pod-{number}").requesting(cpu="1200m").build())
    cluster.advance(seconds=30)
    placed = [pod for pod in pods.all.values() if pod.spec.node_name]
    assert len(placed) == 9
    cluster.create(a_node("node-new").build())
    cluster.settle()
    assert all(pod.spec.node_name for pod in pods.all.values())


def test_taints_selectors_anti_affinity_and_spread_are_kept(cluster: Cluster) -> None:
    cluster.create(a_node("node-db").tainted("example.com/pool", value="db").labelled(pool="db").build())
    run_workloads(cluster, nodes=4)
    tolerant = a_pod("database").tolerating("example.com/pool", value="db").build()
    tolerant.spec.node_selector = {"pool": "db"}
    cluster.create(tolerant)
    unwanted = a_pod("unwanted").build()
    unwanted.spec.node_selector = {"pool": "db"}
    cluster.create(unwanted)

    apart = a_replica_set("apart").with_replicas(5).build()
    same = LabelSelector(match_labels={"app": "apart"})
    term = PodAffinityTerm(topology_key="kubernetes.io/hostname", label_selector=same)
    anti = PodAntiAffinity(required_during_scheduling_ignored_during_execution=[term])
    apart.spec.template.spec.affinity = Affinity(pod_anti_affinity=anti)
    cluster.create(apart)

    spread = a_replica_set("spread").with_replicas(6).build()
    spread.spec.template.spec.topology_spread_constraints = [
        TopologySpreadConstraint(
            max_skew=1,
            topology_key="topology.kubernetes.io/zone",
            when_unsatisfiable="DoNotSchedule",
            label_selector=LabelSelector(match_labels={"app": "spread"}),
        )
    ]
    cluster.create(spread)
    cluster.settle()

    pods = {pod.metadata.name: pod for pod in cluster.list(Pod, namespace="default")}
    nodes = {node.metadata.name: node for node in cluster.list(Node)}
    assert pods["database"].spec.node_name == "node-db"
    assert not pods["unwanted"].spec.node_name
    homes = [pod.spec.node_name for name, pod in pods.items() if name.startswith("apart")]
    assert len(homes) == 5
    assert sorted(home for home in homes if home) == ["node-0", "node-1", "node-2", "node-3"]
    zones = [
        nodes[pod.spec.node_name].metadata.labels["topology.kubernetes.io/zone"]
        for name, pod in pods.items()
        if name.startswith("spread")
    ]
    assert sorted(zones) == ["zone-0"] * 3 + ["zone-1"] * 3


def test_a_lost_nodes_pods_run_elsewhere_until_it_is_back(cluster: Cluster) -> None:
    run_workloads(cluster)
    deployment = rolling(6, surge=1, unavailable=0)
    cluster.create(deployment)
    cluster.settle()
    lost = cluster.list(Pod, namespace="default")[0].spec.node_name
    dead = "hollow.example.com/dead"
    cluster.patch(Node, lost, {"metadata": {"annotations": {dead: "true"}}})
    cluster.advance(minutes=10)
    pods = cluster.list(Pod, namespace="default")
    stuck = [pod for pod in pods if pod.metadata.deletion_timestamp]
    assert stuck and {pod.spec.node_name for pod in stuck} == {lost}
    staying = [pod for pod in pods if not pod.metadata.deletion_timestamp]
    assert len(staying) == 6 and lost not in {pod.spec.node_name for pod in staying}
    assert cluster.get(Deployment, "default/web").status.available_replicas == 6
    cluster.patch(Node, lost, {"metadata": {"annotations": {dead: None}}})
    cluster.settle()
    assert len(cluster.list(Pod, namespace="default")) == 6
    assert not cluster.get(Node, lost).spec.taints
