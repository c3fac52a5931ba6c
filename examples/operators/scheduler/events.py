"""What happens in the cluster, told so that a pod that waits can ask: does this help me?

Each plugin declares what may change its mind (`Plugin.events`): a kind, the changes that count, and, where
that is not enough to know, a *hint* that looks at the object before and after. A pod that a plugin refused is
tried again only when one of these happens.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconcile.api.core.v1 import Node

from .pods import PodInfo


class Change(enum.Flag):
    """What about an object changed; upstream's ActionType."""

    ADDED = enum.auto()
    DELETED = enum.auto()
    NODE_ALLOCATABLE = enum.auto()
    NODE_LABELS = enum.auto()
    NODE_TAINTS = enum.auto()
    """Taints, or that the node is not cordoned any more."""
    NODE_CONDITIONS = enum.auto()
    NODE_ANNOTATIONS = enum.auto()
    NODE_FEATURES = enum.auto()
    POD_LABELS = enum.auto()
    POD_SCALED_DOWN = enum.auto()
    """Some request is smaller than it was."""
    POD_TOLERATIONS = enum.auto()
    POD_GATES_GONE = enum.auto()
    """The last scheduling gate was removed."""
    POD_CLAIMS = enum.auto()
    """The resource claims that were generated for the pod, by its status."""
    OTHER = enum.auto()
    """An update that is none of these; the only one of kinds other than Pod and Node."""
    UPDATED = (
        NODE_ALLOCATABLE
        | NODE_LABELS
        | NODE_TAINTS
        | NODE_CONDITIONS
        | NODE_ANNOTATIONS
        | NODE_FEATURES
        | POD_LABELS
        | POD_SCALED_DOWN
        | POD_TOLERATIONS
        | POD_GATES_GONE
        | POD_CLAIMS
        | OTHER
    )


Hint = Callable[[PodInfo, Any, Any], bool]
"""Whether an event may help a pod: asked with the pod, and the object before and after it.

Pods come as `PodInfo`, nodes as `NodeInfo` without any pods, other kinds as their API type; None is before
an object was there, and after it was. An exception counts as yes, so that no pod is forgotten.
"""


@dataclass(frozen=True, slots=True)
class HelpedBy:
    """Something that may change a plugin's mind.

    Attributes:
        kind: the API type of the object; its kind is watched because some plugin names it here.
        changes: which changes of it count.
        hint: tells whether one event may help one pod; None for always.
    """

    kind: type[Any]
    changes: Change
    hint: Hint | None = None


@dataclass(frozen=True, slots=True)
class ClusterEvent:
    """One thing that happened to one object.

    Attributes:
        change: exactly one change; an update that touches several things is several events.
        old: before, None for a new object; `new`: after, None for one that is gone (see `Hint`).
    """

    kind: type[Any]
    change: Change
    old: Any = None
    new: Any = None


def pod_changes(old: PodInfo, new: PodInfo) -> list[Change]:
    """What an update of a pod means to the pods that wait."""
    changes: list[Change] = []
    if old.labels != new.labels:
        changes.append(Change.POD_LABELS)
    if any(new.requests.get(name, -1) < amount for name, amount in old.requests.items()):
        changes.append(Change.POD_SCALED_DOWN)
    if old.spec.scheduling_gates and not new.spec.scheduling_gates:
        changes.append(Change.POD_GATES_GONE)
    if len(old.spec.tolerations) != len(new.spec.tolerations):
        # A toleration can be added to a pod, and not changed or removed.
        changes.append(Change.POD_TOLERATIONS)
    if old.claim_statuses != new.claim_statuses:
        changes.append(Change.POD_CLAIMS)
    return changes or [Change.OTHER]


def node_changes(old: Node, new: Node) -> list[Change]:
    """What an update of a node means to the pods that wait; nothing, for most of its heartbeats."""
    changes: list[Change] = []
    if old.status.allocatable != new.status.allocatable:
        changes.append(Change.NODE_ALLOCATABLE)
    if old.metadata.labels != new.metadata.labels:
        changes.append(Change.NODE_LABELS)
    if old.spec.taints != new.spec.taints or (old.spec.unschedulable and not new.spec.unschedulable):
        changes.append(Change.NODE_TAINTS)
    if _conditions(old) != _conditions(new):
        changes.append(Change.NODE_CONDITIONS)
    if old.metadata.annotations != new.metadata.annotations:
        changes.append(Change.NODE_ANNOTATIONS)
    if old.status.declared_features != new.status.declared_features:
        changes.append(Change.NODE_FEATURES)
    return changes


def _conditions(node: Node) -> dict[str, str]:
    return {condition.type: condition.status for condition in node.status.conditions}
