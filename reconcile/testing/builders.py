"""Builders of objects for tests: what a test is about stands in it, the rest is filled in.

    pod = a_pod("web").labelled(app="web").on_node("node-1").requesting(cpu="500m").ready().build()

A builder is immutable: every step returns a new one, so that a half-built object can be shared by tests.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from reconcile.api.apps.v1 import Deployment, ReplicaSet
from reconcile.api.core.v1 import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStatus,
    Node,
    NodeCondition,
    Pod,
    PodCondition,
    PodTemplateSpec,
    Taint,
    Toleration,
)
from reconcile.objects.meta import KubernetesObject, LabelSelector, ObjectMeta
from reconcile.objects.owners import set_controller_reference

K = TypeVar("K", bound=KubernetesObject)
W = TypeVar("W", Deployment, ReplicaSet)

_EPOCH = "2026-01-01T00:00:00Z"


class Builder(Generic[K]):
    """Steps that every kind has."""

    def __init__(self, obj: K) -> None:
        self._obj = obj

    def build(self) -> K:
        """The object; the caller's own."""
        return copy.deepcopy(self._obj)

    def in_namespace(self, namespace: str) -> Self:
        """In this namespace instead of `default`."""
        return self._with(lambda obj: setattr(obj.metadata, "namespace", namespace))

    def labelled(self, **labels: str) -> Self:
        """Labels whose names are Python names; others with `.labelled(**{"example.com/x": "y"})`."""
        return self._with(lambda obj: obj.metadata.labels.update(labels))

    def annotated(self, **annotations: str) -> Self:
        """Annotations, as with `labelled`."""
        return self._with(lambda obj: obj.metadata.annotations.update(annotations))

    def with_uid(self, uid: str) -> Self:
        """With the uid that a server would have made; owners need one."""
        return self._with(lambda obj: setattr(obj.metadata, "uid", uid))

    def created_at(self, time: str) -> Self:
        """An RFC 3339 time."""
        return self._with(lambda obj: setattr(obj.metadata, "creation_timestamp", time))

    def deleting_since(self, time: str = _EPOCH, *finalizers: str) -> Self:
        """Marked for deletion and held by these finalizers."""

        def change(obj: K) -> None:
            obj.metadata.deletion_timestamp = time
            obj.metadata.finalizers.extend(finalizers)

        return self._with(change)

    def controlled_by(self, owner: Any) -> Self:
        """Owned by another object, which is its controller; the owner needs a uid."""
        return self._with(lambda obj: set_controller_reference(obj, owner))

    def _with(self, change: Callable[[K], object]) -> Self:
        obj = copy.deepcopy(self._obj)
        change(obj)
        twin = copy.copy(self)
        twin._obj = obj
        return twin


class PodBuilder(Builder[Pod]):
    """Builds a pod; its first container is called `main`."""

    def running_image(self, image: str) -> Self:
        """The image of the first container."""
        return self._with(lambda pod: setattr(pod.spec.containers[0], "image", image))

    def requesting(self, **resources: str) -> Self:
        """Requests of the first container: `requesting(cpu="500m", memory="1Gi")`."""
        return self._with(lambda pod: pod.spec.containers[0].resources.requests.update(resources))

    def on_node(self, node: str) -> Self:
        """Bound to this node."""
        return self._with(lambda pod: setattr(pod.spec, "node_name", node))

    def tolerating(self, key: str, *, effect: str | None = None, value: str | None = None) -> Self:
        """Tolerates a taint: of any value when none is given, of any effect when none is given."""
        operator = "Exists" if value is None else "Equal"
        toleration = Toleration(key=key, operator=operator, value=value, effect=effect)
        return self._with(lambda pod: pod.spec.tolerations.append(toleration))

    def pending(self) -> Self:
        """Phase Pending."""
        return self._with(lambda pod: setattr(pod.status, "phase", "Pending"))

    def running(self, *, restarts: int = 0) -> Self:
        """Phase Running, every container started, none ready."""
        return self._with(lambda pod: _run(pod, ready=False, restarts=restarts, since=_EPOCH))

    def ready(self, *, since: str = _EPOCH, restarts: int = 0) -> Self:
        """Phase Running, every container and the pod itself ready since that time."""
        return self._with(lambda pod: _run(pod, ready=True, restarts=restarts, since=since))

    def finished(self, phase: str = "Succeeded") -> Self:
        """Ended, in this phase; `Failed` is the other one."""
        return self._with(lambda pod: setattr(pod.status, "phase", phase))


class NodeBuilder(Builder[Node]):
    """Builds a node with room for work."""

    def with_capacity(self, **resources: str) -> Self:
        """Capacity, all of it allocatable: `with_capacity(cpu="4", memory="16Gi", pods="110")`."""

        def change(node: Node) -> None:
            node.status.capacity.update(resources)
            node.status.allocatable.update(resources)

        return self._with(change)

    def in_zone(self, zone: str) -> Self:
        """With the well-known label of its zone."""
        return self.labelled(**{"topology.kubernetes.io/zone": zone})

    def tainted(self, key: str, *, value: str = "", effect: str = "NoSchedule") -> Self:
        """With one more taint."""
        taint = Taint(key=key, value=value or None, effect=effect)
        return self._with(lambda node: node.spec.taints.append(taint))

    def cordoned(self) -> Self:
        """Marked as unschedulable."""
        return self._with(lambda node: setattr(node.spec, "unschedulable", True))

    def not_ready(self) -> Self:
        """Its condition Ready is False."""
        return self._with(lambda node: setattr(node.status.conditions[0], "status", "False"))


class WorkloadBuilder(Builder[W]):
    """Builds a Deployment or a ReplicaSet whose template's labels fit its selector."""

    def with_replicas(self, replicas: int) -> Self:
        """How many pods are wanted."""
        return self._with(lambda obj: setattr(obj.spec, "replicas", replicas))

    def running_image(self, image: str) -> Self:
        """The image of the template's first container."""
        return self._with(lambda obj: setattr(obj.spec.template.spec.containers[0], "image", image))

    def selecting(self, **labels: str) -> Self:
        """Selects these labels, which its template has."""

        def change(obj: W) -> None:
            obj.spec.selector = LabelSelector(match_labels=dict(labels))
            obj.spec.template.metadata.labels = dict(labels)

        return self._with(change)


def a_pod(name: str, *, namespace: str = "default") -> PodBuilder:
    """A pod of one container, not yet seen by anyone."""
    pod = Pod(metadata=ObjectMeta(name=name, namespace=namespace))
    pod.spec.containers.append(Container(name="main", image="example.com/main:1"))
    return PodBuilder(pod)


def a_node(name: str) -> NodeBuilder:
    """A ready node of 4 CPUs, 16 GiB and 110 pods."""
    node = Node(metadata=ObjectMeta(name=name, labels={"kubernetes.io/hostname": name}))
    node.status.conditions.append(NodeCondition(type="Ready", status="True", reason="KubeletReady"))
    return NodeBuilder(node).with_capacity(cpu="4", memory="16Gi", pods="110")


def a_deployment(name: str, *, namespace: str = "default") -> WorkloadBuilder[Deployment]:
    """A Deployment of one replica that selects `app=<name>`."""
    return _workload(Deployment(metadata=ObjectMeta(name=name, namespace=namespace)))


def a_replica_set(name: str, *, namespace: str = "default") -> WorkloadBuilder[ReplicaSet]:
    """A ReplicaSet of one replica that selects `app=<name>`."""
    return _workload(ReplicaSet(metadata=ObjectMeta(name=name, namespace=namespace)))


def _workload(obj: W) -> WorkloadBuilder[W]:
    obj.spec.replicas = 1
    obj.spec.template = PodTemplateSpec()
    obj.spec.template.spec.containers.append(Container(name="main", image="example.com/main:1"))
    return WorkloadBuilder(obj).selecting(app=obj.metadata.name)


def _run(pod: Pod, *, ready: bool, restarts: int, since: str) -> None:
    pod.status.phase = "Running"
    pod.status.start_time = since
    pod.status.container_statuses = [
        ContainerStatus(
            name=container.name,
            image=container.image or "",
            image_id="",
            ready=ready,
            restart_count=restarts,
            started=True,
            state=ContainerState(running=ContainerStateRunning(started_at=since)),
        )
        for container in pod.spec.containers
    ]
    status = "True" if ready else "False"
    pod.status.conditions = [
        PodCondition(type=kind, status=status, last_transition_time=since)
        for kind in ("Ready", "ContainersReady")
    ]
