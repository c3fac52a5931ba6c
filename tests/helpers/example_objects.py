"""Objects for the tests of the example operators."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconcile import LabelSelector, ObjectMeta, OwnerReference, format_time
from reconcile.api.apps.v1 import (
    Deployment,
    DeploymentSpec,
    DeploymentStrategy,
    ReplicaSet,
    ReplicaSetSpec,
    ReplicaSetStatus,
    RollingUpdateDeployment,
)
from reconcile.api.core.v1 import (
    Container,
    ContainerStatus,
    Node,
    NodeSpec,
    NodeStatus,
    Pod,
    PodCondition,
    PodSpec,
    PodStatus,
    PodTemplateSpec,
    ResourceRequirements,
    Taint,
)

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    return format_time(NOW - timedelta(seconds=seconds))


def owned_by(uid: str, *, kind: str = "ReplicaSet", name: str = "web") -> list[OwnerReference]:
    return [OwnerReference(api_version="apps/v1", kind=kind, name=name, uid=uid, controller=True)]


def pod(
    name: str,
    *,
    node: str = "",
    phase: str = "Running",
    ready: float | None = None,
    age: float = 100.0,
    owner: str = "",
    labels: dict[str, str] | None = None,
    restarts: int = 0,
    deleting: bool = False,
    annotations: dict[str, str] | None = None,
    requests: dict[str, Any] | None = None,
    spec: PodSpec | None = None,
) -> Pod:
    """A pod; `ready` is for how many seconds it has been ready, None for not at all."""
    conditions = (
        [PodCondition(type="Ready", status="True", last_transition_time=ago(ready))]
        if ready is not None
        else []
    )
    spec = spec or PodSpec()
    spec.node_name = node or spec.node_name
    if not spec.containers:
        spec.containers = [
            Container(name="main", image="web:1", resources=ResourceRequirements(requests=requests or {}))
        ]
    return Pod(
        metadata=ObjectMeta(
            name=name,
            namespace="default",
            uid=f"uid-{name}",
            labels={"app": "web"} if labels is None else labels,
            annotations=annotations or {},
            creation_timestamp=ago(age),
            deletion_timestamp=ago(0) if deleting else None,
            owner_references=owned_by(owner) if owner else [],
        ),
        spec=spec,
        status=PodStatus(
            phase=phase,
            conditions=conditions,
            container_statuses=[ContainerStatus(name="main", restart_count=restarts)],
        ),
    )


def template(image: str = "web:1", labels: dict[str, str] | None = None) -> PodTemplateSpec:
    return PodTemplateSpec(
        metadata=ObjectMeta(labels={"app": "web", **(labels or {})}),
        spec=PodSpec(containers=[Container(name="main", image=image)]),
    )


def replica_set(
    name: str,
    replicas: int,
    *,
    available: int | None = None,
    age: float = 100.0,
    image: str = "web:1",
    annotations: dict[str, str] | None = None,
) -> ReplicaSet:
    return ReplicaSet(
        metadata=ObjectMeta(
            name=name,
            namespace="default",
            uid=f"uid-{name}",
            creation_timestamp=ago(age),
            annotations=annotations or {},
            owner_references=owned_by("uid-web", kind="Deployment"),
            generation=1,
        ),
        spec=ReplicaSetSpec(
            replicas=replicas,
            selector=LabelSelector(match_labels={"app": "web"}),
            template=template(image),
        ),
        status=ReplicaSetStatus(
            replicas=replicas,
            available_replicas=replicas if available is None else available,
            observed_generation=1,
        ),
    )


def deployment(
    replicas: int,
    *,
    surge: int | str | None = None,
    unavailable: int | str | None = None,
    image: str = "web:2",
    strategy: str = "RollingUpdate",
) -> Deployment:
    return Deployment(
        metadata=ObjectMeta(name="web", namespace="default", uid="uid-web", generation=1),
        spec=DeploymentSpec(
            replicas=replicas,
            selector=LabelSelector(match_labels={"app": "web"}),
            template=template(image),
            progress_deadline_seconds=600,
            strategy=DeploymentStrategy(
                type=strategy,
                rolling_update=RollingUpdateDeployment(max_surge=surge, max_unavailable=unavailable),
            ),
        ),
    )


def node(
    name: str,
    *,
    cpu: str = "4",
    memory: str = "8Gi",
    pods: str = "110",
    labels: dict[str, str] | None = None,
    taints: list[tuple[str, str, str]] | None = None,
    unschedulable: bool = False,
) -> Node:
    return Node(
        metadata=ObjectMeta(name=name, labels={"kubernetes.io/hostname": name, **(labels or {})}),
        spec=NodeSpec(
            taints=[Taint(key=key, value=value, effect=effect) for key, value, effect in taints or []],
            unschedulable=unschedulable or None,
        ),
        status=NodeStatus(allocatable={"cpu": cpu, "memory": memory, "pods": pods}),
    )
