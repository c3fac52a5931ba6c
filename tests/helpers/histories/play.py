"""What every player of scripts needs: a history, and requests made of writes."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

from reconcile.client.client import Client
from reconcile.errors import APIError, NotFoundError
from reconcile.objects.identity import ResourceType

from .bounds import Bounds
from .normal import Names, Scaling, event_lines, lines, scaling_lines, untold
from .script import Script, Step, Write
from .state import Object, State, controller_uid, uid

TYPES = {
    "Deployment": ResourceType("apps", "v1", "Deployment", "deployments"),
    "ReplicaSet": ResourceType("apps", "v1", "ReplicaSet", "replicasets"),
    "Pod": ResourceType("", "v1", "Pod", "pods"),
    "Event": ResourceType("", "v1", "Event", "events"),
    "ResourceQuota": ResourceType("", "v1", "ResourceQuota", "resourcequotas"),
    "Node": ResourceType("", "v1", "Node", "nodes", namespaced=False),
    "Namespace": ResourceType("", "v1", "Namespace", "namespaces", namespaced=False),
}

NODES = tuple(f"hollow-{number}" for number in range(4))
"""The nodes that scripts share."""


@dataclass(slots=True)
class History:
    """What became of a script.

    Attributes:
        steps: title and state at rest of each step.
        events: at the end.
        violations: of the bounds, at any moment.
        checks: how often the bounds were looked at.
    """

    steps: list[tuple[str, list[str]]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    checks: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "steps": [{"step": title, "state": state} for title, state in self.steps],
            "events": self.events,
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> History:
        return cls([(each["step"], each["state"]) for each in found["steps"]], found["events"])


class Scribe:
    """Writes down what a player sees, in the words of the comparison."""

    def __init__(self, script: Script, namespace: str) -> None:
        self.history = History()
        self._script = script
        self._names = Names(namespace)
        self._answers: list[str] = []
        self._sizes: dict[str, int] = {}
        self._scalings: list[Scaling] = []
        self._told_of = 0
        self.bounds = Bounds()

    def begin(self, step: Step) -> None:
        self.bounds.begin(step.title, serves=step.serves)

    def seen(self, kind: str, obj: Object, *, deleted: bool) -> None:
        """A change, in the server's order."""
        self.bounds.seen(kind, obj, deleted=deleted)
        if kind != "ReplicaSet" or deleted:
            return
        self._names.learn(State(replica_sets=[obj]))
        before, after = self._sizes.get(uid(obj), 0), obj["spec"].get("replicas", 1)
        self._sizes[uid(obj)] = after
        if before != after and controller_uid(obj) is not None:
            self._scalings.append(Scaling(obj["metadata"]["name"], before, after))

    def answered(self, write: Write, error: APIError | Object | None) -> None:
        """A write that was refused is part of the story."""
        if isinstance(error, APIError):
            text = self._names.text(f"{error.code} {error.reason}: {error.message}")
            self._answers.append(f"{write.verb} {write.kind}: {text}")

    def rest(self, title: str, state: State) -> None:
        """A step is over."""
        told = self.lines(state)
        if not self._script.races:
            told = [*scaling_lines(self._scalings[self._told_of :], self._names), *told]
        self._told_of = len(self._scalings)
        self.history.steps.append((title, told))
        self._answers = []

    def lines(self, state: State) -> list[str]:
        told = [*self._answers, *lines(state, self._names)]
        return [line for line in told if not (self._script.races and _says_a_number(line))]

    def end(self, events: list[Object]) -> History:
        """The script is over."""
        history = self.history
        history.events = self.events(events)
        history.violations, history.checks = list(self.bounds.violations), self.bounds.checks
        if not (self._script.others_scale or self._script.races):
            history.violations += untold(events, self._scalings, self._names)
        return history

    def events(self, events: list[Object]) -> list[str]:
        return [] if self._script.races else event_lines(events, self._names)


def without_scalings(lines: list[str]) -> list[str]:
    """What can be seen in a state, of what is told of a step."""
    return [line for line in lines if not line.startswith("scaled ")]


def _says_a_number(line: str) -> bool:
    return line.startswith(("  revision:", "  revision-history:", "  Progressing="))


async def request(client: Client, write: Write, namespace: str) -> APIError | Object | None:
    """Carry out a write; returns what the server says against it, or the object as it is now."""
    write = _placed(write, namespace)
    kind = TYPES[write.kind]
    where = namespace if write.namespaced else ""
    key = f"{where}/{write.name}" if where else write.name
    try:
        if write.verb == "create":
            body = copy.deepcopy(write.body)
            if where:
                body["metadata"]["namespace"] = where
            return await client.create(body)
        elif write.verb == "delete":
            grace = write.grace
            await client.delete(kind, key, propagation=write.propagation, grace_period_seconds=grace)
        elif write.verb == "scale":
            await client.subresource(kind, key, "scale").patch(write.body)
        else:
            subresource = "status" if write.verb == "status" else ""
            return await client.patch(kind, key, write.body, type=write.patch, subresource=subresource)
    except NotFoundError:
        # It went by itself in the meantime.
        return None
    except APIError as error:
        return error
    return None


def _placed(write: Write, namespace: str) -> Write:
    """The write with `$NS` replaced."""
    body = json.loads(json.dumps(write.body).replace("$NS", namespace))
    return Write(
        write.verb,
        write.kind,
        write.name.replace("$NS", namespace),
        body,
        write.patch,
        write.propagation,
        write.namespaced,
        write.grace,
    )


def node(name: str, *, script: str = "") -> Object:
    """A node for all scripts, or for one."""
    labels = {"kubernetes.io/hostname": name, **({"script": script} if script else {})}
    taints = [{"key": "script", "value": script, "effect": "NoSchedule"}] if script else []
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": taints},
        "status": {"capacity": {"cpu": "64", "memory": "256Gi", "pods": "2000"}},
    }
