"""The StatefulSet loop."""

from __future__ import annotations

import copy
from contextlib import suppress

from reconcile import (
    AlreadyExistsError,
    NotFoundError,
    ObjectMeta,
    ObjectReconciler,
    Read,
    Selector,
    owner_reference,
    same,
)
from reconcile.api.apps.v1 import StatefulSet, StatefulSetStatus
from reconcile.api.core.v1 import Pod

from .. import pods as of
from ..claims import BY_CONTROLLER, candidates, sort_out
from ..deployment.template import template_hash
from .plan import REVISION_LABEL, next_step


class StatefulSetReconciler(ObjectReconciler[StatefulSet]):
    """Keeps numbered pods of `spec.template`."""

    owns = (Pod,)
    reads = (Read(Pod, indexes=(BY_CONTROLLER,)),)

    async def reconcile(self, stateful_set: StatefulSet, /) -> None:
        if stateful_set.metadata.deletion_timestamp:
            return
        spec = stateful_set.spec
        name = stateful_set.metadata.name
        revision = f"{name}-{template_hash(spec.template)}"
        found = candidates(self.cache, Pod, stateful_set)
        claims = sort_out(stateful_set, Selector.from_api(spec.selector), found)
        pods = {number: pod for pod in claims.owned if (number := number_of(name, pod)) is not None}
        step = next_step(
            spec.replicas if spec.replicas is not None else 1,
            pods,
            revision,
            start=(spec.ordinals and spec.ordinals.start) or 0,
            in_order=spec.pod_management_policy != "Parallel",
        )
        for number in step.create:
            with suppress(AlreadyExistsError):
                created = await self.client.create(pod_for(stateful_set, number, revision))
                note = f"create Pod {created.metadata.name} in StatefulSet {name} successful"
                self.events.event(stateful_set, "Normal", "SuccessfulCreate", "CreatePod", note)
        for pod in step.delete:
            with suppress(NotFoundError):
                await self.client.delete(pod)
                note = f"delete Pod {pod.metadata.name} in StatefulSet {name} successful"
                self.events.event(stateful_set, "Normal", "SuccessfulDelete", "DeletePod", note)
        status = status_of(stateful_set, list(pods.values()), revision)
        if not same(status, stateful_set.status):
            stateful_set.status = status
            await self.client.update_status(stateful_set)


def number_of(name: str, pod: Pod) -> int | None:
    prefix, _, number = pod.metadata.name.rpartition("-")
    return int(number) if prefix == name and number.isdecimal() else None


def pod_for(stateful_set: StatefulSet, number: int, revision: str) -> Pod:
    template = stateful_set.spec.template
    name = f"{stateful_set.metadata.name}-{number}"
    spec = copy.deepcopy(template.spec)
    spec.hostname = name
    spec.subdomain = stateful_set.spec.service_name
    return Pod(
        metadata=ObjectMeta(
            name=name,
            namespace=stateful_set.metadata.namespace,
            labels={
                **template.metadata.labels,
                REVISION_LABEL: revision,
                "statefulset.kubernetes.io/pod-name": name,
                "apps.kubernetes.io/pod-index": str(number),
            },
            annotations=dict(template.metadata.annotations),
            owner_references=[owner_reference(stateful_set, controller=True)],
        ),
        spec=spec,
    )


def status_of(stateful_set: StatefulSet, pods: list[Pod], revision: str) -> StatefulSetStatus:
    """The status from the pods."""
    before = stateful_set.status
    ready = sum(of.is_ready(pod) and not of.is_terminating(pod) for pod in pods)
    updated = sum(pod.metadata.labels.get(REVISION_LABEL) == revision for pod in pods)
    complete = updated == len(pods) == ready
    current = revision if complete or not before.current_revision else before.current_revision
    return StatefulSetStatus(
        observed_generation=stateful_set.metadata.generation,
        replicas=len(pods),
        ready_replicas=ready,
        available_replicas=ready,
        current_replicas=sum(pod.metadata.labels.get(REVISION_LABEL) == current for pod in pods),
        updated_replicas=updated,
        current_revision=current,
        update_revision=revision,
        collision_count=0,
        conditions=list(before.conditions),
    )
