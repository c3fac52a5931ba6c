"""The objects of a script's namespace at one moment, and what scripts ask of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

DEPLOYMENT = "Deployment"
REPLICA_SET = "ReplicaSet"
POD = "Pod"
REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True, slots=True)
class State:
    """What is there, as the server has it; `nodes` are those of the cluster, quotas where a script asks."""

    deployments: list[Object] = field(default_factory=list)
    replica_sets: list[Object] = field(default_factory=list)
    pods: list[Object] = field(default_factory=list)
    nodes: list[Object] = field(default_factory=list)
    quotas: list[Object] = field(default_factory=list)

    def deployment(self, name: str = "web") -> Object:
        return next(one for one in self.deployments if one["metadata"]["name"] == name)

    def replica_set(self, name: str) -> Object:
        return next(one for one in self.replica_sets if one["metadata"]["name"] == name)

    def of_image(self, image: str) -> Object:
        """The replica set whose template has this image."""
        return next(one for one in self.replica_sets if image_of(one["spec"]["template"]) == image)

    def pods_of(self, owner: Object) -> list[Object]:
        return [pod for pod in self.pods if controller_uid(pod) == uid(owner)]

    def staying(self) -> list[Object]:
        return [pod for pod in self.pods if is_active(pod)]


def uid(obj: Object) -> str:
    return obj["metadata"]["uid"]


def name(obj: Object) -> str:
    return obj["metadata"]["name"]


def image_of(template: Object) -> str:
    return template["spec"]["containers"][0]["image"]


def controller_uid(obj: Object) -> str | None:
    for reference in obj["metadata"].get("ownerReferences", ()):
        if reference.get("controller"):
            return reference["uid"]
    return None


def annotation(obj: Object, key: str, default: str = "") -> str:
    return (obj["metadata"].get("annotations") or {}).get(key, default)


def condition(obj: Object, kind: str) -> Object | None:
    for found in obj.get("status", {}).get("conditions", ()):
        if found["type"] == kind:
            return found
    return None


def is_true(obj: Object, kind: str) -> bool:
    found = condition(obj, kind)
    return found is not None and found["status"] == "True"


def reason_of(obj: Object, kind: str) -> str:
    found = condition(obj, kind)
    return found.get("reason", "") if found is not None else ""


def phase(pod: Object) -> str:
    return pod.get("status", {}).get("phase", "Pending")


def is_finished(pod: Object) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def is_terminating(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def is_active(pod: Object) -> bool:
    return not is_finished(pod) and not is_terminating(pod)


def count(obj: Object, field: str) -> int:
    return obj.get("status", {}).get(field) or 0


def is_observed(obj: Object) -> bool:
    return count(obj, "observedGeneration") >= obj["metadata"].get("generation", 0)


def told_truly(state: State) -> bool:
    """Whether every status says what is there: no controller is behind with what it can see."""
    return all(_replica_set_told(state, one) for one in state.replica_sets) and all(
        _deployment_told(state, one) for one in state.deployments
    )


def at_rest(state: State) -> bool:
    """Nobody is behind, and every pod is where its annotations let it come to."""
    return (
        told_truly(state)
        and all(_lived_out(pod) for pod in state.pods)
        and all(_has_begun(state, one) for one in state.deployments)
    )


def _has_begun(state: State, deployment: Object) -> bool:
    """The replica set of its template is there, unless it is not to be."""
    spec = deployment["spec"]
    if spec.get("paused") or is_terminating(deployment):
        return True
    image, wanted = image_of(spec["template"]), spec.get("replicas", 1)
    new = [one for one in state.replica_sets if image_of(one["spec"]["template"]) == image]
    sizes = [one["spec"].get("replicas", 1) for one in new]
    return bool(new) and (spec["strategy"]["type"] != "Recreate" or wanted in sizes)


def _lived_out(pod: Object) -> bool:
    if is_finished(pod):
        return not is_terminating(pod)
    if is_terminating(pod):
        return False
    if is_true(pod, "Ready") or not pod["spec"].get("nodeName"):
        return annotation(pod, "hollow.example.com/ready") != "false"
    waits = [
        (container["state"].get("waiting") or {}).get("reason")
        for container in pod.get("status", {}).get("containerStatuses", ())
    ]
    if annotation(pod, "hollow.example.com/image-pull-error"):
        return waits == ["ImagePullBackOff"]
    if annotation(pod, "hollow.example.com/start-delay") == "never":
        return waits == ["ContainerCreating"]
    held = annotation(pod, "hollow.example.com/ready-delay") == "never"
    return phase(pod) == "Running" and (held or annotation(pod, "hollow.example.com/ready") == "false")


def _replica_set_told(state: State, replica_set: Object) -> bool:
    if is_terminating(replica_set):
        return True
    pods = state.pods_of(replica_set)
    active = [pod for pod in pods if is_active(pod)]
    going = [pod for pod in pods if is_terminating(pod) and not is_finished(pod)]
    wanted = replica_set["spec"].get("replicas", 1)
    return (
        is_observed(replica_set)
        and count(replica_set, "replicas") == len(active)
        and count(replica_set, "readyReplicas") == sum(is_true(pod, "Ready") for pod in active)
        and count(replica_set, "terminatingReplicas") == len(going)
        and (len(active) == wanted or condition(replica_set, "ReplicaFailure") is not None)
    )


def _deployment_told(state: State, deployment: Object) -> bool:
    if is_terminating(deployment):
        return True
    owned = [one for one in state.replica_sets if controller_uid(one) == uid(deployment)]
    fields = ("replicas", "readyReplicas", "availableReplicas", "terminatingReplicas")
    return is_observed(deployment) and all(
        count(deployment, each) == sum(count(one, each) for one in owned) for each in fields
    )


Condition = Callable[[State], bool]
"""What a script waits for."""


def everywhere(conditions: Iterable[Condition]) -> Condition:
    asked = list(conditions)
    return lambda state: all(one(state) for one in asked)
