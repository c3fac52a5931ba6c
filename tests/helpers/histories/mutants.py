"""Our controllers with one rule broken each: what the histories must not let pass."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

from reconcile.cli.locate import example_operators


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken rule.

    Attributes:
        name: the rule, as it is broken.
        script: the script that has to notice.
        module: where the rule is, below the examples.
        function: that is replaced; with a dot a method.
        broken: makes the replacement from the original.
    """

    name: str
    script: str
    module: str
    function: str
    broken: Callable[[Any], Any]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        module: Any = _module(self.module)
        *path, function = self.function.split(".")
        for part in path:
            module = getattr(module, part)
        with patch.object(module, function, self.broken(getattr(module, function))):
            yield


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{example_operators().__name__}.{name}")


def _more_surge(bounds: Any) -> Any:
    def broken(deployment: Any) -> Any:
        found = bounds(deployment)
        return type(found)(surge=found.surge + 1, unavailable=found.unavailable)

    return broken


def _always(value: Any) -> Callable[[Any], Any]:
    return lambda original: lambda *args, **options: value


def _nothing(original: Any) -> Any:
    return lambda *args, **options: None


def _without(condition: str) -> Callable[[Any], Any]:
    def make(put: Any) -> Any:
        def broken(status: Any, kind: str, *rest: Any) -> None:
            if kind != condition:
                put(status, kind, *rest)

        return broken

    return make


async def _no_scaling(*args: Any) -> None:
    """In the place of a method that scales."""


def _reversed(deletion_order: Any) -> Any:
    return lambda *args: list(reversed(deletion_order(*args)))


def _by_name(candidates: Any) -> Any:
    """Takes what names the owner as its controller, whatever the uid."""

    def broken(cache: Any, kind: Any, owner: Any) -> Any:
        found = list(cache.list(kind, namespace=owner.metadata.namespace))
        for one in found:
            for reference in one.metadata.owner_references:
                if reference.controller and reference.name == owner.metadata.name:
                    reference.uid = owner.metadata.uid
        return found

    return broken


def _keeps_all(sort_out: Any) -> Any:
    def broken(*args: Any) -> Any:
        claims = sort_out(*args)
        claims.owned += claims.release
        claims.release = []
        return claims

    return broken


def _adopts_none(sort_out: Any) -> Any:
    def broken(*args: Any) -> Any:
        claims = sort_out(*args)
        claims.adopt = []
        return claims

    return broken


def _to_the_new_one(scale: Any) -> Any:
    def broken(deployment: Any, new: Any, old: Any) -> Any:
        found = scale(deployment, new, old)
        if len(found) < 2 or new is None:
            return found
        total = sum(size for _, size in found)
        others = sum(one.spec.replicas for one, _ in found if one is not new)
        return [(one, total - others if one is new else one.spec.replicas) for one, _ in found]

    return broken


def _uncut_shares(scale: Any) -> Any:
    def broken(deployment: Any, new: Any, old: Any) -> Any:
        found = scale(deployment, new, old)
        if len(found) < 2:
            return found
        fraction = getattr(_module("deployment.proportional"), "_fraction")  # noqa: B009
        return [(one, one.spec.replicas + fraction(deployment, one)) for one, _ in found]

    return broken


def _round_down(resolve: Any) -> Any:
    return lambda value, total, *, round_up: resolve(value, total, round_up=False)


def _one_more_kept(forgettable: Any) -> Any:
    return lambda deployment, old: forgettable(deployment, old)[1:]


def _forgets(new_annotations: Any) -> Any:
    def broken(deployment: Any, present: Any, revision: int) -> Any:
        found = new_annotations(deployment, present, revision)
        return {key: value for key, value in found.items() if not key.endswith("/revision-history")}

    return broken


def _unready_is_available(is_available: Any) -> Any:
    return lambda pod, min_ready, now: is_available(pod, 0, now)


def _no_failure(status_of: Any) -> Any:
    return lambda *args, now, failure=None: status_of(*args, now=now)


def _none_terminating(status_of: Any) -> Any:
    return lambda one, active, terminating=(), **options: status_of(one, active, (), **options)


def _rank_reversed(change: Callable[[Any], dict[str, Any]]) -> Callable[[Any], Any]:
    """One rule of the ranking, the other way round."""

    def make(rank: Any) -> Any:
        def broken(*args: Any) -> Any:
            found = rank(*args)
            return replace(found, **change(found))

        return broken

    return make


def _service_reversed(place: int) -> Callable[[Any], Any]:
    return _rank_reversed(
        lambda rank: {
            "service": tuple(-each if at == place else each for at, each in enumerate(rank.service))
        }
    )


def _older(age: Any) -> Any:
    return None if age is None else replace(age, magnitude=-age.magnitude)


def _all_fully_labelled(status_of: Any) -> Any:
    def broken(*args: Any, **options: Any) -> Any:
        status = status_of(*args, **options)
        status.fully_labeled_replicas = status.replicas
        return status

    return broken


def _nothing_observed(count: Any) -> Any:
    def broken(*args: Any) -> Any:
        status = count(*args)
        status.observed_generation = None
        return status

    return broken


def _never_missing(bounds: Any) -> Any:
    """Both percentages that round to nothing stay nothing."""

    def broken(deployment: Any) -> Any:
        found = bounds(deployment)
        return found if found.surge else type(found)(surge=0, unavailable=0)

    return broken


def _revision_alone(new_annotations: Any) -> Any:
    def broken(deployment: Any, present: Any, revision: int) -> Any:
        found = new_annotations(deployment, present, revision)
        kept = {key: value for key, value in found.items() if key.startswith("deployment.kubernetes.io/")}
        return present | kept

    return broken


MUTANTS = (
    Mutant("surge off by one", "bounds-4-none-none", "deployment.rolling", "bounds", _more_surge),
    Mutant("surge rounds down", "bounds-5-none-none", "deployment.rolling", "resolve", _round_down),
    Mutant(
        "unavailability rounds up",
        "bounds-5-none-none",
        "deployment.rolling",
        "resolve",
        lambda resolve: lambda value, total, *, round_up: resolve(value, total, round_up=True),
    ),
    Mutant("both bounds may be zero", "bounds-3-0p-25p", "deployment.rolling", "bounds", _never_missing),
    Mutant(
        "the new revision has all its pods at once",
        "bounds-10-1-0",
        "deployment.rolling",
        "new_replicas",
        lambda original: lambda deployment, *rest: deployment.spec.replicas,
    ),
    Mutant(
        "old pods that serve go at once",
        "bounds-10-0-1",
        "deployment.rolling",
        "drop_serving",
        lambda original: lambda deployment, new, old: [(one, 0) for one in old],
    ),
    Mutant(
        "the newest revision shrinks first",
        "roll-over-two-that-serve",
        "deployment.rolling",
        "oldest_first",
        lambda original: lambda sets: list(reversed(original(sets))),
    ),
    Mutant(
        "the older of two as large grows first",
        "scale-in-mid-rollout-4-to-5-2-1",
        "deployment.proportional",
        "_largest_first",
        lambda original: lambda sets, *, newer_first: original(sets, newer_first=not newer_first),
    ),
    Mutant(
        "shares are not cut to what there is",
        "scale-in-mid-rollout-4-to-5-2-1",
        "deployment.proportional",
        "scale",
        _uncut_shares,
    ),
    Mutant(
        "nothing is scaled while paused",
        "pause-and-scale",
        "deployment.controller",
        "DeploymentReconciler._scale_all",
        lambda original: _no_scaling,
    ),
    Mutant(
        "one pod too many may be missing",
        "bounds-10-0-1",
        "deployment.rolling",
        "_minimum",
        lambda minimum: lambda deployment: minimum(deployment) - 1,
    ),
    Mutant(
        "pods that do not serve do not go first",
        "image-cannot-be-pulled-and-next",
        "deployment.rolling",
        "drop_unhealthy",
        _always([]),
    ),
    Mutant(
        "new pods that do not serve are not paid for",
        "readiness-lost-in-mid-rollout",
        "deployment.rolling",
        "room_to_shrink",
        lambda room: lambda deployment, new, old: room(deployment, new, old) + 1,
    ),
    Mutant(
        "scaling in mid-rollout is the new revision's",
        "scale-in-mid-rollout-10-to-15-3-2",
        "deployment.proportional",
        "scale",
        _to_the_new_one,
    ),
    Mutant(
        "a scaling is not noticed",
        "scale-in-mid-rollout-10-to-5-3-2",
        "deployment.proportional",
        "is_scaling_event",
        _always(False),
    ),
    Mutant(
        "Recreate does not wait for old pods",
        "recreate-roll",
        "deployment.controller",
        "DeploymentReconciler._old_pods_run",
        _always(False),
    ),
    Mutant(
        "the revision is not raised",
        "undo",
        "deployment.revisions",
        "next_revision",
        lambda original: lambda old: max(original(old) - 1, 1),
    ),
    Mutant(
        "the history of revisions is not kept",
        "undo-twice",
        "deployment.revisions",
        "new_annotations",
        _forgets,
    ),
    Mutant(
        "one old revision too many is kept",
        "history-limit-1",
        "deployment.revisions",
        "forgettable",
        _one_more_kept,
    ),
    Mutant(
        "annotations are not brought back",
        "rollback-annotation",
        "deployment.rollback",
        "template_annotations",
        lambda original: lambda deployment, found: {"example.com/odd": "1"},
    ),
    Mutant(
        "an old annotation asks for nothing",
        "rollback-annotation-last",
        "deployment.rollback",
        "wanted",
        _always(None),
    ),
    Mutant(
        "collisions are not counted",
        "the-present-replica-set-is-taken-away",
        "deployment.controller",
        "template_hash",
        lambda original: lambda template, collisions=0: original(template),
    ),
    Mutant(
        "another's replica set is taken for the present one",
        "the-present-replica-set-is-taken-away",
        "deployment.controller",
        "_is_ours",
        _always(True),
    ),
    Mutant(
        "annotations are not handed down",
        "undo-brings-annotations-back",
        "deployment.revisions",
        "new_annotations",
        _revision_alone,
    ),
    Mutant(
        "a rollback is not told",
        "rollback-annotation",
        "deployment.controller",
        "DeploymentReconciler._tell",
        _nothing,
    ),
    Mutant(
        "Progressing is missing",
        "scale-up-and-down",
        "deployment.conditions",
        "put",
        _without("Progressing"),
    ),
    Mutant(
        "there is never a deadline",
        "deadline-passed-at-creation",
        "deployment.conditions",
        "has_deadline",
        _always(False),
    ),
    Mutant(
        "the generation is not told", "scale-up-and-down", "deployment.controller", "count", _nothing_observed
    ),
    Mutant(
        "a Deployment's pods on their way out are not counted",
        "node-lost-and-back",
        "deployment.status",
        "_terminating",
        _always(0),
    ),
    Mutant(
        "a Deployment adopts without the uid",
        "adopt-no-replica-set-of-another",
        "deployment.controller",
        "candidates",
        _by_name,
    ),
    Mutant(
        "all pods are fully labelled",
        "set-labels-of-the-template",
        "replicaset.controller",
        "status_of",
        _all_fully_labelled,
    ),
    Mutant("pods on their way out are replicas", "set-pod-held", "pods", "is_terminating", _always(False)),
    Mutant("Available is missing", "scale-up-and-down", "deployment.status", "put", _without("Available")),
    Mutant("a pause is not told", "pause-and-resume", "deployment.conditions", "pause_or_resume", _nothing),
    Mutant(
        "a deadline is never passed",
        "deadline-passed-and-rolled-back",
        "deployment.conditions",
        "is_timed_out",
        _always(False),
    ),
    Mutant(
        "a deadline passes though all is well",
        "readiness-lost-after-the-deadline",
        "deployment.conditions",
        "COMPLETE",
        lambda original: "NewReplicaSetDone",
    ),
    Mutant(
        "scalings are not told",
        "scale-up-and-down",
        "deployment.controller",
        "DeploymentReconciler._tell_scaled",
        _nothing,
    ),
    Mutant(
        "names are not cut",
        "longest-name",
        "deployment.controller",
        "name_for",
        lambda original: lambda deployment, name_hash: f"{deployment.metadata.name}-{name_hash}",
    ),
    Mutant("the wrong pod goes", "who-goes-unready", "replicaset.plan", "deletion_order", _reversed),
    *(
        Mutant(f"rank reversed: {rule}", f"who-goes-{script}", "replicaset.ranking", "_rank", broken)
        for rule, script, broken in (
            ("whether it has a node", "unplaced", _service_reversed(0)),
            ("its phase", "pending", _service_reversed(1)),
            ("whether it is ready", "unready", _service_reversed(2)),
            ("its cost", "cost", _service_reversed(3)),
            ("who shares its node", "doubled-up", _service_reversed(4)),
            (
                "since when it is ready",
                "ready-last",
                _rank_reversed(lambda rank: {"ready": _older(rank.ready)}),
            ),
            (
                "restarts",
                "restarts",
                _rank_reversed(lambda rank: {"restarts": (-rank.restarts[0], rank.restarts[1])}),
            ),
            (
                "restarts of sidecars",
                "sidecar-restarts",
                _rank_reversed(lambda rank: {"restarts": (rank.restarts[0], -rank.restarts[1])}),
            ),
            ("its age", "youngest", _rank_reversed(lambda rank: {"created": _older(rank.created)})),
        )
    ),
    Mutant(
        "the cost of a pod does not count", "who-goes-cost", "replicaset.ranking", "deletion_cost", _always(0)
    ),
    Mutant(
        "adoption without the uid", "adopt-none-of-another", "replicaset.controller", "candidates", _by_name
    ),
    Mutant("nothing is adopted", "adopt-a-pod", "replicaset.controller", "sort_out", _adopts_none),
    Mutant("nothing is released", "release-and-replace", "replicaset.controller", "sort_out", _keeps_all),
    Mutant(
        "a Deployment adopts nothing",
        "orphan-a-deployment-and-adopt",
        "deployment.controller",
        "sort_out",
        _adopts_none,
    ),
    Mutant(
        "ready is available at once",
        "min-ready-seconds-never-over",
        "pods",
        "is_available",
        _unready_is_available,
    ),
    Mutant(
        "pods on their way out are not counted",
        "set-pod-held",
        "replicaset.controller",
        "status_of",
        _none_terminating,
    ),
    Mutant("failed pods are not replaced", "set-pod-fails", "pods", "is_finished", _always(False)),
    Mutant(
        "creations are not told",
        "set-up-and-down",
        "replicaset.controller",
        "ReplicaSetReconciler._tell",
        _nothing,
    ),
    Mutant("a refused pod is no condition", "quota-set", "replicaset.controller", "status_of", _no_failure),
    Mutant(
        "a replica set's failure is not the Deployment's",
        "quota-none",
        "deployment.conditions",
        "report_failures",
        _nothing,
    ),
)
