"""Builders of objects for tests: valid for a server, immutable, and what a test says stands in the object."""

from __future__ import annotations

import pytest

from reconcile import controller_of, is_true
from reconcile.api.apps.v1 import Deployment, ReplicaSet
from reconcile.api.core.v1 import Node, Pod
from reconcile.testing.builders import a_deployment, a_node, a_pod, a_replica_set
from reconcile.testing.cluster import Cluster


def test_a_pod_is_what_was_said() -> None:
    pod = (
        a_pod("web", namespace="shop")
        .labelled(app="web", **{"example.com/tier": "front"})
        .annotated(note="x")
        .running_image("example.com/web:2")
        .requesting(cpu="500m")
        .on_node("node-1")
        .tolerating("example.com/pool", value="web", effect="NoSchedule")
        .tolerating("example.com/any")
        .build()
    )
    assert str(pod.key) == "shop/web"
    assert pod.metadata.labels == {"app": "web", "example.com/tier": "front"}
    assert pod.metadata.annotations == {"note": "x"}
    assert pod.spec.containers[0].image == "example.com/web:2"
    assert pod.spec.containers[0].resources.requests == {"cpu": "500m"}
    assert pod.spec.node_name == "node-1"
    assert [each.operator for each in pod.spec.tolerations] == ["Equal", "Exists"]


def test_a_step_leaves_the_builder_before_it_as_it_was() -> None:
    plain = a_pod("web")
    labelled = plain.labelled(app="web")
    assert plain.build().metadata.labels == {}
    assert labelled.build().metadata.labels == {"app": "web"}


def test_what_was_built_is_the_callers_own() -> None:
    builder = a_pod("web")
    builder.build().metadata.labels["app"] = "changed"
    assert builder.build().metadata.labels == {}


@pytest.mark.parametrize("ready", [True, False])
def test_a_running_pod_is_ready_or_not(ready: bool) -> None:
    builder = a_pod("web")
    pod = (builder.ready() if ready else builder.running(restarts=2)).build()
    assert pod.status.phase == "Running"
    assert is_true(pod.status.conditions, "Ready") is ready
    assert pod.status.container_statuses[0].ready is ready
    assert pod.status.container_statuses[0].restart_count == (0 if ready else 2)


def test_pods_end() -> None:
    assert a_pod("job").pending().build().status.phase == "Pending"
    assert a_pod("job").finished().build().status.phase == "Succeeded"
    assert a_pod("job").finished("Failed").build().status.phase == "Failed"


def test_an_object_that_is_going() -> None:
    pod = a_pod("web").deleting_since("2026-01-01T00:00:05Z", "example.com/held").build()
    assert pod.metadata.deletion_timestamp == "2026-01-01T00:00:05Z"
    assert pod.metadata.finalizers == ["example.com/held"]


def test_an_owned_object_names_its_controller() -> None:
    owner = a_replica_set("web").with_uid("uid-1").created_at("2026-01-01T00:00:00Z").build()
    pod = a_pod("web-1").controlled_by(owner).build()
    reference = controller_of(pod)
    assert reference is not None
    assert (reference.kind, reference.name, reference.uid) == ("ReplicaSet", "web", "uid-1")


def test_a_node_has_room_and_is_ready_unless_said_otherwise() -> None:
    node = a_node("node-1").in_zone("zone-a").tainted("example.com/pool", value="db").build()
    assert node.status.allocatable == {"cpu": "4", "memory": "16Gi", "pods": "110"}
    assert node.metadata.labels["topology.kubernetes.io/zone"] == "zone-a"
    assert (node.spec.taints[0].value, node.spec.taints[0].effect) == ("db", "NoSchedule")
    assert is_true(node.status.conditions, "Ready")
    assert not is_true(a_node("node-2").not_ready().build().status.conditions, "Ready")
    assert a_node("node-3").cordoned().build().spec.unschedulable
    assert a_node("node-4").with_capacity(cpu="8").build().status.allocatable["cpu"] == "8"


def test_a_workloads_template_fits_its_selector() -> None:
    deployment = a_deployment("web").selecting(app="shop", tier="web").with_replicas(3).build()
    assert deployment.spec.selector.match_labels == deployment.spec.template.metadata.labels
    assert deployment.spec.replicas == 3
    image = (
        a_replica_set("web").running_image("example.com/web:2").build().spec.template.spec.containers[0].image
    )
    assert image == "example.com/web:2"


def test_a_server_takes_what_was_built(cluster: Cluster) -> None:
    cluster.create(a_node("node-1").tainted("example.com/pool").build())
    cluster.create(a_pod("web").requesting(cpu="1").tolerating("example.com/pool").build())
    cluster.create(a_deployment("web").with_replicas(2).build())
    cluster.create(a_replica_set("web").in_namespace("kube-public").build())
    assert cluster.get(Pod, "default/web").spec.containers[0].name == "main"
    assert cluster.get(Node, "node-1").spec.taints[0].key == "example.com/pool"
    assert cluster.get(Deployment, "default/web").spec.replicas == 2
    assert cluster.get(ReplicaSet, "kube-public/web").spec.replicas == 1
