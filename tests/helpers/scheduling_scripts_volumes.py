"""Scripts that a scheduler plays its part in: volumes that are bound late, in the wrong place, or not at all.

Claims and classes are watched apart from pods and nodes. A script gives them a pod before they are looked at.
"""

from __future__ import annotations

from typing import Any

from helpers.scheduling_histories import Scripts
from helpers.scheduling_scene import HOSTNAME, Scene

from reconcile.api.core.v1 import PersistentVolumeClaim, Pod

LATE = "late-binding"
AT_ONCE = "at-once"

volumes = Scripts("volumes", attempts=False)


async def _class(scene: Scene, name: str, mode: str) -> None:
    await scene.create(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": mode,
        }
    )


async def _volume(scene: Scene, name: str, storage_class: str, *, node: str = "", size: str = "1Gi") -> None:
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": size},
        "storageClassName": storage_class,
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": "/data"},
    }
    if node:
        at = {"key": HOSTNAME, "operator": "In", "values": [node]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [at]}]}}
    await scene.create(
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
    )


async def _claim(
    scene: Scene, name: str, storage_class: str, *, size: str = "1Gi", mode: str = "ReadWriteOnce"
) -> None:
    await scene.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": scene.namespace},
            "spec": {
                "accessModes": [mode],
                "resources": {"requests": {"storage": size}},
                "storageClassName": storage_class,
            },
        }
    )


async def _bound_claim(scene: Scene, name: str) -> None:
    def is_bound(claim: PersistentVolumeClaim | None) -> bool:
        return claim is not None and claim.status.phase == "Bound"

    await scene.client.wait_for(PersistentVolumeClaim, f"{scene.namespace}/{name}", is_bound, timeout=90)


def using(claim: str) -> dict[str, Any]:
    return {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]}


@volumes
async def a_claim_that_is_made_late(scene: Scene) -> None:
    await scene.node("node-a")
    await _class(scene, LATE, "WaitForFirstConsumer")
    await _volume(scene, "volume-a", LATE, node="node-a")
    await scene.settled()
    await scene.pod("p", **using("data"))
    await scene.waits("p")
    await _claim(scene, "data", LATE)
    await scene.bound("p")


@volumes
async def a_claim_is_bound_when_its_pod_has_a_node(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.node("node-b")
    await _class(scene, LATE, "WaitForFirstConsumer")
    await _volume(scene, "volume-b", LATE, node="node-b")
    await _claim(scene, "data", LATE)
    await scene.settled()
    await scene.pod("p", **using("data"))
    await scene.bound("p")
    await _bound_claim(scene, "data")


@volumes
async def a_volume_that_comes_late(scene: Scene) -> None:
    await scene.node("node-a")
    await _class(scene, LATE, "WaitForFirstConsumer")
    await _claim(scene, "data", LATE)
    await scene.settled()
    await scene.pod("p", **using("data"))
    await scene.waits("p")
    await _volume(scene, "volume-a", LATE, node="node-a")
    await scene.bound("p")


@volumes
async def a_volume_too_small_then_one_large_enough(scene: Scene) -> None:
    await scene.node("node-a")
    await _class(scene, LATE, "WaitForFirstConsumer")
    await _volume(scene, "volume-small", LATE, node="node-a", size="1Gi")
    await _claim(scene, "data", LATE, size="5Gi")
    await scene.settled()
    await scene.pod("p", **using("data"))
    await scene.waits("p")
    await _volume(scene, "volume-large", LATE, node="node-a", size="10Gi")
    await scene.bound("p")


@volumes
async def a_claim_that_must_be_bound_first(scene: Scene) -> None:
    await scene.node("node-a")
    await _class(scene, AT_ONCE, "Immediate")
    await _claim(scene, "data", AT_ONCE)
    await scene.settled()
    await scene.pod("p", **using("data"))
    await scene.waits("p")
    await _volume(scene, "volume-any", AT_ONCE)
    await _bound_claim(scene, "data")
    await scene.bound("p")


@volumes
async def a_volume_that_is_elsewhere(scene: Scene) -> None:
    await scene.node("node-a", cpu="2")
    await scene.node("node-b", cpu="1")
    await _class(scene, AT_ONCE, "Immediate")
    await _volume(scene, "volume-b", AT_ONCE, node="node-b")
    await _claim(scene, "data", AT_ONCE)
    await _bound_claim(scene, "data")
    await scene.settled()
    await scene.pod("large", needs={"cpu": "1500m"}, **using("data"))
    await scene.waits("large")
    await scene.pod("small", needs={"cpu": "500m"}, **using("data"))
    await scene.bound("small")


@volumes
async def a_volume_for_one_pod_only(scene: Scene) -> None:
    await scene.node("node-a")
    await _class(scene, AT_ONCE, "Immediate")
    manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "volume-one"},
        "spec": {
            "accessModes": ["ReadWriteOncePod"],
            "capacity": {"storage": "1Gi"},
            "storageClassName": AT_ONCE,
            "persistentVolumeReclaimPolicy": "Retain",
            "csi": {"driver": "example.com", "volumeHandle": "one"},
        },
    }
    await scene.create(manifest)
    await _claim(scene, "data", AT_ONCE, mode="ReadWriteOncePod")
    await _bound_claim(scene, "data")
    await scene.settled()
    await scene.pod("first", **using("data"))
    await scene.bound("first")
    await scene.pod("second", **using("data"))
    await scene.waits("second")
    await scene.delete("first")
    await scene.bound("second")


@volumes
async def a_volume_of_the_pods_own(scene: Scene) -> None:
    await scene.node("node-a")
    await _class(scene, LATE, "WaitForFirstConsumer")
    await scene.settled()
    template = {
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": LATE,
        }
    }
    volume = {"name": "data", "ephemeral": {"volumeClaimTemplate": template}}
    await scene.pod("p", volumes=[volume])
    await scene.waits("p", saying="didn't find available persistent volumes to bind")
    await _volume(scene, "volume-a", LATE, node="node-a")
    await scene.bound("p")


@volumes
async def a_claim_of_a_class_that_nobody_knows(scene: Scene) -> None:
    await scene.node("node-a")
    await _claim(scene, "data", LATE)
    await scene.settled()
    await scene.pod("p", **using("data"))
    await scene.waits("p")
    await _volume(scene, "volume-a", LATE, node="node-a")
    await _class(scene, LATE, "WaitForFirstConsumer")
    await scene.bound("p")


@volumes
async def gates_and_a_claim_that_is_bound_late(scene: Scene) -> None:
    await scene.node("node-a")
    await _class(scene, LATE, "WaitForFirstConsumer")
    await _claim(scene, "data", LATE)
    await scene.settled()
    await scene.pod("p", scheduling_gates=[{"name": "example.com/wait"}], **using("data"))
    await scene.settled()
    await _volume(scene, "volume-a", LATE, node="node-a")
    await scene.settled()
    await scene.patch(Pod, "p", {"spec": {"schedulingGates": []}})
    await scene.bound("p")


VOLUMES = tuple(volumes.all)
