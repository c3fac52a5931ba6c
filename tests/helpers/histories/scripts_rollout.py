"""Scripts of rollouts: bounds, Recreate, proportional scaling, deadlines, failures."""

from __future__ import annotations

from .script import Script, Step, change, create, deployment, do, roll, scale
from .state import told_truly
from .waits import (
    EXIT_AFTER,
    EXIT_CODE,
    NO_IMAGE,
    READY,
    READY_DELAY,
    START_DELAY,
    STUCK,
    annotated,
    complete,
    crashing,
    ready_pods,
    sound_roll,
    stalled,
    stuck_roll,
    timed_out,
    undo,
)

CREATED = "create"


def _bounds() -> list[Script]:
    cases: list[tuple[int, int | str | None, int | str | None, str]] = [
        (1, None, None, "25% of one pod is one more and none less"),
        (2, None, None, "25% of two is one more and none less"),
        (3, None, None, "25% of three is one more and none less"),
        (4, None, None, "25% of four is one and one: nothing is rounded"),
        (5, None, None, "25% of five rounds to two more and one less"),
        (10, None, None, "25% of ten rounds to three more and two less"),
        (10, 1, 0, "one more at a time, never one less"),
        (10, 0, 1, "never one more: room is made first"),
        (10, "30%", 0, "surge alone, in percent"),
        (10, 0, "30%", "unavailability alone, in percent"),
        (4, "100%", 0, "the whole new revision beside the old one"),
        (4, 0, "100%", "the whole service may be down"),
        (5, 1, 1, "one and one"),
        (7, "33%", "33%", "percentages that round both ways"),
        (3, "0%", "25%", "both round to zero: one pod may be missing then"),
        (2, 0, 5, "more may be missing than there are"),
        (3, 5, 0, "more may be added than are wanted"),
        (1, 0, 1, "the only pod goes first"),
        (6, "1%", "1%", "the smallest percentage is one more and none less"),
    ]
    return [
        Script(
            f"bounds-{replicas}-{surge}-{unavailable}".replace("%", "p").lower(),
            f"{why}; the rollout stops where the bounds end, and goes on when pods are ready",
            (
                Step(
                    CREATED,
                    do(create(deployment(replicas, surge=surge, unavailable=unavailable))),
                    complete(),
                ),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("roll to pods that are", do(sound_roll("web:3")), complete()),
            ),
        )
        for replicas, surge, unavailable, why in cases
    ]


def _recreate() -> list[Script]:
    made = Step(CREATED, do(create(deployment(3, strategy="Recreate"))), complete())
    return [
        Script(
            "recreate-roll",
            "nothing of the new revision before the last old pod is gone",
            (made, Step("roll", do(roll("web:2")), complete())),
        ),
        Script(
            "recreate-stuck",
            "a new revision that is never ready has all its pods, and no old one is left",
            (
                made,
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("roll to pods that are", do(sound_roll("web:3")), complete()),
            ),
        ),
        Script(
            "recreate-scale-while-stuck",
            "scaling in mid-rollout touches the only replica set with pods",
            (
                made,
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("scale up", do(scale(5))),
                Step("scale down", do(scale(2))),
                Step("undo", undo(), complete()),
            ),
        ),
        Script(
            "recreate-to-rolling",
            "the strategy changes with the template",
            (
                made,
                Step(
                    "roll by RollingUpdate",
                    do(
                        roll(
                            "web:2",
                            strategy={
                                "type": "RollingUpdate",
                                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
                            },
                        )
                    ),
                    complete(),
                ),
            ),
        ),
        Script(
            "rolling-to-recreate",
            "the annotations of a replica set keep the surge until it is scaled again",
            (
                Step(CREATED, do(create(deployment(4, surge=2, unavailable=0))), complete()),
                Step(
                    "change the strategy",
                    do(change({"strategy": {"$retainKeys": ["type"], "type": "Recreate"}})),
                ),
                Step("roll", do(roll("web:2")), complete()),
            ),
        ),
        Script(
            "recreate-zero",
            "a Recreate with no pods has nothing to wait for",
            (
                Step(CREATED, do(create(deployment(0, strategy="Recreate")))),
                Step("roll", do(roll("web:2"))),
                Step("scale up", do(scale(2)), complete()),
            ),
        ),
        Script(
            "recreate-then-again",
            "a second change while the first is never ready",
            (
                made,
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("and to others", do(stuck_roll("web:3"))),
                Step("undo to the first", undo(1), complete()),
            ),
        ),
    ]


def _proportional() -> list[Script]:
    cases: list[tuple[int, int, int | str, int | str, str]] = [
        (10, 15, 3, 2, "up by half"),
        (10, 11, 3, 2, "up by one: what rounding leaves over goes to the largest"),
        (10, 30, 3, 2, "up threefold"),
        (10, 9, 3, 2, "down by one"),
        (10, 5, 3, 2, "down to half"),
        (10, 1, 3, 2, "down to one"),
        (10, 0, 3, 2, "down to none takes the surge away too"),
        (10, 20, "50%", "50%", "percentages are of the new number"),
        (4, 8, "100%", 0, "two revisions of the same size: the newer one grows first"),
        (4, 2, "100%", 0, "two revisions of the same size: the older one shrinks first"),
        (4, 5, 2, 1, "two revisions of the same size and one pod more: the newer one gets it"),
        (4, 3, 2, 1, "two revisions of the same size and one pod less: the older one gives it"),
        (3, 6, 1, 0, "few pods"),
    ]
    found = [
        Script(
            f"scale-in-mid-rollout-{replicas}-to-{after}-{surge}-{unavailable}".replace("%", "p"),
            f"every revision gets its share: {why}",
            (
                Step(
                    CREATED,
                    do(create(deployment(replicas, surge=surge, unavailable=unavailable))),
                    complete(),
                ),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step(f"scale to {after}", do(scale(after))),
                Step("roll to pods that are", do(sound_roll("web:3")), complete()),
            ),
        )
        for replicas, after, surge, unavailable, why in cases
    ]
    three = (
        Step(CREATED, do(create(deployment(10, surge=4, unavailable=4))), complete()),
        Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
        Step("roll over to others that are not", do(stuck_roll("web:3"))),
    )
    return [
        *found,
        Script(
            "scale-three-revisions-up",
            "three revisions with pods at once",
            (*three, Step("scale up", do(scale(20))), Step("undo to the first", undo(1), complete())),
        ),
        Script(
            "scale-three-revisions-down",
            "three revisions shrink at once",
            (*three, Step("scale down", do(scale(4))), Step("roll", do(sound_roll("web:4")), complete())),
        ),
        Script(
            "roll-over-two-that-serve",
            "of two revisions that serve the older one gives its pods first",
            (
                Step(CREATED, do(create(deployment(10, surge=3, unavailable=2))), complete()),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("pause", do(change({"paused": True}))),
                Step("let them be ready", annotated({READY_DELAY: None}), ready_pods(13)),
                Step("roll to others that are never ready", do(stuck_roll("web:3"))),
                Step("resume", do(change({"paused": False})), stalled("web:3", 5)),
            ),
        ),
        Script(
            "scale-there-and-back-in-mid-rollout",
            "rounding is not undone by scaling back",
            (
                Step(CREATED, do(create(deployment(10, surge=3, unavailable=2))), complete()),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("scale up", do(scale(17))),
                Step("scale back", do(scale(10))),
                Step("undo", undo(), complete()),
            ),
        ),
        Script(
            "scale-with-the-template",
            "number and template change in one write: all is scaled before anything is rolled",
            (
                Step(CREATED, do(create(deployment(4, surge=1, unavailable=0))), complete()),
                Step("roll and scale", do(roll("web:2", replicas=7)), complete()),
                Step("roll and scale down", do(roll("web:3", replicas=2)), complete()),
            ),
        ),
        Script(
            "change-the-bounds-in-mid-rollout",
            "a rollout that has stopped goes on when it may",
            (
                Step(CREATED, do(create(deployment(6, surge=1, unavailable=0))), complete()),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("let more be there", do(change({"strategy": {"rollingUpdate": {"maxSurge": 3}}}))),
                Step(
                    "let some be missing", do(change({"strategy": {"rollingUpdate": {"maxUnavailable": 2}}}))
                ),
                Step("roll to pods that are ready", do(sound_roll("web:3")), complete()),
            ),
        ),
    ]


def _scaling() -> list[Script]:
    return [
        Script(
            "scale-up-and-down",
            "outside of a rollout the only replica set takes it all",
            (
                Step(CREATED, do(create(deployment(3))), complete()),
                Step("scale up", do(scale(7)), complete()),
                Step("scale down", do(scale(2)), complete()),
                Step("scale to none", do(scale(0)), complete()),
                Step("scale up again", do(scale(1)), complete()),
            ),
        ),
        Script(
            "roll-with-no-pods",
            "a rollout of nothing makes a revision with no pods",
            (
                Step(CREATED, do(create(deployment(0)))),
                Step("roll", do(roll("web:2"))),
                Step("scale up", do(scale(2)), complete()),
                Step("scale to none", do(scale(0)), complete()),
                Step("roll again", do(roll("web:3"))),
                Step("undo", undo()),
            ),
        ),
        Script(
            "default-replicas",
            "a number that is not said is one",
            (Step(CREATED, do(create(deployment(None))), complete()),),
        ),
        Script(
            "burst",
            "a scale-up of many pods in growing batches",
            (
                Step(CREATED, do(create(deployment(40))), complete()),
                Step("scale down", do(scale(3)), complete()),
            ),
        ),
    ]


def _deadlines() -> list[Script]:
    def stuck_in(seconds: int, **more: object) -> tuple[Step, ...]:
        made = deployment(3, surge=1, unavailable=0, progressDeadlineSeconds=seconds, **more)  # type: ignore[arg-type]
        return (
            Step(CREATED, do(create(made)), complete()),
            Step("roll to pods that are never ready", do(stuck_roll("web:2")), timed_out()),
        )

    return [
        Script(
            "deadline-passed-and-rolled-back",
            "no progress for so long is told, and a rollback is progress",
            (*stuck_in(4), Step("undo", undo(), complete())),
        ),
        Script(
            "deadline-passed-and-rolled-on",
            "a further revision is progress too",
            (*stuck_in(4), Step("roll to pods that are ready", do(sound_roll("web:3")), complete())),
        ),
        Script(
            "deadline-passed-and-paused",
            "what was told of the lack of progress is not taken back by a pause",
            (
                *stuck_in(4),
                Step("pause", do(change({"paused": True}))),
                Step("resume", do(change({"paused": False}))),
            ),
        ),
        Script(
            "deadline-passed-at-creation",
            "the first revision may be the one that never gets there",
            (
                Step(
                    CREATED,
                    do(create(deployment(2, pods=STUCK, progressDeadlineSeconds=4))),
                    timed_out(),
                ),
                Step("roll to pods that are ready", do(sound_roll("web:2")), complete()),
            ),
        ),
        Script(
            "deadline-passed-in-recreate",
            "Recreate has a deadline as well",
            (
                Step(
                    CREATED,
                    do(create(deployment(2, strategy="Recreate", progressDeadlineSeconds=5))),
                    complete(),
                ),
                Step("roll to pods that are never ready", do(stuck_roll("web:2")), timed_out()),
                Step("undo", undo(), complete()),
            ),
        ),
        Script(
            "no-deadline",
            "the largest number stands for none: no Progressing condition at all",
            (
                Step(CREATED, do(create(deployment(2, progressDeadlineSeconds=2**31 - 1))), complete()),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("set one", do(change({"progressDeadlineSeconds": 600}))),
                Step("and none again", do(change({"progressDeadlineSeconds": 2**31 - 1}))),
                Step("undo", undo(), complete()),
            ),
        ),
        Script(
            "readiness-lost-after-the-deadline",
            "a rollout that is over cannot time out any more",
            (
                Step(CREATED, do(create(deployment(2, progressDeadlineSeconds=3))), complete()),
                Step("probes fail", annotated({READY: "false"}), serves=False),
                Step("and succeed again", annotated({READY: None}), complete(), serves=False),
            ),
        ),
    ]


def _failures() -> list[Script]:
    def made(**more: object) -> Step:
        return Step(CREATED, do(create(deployment(4, surge=1, unavailable=1, **more))), complete())  # type: ignore[arg-type]

    return [
        Script(
            "image-cannot-be-pulled",
            "a new revision without an image stops at its bounds, and is given up by a rollback",
            (
                made(),
                Step("roll to no image", do(roll("web:2", pods={NO_IMAGE: "yes"}))),
                Step("undo", undo(), complete()),
            ),
        ),
        Script(
            "image-cannot-be-pulled-and-next",
            "pods that do not serve go first when a third revision comes",
            (
                made(),
                Step("roll to no image", do(roll("web:2", pods={NO_IMAGE: "yes"}))),
                Step("roll to an image", do(roll("web:3", pods={NO_IMAGE: None})), complete()),
            ),
        ),
        Script(
            "image-never-there",
            "the first revision has no image: nothing is ever available",
            (
                Step(CREATED, do(create(deployment(3, pods={NO_IMAGE: "yes"})))),
                Step("roll to an image", do(roll("web:2", pods={NO_IMAGE: None})), complete()),
            ),
        ),
        Script(
            "crash-loop",
            "pods that run and end again and again are never available",
            (
                made(),
                Step(
                    "roll to pods that end",
                    do(roll("web:2", pods={EXIT_CODE: "1", EXIT_AFTER: "0.5", **STUCK})),
                    crashing,
                    moving=True,
                ),
                Step("undo", undo(), complete()),
            ),
        ),
        Script(
            "start-never-ends",
            "pods that stay in ContainerCreating",
            (
                made(),
                Step("roll to pods that never start", do(roll("web:2", pods={START_DELAY: "never"}))),
                Step("undo", undo(), complete()),
            ),
        ),
        Script(
            "readiness-lost",
            "a service that is down is told, and that it is up again",
            (
                made(),
                Step("one probe fails", annotated({READY: "false"}, first=1), serves=False),
                Step("all fail", annotated({READY: "false"}), serves=False),
                Step("all succeed", annotated({READY: None}), complete(), serves=False),
            ),
        ),
        Script(
            "readiness-lost-in-mid-rollout",
            "pods of the old revision that do not serve any more are given up",
            (
                Step(CREATED, do(create(deployment(6, surge=1, unavailable=2))), complete()),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
                Step("all probes fail", annotated({READY: "false"}), serves=False),
                Step("roll to pods that are ready", do(sound_roll("web:3")), complete(), serves=False),
            ),
        ),
        Script(
            "an-unready-old-pod-goes-first",
            "a rollout begins with what does not serve",
            (
                Step(CREATED, do(create(deployment(5, surge=0, unavailable=2))), complete()),
                Step("one probe fails", annotated({READY: "false"}, first=1), serves=False),
                Step("roll to pods that are never ready", do(stuck_roll("web:2"))),
            ),
        ),
    ]


def _min_ready() -> list[Script]:
    return [
        Script(
            "min-ready-seconds",
            "ready is not available yet",
            (
                Step(
                    CREATED, do(create(deployment(2, surge=1, unavailable=0, minReadySeconds=2))), complete()
                ),
                Step("roll", do(roll("web:2")), complete()),
            ),
        ),
        Script(
            "min-ready-seconds-never-over",
            "a rollout stops at pods that are ready and not available",
            (
                Step(CREATED, do(create(deployment(3, surge=1, unavailable=1))), complete()),
                Step("roll with a long wait", do(roll("web:2", minReadySeconds=590)), told_truly_and_ready),
                Step("take the wait away", do(change({"minReadySeconds": 0})), complete()),
            ),
        ),
        Script(
            "min-ready-seconds-changed-outside-a-rollout",
            "the present replica set follows, and no revision is made",
            (
                Step(CREATED, do(create(deployment(2))), complete()),
                Step("set it", do(change({"minReadySeconds": 1})), complete()),
                Step("take it away", do(change({"minReadySeconds": 0})), complete()),
            ),
        ),
    ]


def told_truly_and_ready(state: object) -> bool:
    from .state import State, count, image_of, is_terminating

    assert isinstance(state, State)
    new = [one for one in state.replica_sets if image_of(one["spec"]["template"]) == "web:2"]
    return (
        told_truly(state)
        and any(count(one, "readyReplicas") == 2 == one["spec"]["replicas"] for one in new)
        and not any(is_terminating(pod) for pod in state.pods)
    )


def scripts() -> list[Script]:
    return [
        *_bounds(),
        *_recreate(),
        *_proportional(),
        *_scaling(),
        *_deadlines(),
        *_failures(),
        *_min_ready(),
    ]
