"""The ReplicaSet loop: read, claim, plan, write, report."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

from reconcile import (
    APIError,
    ControllerOptions,
    ForbiddenError,
    MetadataOnly,
    NotFoundError,
    ObjectKey,
    ObjectMeta,
    ObjectMetadata,
    ObjectReconciler,
    QueueOptions,
    Read,
    Result,
    Selector,
    Watch,
    owner_reference,
    same,
)
from reconcile.api.apps.v1 import ReplicaSet
from reconcile.api.core.v1 import Pod

from .. import pods as of
from ..claims import BY_CONTROLLER, candidates, carry_out, controller_uid, sort_out
from ..pods import AnyPod, Replica
from .batches import first_error, side_by_side, slow_start
from .plan import Plan, plan
from .status import status_of

COMPONENT = "replicaset-controller"
"""The name under which events are told: users know it."""

_NAME_LENGTH = 253


class ReplicaSetReconciler(ObjectReconciler[ReplicaSet]):
    """Keeps `spec.replicas` pods of `spec.template`."""

    owns = (Replica,)
    reads = (Read(Replica, indexes=(BY_CONTROLLER,)), Read(ReplicaSet, indexes=(BY_CONTROLLER,)))
    watches = (Watch(MetadataOnly(Pod), to="adopters"),)
    # What many pods change together is summed up ten times a second, not at each of them.
    options = ControllerOptions(max_concurrent_reconciles=8, queue=QueueOptions(spacing=0.1))

    async def reconcile(self, replica_set: ReplicaSet, /) -> Result | None:
        selector = Selector.from_api(replica_set.spec.selector)
        now = self.runtime.now()
        pods = candidates(self.cache, Replica, replica_set)
        # Finished pods and those on their way out stay with whom they are: nobody adopts or releases them.
        claims = sort_out(replica_set, selector, [pod for pod in pods if of.is_active(pod)])
        active = claims.owned if claims.settled else await carry_out(self.client, replica_set, claims)
        failure: tuple[str, str] | None = None
        error: Exception | None = None
        if not replica_set.metadata.deletion_timestamp:
            wanted = replica_set.spec.replicas or 0
            related = self._related(replica_set) if len(active) > wanted else ()
            failure, error = await self._act(replica_set, plan(wanted, active, related, now))
        await self._report(replica_set, active, _terminating(replica_set, selector, pods), failure)
        if error is not None:
            raise error
        wait = of.next_availability(active, replica_set.spec.min_ready_seconds or 0, now)
        return Result(requeue_after=wait) if wait is not None else None

    def _related(self, replica_set: ReplicaSet) -> list[AnyPod]:
        """The pods of every replica set under the same owner, this one's among them."""
        owner = controller_uid(replica_set)
        if owner is None:
            return []
        namespace = replica_set.metadata.namespace
        siblings = self.cache.index(ReplicaSet, BY_CONTROLLER.name, owner, namespace=namespace)
        return [
            pod
            for sibling in siblings.metadata
            for pod in self.cache.index(Replica, BY_CONTROLLER.name, sibling.uid, namespace=namespace)
        ]

    async def _act(
        self, replica_set: ReplicaSet, todo: Plan
    ) -> tuple[tuple[str, str] | None, Exception | None]:
        """Create or delete. Returns the failure for the condition, and the error to retry on."""
        if todo.create:
            _, error = await slow_start(todo.create, lambda: self._create_pod(replica_set))
            return (("FailedCreate", _text(error)), error) if error else (None, None)
        deletions = (partial(self._delete_pod, replica_set, pod) for pod in todo.delete)
        error = first_error(await side_by_side(deletions))
        return (("FailedDelete", f"unable to delete pods: {_text(error)}"), error) if error else (None, None)

    async def _create_pod(self, replica_set: ReplicaSet) -> None:
        try:
            created = await self.client.create(pod_from_template(replica_set))
        except APIError as error:
            if isinstance(error, ForbiddenError) and _namespace_ends(error):
                # Nothing can be created here any more, and the replica set goes with the namespace.
                return
            self._tell(replica_set, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self._tell(replica_set, "Normal", "SuccessfulCreate", f"Created pod: {created.metadata.name}")

    async def _delete_pod(self, replica_set: ReplicaSet, pod: AnyPod) -> None:
        name = pod.metadata.name
        try:
            await self.client.delete(pod)
        except NotFoundError:
            return
        except APIError as error:
            self._tell(replica_set, "Warning", "FailedDelete", f"Error deleting: {error.message}")
            raise
        self._tell(replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {name}")

    def _tell(
        self, replica_set: ReplicaSet, kind: Literal["Normal", "Warning"], reason: str, text: str
    ) -> None:
        self.events.core(COMPONENT).event(replica_set, kind, reason, text)

    async def _report(
        self,
        replica_set: ReplicaSet,
        active: Sequence[AnyPod],
        terminating: Sequence[AnyPod],
        failure: tuple[str, str] | None,
    ) -> None:
        status = status_of(replica_set, active, terminating, now=self.runtime.now(), failure=failure)
        if same(status, replica_set.status):
            return
        replica_set.status = status
        await self.client.update_status(replica_set)

    def adopters(self, pod: ObjectMetadata) -> list[ObjectKey]:
        """The replica sets that an orphan's labels match: one of them will adopt it."""
        if pod.controller is not None or not pod.labels:
            return []
        return [
            candidate.key
            for candidate in self.cache.list(ReplicaSet, namespace=pod.namespace)
            if Selector.from_api(candidate.spec.selector).matches(pod.labels)
        ]


def _terminating(replica_set: ReplicaSet, selector: Selector, pods: Sequence[AnyPod]) -> list[AnyPod]:
    """The pods of the replica set that are on their way out, but have not ended yet."""
    return [
        pod
        for pod in pods
        if of.is_terminating(pod)
        and not of.is_finished(pod)
        and controller_uid(pod) == replica_set.metadata.uid
        and selector.matches(pod.metadata.labels)
    ]


def _text(error: Exception) -> str:
    return error.message if isinstance(error, APIError) else str(error)


def pod_from_template(replica_set: ReplicaSet) -> Pod:
    """A pod as the template says, named after its replica set and owned by it."""
    template = replica_set.spec.template
    name = replica_set.metadata.name
    prefix = f"{name}-" if len(name) < _NAME_LENGTH else name
    return Pod(
        metadata=ObjectMeta(
            generate_name=prefix,
            namespace=replica_set.metadata.namespace,
            labels=dict(template.metadata.labels),
            annotations=dict(template.metadata.annotations),
            finalizers=list(template.metadata.finalizers),
            owner_references=[owner_reference(replica_set, controller=True)],
        ),
        spec=template.spec,
    )


def _namespace_ends(error: APIError) -> bool:
    return any(cause.reason == "NamespaceTerminating" for cause in error.causes)
