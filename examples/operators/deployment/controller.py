"""The Deployment loop: read, claim, decide what this reconcile is about, write, report."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal

from reconcile import (
    AlreadyExistsError,
    APIError,
    Change,
    ControllerOptions,
    LabelSelector,
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
    predicate,
    same,
)
from reconcile.api.apps.v1 import Deployment, ReplicaSet, ReplicaSetSpec
from reconcile.api.core.v1 import Pod

from .. import pods as of
from ..claims import BY_CONTROLLER, candidates, carry_out, controller_uid, sort_out
from ..pods import Replica
from . import conditions, proportional, revisions, rollback, rolling
from .proportional import size
from .status import count
from .template import HASH_LABEL, find_new, name_for, same_template, template_hash

EventType = Literal["Normal", "Warning"]

COMPONENT = "deployment-controller"
"""The name under which events are told: users know it."""


@predicate
def gone(change: Change) -> bool:
    """The object is there no more."""
    return change.type == "Deleted"


class DeploymentReconciler(ObjectReconciler[Deployment]):
    """Rolls `spec.template` out through replica sets."""

    owns = (ReplicaSet,)
    reads = (Read(ReplicaSet, indexes=(BY_CONTROLLER,)), Read(Replica, indexes=(BY_CONTROLLER,)))
    watches = (
        Watch(MetadataOnly(ReplicaSet), to="adopters"),
        Watch(MetadataOnly(Pod), to="recreating", predicates=(gone,)),
    )
    options = ControllerOptions(max_concurrent_reconciles=8, queue=QueueOptions(spacing=0.1))

    async def reconcile(self, deployment: Deployment, /) -> Result | None:
        try:
            return await self._reconcile(deployment)
        except APIError as error:
            if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                # Nothing can be created here any more, and the Deployment goes with its namespace.
                return None
            raise

    async def _reconcile(self, deployment: Deployment) -> Result | None:
        if not (deployment.spec.selector.match_labels or deployment.spec.selector.match_expressions):
            return await self._refuse(deployment)
        rollout = await self._read(deployment)
        if deployment.metadata.deletion_timestamp:
            await self._present(rollout, create=False)
            return await self._report(rollout, progress=False)
        conditions.pause_or_resume(deployment, rollout.status, self.runtime.now())
        if deployment.spec.paused:
            await self._present(rollout, create=False)
            await self._scale_all(rollout)
            await self._forget(rollout)
            return await self._report(rollout, progress=False)
        if (revision := rollback.wanted(deployment)) is not None:
            await self._present(rollout, create=True)
            await self._roll_back(rollout, revision)
            return None
        if proportional.is_scaling_event(deployment, rollout.everything):
            await self._present(rollout, create=False)
            await self._scale_all(rollout)
            return await self._report(rollout, progress=False)
        if rolling.is_rolling(deployment):
            await self._roll(rollout)
        else:
            await self._recreate(rollout)
        result = await self._report(rollout, progress=True)
        if conditions.is_complete(deployment, deployment.status):
            await self._forget(rollout)
        return result

    async def _refuse(self, deployment: Deployment) -> None:
        """A selector for everything: only clients of old API versions could write one."""
        text = "This deployment is selecting all pods. A non-empty selector is required."
        self._tell(deployment, "Warning", "SelectingAll", text)
        if (deployment.status.observed_generation or 0) < (deployment.metadata.generation or 0):
            deployment.status.observed_generation = deployment.metadata.generation
            await self.client.update_status(deployment)

    async def _roll_back(self, rollout: Rollout, revision: int) -> None:
        """Write an old template into the Deployment, as the annotation asks, and take that away."""
        deployment = rollout.deployment
        outcome = rollback.roll_back(deployment, rollout.everything, revision)
        await self.client.update(deployment)
        self._tell(deployment, outcome.type, outcome.reason, outcome.text)

    async def _read(self, deployment: Deployment) -> Rollout:
        selector = Selector.from_api(deployment.spec.selector)
        claims = sort_out(deployment, selector, candidates(self.cache, ReplicaSet, deployment))
        owned = claims.owned if claims.settled else await carry_out(self.client, deployment, claims)
        return Rollout(deployment, owned)

    async def _roll(self, rollout: Rollout) -> None:
        deployment = rollout.deployment
        new = await self._present(rollout, create=True)
        if new is None:
            return
        wanted = rolling.new_replicas(deployment, new, rollout.everything)
        if wanted != size(new):
            await self._scale(rollout, new, wanted)
            return
        room = rolling.room_to_shrink(deployment, new, rollout.old)
        if room <= 0:
            return
        for old, replicas in rolling.drop_unhealthy(rollout.old, room):
            await self._scale(rollout, old, replicas)
        for old, replicas in rolling.drop_serving(deployment, rollout.new or new, rollout.old):
            await self._scale(rollout, old, replicas)

    async def _recreate(self, rollout: Rollout) -> None:
        await self._present(rollout, create=False)
        active = [replica_set for replica_set in rollout.old if size(replica_set) > 0]
        for replica_set in active:
            await self._scale(rollout, replica_set, 0)
        if active or self._old_pods_run(rollout):
            return
        new = await self._present(rollout, create=True)
        wanted = rollout.deployment.spec.replicas or 0
        if new is not None and size(new) != wanted:
            await self._scale(rollout, new, wanted)

    def _old_pods_run(self, rollout: Rollout) -> bool:
        if any(old.status.replicas for old in rollout.old):
            return True
        return any(
            not of.is_finished(pod)
            for old in rollout.old
            for pod in self.cache.index(Replica, BY_CONTROLLER.name, old.metadata.uid)
        )

    async def _present(self, rollout: Rollout, *, create: bool) -> ReplicaSet | None:
        """The replica set of the present template, brought up to date or made."""
        deployment = rollout.deployment
        new = rollout.new = find_new(deployment, rollout.everything)
        if new is None:
            return await self._create(rollout) if create else None
        revision = revisions.next_revision(rollout.old)
        annotations = revisions.new_annotations(deployment, new.metadata.annotations, revision)
        min_ready = deployment.spec.min_ready_seconds
        if annotations != new.metadata.annotations or (new.spec.min_ready_seconds or 0) != (min_ready or 0):
            new.metadata.annotations = annotations
            new.spec.min_ready_seconds = min_ready
            new = rollout.replace(await self.client.update(new))
        rollout.revision = new.metadata.annotations.get(revisions.REVISION)
        if conditions.has_deadline(deployment) and not conditions.find(
            rollout.status, conditions.PROGRESSING
        ):
            text = f'Found new replica set "{new.metadata.name}"'
            now = self.runtime.now()
            conditions.put(rollout.status, conditions.PROGRESSING, "True", conditions.FOUND, text, now)
        return new

    async def _create(self, rollout: Rollout) -> ReplicaSet | None:
        deployment = rollout.deployment
        now = self.runtime.now()
        has_deadline = conditions.has_deadline(deployment)
        revision = revisions.next_revision(rollout.old)
        wanted = replica_set_for(deployment, rollout.status.collision_count or 0, revision)
        wanted.spec.replicas = rolling.new_replicas(deployment, wanted, [*rollout.old, wanted])
        name = wanted.metadata.name
        try:
            new = await self.client.create(wanted)
        except AlreadyExistsError:
            found = await self.client.get_or_none(ReplicaSet, wanted.key)
            if found is None or not _is_ours(deployment, found):
                # Another template has the same hash. One more in the count gives it another name.
                rollout.status.collision_count = (rollout.status.collision_count or 0) + 1
                await self._report(rollout, progress=False)
                raise
            new = found
        except APIError as error:
            if any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                raise
            text = f'Failed to create new replica set "{name}": {error.message}'
            if has_deadline:
                reason = conditions.CREATE_FAILED
                conditions.put(rollout.status, conditions.PROGRESSING, "False", reason, text, now)
                await self._report(rollout, progress=False)
            self._tell(deployment, "Warning", conditions.CREATE_FAILED, text)
            raise
        else:
            if size(new) > 0:
                self._tell_scaled(deployment, "up", name, 0, size(new))
            if has_deadline:
                text = f'Created new replica set "{name}"'
                conditions.put(rollout.status, conditions.PROGRESSING, "True", conditions.CREATED, text, now)
        rollout.new = new
        rollout.everything.append(new)
        rollout.revision = str(revision)
        return new

    async def _scale_all(self, rollout: Rollout) -> None:
        for replica_set, replicas in proportional.scale(rollout.deployment, rollout.new, rollout.old):
            await self._scale(rollout, replica_set, replicas)

    async def _scale(self, rollout: Rollout, replica_set: ReplicaSet, replicas: int) -> None:
        """Write a size. The update names the version that was read: a stale decision is refused."""
        before = size(replica_set)
        annotations = {**replica_set.metadata.annotations, **revisions.scale_annotations(rollout.deployment)}
        if before == replicas and annotations == replica_set.metadata.annotations:
            return
        replica_set.spec.replicas = replicas
        replica_set.metadata.annotations = annotations
        rollout.replace(await self.client.update(replica_set))
        if before != replicas:
            direction = "up" if replicas > before else "down"
            self._tell_scaled(rollout.deployment, direction, replica_set.metadata.name, before, replicas)

    def _tell_scaled(self, deployment: Deployment, way: str, name: str, before: int, after: int) -> None:
        note = f"Scaled {way} replica set {name} from {before} to {after}"
        self._tell(deployment, "Normal", "ScalingReplicaSet", note)

    def _tell(self, deployment: Deployment, kind: EventType, reason: str, text: str) -> None:
        self.events.core(COMPONENT).event(deployment, kind, reason, text)

    async def _forget(self, rollout: Rollout) -> None:
        """Delete what `revisionHistoryLimit` does not keep."""
        for replica_set in revisions.forgettable(rollout.deployment, rollout.old):
            try:
                await self.client.delete(replica_set)
            except NotFoundError:
                continue

    async def _report(self, rollout: Rollout, *, progress: bool) -> Result | None:
        deployment = rollout.deployment
        before = deployment.status
        now = self.runtime.now()
        deployment.status = rollout.status
        status = count(deployment, rollout.new, rollout.everything, now)
        if progress:
            conditions.report_progress(deployment, before, status, rollout.new, now)
            conditions.report_failures(status, rollout.new, rollout.everything, now)
        annotations = dict(deployment.metadata.annotations)
        if rollout.revision is not None:
            annotations[revisions.REVISION] = rollout.revision
        if not same(status, before) or annotations != deployment.metadata.annotations:
            deployment.status = status
            # The status endpoint of Deployments takes annotations too: the revision goes along.
            deployment.metadata.annotations = annotations
            await self.client.update_status(deployment)
        wait = conditions.next_check(deployment, status, now)
        return Result(requeue_after=wait) if wait is not None else None

    def adopters(self, replica_set: ObjectMetadata) -> list[ObjectKey]:
        """The Deployments that an orphan's labels match: one of them will adopt it."""
        if replica_set.controller is not None or not replica_set.labels:
            return []
        return [
            candidate.key
            for candidate in self.cache.list(Deployment, namespace=replica_set.namespace)
            if Selector.from_api(candidate.spec.selector).matches(replica_set.labels)
        ]

    def recreating(self, pod: ObjectMetadata) -> list[ObjectKey]:
        """The Deployment of a pod that is gone, where it waits for its old pods to be so (`Recreate`)."""
        owner = pod.controller
        if owner is None or owner.kind != "ReplicaSet":
            return []
        replica_set = self.cache.metadata(ReplicaSet, ObjectKey(pod.namespace, owner.name))
        if replica_set is None or replica_set.uid != owner.uid:
            return []
        above = replica_set.controller
        if above is None or above.kind != "Deployment":
            return []
        deployment = self.cache.get(Deployment, ObjectKey(pod.namespace, above.name))
        if deployment is None or rolling.is_rolling(deployment):
            return []
        return [deployment.key]


class Rollout:
    """One Deployment and its replica sets, as this reconcile sees and changes them.

    Attributes:
        everything: every replica set of the Deployment.
        new: the one of the present template, once it is known.
        status: what will be reported; conditions may be put into it before the counts are made.
        revision: the Deployment's revision, once it is known.
    """

    def __init__(self, deployment: Deployment, everything: Sequence[ReplicaSet]) -> None:
        self.deployment = deployment
        self.everything = list(everything)
        self.new: ReplicaSet | None = None
        # Conditions are replaced and never changed, so a list of its own is enough.
        self.status = copy.copy(deployment.status)
        self.status.conditions = list(deployment.status.conditions)
        self.revision: str | None = None

    @property
    def old(self) -> list[ReplicaSet]:
        """Every replica set but that of the present template."""
        new = find_new(self.deployment, self.everything)
        return [rs for rs in self.everything if new is None or rs.metadata.uid != new.metadata.uid]

    def replace(self, replica_set: ReplicaSet) -> ReplicaSet:
        """Put in what the server answered to a write."""
        uid = replica_set.metadata.uid
        self.everything = [replica_set if rs.metadata.uid == uid else rs for rs in self.everything]
        if self.new is not None and self.new.metadata.uid == uid:
            self.new = replica_set
        return replica_set


def replica_set_for(deployment: Deployment, collision_count: int, revision: int) -> ReplicaSet:
    """The replica set of the present template, with no replicas yet."""
    name_hash = template_hash(deployment.spec.template, collision_count)
    template = copy.deepcopy(deployment.spec.template)
    template.metadata.labels = {**template.metadata.labels, HASH_LABEL: name_hash}
    selector = deployment.spec.selector
    return ReplicaSet(
        metadata=ObjectMeta(
            name=name_for(deployment, name_hash),
            namespace=deployment.metadata.namespace,
            labels=dict(template.metadata.labels),
            annotations=revisions.new_annotations(deployment, {}, revision)
            | revisions.scale_annotations(deployment),
            owner_references=[owner_reference(deployment, controller=True)],
        ),
        spec=ReplicaSetSpec(
            replicas=0,
            min_ready_seconds=deployment.spec.min_ready_seconds,
            selector=LabelSelector(
                match_labels={**selector.match_labels, HASH_LABEL: name_hash},
                match_expressions=list(selector.match_expressions),
            ),
            template=template,
        ),
    )


def _is_ours(deployment: Deployment, replica_set: ReplicaSet) -> bool:
    owned = controller_uid(replica_set) == deployment.metadata.uid
    return owned and same_template(replica_set.spec.template, deployment.spec.template)
