"""What scripts wait for, and what they do with what is there."""

from __future__ import annotations

from collections.abc import Callable

from .script import Action, Write, delete, patch, roll
from .state import (
    REVISION,
    Condition,
    Object,
    State,
    annotation,
    at_rest,
    condition,
    controller_uid,
    count,
    image_of,
    is_active,
    is_terminating,
    is_true,
    name,
    reason_of,
    told_truly,
    uid,
)

READY_DELAY = "hollow.example.com/ready-delay"
READY = "hollow.example.com/ready"
NO_IMAGE = "hollow.example.com/image-pull-error"
EXIT_CODE = "hollow.example.com/exit-code"
EXIT_AFTER = "hollow.example.com/exit-after"
START_DELAY = "hollow.example.com/start-delay"
DEAD = "hollow.example.com/dead"
COST = "controller.kubernetes.io/pod-deletion-cost"
HASH = "pod-template-hash"

STUCK = {READY_DELAY: "never"}
"""Pods that run and are never ready: a rollout stops where its bounds end."""

SOUND: dict[str, str | None] = {READY_DELAY: None, NO_IMAGE: None, EXIT_CODE: None, EXIT_AFTER: None}


def complete(deployment: str = "web") -> Condition:
    """Rolled out, told, and nothing on its way out any more."""

    def is_so(state: State) -> bool:
        one = state.deployment(deployment)
        wanted = one["spec"]["replicas"]
        fields = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        return (
            told_truly(state)
            and all(count(one, field) == wanted for field in fields)
            and not count(one, "terminatingReplicas")
            and not any(is_terminating(pod) for pod in state.pods)
            and reason_of(one, "Progressing") in ("NewReplicaSetAvailable", "")
        )

    return is_so


def timed_out(deployment: str = "web") -> Condition:
    """The deadline has passed, and nothing goes on any more."""

    def is_so(state: State) -> bool:
        reason = reason_of(state.deployment(deployment), "Progressing")
        return reason == "ProgressDeadlineExceeded" and at_rest(state)

    return is_so


def failing(kind: str, of: str) -> Condition:
    """The condition ReplicaFailure is told."""
    if kind == "Deployment":
        return lambda state: condition(state.deployment(of), "ReplicaFailure") is not None
    return lambda state: condition(state.replica_set(of), "ReplicaFailure") is not None


def gone(kind: str, of: str) -> Condition:
    def is_so(state: State) -> bool:
        among = {"Deployment": state.deployments, "ReplicaSet": state.replica_sets, "Pod": state.pods}[kind]
        return all(name(one) != of for one in among)

    return is_so


def nothing_left(state: State) -> bool:
    return not (state.deployments or state.replica_sets or state.pods)


def crashing(state: State) -> bool:
    """Every pod that is made to end waits for its third start, at least."""
    found = [pod for pod in state.pods if annotation(pod, EXIT_CODE)]
    containers = [
        container for pod in found for container in pod.get("status", {}).get("containerStatuses", ())
    ]
    return (
        bool(containers)
        and told_truly(state)
        and all(
            (container["state"].get("waiting") or {}).get("reason") == "CrashLoopBackOff"
            and container.get("restartCount", 0) >= 2
            for container in containers
        )
    )


def on_pods(change: Callable[[Object], Write | None], among: Callable[[State], list[Object]]) -> Action:
    """A write for each of these pods, in the order of their names."""

    def act(state: State) -> list[Write]:
        found = (change(pod) for pod in sorted(among(state), key=name))
        return [write for write in found if write is not None]

    return act


def annotate(pod: Object, **annotations: str | None) -> Write:
    return patch("Pod", name(pod), {"metadata": {"annotations": annotations}}, "merge")


def annotated(annotations: dict[str, str | None], first: int | None = None) -> Action:
    """These annotations for the first pods that stay, or all."""
    return on_pods(
        lambda pod: patch("Pod", name(pod), {"metadata": {"annotations": annotations}}, "merge"),
        lambda state: sorted(state.staying(), key=name)[:first],
    )


def labelled(labels: dict[str, str | None], first: int = 1) -> Action:
    """These labels for the first pods that stay."""
    return on_pods(
        lambda pod: patch("Pod", name(pod), {"metadata": {"labels": labels}}, "merge"),
        lambda state: sorted(state.staying(), key=name)[:first],
    )


def delete_pods(first: int | None = None, grace: int | None = None) -> Action:
    return on_pods(
        lambda pod: delete("Pod", name(pod), grace=grace),
        lambda state: sorted(state.staying(), key=name)[:first],
    )


def on_replica_set(image: str, change: Callable[[Object], Write]) -> Action:
    """A write for the replica set of this image."""
    return lambda state: [change(state.of_image(image))]


def undo(to: int = 0, deployment: str = "web") -> Action:
    """What `kubectl rollout undo` does: an earlier revision's template and annotations are written."""

    def act(state: State) -> list[Write]:
        one = state.deployment(deployment)
        owned = [each for each in state.replica_sets if controller_uid(each) == uid(one)]
        by_revision = sorted(owned, key=lambda each: int(annotation(each, REVISION, "0")))
        target = (
            next(each for each in by_revision if annotation(each, REVISION) == str(to))
            if to
            else by_revision[-2]
        )
        template = {**target["spec"]["template"], "metadata": dict(target["spec"]["template"]["metadata"])}
        template["metadata"]["labels"] = {
            key: value for key, value in template["metadata"]["labels"].items() if key != HASH
        }
        kept = {"kubectl.kubernetes.io/last-applied-configuration", *_CONTROLLERS}
        annotations = {key: value for key, value in _annotations(one).items() if key in kept}
        annotations |= {key: value for key, value in _annotations(target).items() if key not in kept}
        return [
            patch(
                "Deployment",
                deployment,
                [
                    {"op": "replace", "path": "/spec/template", "value": template},
                    {"op": "replace", "path": "/metadata/annotations", "value": annotations},
                ],
                "json",
            )
        ]

    return act


_CONTROLLERS = (
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
)


def _annotations(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def active(of: Object, state: State) -> int:
    return sum(is_active(pod) for pod in state.pods_of(of))


def ready_pods(number: int) -> Condition:
    """As many pods that stay are ready."""
    return lambda state: told_truly(state) and sum(is_true(pod, "Ready") for pod in state.staying()) == number


def stalled(image: str, size: int) -> Condition:
    """The replica set of this image has this size, and everybody knows."""

    def is_so(state: State) -> bool:
        found = [one for one in state.replica_sets if image_of(one["spec"]["template"]) == image]
        return told_truly(state) and any(active(one, state) == size for one in found)

    return is_so


def stuck_roll(image: str, deployment: str = "web") -> Write:
    return roll(image, deployment, pods=dict(STUCK))


def sound_roll(image: str, deployment: str = "web") -> Write:
    return roll(image, deployment, pods=SOUND)
