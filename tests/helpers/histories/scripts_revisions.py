"""Scripts of revisions: rollback, pause, history; of what others write; of changes in quick succession."""

from __future__ import annotations

from typing import Any

from .script import Action, Script, Step, Write, change, create, delete, deployment, do, patch, roll, scale
from .state import Object, State, is_terminating, name, told_truly
from .waits import (
    annotated,
    complete,
    delete_pods,
    gone,
    labelled,
    nothing_left,
    on_replica_set,
    sound_roll,
    stuck_roll,
    undo,
)

ROLLBACK_TO = "deprecated.deployment.rollback.to"
CAUSE = "kubernetes.io/change-cause"
PREFIX = "deployment.kubernetes.io/"


def made(replicas: int = 3, **more: Any) -> Step:
    return Step(
        "create", do(create(deployment(replicas, **{"surge": 1, "unavailable": 0, **more}))), complete()
    )


def rolled(number: int, **more: Any) -> Step:
    return Step(f"roll to {number}", do(roll(f"web:{number}", **more)), complete())


def annotate(annotations: dict[str, str | None], kind: str = "Deployment", of: str = "web") -> Write:
    return patch(kind, of, {"metadata": {"annotations": annotations}}, "merge")


def caused(number: int, cause: str) -> Action:
    return do(
        patch(
            "Deployment",
            "web",
            {
                "metadata": {"annotations": {CAUSE: cause}},
                "spec": {"template": {"spec": {"containers": [{"name": "main", "image": f"web:{number}"}]}}},
            },
        )
    )


def _rollbacks() -> list[Script]:
    stuck = Step("roll to pods that are never ready", do(stuck_roll("web:2")))

    def asked(revision: str) -> Step:
        return Step(
            f"ask for revision {revision} by annotation",
            do(annotate({ROLLBACK_TO: revision})),
            _asked_and_complete,
        )

    return [
        Script(
            "undo",
            "the replica set of the old template comes back with the next number",
            (made(), rolled(2), Step("undo", undo(), complete())),
        ),
        Script(
            "undo-twice",
            "undo of an undo is the second revision again, with both numbers in its history",
            (made(), rolled(2), Step("undo", undo(), complete()), Step("undo again", undo(), complete())),
        ),
        Script(
            "undo-many-times",
            "the history of revisions grows at each return",
            (
                made(1),
                rolled(2),
                *(Step(f"undo {number}", undo(), complete()) for number in range(1, 6)),
            ),
        ),
        Script(
            "undo-to-a-revision",
            "an older revision than the last one",
            (made(), rolled(2), rolled(3), Step("undo to the first", undo(1), complete())),
        ),
        Script(
            "undo-in-mid-rollout",
            "what was rolled out half goes, and what was there stays",
            (made(4), stuck, Step("undo", undo(), complete())),
        ),
        Script(
            "undo-to-the-present",
            "a template that is there already changes nothing",
            (made(), rolled(2), Step("undo to the second", undo(2), complete())),
        ),
        Script(
            "undo-brings-annotations-back",
            "the reason of a change belongs to its revision",
            (
                made(2, annotations={CAUSE: "first"}),
                Step("roll with a reason", caused(2, "second"), complete()),
                Step("undo", undo(), complete()),
            ),
        ),
        Script(
            "undo-while-paused",
            "the template goes back, nothing else does",
            (
                made(),
                rolled(2),
                Step("pause", do(change({"paused": True}))),
                Step("undo", undo()),
                Step("resume", do(change({"paused": False})), complete()),
            ),
        ),
        Script("rollback-annotation", "the old way to ask for a revision", (made(), rolled(2), asked("1"))),
        Script(
            "rollback-annotation-last",
            "0 stands for the last revision",
            (made(), rolled(2), rolled(3), asked("0")),
        ),
        Script("rollback-annotation-none", "there is no last revision", (made(), asked("0"))),
        Script("rollback-annotation-unknown", "there is no such revision", (made(), rolled(2), asked("7"))),
        Script(
            "rollback-annotation-same", "the revision is the present one", (made(), rolled(2), asked("2"))
        ),
        Script(
            "rollback-annotation-in-mid-rollout",
            "asked for while a rollout has stopped",
            (made(4), stuck, asked("1")),
        ),
    ]


def _asked_and_complete(state: State) -> bool:
    annotations = state.deployment()["metadata"].get("annotations") or {}
    return ROLLBACK_TO not in annotations and complete()(state)


def _pauses() -> list[Script]:
    pause = Step("pause", do(change({"paused": True})))
    return [
        Script(
            "pause-and-roll",
            "a change waits until it is resumed",
            (
                made(),
                pause,
                Step("roll", do(roll("web:2"))),
                Step("resume", do(change({"paused": False})), complete()),
            ),
        ),
        Script(
            "pause-and-resume",
            "a pause with nothing to roll leaves its mark in the condition alone",
            (made(), pause, Step("resume", do(change({"paused": False})), complete())),
        ),
        Script(
            "pause-and-change-twice",
            "only the last template is rolled out",
            (
                made(),
                pause,
                Step("roll", do(roll("web:2"))),
                Step("roll again", do(roll("web:3"))),
                Step("resume", do(change({"paused": False})), complete()),
            ),
        ),
        Script(
            "pause-and-scale",
            "scaling is done while paused",
            (
                made(),
                pause,
                Step("scale up", do(scale(6))),
                Step("scale down", do(scale(2))),
                Step("resume", do(change({"paused": False})), complete()),
            ),
        ),
        Script(
            "pause-and-scale-with-a-change",
            "the old revision grows, and the new one is made when resumed",
            (
                made(),
                pause,
                Step("roll", do(roll("web:2"))),
                Step("scale up", do(scale(5))),
                Step("resume", do(change({"paused": False})), complete()),
            ),
        ),
        Script(
            "pause-in-mid-rollout-and-scale",
            "both revisions get their share while paused",
            (
                made(8, surge=2, unavailable=2),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                pause,
                Step("scale up", do(scale(12))),
                Step("scale down", do(scale(4))),
                Step("roll to pods that are ready", do(sound_roll("web:3"))),
                Step("resume", do(change({"paused": False})), complete()),
            ),
        ),
        Script(
            "created-paused",
            "nothing is made before it is resumed",
            (
                Step("create", do(create(deployment(2, paused=True)))),
                Step("scale", do(scale(3))),
                Step("resume", do(change({"paused": False})), complete()),
            ),
        ),
        Script(
            "pause-without-a-deadline",
            "without a deadline a pause is not told in a condition",
            (
                made(progressDeadlineSeconds=2**31 - 1),
                pause,
                Step("resume", do(change({"paused": False})), complete()),
            ),
        ),
        Script(
            "pause-cleans-up",
            "the history's limit counts while paused too",
            (
                made(1, revisionHistoryLimit=10),
                rolled(2),
                rolled(3),
                rolled(4),
                pause,
                Step("a smaller limit", do(change({"revisionHistoryLimit": 1}))),
            ),
        ),
    ]


def _history() -> list[Script]:
    return [
        *(
            Script(
                f"history-limit-{limit}",
                f"{why}",
                (
                    made(1, revisionHistoryLimit=limit),
                    *(
                        Step(f"roll to {number}", do(roll(f"web:{number}")), _kept(limit, number))
                        for number in range(2, 5)
                    ),
                ),
            )
            for limit, why in (
                (0, "no old revision is kept"),
                (1, "one old revision is kept"),
                (2, "two are kept"),
            )
        ),
        Script(
            "history-limit-lowered",
            "a limit counts as soon as it is set",
            (
                made(1),
                rolled(2),
                rolled(3),
                rolled(4),
                Step("lower it", do(change({"revisionHistoryLimit": 1})), _kept(1, 4)),
            ),
        ),
        Script(
            "history-keeps-what-has-pods",
            "a revision with pods is not forgotten",
            (
                made(4, revisionHistoryLimit=0),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("roll over", do(stuck_roll("web:3"))),
                Step("roll to pods that are ready", do(sound_roll("web:4")), _kept(0, 4)),
            ),
        ),
        Script(
            "history-forgets-what-undo-would-need",
            "the number of a revision goes on where its neighbours are forgotten",
            (
                made(1, revisionHistoryLimit=1),
                Step("roll to 2", do(roll("web:2")), _kept(1, 2)),
                Step("roll to 3", do(roll("web:3")), _kept(1, 3)),
                Step("undo", undo(), complete()),
            ),
        ),
    ]


def _kept(limit: int, made_so_far: int) -> Any:
    def is_so(state: State) -> bool:
        return complete()(state) and len(state.replica_sets) == min(limit + 1, made_so_far)

    return is_so


def _foreign_edits() -> list[Script]:
    def on(image: str, body: Object, kind: str = "ReplicaSet") -> Action:
        return on_replica_set(image, lambda one: patch(kind, name(one), body, "merge"))

    return [
        Script(
            "others-scale-the-replica-set",
            "the Deployment says how many",
            (
                made(),
                Step(
                    "scale its replica set up",
                    on("web:1", {"spec": {"replicas": 5}}),
                    complete(),
                    serves=False,
                ),
                Step("and down", on("web:1", {"spec": {"replicas": 1}}), complete(), serves=False),
            ),
            # Chance is whether the replica set makes pods before the Deployment has set it right.
            races=True,
            others_scale=True,
        ),
        Script(
            "others-scale-an-old-replica-set",
            "an old revision that gets pods loses them again",
            (
                made(),
                rolled(2),
                Step(
                    "scale the old one up", on("web:1", {"spec": {"replicas": 2}}), complete(), serves=False
                ),
            ),
            races=True,
            others_scale=True,
        ),
        Script(
            "others-delete-the-replica-set",
            "the present revision is made again, and its number is the first",
            (
                made(),
                Step(
                    "delete it",
                    on_replica_set("web:1", lambda one: delete("ReplicaSet", name(one))),
                    complete(),
                    serves=False,
                ),
            ),
        ),
        Script(
            "others-delete-the-present-of-two",
            "the number goes on from what is left",
            (
                made(2),
                rolled(2),
                Step(
                    "delete the present one",
                    on_replica_set("web:2", lambda one: delete("ReplicaSet", name(one))),
                    complete(),
                    serves=False,
                ),
            ),
        ),
        Script(
            "others-delete-an-old-replica-set",
            "a revision is lost, and nothing else happens",
            (
                made(2),
                rolled(2),
                rolled(3),
                Step("delete it", on_replica_set("web:1", lambda one: delete("ReplicaSet", name(one)))),
                rolled(4),
            ),
        ),
        Script(
            "others-delete-a-pod",
            "a pod that is deleted is replaced",
            (made(), Step("delete one", delete_pods(1), complete(), serves=False)),
        ),
        Script(
            "others-delete-all-pods",
            "availability is lost and told",
            (made(), Step("delete all", delete_pods(), complete(), serves=False)),
        ),
        Script(
            "others-delete-pods-in-mid-rollout",
            "old pods that are deleted are replaced by old ones",
            (
                made(4),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("delete all", delete_pods(), serves=False),
                Step("undo", undo(), complete(), serves=False),
            ),
        ),
        Script(
            "others-delete-pods-of-a-recreate",
            "deleted pods of a Recreate are not a rollout",
            (
                Step("create", do(create(deployment(2, strategy="Recreate"))), complete()),
                Step("delete all", delete_pods(), complete(), serves=False),
            ),
        ),
        Script(
            "others-break-the-revision",
            "a revision that is no number is left alone",
            (
                made(2),
                Step(
                    "write nonsense", on("web:1", {"metadata": {"annotations": {PREFIX + "revision": "one"}}})
                ),
                rolled(2),
            ),
        ),
        Script(
            "others-raise-the-revision",
            "numbers go on from the highest",
            (
                made(2),
                Step(
                    "write a higher one",
                    on("web:1", {"metadata": {"annotations": {PREFIX + "revision": "41"}}}),
                ),
                rolled(2),
            ),
        ),
        Script(
            "others-lower-the-revision-of-the-deployment",
            "the Deployment's number is its replica set's",
            (made(2), rolled(2), Step("write a lower one", do(annotate({PREFIX + "revision": "1"})))),
        ),
        Script(
            "others-break-the-sizes-before",
            "a rollout is scaled even if nobody knows what it was scaled against",
            (
                made(8, surge=2, unavailable=2),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step(
                    "take it away",
                    on("web:1", {"metadata": {"annotations": {PREFIX + "max-replicas": None}}}),
                ),
                Step("scale", do(scale(12))),
            ),
        ),
        Script(
            "others-take-the-wanted-number-away",
            "without the number that it was scaled for a replica set asks for no scaling",
            (
                made(3),
                Step(
                    "take it away",
                    on("web:1", {"metadata": {"annotations": {PREFIX + "desired-replicas": None}}}),
                ),
                Step("scale", do(scale(5)), complete()),
            ),
        ),
        Script(
            "annotations-go-to-the-replica-set",
            "a Deployment's annotations are its present replica set's, and an old one keeps its own",
            (
                made(2, annotations={"example.com/team": "a"}),
                Step("another", do(annotate({"example.com/team": "b"}))),
                rolled(2),
                Step("a third", do(annotate({"example.com/team": "c", "example.com/more": "1"}))),
                Step("none", do(annotate({"example.com/team": None, "example.com/more": None}))),
            ),
        ),
        Script(
            "labels-of-the-deployment-are-its-own",
            "labels and selectors of replica sets do not follow",
            (
                made(2),
                Step(
                    "label it",
                    do(patch("Deployment", "web", {"metadata": {"labels": {"tier": "front"}}}, "merge")),
                ),
            ),
        ),
        Script(
            "labels-of-the-template-make-a-revision",
            "a label of the pods is a change of the template",
            (
                made(2),
                Step(
                    "label the pods",
                    do(change({"template": {"metadata": {"labels": {"tier": "front"}}}})),
                    complete(),
                ),
            ),
        ),
        Script(
            "a-pod-gets-another-label",
            "labels that the selector does not ask for are nobody's business, but counted",
            (made(2), Step("label one", labelled({"app": "web", "debug": "yes"}))),
        ),
        Script(
            "status-written-by-others",
            "a status that is wrong is put right",
            (
                made(2),
                Step(
                    "write nonsense",
                    do(
                        Write(
                            "status",
                            "Deployment",
                            "web",
                            {"status": {"replicas": 7, "readyReplicas": 1}},
                            "merge",
                        )
                    ),
                    complete(),
                ),
            ),
        ),
    ]


def _quick() -> list[Script]:
    def at_once(*writes: Write) -> Action:
        return do(*writes)

    return [
        Script(
            "roll-four-times-at-once",
            "only the last template is left with pods",
            (
                made(4, revisionHistoryLimit=0),
                Step("roll", at_once(*(roll(f"web:{number}") for number in range(2, 6))), _kept(0, 5)),
            ),
            races=True,
        ),
        Script(
            "scale-up-and-down-at-once",
            "the last number counts",
            (made(3), Step("scale", at_once(scale(8), scale(1), scale(5)), complete(), serves=False)),
            races=True,
        ),
        Script(
            "there-and-back-at-once",
            "a change that is taken back leaves the first revision where it was",
            (
                made(3, revisionHistoryLimit=0),
                Step("roll there and back", at_once(roll("web:2"), roll("web:1")), _back),
            ),
            races=True,
        ),
        Script(
            "scale-and-roll-at-once",
            "two writes after one another",
            (made(3), Step("scale and roll", at_once(scale(6), roll("web:2")), complete())),
            races=True,
        ),
        Script(
            "pause-and-resume-at-once",
            "a pause that nobody saw may leave no trace",
            (
                made(2),
                Step(
                    "pause, roll, resume",
                    at_once(change({"paused": True}), roll("web:2"), change({"paused": False})),
                    complete(),
                ),
            ),
            races=True,
        ),
        Script(
            "created-and-deleted-at-once",
            "nothing is left",
            (
                Step(
                    "create and delete",
                    at_once(create(deployment(3)), delete("Deployment", "web")),
                    nothing_left,
                ),
            ),
            races=True,
        ),
        Script(
            "deleted-and-created-again",
            "a Deployment of the same name takes nothing from the one before it",
            (
                made(2),
                Step("delete", do(delete("Deployment", "web")), nothing_left, serves=False),
                made(3),
            ),
        ),
        Script(
            "roll-over-and-over",
            "each change comes before the one before it is done",
            (
                made(5, surge=2, unavailable=1),
                *(Step(f"roll to {number}", do(stuck_roll(f"web:{number}"))) for number in range(2, 5)),
                Step("roll to pods that are ready", do(sound_roll("web:9")), complete()),
            ),
        ),
    ]


def _back(state: State) -> bool:
    return (
        complete()(state)
        and len(state.replica_sets) == 1
        and told_truly(state)
        and not any(is_terminating(one) for one in state.pods)
    )


def _deletions() -> list[Script]:
    return [
        *(
            Script(
                f"delete-{how.lower()}",
                f"a Deployment is deleted: {why}",
                (made(2), Step("delete", do(delete("Deployment", "web", how)), until, serves=False)),
            )
            for how, why, until in (
                ("Background", "what it owns goes after it", nothing_left),
                ("Foreground", "it goes after what it owns", nothing_left),
                ("Orphan", "its replica set and pods stay and belong to nobody", gone("Deployment", "web")),
            )
        ),
        Script(
            "delete-in-mid-rollout",
            "all revisions go",
            (
                made(3),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("delete", do(delete("Deployment", "web")), nothing_left, serves=False),
            ),
        ),
    ]


def scripts() -> list[Script]:
    return [
        *_rollbacks(),
        *_pauses(),
        *_history(),
        *_foreign_edits(),
        *_quick(),
        *_deletions(),
    ]


__all__ = ["annotated", "scripts"]
