"""What must hold at every moment of a rollout, and not only at its end.

- At no moment are all replica sets together asked for more pods than `replicas + maxSurge`. (There may be a
  pod more for a moment, with upstream's controllers too: one replica set makes a pod before another has
  deleted the one that it was told to.)
- At no moment are fewer pods ready than `replicas - maxUnavailable`.
- With Recreate there are never pods of two revisions.

While a step changes those numbers the widest of them count; a step that begins with more or fewer pods than
they allow has that many to begin with. Pods of which an owner is deleted do not count: they go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from .state import Object, controller_uid, is_active, is_finished, is_terminating, is_true, name, uid


class Bounds:
    """The pods of a namespace's Deployments as a watch tells of them.

    Attributes:
        violations: what was seen that must not be; empty at the end of a good run.
        checks: how often it was looked.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.checks = 0
        self._deployments: dict[str, Object] = {}
        self._replica_sets: dict[str, Object] = {}
        self._pods: dict[str, Object] = {}
        self._most: dict[str, int] = {}
        self._least: dict[str, int] = {}
        self._serves = False
        self._title = ""

    def begin(self, title: str, *, serves: bool) -> None:
        """A step begins: from here on the bounds of what is there now count."""
        self._title = title
        self._serves = serves
        self._most = dict.fromkeys(self._deployments, 0)
        self._least = dict.fromkeys(self._deployments, 2**31)
        for key, one in self._deployments.items():
            self._widen(key, one)
            self._most[key] = max(self._most[key], self._asked_for(key))
            self._least[key] = min(self._least[key], _ready(self._pods_of(key)))

    def seen(self, kind: str, obj: Object, *, deleted: bool) -> None:
        """A change of an object that a watch told of."""
        among = {"Deployment": self._deployments, "ReplicaSet": self._replica_sets, "Pod": self._pods}.get(
            kind
        )
        if among is None:
            return
        if deleted:
            among.pop(uid(obj), None)
        else:
            among[uid(obj)] = obj
        if kind == "Deployment" and not deleted:
            self._widen(uid(obj), obj)
        if self._serves and kind != "Deployment":
            self._look()

    def _widen(self, key: str, one: Object) -> None:
        most, least = limits(one)
        self._most[key] = max(self._most.get(key, 0), most)
        self._least[key] = min(self._least.get(key, 0), least)

    def _look(self) -> None:
        for key, one in self._deployments.items():
            if is_terminating(one):
                continue
            if one["spec"]["strategy"]["type"] == "Recreate":
                self._look_alone(key, one)
                continue
            self.checks += 1
            asked, ready = self._asked_for(key), _ready(self._pods_of(key))
            if asked > self._most[key]:
                self._violated(one, f"asked for {asked} pods, at most {self._most[key]} may be")
            if ready < self._least[key]:
                self._violated(one, f"{ready} ready pods, at least {self._least[key]} must be there")

    def _look_alone(self, key: str, one: Object) -> None:
        """Recreate: pods of two revisions are never there together, those on their way out included."""
        self.checks += 1
        sets = {uid_ for uid_, each in self._replica_sets.items() if controller_uid(each) == key}
        revisions = {controller_uid(pod) for pod in self._pods.values() if not is_finished(pod)} & sets
        if len(revisions) > 1:
            self._violated(one, f"pods of {len(revisions)} revisions, and Recreate")

    def _violated(self, one: Object, what: str) -> None:
        text = f"{self._title}: {name(one)} has {what}"
        if text not in self.violations:
            self.violations.append(text)

    def _asked_for(self, deployment: str) -> int:
        return sum(
            one["spec"].get("replicas", 1)
            for one in self._replica_sets.values()
            if controller_uid(one) == deployment
        )

    def _pods_of(self, deployment: str) -> list[Object]:
        sets = {key for key, one in self._replica_sets.items() if controller_uid(one) == deployment}
        return [pod for pod in self._pods.values() if controller_uid(pod) in sets and is_active(pod)]


def _ready(pods: Iterable[Object]) -> int:
    return sum(is_true(pod, "Ready") for pod in pods)


def limits(deployment: Object) -> tuple[int, int]:
    """The most pods and the least ready ones that a Deployment's spec allows."""
    spec = deployment["spec"]
    wanted = spec.get("replicas", 1)
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge = _resolve(rolling.get("maxSurge", 0), wanted, math.ceil)
    missing = _resolve(rolling.get("maxUnavailable", 0), wanted, math.floor)
    if surge == 0 and missing == 0:
        missing = 1
    return wanted + surge, max(wanted - missing, 0)


def _resolve(value: int | str, of: int, rounded: Callable[[float], int]) -> int:
    if isinstance(value, int):
        return value
    return rounded(int(value.removesuffix("%")) * of / 100)
