"""What each kind's events tell the scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reconcile import CachedObject, Selector
from reconcile.api.apps.v1 import ReplicaSet, StatefulSet
from reconcile.api.core.v1 import Namespace, Node, Pod, ReplicationController, Service
from reconcile.api.policy.v1 import PodDisruptionBudget

from .pods import pod_info
from .snapshot import Budget
from .workloads import Owner

if TYPE_CHECKING:
    from .service import Scheduler


def handlers(scheduler: Scheduler) -> list[tuple[type[Any], Any]]:
    """Each kind that is watched, with its handler."""
    return [
        (Namespace, _Namespaces(scheduler)),
        (Service, _Services(scheduler)),
        (ReplicationController, _Owners(scheduler, ReplicationController, ("v1", "ReplicationController"))),
        (ReplicaSet, _Owners(scheduler, ReplicaSet, ("apps/v1", "ReplicaSet"))),
        (StatefulSet, _Owners(scheduler, StatefulSet, ("apps/v1", "StatefulSet"))),
        (PodDisruptionBudget, _Budgets(scheduler)),
        (Node, _Nodes(scheduler)),
        (Pod, _Pods(scheduler)),
    ]


class _Handler:
    """Additions and updates are one to the scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        self.changed(obj)

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        self.changed(new)

    def changed(self, obj: CachedObject) -> None:
        raise AssertionError("a handler says what a change means")


class _Namespaces(_Handler):
    def changed(self, obj: CachedObject) -> None:
        self.scheduler.snapshot.set_namespace(obj.key.name, dict(obj.metadata.labels))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.scheduler.snapshot.set_namespace(old.key.name, None)


class _Services(_Handler):
    def changed(self, obj: CachedObject) -> None:
        self.scheduler.snapshot.workloads.set_service(obj.key, obj.decode(Service).spec.selector)

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.scheduler.snapshot.workloads.set_service(old.key, None)


class _Owners(_Handler):
    """ReplicaSets and their like."""

    def __init__(self, scheduler: Scheduler, kind: type[Any], owner: Owner) -> None:
        super().__init__(scheduler)
        self._kind = kind
        self._owner = owner

    def changed(self, obj: CachedObject) -> None:
        wanted = obj.decode(self._kind).spec.selector
        selector = Selector.from_labels(wanted) if isinstance(wanted, dict) else Selector.from_api(wanted)
        self.scheduler.snapshot.workloads.set_owner(self._owner, obj.key, selector)

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.scheduler.snapshot.workloads.set_owner(self._owner, old.key, None)


class _Budgets(_Handler):
    def changed(self, obj: CachedObject) -> None:
        self.scheduler.snapshot.set_budget(obj.key, budget_of(obj.decode(PodDisruptionBudget)))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.scheduler.snapshot.set_budget(old.key, None)


def budget_of(budget: PodDisruptionBudget) -> Budget:
    return Budget(
        budget.metadata.namespace,
        Selector.from_api(budget.spec.selector),
        budget.status.disruptions_allowed or 0,
        frozenset(budget.status.disrupted_pods),
    )


class _Nodes(_Handler):
    def changed(self, obj: CachedObject) -> None:
        self.scheduler.node_changed(obj.key.name, obj.decode(Node))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.scheduler.node_changed(old.key.name, None)


class _Pods(_Handler):
    def changed(self, obj: CachedObject) -> None:
        self.scheduler.pod_changed(pod_info(obj.decode(Pod)))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        self.scheduler.pod_gone(pod_info(old.decode(Pod)))
