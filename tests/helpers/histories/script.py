"""Scripts: what is done to a namespace, step by step. Pure: a step says from a state what is to be written.

After each step the world comes to rest, or to a point that the step names, and its state is compared. What a
step writes is plain: whoever plays a script needs no idea of Deployments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .state import Condition, Object, State

Verb = Literal["create", "patch", "delete", "scale", "status"]


@dataclass(frozen=True, slots=True)
class Write:
    """One request.

    Attributes:
        verb: what is asked; `scale` and `status` are patches of that subresource.
        kind: of the object.
        name: of the object; empty for one that is created.
        body: the object, or the patch.
        patch: how the patch is meant.
        propagation: of a deletion.
        namespaced: False for a Node.
        grace: seconds of a deletion; None for the object's own.
    """

    verb: Verb
    kind: str
    name: str = ""
    body: Any = None
    patch: Literal["merge", "strategic", "json"] = "strategic"
    propagation: Literal["Background", "Foreground", "Orphan"] = "Background"
    namespaced: bool = True
    grace: int | None = None


Action = Callable[[State], Sequence[Write]]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a script.

    Attributes:
        title: what is done, for people and for the record.
        act: the writes, in order.
        until: what to wait for; None for rest.
        serves: whether the service must stay within its bounds while this step goes on; False where the
            step itself takes pods away.
        moving: whether things go on after that moment for ever, so that no quiet comes.
    """

    title: str
    act: Action
    until: Condition | None = None
    serves: bool = True
    moving: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A story with a reason.

    Attributes:
        name: of the script, also of its record.
        why: what it is there for: the rule that no other script asks in this way.
        steps: what happens.
        nodes: how many nodes it needs for itself; 0 where any will do.
        needs: what a server must have beyond the kinds themselves, such as `quota`.
        races: whether it depends on chance which changes the controllers see one by one: then revision
            numbers and events say nothing, and only what is left at rest is compared.
        others_scale: whether it scales replica sets itself: that is told in no event.
    """

    name: str
    why: str
    steps: tuple[Step, ...] = field(default=())
    nodes: int = 0
    needs: frozenset[str] = frozenset()
    races: bool = False
    others_scale: bool = False


def do(*writes: Write) -> Action:
    return lambda state: writes


def deployment(
    replicas: int | None = 3,
    image: str = "web:1",
    *,
    name: str = "web",
    surge: int | str | None = None,
    unavailable: int | str | None = None,
    strategy: str = "RollingUpdate",
    pods: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    pod_spec: dict[str, Any] | None = None,
    **spec: Any,
) -> Object:
    """A Deployment; `pods` are annotations of its pods, `spec` further fields of its spec."""
    rolling = {
        key: value
        for key, value in (("maxSurge", surge), ("maxUnavailable", unavailable))
        if value is not None
    }
    how: Object = {"type": strategy}
    if rolling:
        how["rollingUpdate"] = rolling
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, **({"annotations": annotations} if annotations else {})},
        "spec": {
            **({"replicas": replicas} if replicas is not None else {}),
            "selector": {"matchLabels": {"app": name}},
            "strategy": how,
            "template": template(image, labels or {"app": name}, pods, pod_spec),
            **spec,
        },
    }


def replica_set(
    replicas: int | None = 3,
    *,
    name: str = "set",
    app: str = "",
    pods: dict[str, str] | None = None,
    image: str = "set:1",
    pod_spec: dict[str, Any] | None = None,
    **spec: Any,
) -> Object:
    """A ReplicaSet of its own."""
    labels = {"app": app or name}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            **({"replicas": replicas} if replicas is not None else {}),
            "selector": {"matchLabels": labels},
            "template": template(image, labels, pods, pod_spec),
            **spec,
        },
    }


def template(
    image: str, labels: dict[str, str], pods: dict[str, str] | None, spec: dict[str, Any] | None = None
) -> Object:
    return {
        "metadata": {"labels": labels, **({"annotations": pods} if pods else {})},
        "spec": {
            "containers": [{"name": "main", "image": image}],
            "terminationGracePeriodSeconds": 5,
            **(spec or {}),
        },
    }


def pod(name: str, *, app: str = "set", image: str = "set:1", **metadata: Any) -> Object:
    """A pod of nobody."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": app}, **metadata},
        "spec": {"containers": [{"name": "main", "image": image}], "terminationGracePeriodSeconds": 5},
    }


def create(obj: Object) -> Write:
    return Write("create", obj["kind"], body=obj)


def patch(kind: str, name: str, body: Any, how: Literal["merge", "strategic", "json"] = "strategic") -> Write:
    return Write("patch", kind, name, body, how)


def change(spec: Object, name: str = "web") -> Write:
    """A change of a Deployment's spec."""
    return patch("Deployment", name, {"spec": spec})


def roll(image: str, name: str = "web", pods: dict[str, str | None] | None = None, **spec: Any) -> Write:
    """Another image, and with it annotations of the pods; None takes one away."""
    body: Object = {"spec": {"containers": [{"name": "main", "image": image}]}}
    if pods is not None:
        body["metadata"] = {"annotations": pods}
    return change({"template": body, **spec}, name)


def scale(replicas: int, name: str = "web", kind: str = "Deployment") -> Write:
    """What `kubectl scale` does."""
    return Write("scale", kind, name, {"spec": {"replicas": replicas}}, "merge")


def delete(kind: str, name: str, propagation: Any = "Background", grace: int | None = None) -> Write:
    return Write("delete", kind, name, propagation=propagation, grace=grace)
