"""Scripts of which pod goes when there are too many: one for each rule of the ranking.

Pods are made by hand, adopted, and then one is too many. Where a rule asks for what a kubelet writes (since
when a pod is ready, how often it restarted), the pods are on a node that does not exist and their status is
written by hand: what is compared then is in the script, and not in how fast a machine was.
"""

from __future__ import annotations

from typing import Any

from .script import Script, Step, Write, create, deployment, do, patch, pod, replica_set, scale
from .state import Object, State, count, told_truly
from .waits import COST, READY_DELAY, complete, ready_pods

WAITING = {"hollow.example.com/start-delay": "never"}
OLD, NEW = "1980-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
"""Far enough apart that their ages differ in their power of two."""


def on(node: str, each: str, **more: Any) -> Write:
    """Creates a pod on this node."""
    body = pod(each, **more)
    body["spec"]["nodeName"] = node
    return create(body)


def scripts() -> list[Script]:
    return [*_by_what_they_serve(), *_by_what_is_written(), _by_their_node(), _by_their_age()]


def _by_what_they_serve() -> list[Script]:
    def chosen(title: str, why: str, *writes: Write, ready: int) -> Script:
        number = len(writes)
        return Script(
            title,
            why,
            (
                Step("create pods", do(*writes), ready_pods(ready)),
                Step("create", do(create(replica_set(number))), ready_pods(ready)),
                Step("scale down", do(scale(number - 1, "set", "ReplicaSet")), serves=False),
            ),
        )

    return [
        chosen(
            "who-goes-cost",
            "the lower cost goes",
            on("hollow-0", "dear", annotations={COST: "100"}),
            on("hollow-0", "cheap", annotations={COST: "-100"}),
            on("hollow-0", "plain"),
            ready=3,
        ),
        chosen(
            "who-goes-unready",
            "what is not ready goes, whatever it costs",
            on("hollow-0", "unready", annotations={READY_DELAY: "never", COST: "100"}),
            on("hollow-0", "ready", annotations={COST: "-100"}),
            ready=1,
        ),
        chosen(
            "who-goes-pending",
            "what does not run goes before what is not ready",
            on("hollow-0", "pending", annotations={**WAITING, COST: "100"}),
            on("hollow-0", "unready", annotations={READY_DELAY: "never"}),
            on("hollow-0", "ready"),
            ready=1,
        ),
        Script(
            "who-goes-unplaced",
            "what has no node goes before what has one",
            (
                Step(
                    "create pods",
                    do(
                        create(_nowhere(pod("unplaced", annotations={COST: "100"}))),
                        on("hollow-0", "pending", annotations=WAITING),
                        on("hollow-0", "ready"),
                    ),
                    ready_pods(1),
                ),
                Step("create", do(create(replica_set(3))), _told),
                Step("scale down", do(scale(2, "set", "ReplicaSet"))),
                Step("and again", do(scale(1, "set", "ReplicaSet"))),
            ),
        ),
        Script(
            "who-goes-all",
            "when all go nobody is asked who serves least",
            (
                Step("create", do(create(replica_set(4))), ready_pods(4)),
                Step("scale to none", do(scale(0, "set", "ReplicaSet"))),
            ),
        ),
    ]


def _told(state: State) -> bool:
    return told_truly(state) and count(state.replica_set("set"), "replicas") == 3


def _nowhere(body: Object) -> Object:
    body["spec"]["nodeSelector"] = {"example.com/no-such": "node"}
    return body


def _unlived(each: str, sidecar: bool = False) -> Write:
    """A pod that no kubelet has: its status is what the script writes."""
    body = pod(each)
    body["spec"] |= {"nodeName": "no-such-node", "terminationGracePeriodSeconds": 0}
    if sidecar:
        body["spec"]["initContainers"] = [{"name": "side", "image": "side:1", "restartPolicy": "Always"}]
    return create(body)


def _lives(each: str, since: str, restarts: int = 0, side_restarts: int | None = None) -> Write:
    def container(of: str, image: str, number: int) -> Object:
        return {
            "name": of,
            "image": image,
            "imageID": "",
            "ready": True,
            "restartCount": number,
            "state": {"running": {"startedAt": since}},
        }

    status: Object = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": since}],
        "containerStatuses": [container("main", "set:1", restarts)],
    }
    if side_restarts is not None:
        status["initContainerStatuses"] = [container("side", "side:1", side_restarts)]
    return Write("status", "Pod", each, {"status": status}, "merge")


def _by_what_is_written() -> list[Script]:
    def chosen(title: str, why: str, pods: list[Write], statuses: list[Write]) -> Script:
        number = len(pods)
        return Script(
            title,
            why,
            (
                Step("create pods", do(*pods, *statuses), ready_pods(number)),
                Step("create", do(create(replica_set(number))), ready_pods(number)),
                Step("scale down", do(scale(number - 1, "set", "ReplicaSet")), serves=False),
            ),
        )

    return [
        chosen(
            "who-goes-ready-last",
            "what is ready for a shorter time goes, however often the others restarted",
            [_unlived("long"), _unlived("shortly")],
            [_lives("long", OLD, restarts=7), _lives("shortly", NEW)],
        ),
        chosen(
            "who-goes-restarts",
            "of pods ready for as long the one that restarted most goes",
            [_unlived("never"), _unlived("often"), _unlived("once")],
            [_lives("never", OLD), _lives("often", OLD, restarts=5), _lives("once", OLD, restarts=1)],
        ),
        chosen(
            "who-goes-sidecar-restarts",
            "restarts of a sidecar count when those of the containers are the same",
            [_unlived("calm", sidecar=True), _unlived("restless", sidecar=True)],
            [_lives("calm", OLD, 1, side_restarts=0), _lives("restless", OLD, 1, side_restarts=4)],
        ),
    ]


def _by_their_node() -> Script:
    """Of a Deployment's pods two share a node. One that is alone on its own, and ready last, is adopted."""
    labels = {"app": "web"}
    together = deployment(2, pod_spec={"nodeName": "hollow-1"}, labels=labels)

    def take_in(state: State) -> list[Write]:
        wanted = state.of_image("web:1")["spec"]["selector"]["matchLabels"]
        return [patch("Pod", "alone", {"metadata": {"labels": wanted}}, "merge")]

    def one_went(state: State) -> bool:
        return complete()(state) and len(state.pods) == 2

    return Script(
        "who-goes-doubled-up",
        "pods that share a node go before one that is alone on its own, though it is the last to be ready",
        (
            Step("create", do(create(together)), complete()),
            *_waits(3),
            Step("create another pod", do(on("hollow-2", "alone", app="apart", image="web:1"))),
            Step("let it be adopted", take_in, one_went, serves=False),
        ),
    )


def _by_their_age() -> Script:
    return Script(
        "who-goes-youngest",
        "of pods that are alike otherwise the one made last goes",
        (
            Step("create a pod", do(_unlived("old"), _lives("old", OLD)), ready_pods(1)),
            *_waits(5),
            Step("create another", do(_unlived("young"), _lives("young", OLD)), ready_pods(2)),
            Step("create", do(create(replica_set(1))), _one_left, serves=False),
        ),
    )


def _one_left(state: State) -> bool:
    return told_truly(state) and len(state.pods) == 1


def _waits(steps: int) -> tuple[Step, ...]:
    """Time goes by, so that ages differ in their power of two."""
    return tuple(Step(f"wait {number}", do()) for number in range(1, steps + 1))
