"""What each kind's events tell the scheduler."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconcile import CachedObject, Selector
from reconcile.api.apps.v1 import ReplicaSet, StatefulSet
from reconcile.api.core.v1 import Namespace, Node, Pod, ReplicationController, Service
from reconcile.api.policy.v1 import PodDisruptionBudget

from .intake import Intake
from .pods import pod_info
from .profile import Profile
from .snapshot import Budget, Snapshot
from .workloads import OWNERS, Owner


def handlers(intake: Intake, snapshot: Snapshot, profiles: Iterable[Profile]) -> list[tuple[type[Any], Any]]:
    """Each kind that is watched, with its handler: what every scheduler needs, and what the plugins name.

    Pods come last: the picture that the first of them is decided on is to be whole.
    """
    owners: list[type[Any]] = [ReplicationController, ReplicaSet, StatefulSet]
    found: list[tuple[type[Any], Any]] = [
        (Namespace, _Namespaces(snapshot)),
        (Service, _Services(snapshot)),
        *((kind, _Owners(snapshot, kind, owner)) for kind, owner in zip(owners, OWNERS, strict=True)),
        (PodDisruptionBudget, _Budgets(snapshot)),
    ]
    known = {Node, Pod, *(kind for kind, _ in found)}
    for profile in profiles:
        for plugin in profile.plugins:
            for kind in (*(each.kind for each in plugin.events()), *plugin.reads):
                if kind not in known:
                    known.add(kind)
                    found.append((kind, _Objects(intake, kind)))
    return [*found, (Node, _Nodes(intake)), (Pod, _Pods(intake))]


class _Handler:
    """Additions and updates are one to the scheduler."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self.changed(obj)

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self.changed(new)

    def changed(self, obj: CachedObject) -> None:
        raise AssertionError("a handler says what a change means")


class _Namespaces(_Handler):
    def changed(self, obj: CachedObject) -> None:
        self.snapshot.set_namespace(obj.key.name, dict(obj.metadata.labels))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.snapshot.set_namespace(old.key.name, None)


class _Services(_Handler):
    def changed(self, obj: CachedObject) -> None:
        self.snapshot.workloads.set_service(obj.key, obj.decode(Service).spec.selector)

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.snapshot.workloads.set_service(old.key, None)


class _Owners(_Handler):
    """ReplicaSets and their like."""

    def __init__(self, snapshot: Snapshot, kind: type[Any], owner: Owner) -> None:
        super().__init__(snapshot)
        self._kind = kind
        self._owner = owner

    def changed(self, obj: CachedObject) -> None:
        wanted = obj.decode(self._kind).spec.selector
        selector = Selector.from_labels(wanted) if isinstance(wanted, dict) else Selector.from_api(wanted)
        self.snapshot.workloads.set_owner(self._owner, obj.key, selector)

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.snapshot.workloads.set_owner(self._owner, old.key, None)


class _Budgets(_Handler):
    def changed(self, obj: CachedObject) -> None:
        self.snapshot.set_budget(obj.key, budget_of(obj.decode(PodDisruptionBudget)))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.snapshot.set_budget(old.key, None)


def budget_of(budget: PodDisruptionBudget) -> Budget:
    return Budget(
        budget.metadata.namespace,
        Selector.from_api(budget.spec.selector),
        budget.status.disruptions_allowed or 0,
        frozenset(budget.status.disrupted_pods),
    )


class _Objects:
    """A kind that only plugins know of."""

    def __init__(self, intake: Intake, kind: type[Any]) -> None:
        self._intake = intake
        self._kind = kind

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self._intake.object_changed(self._kind, obj.key, None, obj.decode(self._kind))

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self._intake.object_changed(self._kind, new.key, old.decode(self._kind), new.decode(self._kind))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self._intake.object_changed(self._kind, old.key, old.decode(self._kind), None)


class _Nodes:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self._intake.node_added(obj.decode(Node))

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self._intake.node_changed(old.decode(Node), new.decode(Node))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self._intake.node_gone(old.decode(Node))


class _Pods:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self._intake.pod_changed(pod_info(obj.decode(Pod)))

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self._intake.pod_changed(pod_info(new.decode(Pod)))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self._intake.pod_gone(old.key)
