"""A state and its events as lines of text: equal for two runs that a user could not tell apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .state import (
    REVISION,
    Object,
    State,
    condition,
    controller_uid,
    image_of,
    is_observed,
    is_terminating,
    is_true,
    phase,
    uid,
)

LEFT_OUT = """\
names that the server or a hash makes (a replica set is called by its owner and image, pods are counted)
times, uids, resource versions, managed fields, the value of pod-template-hash
generations of replica sets: how many steps a rollout takes depends on which pods are seen ready together
the steps of a scaling: of all scalings of a replica set in one direction in one step the ends are compared
how often a refused creation was tried again (the event is compared, its count is not)
counts of events from the tenth on: client-go tells several in one there
the node and the addresses of a pod
whether a rollout under way is told as NewReplicaSetCreated or ReplicaSetUpdated: upstream's own writes race
where a script says that it races: events, revision numbers, the condition Progressing and sizes on the way
"""
"""What the comparison leaves out: this list, and `Names` and the functions below are all of it."""

_COMBINED = "(combined from similar events): "
_UNDER_WAY = re.compile(
    r"(Progressing=True) (?:NewReplicaSetCreated: Created new replica set|ReplicaSetUpdated: ReplicaSet) "
    r"\"([^\"]*)\"(?: is progressing\.)?"
)
_MANY = 10
_NAME = 40


@dataclass(frozen=True, slots=True)
class Scaling:
    """A replica set was given another number, or made with one."""

    name: str
    before: int
    after: int

    @property
    def way(self) -> str:
        return "up" if self.after > self.before else "down"


class Names:
    """Calls what has a made-up name by what it is; remembers the names of what is gone."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._replica_sets: dict[str, str] = {}
        self._hashes: dict[str, str] = {}
        self._owners: dict[str, str] = {}

    def learn(self, state: State) -> None:
        for one in state.deployments:
            self._owners[uid(one)] = _short(one["metadata"]["name"])
        for one in sorted(state.replica_sets, key=lambda one: one["metadata"]["creationTimestamp"]):
            name = one["metadata"]["name"]
            if name in self._replica_sets:
                continue
            hashed = (one["metadata"].get("labels") or {}).get("pod-template-hash")
            called = _short(name)
            if hashed and name.endswith(f"-{hashed}"):
                tag = image_of(one["spec"]["template"]).rpartition(":")[2]
                called = f"{_short(name.removesuffix(f'-{hashed}'))}#{tag}"
                self._hashes[hashed] = "<hash>"
                while called in self._replica_sets.values():
                    called += "'"
            self._replica_sets[name] = called
        for one in state.replica_sets:
            self._owners[uid(one)] = self._replica_sets[one["metadata"]["name"]]

    def replica_set(self, name: str) -> str:
        return self._replica_sets.get(name, name)

    def owner(self, obj: Object) -> str:
        reference = controller_uid(obj)
        if reference is None:
            return "nobody"
        return self._owners.get(reference, "somebody else")

    def text(self, text: str) -> str:
        for name in sorted(self._replica_sets, key=len, reverse=True):
            called = self._replica_sets[name]
            # A generated name is cut at 58 characters before its five random ones.
            called_pod = f"<pod of {called}>" if len(name) < 58 else "<pod>"
            prefix = re.escape(f"{name}-"[:58])
            text = re.sub(rf"(?<![a-z0-9.-]){re.escape(name)}(?![a-z0-9.-])", called, text)
            text = re.sub(rf"(?<![a-z0-9.-]){prefix}[a-z0-9]{{5}}(?![a-z0-9.-])", called_pod, text)
        for hashed, called in self._hashes.items():
            text = text.replace(hashed, called)
        return text.replace(self._namespace, "<namespace>")


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[:_NAME]}…"


def lines(state: State, names: Names) -> list[str]:
    """A state at rest."""
    names.learn(state)
    told = [line for one in _by_name(state.deployments) for line in _deployment(one, names)]
    told += sorted("\n".join(_replica_set(one, names)) for one in state.replica_sets)
    pods = Counter(_pod(one, names) for one in state.pods)
    told += [f"{number} × pod {what}" for what, number in sorted(pods.items())]
    return [line for block in told for line in block.split("\n")]


def _by_name(objects: Iterable[Object]) -> list[Object]:
    return sorted(objects, key=lambda one: one["metadata"]["name"])


def _deployment(one: Object, names: Names) -> list[str]:
    spec, status = one["spec"], one.get("status", {})
    flags = [flag for flag, on in (("paused", spec.get("paused")), ("going", is_terminating(one))) if on]
    head = (
        f"deployment {_short(one['metadata']['name'])} wants {spec['replicas']} {image_of(spec['template'])}"
    )
    counts = _counts(
        status,
        ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
        ("unavailableReplicas", "terminatingReplicas", "collisionCount"),
    )
    return [
        " ".join([head, *flags]),
        f"  status {counts} generation {status.get('observedGeneration')}/{one['metadata']['generation']}",
        *_annotations(one, names),
        *_conditions(one, names),
    ]


def _replica_set(one: Object, names: Names) -> list[str]:
    spec, status = one["spec"], one.get("status", {})
    called = names.replica_set(one["metadata"]["name"])
    head = f"replica set {called} of {names.owner(one)} wants {spec['replicas']}"
    extra = [f"minReadySeconds={spec['minReadySeconds']}"] if spec.get("minReadySeconds") else []
    extra += ["going"] if is_terminating(one) else []
    counts = _counts(
        status,
        ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"),
        ("terminatingReplicas",),
    )
    return [
        " ".join([head, *extra]),
        f"  status {counts}{'' if is_observed(one) else ' not observed'}",
        f"  labels {_map(one['metadata'].get('labels') or {}, names)}",
        f"  selects {_map(spec['selector'].get('matchLabels') or {}, names)}",
        *_annotations(one, names),
        *_conditions(one, names),
    ]


def _counts(status: Object, always: Sequence[str], if_any: Sequence[str]) -> str:
    told = [f"{field.removesuffix('Replicas')}={status.get(field) or 0}" for field in always]
    told += [f"{field.removesuffix('Replicas')}={status[field]}" for field in if_any if status.get(field)]
    return " ".join(told)


def _map(labels: dict[str, str], names: Names) -> str:
    return ",".join(f"{key}={names.text(value)[:40]}" for key, value in sorted(labels.items()))


def _annotations(one: Object, names: Names) -> list[str]:
    found = one["metadata"].get("annotations") or {}
    return [
        f"  {key.removeprefix('deployment.kubernetes.io/')}: {names.text(found[key])}"
        for key in sorted(found)
    ]


def _conditions(one: Object, names: Names) -> list[str]:
    told: list[str] = []
    for each in one.get("status", {}).get("conditions", ()):
        text = f"{each.get('reason', '')}: {names.text(each.get('message', ''))}"
        told.append(under_way(f"  {each['type']}={each['status']} {text}"))
    return told


def under_way(line: str) -> str:
    """A rollout that has begun is told as created or as updated: upstream's own two writes race."""
    return _UNDER_WAY.sub(r"\1 under way: \2", line)


def _pod(one: Object, names: Names) -> str:
    status = one.get("status", {})
    told = [] if "generateName" in one["metadata"] else [one["metadata"]["name"]]
    told += [f"of {names.owner(one)}", image_of({"spec": one["spec"]}), phase(one)]
    told += ["ready"] if is_true(one, "Ready") else []
    told += ["going"] if is_terminating(one) else []
    told += ["unplaced"] if not one["spec"].get("nodeName") else []
    for container in status.get("containerStatuses", ()):
        reason = (container["state"].get("waiting") or {}).get("reason")
        told += [reason] if reason else []
    told.append(_map(one["metadata"].get("labels") or {}, names))
    return " ".join(told)


def event_lines(events: Iterable[Object], names: Names) -> list[str]:
    """The events of the two controllers, as far as their number is the same in each run.

    Scalings are not among them: they are compared as they happened, and `untold` asks whether each was told.
    """
    told: Counter[str] = Counter()
    for event in events:
        if not _is_ours(event) or event["reason"] == "ScalingReplicaSet":
            continue
        text = names.text(event.get("message", "")).removeprefix(_COMBINED)
        told[f"{event['type']} {event['reason']} {_about(event, names)}: {text}"] += event.get("count") or 1
    return sorted(_counted(text, number) for text, number in told.items())


def untold(events: Iterable[Object], scalings: Iterable[Scaling], names: Names) -> list[str]:
    """Scalings without an event, and events without a scaling.

    Nothing is missed where client-go puts several into one event: then their texts are gone.
    """
    told: Counter[str] = Counter()
    combined = False
    for event in events:
        if _is_ours(event) and event["reason"] == "ScalingReplicaSet":
            text = names.text(event["message"])
            combined = combined or text.startswith(_COMBINED)
            told[text.removeprefix(_COMBINED)] += event.get("count") or 1
    happened = Counter(
        f"Scaled {one.way} replica set {names.replica_set(one.name)} from {one.before} to {one.after}"
        for one in scalings
    )
    found = [f"never happened, and was told: {text}" for text in told if text not in happened]
    if not combined:
        found += [f"happened, and was not told: {text}" for text in (happened - told)]
    return found


def scaling_lines(scalings: Iterable[Scaling], names: Names) -> list[str]:
    """The two ends of all scalings of a replica set in one direction."""
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for one in scalings:
        found.setdefault((names.replica_set(one.name), one.way), []).append((one.before, one.after))
    return sorted(
        f"scaled {way} {called} from {before} to {after}"
        for (called, way), steps in found.items()
        for before, after in ends(steps)
    )


def _is_ours(event: Object) -> bool:
    component = event.get("reportingComponent") or (event.get("source") or {}).get("component")
    return component in ("deployment-controller", "replicaset-controller")


def _about(event: Object, names: Names) -> str:
    regarding = event["involvedObject"]
    return f"{regarding['kind'].lower()} {names.replica_set(regarding['name'])}"


def _counted(text: str, number: int) -> str:
    if text.startswith("Warning "):
        return text
    return f"{number if number < _MANY else 'many'} × {text}"


def ends(steps: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Joins steps that follow one another, `0 → 3` and `3 → 5` to `0 → 5`."""
    starts, stops = Counter[int](), Counter[int]()
    for before, after in steps:
        starts[before] += 1
        stops[after] += 1
    return list(zip(sorted((starts - stops).elements()), sorted((stops - starts).elements()), strict=True))


def said(state: State, kind: str, of: str) -> Any:
    """A condition of a Deployment, for tests that ask for one."""
    return condition(state.deployment(of), kind)


def revision(state: State, name: str = "web") -> str | None:
    return (state.deployment(name)["metadata"].get("annotations") or {}).get(REVISION)
