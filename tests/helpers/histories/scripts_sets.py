"""Scripts of ReplicaSets: adoption and release, quota, lost nodes, input that is wrong."""

from __future__ import annotations

from typing import Any

from .script import (
    Action,
    Script,
    Step,
    Write,
    change,
    create,
    delete,
    deployment,
    do,
    patch,
    pod,
    replica_set,
    roll,
    scale,
)
from .state import (
    Object,
    State,
    controller_uid,
    count,
    image_of,
    is_terminating,
    name,
    told_truly,
    uid,
)
from .waits import (
    COST,
    DEAD,
    HASH,
    READY,
    complete,
    delete_pods,
    failing,
    gone,
    labelled,
    nothing_left,
    on_pods,
    ready_pods,
)


def made(replicas: int | None = 3, **more: Any) -> Step:
    wanted = 1 if replicas is None else replicas
    return Step("create", do(create(replica_set(replicas, **more))), ready_pods(wanted))


def pods(*names: str, **more: Any) -> Step:
    return Step("create pods", do(*(create(pod(each, **more)) for each in names)), ready_pods(len(names)))


def _adoption() -> list[Script]:
    def settled(number: int) -> Any:
        def is_so(state: State) -> bool:
            return ready_pods(number)(state) and not any(is_terminating(one) for one in state.pods)

        return is_so

    return [
        Script(
            "adopt-a-pod",
            "a pod of nobody with the right labels is counted in",
            (pods("a"), made(3)),
        ),
        Script(
            "adopt-enough",
            "with enough pods of nobody none is made",
            (pods("a", "b"), made(2)),
        ),
        Script(
            "adopt-too-many",
            "of pods adopted beyond the number the cheapest goes",
            (
                Step(
                    "create pods",
                    do(
                        create(pod("cheap", annotations={COST: "-1"})),
                        create(pod("dear", annotations={COST: "1"})),
                        create(pod("dearer", annotations={COST: "2"})),
                    ),
                    ready_pods(3),
                ),
                Step("create", do(create(replica_set(2))), settled(2), serves=False),
            ),
        ),
        Script(
            "adopt-none-of-another",
            "a pod with another controller is not adopted, whatever that one's name",
            (
                Step(
                    "create another controller of the name",
                    do(create(_namesake())),
                ),
                Step("create a pod that it owns", _owned_by_the_namesake, ready_pods(1)),
                Step("create a ReplicaSet", do(create(replica_set(1))), ready_pods(2)),
            ),
        ),
        Script(
            "adopt-no-replica-set-of-another",
            "a replica set with another controller is no revision, though that one has the Deployment's name",
            (
                Step("create another controller of the name", do(create(_another_web()))),
                Step("create a replica set that it owns", _replica_set_of_the_other),
                Step("create", do(create(deployment(1, revisionHistoryLimit=0))), complete()),
            ),
            others_scale=True,
        ),
        Script(
            "release-and-replace",
            "a pod whose labels do not match any more is let go and replaced",
            (made(2), Step("label one", labelled({"app": "other"}), ready_pods(3))),
        ),
        Script(
            "release-and-take-back",
            "a pod that matches again is one too many",
            (
                made(2),
                Step("label one", labelled({"app": "other"}), ready_pods(3)),
                Step(
                    "label it back",
                    on_pods(
                        lambda one: patch(
                            "Pod", name(one), {"metadata": {"labels": {"app": "set"}}}, "merge"
                        ),
                        lambda state: [one for one in state.pods if controller_uid(one) is None],
                    ),
                    settled(2),
                ),
            ),
        ),
        Script(
            "orphan-pods-and-adopt-them",
            "a ReplicaSet that takes another's place finds its pods",
            (
                made(3),
                Step(
                    "delete, and leave the pods",
                    do(delete("ReplicaSet", "set", "Orphan")),
                    gone("ReplicaSet", "set"),
                ),
                Step("create it again", do(create(replica_set(3))), ready_pods(3)),
            ),
        ),
        Script(
            "two-selectors-one-pod",
            "two ReplicaSets with one selector do not fight over a pod",
            (
                pods("a", app="both"),
                Step("create one", do(create(replica_set(1, name="one", app="both"))), ready_pods(1)),
                Step("create the other", do(create(replica_set(1, name="two", app="both"))), ready_pods(2)),
                Step("delete the first", do(delete("ReplicaSet", "one")), _one_left),
            ),
        ),
        Script(
            "orphan-a-deployment-and-adopt",
            "a Deployment that takes another's place finds its revision",
            (
                Step("create", do(create(deployment(2))), complete()),
                Step(
                    "delete, and leave what it owns",
                    do(delete("Deployment", "web", "Orphan")),
                    gone("Deployment", "web"),
                ),
                Step("create it again", do(create(deployment(2))), complete()),
                Step("roll", do(roll("web:2")), complete()),
            ),
            others_scale=True,
        ),
        Script(
            "adopt-an-older-revision",
            "a replica set of nobody that matches is an old revision",
            (
                Step(
                    "create a ReplicaSet", do(create(replica_set(2, app="web", image="web:0"))), ready_pods(2)
                ),
                Step("create a Deployment", do(create(deployment(2))), complete()),
            ),
            others_scale=True,
        ),
        Script(
            "release-a-replica-set",
            "a replica set whose labels do not match any more is let go",
            (
                Step("create", do(create(deployment(2))), complete()),
                Step("roll", do(roll("web:2")), complete()),
                Step(
                    "label the old one",
                    lambda state: [
                        patch(
                            "ReplicaSet",
                            name(state.of_image("web:1")),
                            {"metadata": {"labels": {"app": "other"}}},
                            "merge",
                        )
                    ],
                ),
            ),
        ),
        Script(
            "the-present-replica-set-is-taken-away",
            "the name of the present revision is taken by one that is nobody's: another name is found",
            (
                Step("create", do(create(deployment(1))), complete()),
                Step(
                    "label it",
                    lambda state: [
                        patch(
                            "ReplicaSet",
                            name(state.of_image("web:1")),
                            {"metadata": {"labels": {"app": "other"}}},
                            "merge",
                        )
                    ],
                    _collided,
                    serves=False,
                ),
            ),
            others_scale=True,
        ),
        Script(
            "a-pod-with-a-revisions-labels",
            "a pod of nobody with all labels of a revision is adopted by its replica set, and one goes",
            (
                Step("create", do(create(deployment(2))), complete()),
                Step("create a pod", _pod_of_the_revision, settled(2), serves=False),
            ),
        ),
    ]


def _namesake() -> Object:
    apart = {"app": "namesake"}
    return deployment(0, name="set", labels=apart, paused=True, selector={"matchLabels": apart})


def _another_web() -> Object:
    return replica_set(0, name="web", app="apart")


def _replica_set_of_the_other(state: State) -> list[Write]:
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "web",
        "uid": uid(state.replica_set("web")),
        "controller": True,
    }
    body = replica_set(0, name="owned", app="web", image="web:0")
    body["metadata"]["ownerReferences"] = [owner]
    return [create(body)]


def _owned_by_the_namesake(state: State) -> list[Write]:
    other = state.deployment("set")
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "set",
        "uid": uid(other),
        "controller": True,
    }
    return [create(pod("owned", ownerReferences=[owner]))]


def _one_left(state: State) -> bool:
    return gone("ReplicaSet", "one")(state) and _only(1)(state)


def _collided(state: State) -> bool:
    return complete()(state) and count(state.deployment(), "collisionCount") == 1


def _pod_of_the_revision(state: State) -> list[Write]:
    one = state.of_image("web:1")
    labels = one["spec"]["selector"]["matchLabels"]
    body = pod("stranger", image="web:1", annotations={COST: "-10"})
    body["metadata"]["labels"] = labels
    return [create(body)]


def _plain() -> list[Script]:
    return [
        Script(
            "set-up-and-down",
            "a ReplicaSet of its own",
            (
                made(2),
                Step("scale up", do(scale(5, "set", "ReplicaSet")), ready_pods(5)),
                Step("scale down", do(scale(1, "set", "ReplicaSet")), _only(1), serves=False),
                Step("to none", do(scale(0, "set", "ReplicaSet")), _only(0), serves=False),
            ),
        ),
        Script("set-default-replicas", "a ReplicaSet that says no number has one pod", (made(None),)),
        Script(
            "set-new-template",
            "a new template is for new pods alone",
            (
                made(2),
                Step(
                    "another image",
                    do(
                        patch(
                            "ReplicaSet",
                            "set",
                            {
                                "spec": {
                                    "template": {"spec": {"containers": [{"name": "main", "image": "set:2"}]}}
                                }
                            },
                        )
                    ),
                ),
                Step("scale up", do(scale(3, "set", "ReplicaSet")), ready_pods(3)),
            ),
        ),
        Script(
            "set-labels-of-the-template",
            "pods that lack a label of the template count, but not as fully labelled",
            (
                made(2),
                Step(
                    "label the template",
                    do(
                        patch(
                            "ReplicaSet",
                            "set",
                            {"spec": {"template": {"metadata": {"labels": {"tier": "x"}}}}},
                        )
                    ),
                ),
                Step("scale up", do(scale(3, "set", "ReplicaSet")), ready_pods(3)),
            ),
        ),
        Script(
            "set-min-ready",
            "available after a while",
            (Step("create", do(create(replica_set(2, minReadySeconds=2))), _available(2)),),
        ),
        Script(
            "set-pod-fails",
            "a pod that has failed is replaced and kept",
            (
                made(2),
                Step(
                    "fail one",
                    on_pods(
                        lambda one: Write(
                            "status",
                            "Pod",
                            name(one),
                            {"status": {"phase": "Failed", "reason": "Evicted"}},
                            "merge",
                        ),
                        lambda state: sorted(state.staying(), key=name)[:1],
                    ),
                    ready_pods(2),
                    serves=False,
                ),
            ),
        ),
        Script(
            "set-pod-deleted",
            "a pod on its way out is replaced at once",
            (made(2), Step("delete one", delete_pods(1), _only(2), serves=False)),
        ),
        Script(
            "set-pod-held",
            "a pod that a finalizer holds is terminating, and counted so",
            (
                made(2, pods={"example.com/x": "y"}),
                Step(
                    "hold one",
                    on_pods(
                        lambda one: patch(
                            "Pod", name(one), {"metadata": {"finalizers": ["example.com/stay"]}}, "merge"
                        ),
                        lambda state: sorted(state.staying(), key=name)[:1],
                    ),
                ),
                Step(
                    "delete it",
                    on_pods(
                        lambda one: delete("Pod", name(one), grace=0),
                        lambda state: [one for one in state.pods if one["metadata"].get("finalizers")],
                    ),
                    _held,
                    serves=False,
                ),
                Step(
                    "let it go",
                    on_pods(
                        lambda one: patch("Pod", name(one), {"metadata": {"finalizers": None}}, "merge"),
                        lambda state: [one for one in state.pods if one["metadata"].get("finalizers")],
                    ),
                    _only(2),
                ),
            ),
        ),
        *(
            Script(
                f"set-delete-{how.lower()}",
                f"a ReplicaSet is deleted: {why}",
                (made(2), Step("delete", do(delete("ReplicaSet", "set", how)), until, serves=False)),
                # Chance is whether a pod's end is heard of before its owner's: then it is replaced once more.
                races=how == "Background",
            )
            for how, why, until in (
                ("Background", "its pods go after it", nothing_left),
                ("Foreground", "it goes after its pods", nothing_left),
                ("Orphan", "its pods stay and belong to nobody", gone("ReplicaSet", "set")),
            )
        ),
        Script(
            "set-readiness-lost",
            "a pod that is not ready is no less a replica",
            (
                made(2),
                Step(
                    "one probe fails",
                    on_pods(
                        lambda one: patch(
                            "Pod", name(one), {"metadata": {"annotations": {READY: "false"}}}, "merge"
                        ),
                        lambda state: sorted(state.staying(), key=name)[:1],
                    ),
                    ready_pods(1),
                    serves=False,
                ),
            ),
        ),
    ]


def _held(state: State) -> bool:
    return ready_pods(2)(state) and len(state.pods) == 3 and any(is_terminating(one) for one in state.pods)


def _only(number: int) -> Any:
    return lambda state: ready_pods(number)(state) and len(state.pods) == number


def _available(number: int) -> Any:
    return lambda state: count(state.replica_set("set"), "availableReplicas") == number


def quota(number: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": str(number)}},
    }


def _quotas() -> list[Script]:
    needs = frozenset({"quota"})

    def limited(number: int) -> Step:
        return Step("limit the pods", do(create(quota(number))), _quota_counts)

    return [
        Script(
            "quota-set",
            "what a quota refuses is a condition and an event",
            (
                limited(2),
                Step("create", do(create(replica_set(4))), _failing_set(2)),
                Step(
                    "allow more",
                    do(patch("ResourceQuota", "few", {"spec": {"hard": {"pods": "10"}}})),
                    ready_pods(4),
                ),
            ),
            needs=needs,
        ),
        Script(
            "quota-set-scaled-down",
            "asking for less ends the failure as well",
            (
                limited(2),
                Step("create", do(create(replica_set(4))), _failing_set(2)),
                Step("ask for less", do(scale(2, "set", "ReplicaSet"))),
            ),
            needs=needs,
        ),
        Script(
            "quota-none",
            "not one pod may be made",
            (
                limited(0),
                Step("create", do(create(deployment(2))), _failing_deployment),
                Step(
                    "allow some",
                    do(patch("ResourceQuota", "few", {"spec": {"hard": {"pods": "5"}}})),
                    complete(),
                ),
            ),
            needs=needs,
        ),
        Script(
            "quota-without-room-for-surge",
            "a rollout that needs room it has not got stops, and goes on by what may be missing",
            (
                limited(3),
                Step("create", do(create(deployment(3, surge=1, unavailable=0))), complete()),
                Step("roll", do(roll("web:2")), _failing_deployment),
                Step(
                    "let one be missing",
                    do(change({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}})),
                    complete(),
                ),
            ),
            needs=needs,
        ),
        Script(
            "quota-and-rollback",
            "a revision that could not be made is given up",
            (
                limited(3),
                Step("create", do(create(deployment(3, surge=1, unavailable=0))), complete()),
                Step("roll", do(roll("web:2")), _failing_deployment),
                Step("roll back", do(roll("web:1")), complete()),
            ),
            needs=needs,
        ),
    ]


def _quota_counts(state: State) -> bool:
    """The quota is counted: before that it refuses everything."""
    return bool(state.quotas) and all("used" in one.get("status", {}) for one in state.quotas)


def _failing_set(pods_: int) -> Any:
    return lambda state: failing("ReplicaSet", "set")(state) and ready_pods(pods_)(state)


def _failing_deployment(state: State) -> bool:
    return (
        told_truly(state)
        and failing("Deployment", "web")(state)
        and not any(is_terminating(one) for one in state.pods)
        and all(count(one, "readyReplicas") == count(one, "replicas") for one in state.replica_sets)
    )


def _lost_nodes() -> list[Script]:
    def apart(seconds: int) -> Object:
        return {
            "nodeSelector": {"script": "$NS"},
            "tolerations": [
                {"key": "script", "operator": "Exists"},
                *(
                    {
                        "key": f"node.kubernetes.io/{each}",
                        "operator": "Exists",
                        "effect": "NoExecute",
                        "tolerationSeconds": seconds,
                    }
                    for each in ("not-ready", "unreachable")
                ),
            ],
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": {"app": "web"}},
                }
            ],
        }

    def dead(is_dead: bool) -> Action:
        body = {"metadata": {"annotations": {DEAD: "true" if is_dead else None}}}
        return do(Write("patch", "Node", "$NS-0", body, "merge", namespaced=False))

    def replaced(state: State) -> bool:
        return ready_pods(4)(state) and any(is_terminating(one) for one in state.pods)

    made_apart = Step(
        "create", do(create(deployment(4, surge=1, unavailable=1, pod_spec=apart(1)))), complete()
    )
    return [
        Script(
            "node-lost-and-back",
            "pods of a node that is silent are replaced, and gone when it is back",
            (
                made_apart,
                Step("the node dies", dead(True), replaced, serves=False),
                Step("it is back", dead(False), complete(), serves=False),
            ),
            nodes=2,
        ),
        Script(
            "node-lost-and-rolled",
            "a rollout goes on beside pods that nobody can end",
            (
                made_apart,
                Step("the node dies", dead(True), replaced, serves=False),
                Step("roll", do(roll("web:2")), _rolled_beside_the_dead, serves=False),
                Step("it is back", dead(False), complete(), serves=False),
            ),
            nodes=2,
        ),
        Script(
            "node-lost-and-recreate",
            "Recreate waits for pods that nobody can end",
            (
                Step("create", do(create(deployment(2, strategy="Recreate", pod_spec=apart(1)))), complete()),
                Step("the node dies", dead(True), _replaced_two, serves=False),
                Step("roll", do(roll("web:2")), _waits_for_the_dead, serves=False),
                Step("it is back", dead(False), complete(), serves=False),
            ),
            nodes=2,
        ),
    ]


def _replaced_two(state: State) -> bool:
    return ready_pods(2)(state) and any(is_terminating(one) for one in state.pods)


def _rolled_beside_the_dead(state: State) -> bool:
    one = state.deployment()
    new = [
        each
        for each in state.replica_sets
        if image_of(each["spec"]["template"]) == image_of(one["spec"]["template"])
    ]
    return (
        told_truly(state)
        and count(one, "updatedReplicas") == count(one, "replicas") == count(one, "availableReplicas") == 4
        and any(each["spec"]["replicas"] == 4 for each in new)
    )


def _waits_for_the_dead(state: State) -> bool:
    return (
        told_truly(state)
        and not state.staying()
        and any(is_terminating(one) for one in state.pods)
        and len({one["spec"].get("nodeName") for one in state.pods}) == 1
    )


LONG = "n" + "a" * 61 + "z"
"""63 characters: the longest label."""

LONGEST = ".".join((LONG, LONG, LONG, "b" * 61))
"""253 characters: the longest name."""


def _wrong() -> list[Script]:
    def refused(title: str, why: str, *writes: Write) -> Script:
        return Script(title, why, (Step("ask", do(*writes)),))

    other = deployment(1)
    other["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    nothing = deployment(1)
    nothing["spec"]["selector"] = {}
    no_labels = replica_set(1)
    no_labels["spec"]["template"]["metadata"] = {}
    two = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": each, "uid": each, "controller": True}
        for each in ("one", "two")
    ]
    return [
        refused("wrong-selector", "a selector that its template does not match", create(other)),
        refused("wrong-empty-selector", "a selector of everything", create(nothing)),
        refused("wrong-no-labels", "pods without labels", create(no_labels)),
        refused("wrong-negative", "fewer than no replicas", create(deployment(-1)), create(replica_set(-2))),
        refused(
            "wrong-no-bounds",
            "nothing may be added and nothing missing",
            create(deployment(2, surge=0, unavailable=0)),
        ),
        refused(
            "wrong-two-owners",
            "two controllers for one pod",
            create(pod("p", ownerReferences=two)),
        ),
        Script(
            "wrong-negative-by-scale",
            "a scale below zero is refused, and nothing happens",
            (Step("create", do(create(deployment(1))), complete()), Step("scale", do(scale(-1)))),
        ),
        Script(
            "wrong-negative-by-patch",
            "a number below zero is refused by whatever patch it comes, and the loop goes on",
            (
                Step("create", do(create(deployment(1)), create(replica_set(1))), complete()),
                Step(
                    "patch both",
                    do(
                        change({"replicas": -1}),
                        patch("Deployment", "web", {"spec": {"replicas": -2}}, "merge"),
                        patch(
                            "ReplicaSet",
                            "set",
                            [{"op": "replace", "path": "/spec/replicas", "value": -3}],
                            "json",
                        ),
                        scale(-4, "set", "ReplicaSet"),
                    ),
                ),
                Step("scale up", do(scale(2), scale(2, "set", "ReplicaSet")), ready_pods(4)),
            ),
            others_scale=True,
        ),
        Script(
            "wrong-selector-change",
            "a selector cannot be changed",
            (
                Step("create", do(create(deployment(1))), complete()),
                Step("change it", do(change({"selector": {"matchLabels": {"app": "web", "more": "1"}}}))),
            ),
        ),
        Script(
            "long-label",
            "a name as long as a label may be",
            (
                Step("create", do(create(deployment(1, name=LONG))), complete(LONG)),
                Step("roll", do(roll("web:2", LONG)), complete(LONG)),
            ),
        ),
        Script(
            "longest-name",
            "a name that leaves no room for the hash is cut",
            (
                Step("create", do(create(_named(deployment(1), LONGEST))), complete(LONGEST)),
                Step("roll", do(roll("web:2", LONGEST)), complete(LONGEST)),
            ),
        ),
        Script(
            "longest-set",
            "a ReplicaSet's name that leaves no room for a dash",
            (Step("create", do(create(_named(replica_set(2), LONGEST))), ready_pods(2)),),
        ),
        Script(
            "two-deployments-one-selector",
            "each keeps what it owns",
            (
                Step("create one", do(create(deployment(1))), complete()),
                Step("create another", do(create(_named(deployment(1, "web:2"), "twin"))), complete("twin")),
                Step("roll the first to the template of the other", do(roll("web:2")), complete()),
            ),
        ),
    ]


def _named(obj: Object, name: str) -> Object:
    obj["metadata"]["name"] = name
    return obj


def scripts() -> list[Script]:
    return [*_adoption(), *_plain(), *_quotas(), *_lost_nodes(), *_wrong()]


__all__ = ["HASH", "scripts", "uid"]
