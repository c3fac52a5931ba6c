"""What Kubernetes' end-to-end specifications ask of Deployments and ReplicaSets, asked of ours.

One test a specification of upstream's `apps` suite; what it says is in the test's first line, in our words.
Not asked: a load balancer of a cloud, private images (upstream too skips them where there is no cloud).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers.histories.embedded import Binder, our_controllers, still
from helpers.histories.play import NODES, TYPES, node
from helpers.histories.script import deployment, pod, replica_set
from helpers.histories.state import (
    Object,
    annotation,
    condition,
    controller_uid,
    count,
    image_of,
    is_active,
    is_terminating,
    is_true,
    name,
    uid,
)
from helpers.histories.waits import READY_DELAY
from helpers.world_of_examples import operator

from reconcile import Manager
from reconcile.testing.cluster import Cluster
from reconcile.testing.history import ServerWrite

REVISION = "deployment.kubernetes.io/revision"


class Workloads:
    """A cluster with our controllers and hollow nodes, and calls as kubectl has them."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        hollow = operator("hollow_nodes")

        def setup(manager: Manager) -> None:
            our_controllers(manager)
            hollow.setup(manager, timings=still(hollow))
            manager.add(Binder())

        for each in NODES:
            cluster.create(node(each))
        cluster.run(setup)

    def create(self, obj: Object) -> Object:
        obj["metadata"]["namespace"] = "default"
        return self.cluster.create(obj)

    def get(self, kind: str, of: str) -> Object:
        return self.cluster.get(TYPES[kind], f"default/{of}")

    def all(self, kind: str) -> list[Object]:
        return list(self.cluster.list(TYPES[kind], namespace="default"))

    def patch(self, kind: str, of: str, body: Object, how: str = "strategic", **options: Any) -> Object:
        return self.cluster.patch(TYPES[kind], f"default/{of}", body, type=how, **options)

    def scale(self, kind: str, of: str, replicas: int) -> None:
        self.cluster.call(self.cluster.client.scale(TYPES[kind], f"default/{of}", replicas))

    def until(self, is_so: Callable[[], bool], seconds: float = 300.0) -> None:
        deadline = self.cluster.time + seconds
        while not is_so():
            assert self.cluster.time < deadline, "not reached"
            self.cluster.advance(seconds=0.2)

    def complete(self, of: str = "web") -> bool:
        one = self.get("Deployment", of)
        wanted = one["spec"]["replicas"]
        fields = ("replicas", "updatedReplicas", "availableReplicas")
        observed = count(one, "observedGeneration") == one["metadata"]["generation"]
        return observed and all(count(one, field) == wanted for field in fields)

    def roll(self, image: str, of: str = "web") -> None:
        containers = [{"name": "main", "image": image}]
        self.patch("Deployment", of, {"spec": {"template": {"spec": {"containers": containers}}}})

    def of_image(self, image: str) -> Object:
        return next(one for one in self.all("ReplicaSet") if image_of(one["spec"]["template"]) == image)


@pytest.fixture
def world(cluster: Cluster) -> Iterator[Workloads]:
    yield Workloads(cluster)


def test_a_deployment_is_reaped_with_its_replica_sets_and_pods(world: Workloads) -> None:
    world.create(deployment(1))
    world.until(world.complete)
    world.cluster.delete(TYPES["Deployment"], "default/web", propagation="Background")
    world.until(lambda: not world.all("ReplicaSet") and not world.all("Pod"))


def test_a_rolling_update_takes_over_the_pods_of_an_adopted_replica_set(world: Workloads) -> None:
    revision = "3546343826724305832"
    old = replica_set(1, name="older", app="web", image="web:0")
    old["metadata"]["annotations"] = {REVISION: revision}
    world.create(old)
    world.until(lambda: any(is_true(one, "Ready") for one in world.all("Pod")))
    world.create(deployment(1))
    world.until(world.complete)
    assert annotation(world.get("Deployment", "web"), REVISION) == str(int(revision) + 1)
    adopted = world.get("ReplicaSet", "older")
    assert controller_uid(adopted) == uid(world.get("Deployment", "web"))
    assert adopted["spec"]["replicas"] == 0


def test_recreate_never_runs_new_pods_beside_old_ones(world: Workloads) -> None:
    world.create(deployment(2, strategy="Recreate"))
    world.until(world.complete)
    there: dict[str, str] = {}
    seen: list[set[str]] = []

    def written(write: ServerWrite) -> None:
        if write.resource == "pods":
            if write.what == "DELETED":
                there.pop(write.key.name, None)
            else:
                there[write.key.name] = image_of(json.loads(write.raw))
            seen.append(set(there.values()))

    world.cluster.on_write(written)
    for one in world.all("Pod"):
        there[name(one)] = image_of(one)
    world.roll("web:2")
    world.until(world.complete)
    assert {"web:2"} in seen and all(len(images) <= 1 for images in seen)


def test_old_replica_sets_are_deleted(world: Workloads) -> None:
    world.create(replica_set(1, name="older", app="web", image="web:0"))
    world.until(lambda: any(is_true(one, "Ready") for one in world.all("Pod")))
    world.create(deployment(1, revisionHistoryLimit=0))
    world.until(lambda: world.complete() and len(world.all("ReplicaSet")) == 1)


def test_a_rollover_leaves_the_last_template_alone_with_pods(world: Workloads) -> None:
    world.create(replica_set(1, name="older", app="web", image="web:0"))
    world.until(lambda: any(is_true(one, "Ready") for one in world.all("Pod")))
    world.create(
        deployment(
            1, "web:not-there", surge=1, unavailable=0, minReadySeconds=10, pods={READY_DELAY: "never"}
        )
    )
    world.until(lambda: len(world.all("ReplicaSet")) == 2)
    template = {
        "metadata": {"annotations": {READY_DELAY: None}},
        "spec": {"containers": [{"name": "main", "image": "web:2"}]},
    }
    world.patch("Deployment", "web", {"spec": {"template": template}})
    world.until(world.complete)
    sizes = {image_of(one["spec"]["template"]): one["spec"]["replicas"] for one in world.all("ReplicaSet")}
    assert sizes == {"web:0": 0, "web:not-there": 0, "web:2": 1}


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(2, 12))]
)
def test_rollouts_in_any_order_come_to_an_end(world: Workloads, seed: int) -> None:
    dice = random.Random(seed)
    world.create(deployment(6, minReadySeconds=1, progressDeadlineSeconds=30, revisionHistoryLimit=2))
    for number in range(15):
        world.cluster.advance(seconds=dice.random() * 2)
        chosen = dice.randrange(5)
        if chosen == 0:
            world.roll(f"web:{number}")
        elif chosen == 1:
            old = sorted(world.all("ReplicaSet"), key=lambda one: int(annotation(one, REVISION, "0")))
            world.roll(image_of(old[0]["spec"]["template"]) if old else "web:1")
        elif chosen == 2:
            world.scale("Deployment", "web", dice.randrange(8))
        elif chosen == 3:
            paused = not world.get("Deployment", "web")["spec"].get("paused", False)
            world.patch("Deployment", "web", {"spec": {"paused": paused}})
        else:
            for one in [one for one in world.all("Pod") if is_active(one)][: dice.randrange(4)]:
                world.cluster.delete(TYPES["Pod"], f"default/{name(one)}")
    world.patch("Deployment", "web", {"spec": {"paused": False, "replicas": 6}})
    world.until(world.complete)
    told = condition(world.get("Deployment", "web"), "Progressing")
    assert told is not None and told["reason"] == "NewReplicaSetAvailable"


def test_replica_sets_are_orphaned_and_adopted_by_their_controller_reference(world: Workloads) -> None:
    world.create(deployment(1))
    world.until(world.complete)
    (before,) = world.all("ReplicaSet")
    world.cluster.delete(TYPES["Deployment"], "default/web", propagation="Orphan")
    world.until(lambda: controller_uid(world.get("ReplicaSet", name(before))) is None)
    world.create(deployment(1))
    world.until(lambda: controller_uid(world.get("ReplicaSet", name(before))) is not None)
    world.until(world.complete)
    (after,) = world.all("ReplicaSet")
    assert uid(after) == uid(before)
    assert controller_uid(after) == uid(world.get("Deployment", "web"))


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet"])
def test_the_scale_subresource_works(world: Workloads, kind: str) -> None:
    of = "web" if kind == "Deployment" else "set"
    world.create(deployment(1) if kind == "Deployment" else replica_set(1))
    world.until(lambda: count(world.get(kind, of), "readyReplicas") == 1)
    world.cluster.advance(seconds=2)
    scale = world.cluster.client.subresource(TYPES[kind], f"default/{of}", "scale")
    found = world.cluster.call(scale.get())
    assert found["spec"]["replicas"] == 1
    found["spec"]["replicas"] = 2
    assert world.cluster.call(scale.update(found))["spec"]["replicas"] == 2
    assert world.get(kind, of)["spec"]["replicas"] == 2
    world.scale(kind, of, 4)
    world.until(lambda: count(world.get(kind, of), "readyReplicas") == 4)
    assert world.cluster.call(scale.get())["status"]["replicas"] == 4


def test_a_rollout_is_scaled_in_proportion(world: Workloads) -> None:
    world.create(deployment(10, surge=3, unavailable=2))
    world.until(world.complete)
    template = {
        "metadata": {"annotations": {READY_DELAY: "never"}},
        "spec": {"containers": [{"name": "main", "image": "web:404"}]},
    }
    world.patch("Deployment", "web", {"spec": {"template": template}})

    def sizes() -> dict[str, int]:
        return {image_of(one["spec"]["template"]): one["spec"]["replicas"] for one in world.all("ReplicaSet")}

    world.until(lambda: sizes() == {"web:1": 8, "web:404": 5})
    world.scale("Deployment", "web", 30)
    # Of 20 more the first gets 8/13 and the second 5/13.
    world.until(lambda: sizes() == {"web:1": 20, "web:404": 13})


def test_a_deployment_lives_through_every_verb(world: Workloads) -> None:
    world.create(deployment(1, labels={"app": "web", "static": "yes"}))
    world.patch("Deployment", "web", {"metadata": {"labels": {"patched": "yes"}}}, "merge")
    world.patch("Deployment", "web", {"spec": {"replicas": 2}})
    world.until(world.complete)
    assert [name(one) for one in world.cluster.list(TYPES["Deployment"], labels={"patched": "yes"})] == [
        "web"
    ]
    updated = world.get("Deployment", "web")
    updated["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
    world.cluster.update(updated)
    world.until(world.complete)
    status = {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}
    world.patch("Deployment", "web", status, "strategic", subresource="status")
    world.until(lambda: is_true(world.get("Deployment", "web"), "StatusPatched"))
    world.cluster.call(
        world.cluster.client.delete_collection(
            TYPES["Deployment"], namespace="default", labels={"patched": "yes"}
        )
    )
    world.until(lambda: not world.all("Deployment") and not world.all("Pod"))


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet"])
def test_a_status_may_be_written_by_others_and_keeps_their_conditions(world: Workloads, kind: str) -> None:
    of = "web" if kind == "Deployment" else "set"
    world.create(deployment(1) if kind == "Deployment" else replica_set(1))
    world.until(lambda: count(world.get(kind, of), "readyReplicas") == 1)
    told = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
    one = world.get(kind, of)
    one["status"].setdefault("conditions", []).append(told)
    world.cluster.update_status(one)
    world.scale(kind, of, 2)
    world.until(lambda: count(world.get(kind, of), "readyReplicas") == 2)
    assert is_true(world.get(kind, of), "StatusUpdate")


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet"])
def test_the_status_endpoint_is_read_replaced_and_patched(world: Workloads, kind: str) -> None:
    of = "web" if kind == "Deployment" else "set"
    world.create(deployment(1) if kind == "Deployment" else replica_set(1))
    world.until(lambda: count(world.get(kind, of), "readyReplicas") == 1)
    endpoint = world.cluster.client.subresource(TYPES[kind], f"default/{of}", "status")
    found = world.cluster.call(endpoint.get())
    assert found["status"]["readyReplicas"] == 1
    found["status"].setdefault("conditions", []).append(
        {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
    )
    world.cluster.call(endpoint.update(found))
    assert is_true(world.get(kind, of), "StatusUpdate")
    # A merge patch has its own list in the place of the other.
    patched = {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}}
    world.cluster.call(endpoint.patch(patched))
    told = world.cluster.call(endpoint.get())
    assert is_true(told, "StatusPatched") and not is_true(told, "StatusUpdate")


def test_an_exceeded_quota_is_a_condition_until_less_is_asked_for(world: Workloads) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "condition-test"},
        "spec": {"hard": {"pods": "2"}},
    }
    world.create(quota)
    world.until(lambda: world.all("ResourceQuota")[0].get("status", {}).get("hard") == {"pods": "2"})
    world.create(replica_set(3))
    world.until(lambda: is_true(world.get("ReplicaSet", "set"), "ReplicaFailure"))
    failure = condition(world.get("ReplicaSet", "set"), "ReplicaFailure")
    assert failure is not None and failure["reason"] == "FailedCreate"
    assert (
        "exceeded quota: condition-test, requested: pods=1, used: pods=2, limited: pods=2"
        in (failure["message"])
    )
    world.scale("ReplicaSet", "set", 2)
    world.until(lambda: condition(world.get("ReplicaSet", "set"), "ReplicaFailure") is None)


def test_every_replica_of_a_replica_set_serves(world: Workloads) -> None:
    world.create(replica_set(2))
    world.until(lambda: sum(is_true(one, "Ready") for one in world.all("Pod")) == 2)
    assert all(one["status"]["podIP"] for one in world.all("Pod"))


def test_a_pod_that_matches_is_adopted_and_one_that_does_not_any_more_released(world: Workloads) -> None:
    world.create(pod("adopted"))
    created = world.create(replica_set(1))
    world.until(lambda: controller_uid(world.get("Pod", "adopted")) == uid(created))
    world.patch("Pod", "adopted", {"metadata": {"labels": {"app": "other"}}}, "merge")
    world.until(lambda: controller_uid(world.get("Pod", "adopted")) is None)
    world.until(lambda: count(world.get("ReplicaSet", "set"), "readyReplicas") == 1)


def test_a_replica_set_is_scaled_and_patched(world: Workloads) -> None:
    world.create(replica_set(1))
    world.until(lambda: count(world.get("ReplicaSet", "set"), "readyReplicas") == 1)
    world.scale("ReplicaSet", "set", 2)
    world.until(lambda: count(world.get("ReplicaSet", "set"), "readyReplicas") == 2)
    template = {
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": "set:2"}]}
    }
    world.patch(
        "ReplicaSet",
        "set",
        {"metadata": {"labels": {"patched": "yes"}}, "spec": {"replicas": 3, "template": template}},
    )
    world.until(lambda: count(world.get("ReplicaSet", "set"), "readyReplicas") == 3)
    images = sorted(image_of({"spec": one["spec"]}) for one in world.all("Pod"))
    assert images == ["set:1", "set:1", "set:2"]


def test_replica_sets_are_listed_and_deleted_together(world: Workloads) -> None:
    world.create(replica_set(3))
    world.until(lambda: count(world.get("ReplicaSet", "set"), "readyReplicas") == 3)
    assert [name(one) for one in world.cluster.list(TYPES["ReplicaSet"], labels={"app": "set"})] == ["set"]
    world.cluster.call(
        world.cluster.client.delete_collection(
            TYPES["ReplicaSet"], namespace="default", labels={"app": "set"}
        )
    )
    world.until(
        lambda: (
            not world.all("ReplicaSet") and not [one for one in world.all("Pod") if not is_terminating(one)]
        )
    )
