"""VolumeRestrictions: volumes that only one pod may use at a time.

A claim with the access mode ReadWriteOncePod belongs to one pod in the whole cluster. Some disks that stand
in a pod itself may be on a node once, or be there for reading alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reconcile import ObjectKey
from reconcile.api.core.v1 import Node, PersistentVolumeClaim, Pod, Volume

from ..events import Change, HelpedBy
from ..framework import SKIP, Adjustable, CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Snapshot
from ..volumes import Volumes

_DISK_CONFLICT = "node(s) had no available disk"
_IN_USE = (
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by "
    "another pod"
)


@dataclass(slots=True)
class _State(Adjustable):
    """The claims that have to be the pod's alone, and how often others use them."""

    claims: frozenset[str]
    uses: int

    def copy(self) -> _State:
        return _State(self.claims, self.uses)

    def count(self, other: PodInfo, sign: int) -> None:
        self.uses += sign * sum(name in self.claims for name in _claim_names(other))


class VolumeRestrictions(Plugin):
    name = "VolumeRestrictions"

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(Pod, Change.DELETED, _after_pod_deleted),
            HelpedBy(Node, Change.ADDED),
            HelpedBy(PersistentVolumeClaim, Change.ADDED, _after_claim_added),
        ]

    def pre_filter(
        self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /
    ) -> Refusal | Literal["skip"] | None:
        if not pod.spec.volumes:
            return SKIP
        alone = _alone(pod, snapshot.volumes)
        if isinstance(alone, str):
            return self.refuse(alone, final=True)
        uses = sum(snapshot.uses_claim(ObjectKey(pod.key.namespace, name)) for name in alone)
        if not uses and not any(map(_restricted, pod.spec.volumes)):
            return SKIP
        state[self.name] = _State(alone, uses)
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, /) -> None:
        state[self.name].count(other, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, /) -> None:
        state[self.name].count(other, -1)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if any(disks_conflict(pod, other) for other in node.pods.values()):
            return self.refuse(_DISK_CONFLICT)
        if state[self.name].uses > 0:
            return self.refuse(_IN_USE)
        return None


def _alone(pod: PodInfo, volumes: Volumes) -> frozenset[str] | str:
    """The pod's claims that nobody else may use; or that one of its claims is not there."""
    found: set[str] = set()
    for name in _claim_names(pod):
        claim = volumes.claim(pod.key.namespace, name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if "ReadWriteOncePod" in claim.spec.access_modes:
            found.add(name)
    return frozenset(found)


def _claim_names(pod: PodInfo) -> list[str]:
    return [
        volume.persistent_volume_claim.claim_name
        for volume in pod.spec.volumes
        if volume.persistent_volume_claim is not None
    ]


def _restricted(volume: Volume) -> bool:
    return (
        volume.gce_persistent_disk is not None
        or volume.aws_elastic_block_store is not None
        or volume.rbd is not None
        or volume.iscsi is not None
    )


def disks_conflict(pod: PodInfo, other: PodInfo) -> bool:
    """Whether the two cannot be on one node for the sake of a disk."""
    return any(
        _restricted(volume) and any(_conflict(volume, theirs) for theirs in other.spec.volumes)
        for volume in pod.spec.volumes
    )


def _conflict(one: Volume, two: Volume) -> bool:
    if one.gce_persistent_disk is not None and two.gce_persistent_disk is not None:
        disk, other = one.gce_persistent_disk, two.gce_persistent_disk
        return disk.pd_name == other.pd_name and not (disk.read_only and other.read_only)
    if one.aws_elastic_block_store is not None and two.aws_elastic_block_store is not None:
        return one.aws_elastic_block_store.volume_id == two.aws_elastic_block_store.volume_id
    if one.iscsi is not None and two.iscsi is not None:
        return one.iscsi.iqn == two.iscsi.iqn and not (one.iscsi.read_only and two.iscsi.read_only)
    if one.rbd is not None and two.rbd is not None:
        return (
            not set(one.rbd.monitors).isdisjoint(two.rbd.monitors)
            and (one.rbd.pool, one.rbd.image) == (two.rbd.pool, two.rbd.image)
            and not (one.rbd.read_only and two.rbd.read_only)
        )
    return False


def _after_pod_deleted(pod: PodInfo, old: PodInfo, new: Any) -> bool:
    if old.key.namespace != pod.key.namespace:
        return False
    return disks_conflict(pod, old) or not set(_claim_names(pod)).isdisjoint(_claim_names(old))


def _after_claim_added(pod: PodInfo, old: Any, new: PersistentVolumeClaim) -> bool:
    return new.metadata.namespace == pod.key.namespace and new.metadata.name in _claim_names(pod)
