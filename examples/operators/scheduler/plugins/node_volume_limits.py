"""NodeVolumeLimits: a node can attach only so many volumes of each driver.

The node's CSINode says how many. Counted are the volumes of the pods on the node, each once, and what is
attached without a pod that is known. A volume that is not made yet counts too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from reconcile.api.core.v1 import PersistentVolume, PersistentVolumeClaim, Pod, Volume
from reconcile.api.storage.v1 import CSIDriver, CSINode, StorageClass, VolumeAttachment

from ..events import Change, HelpedBy
from ..framework import SKIP, CycleState, Plugin, PluginError, Refusal
from ..migration import CannotMigrate, inline_handle, migration_by_plugin, migration_of, volume_handle
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Snapshot
from ..volumes import Volumes, claim_of, claims_of, class_of, not_for

_TOO_MANY = "node(s) exceed max volume count"
_NOT_MADE = "not made yet"


class NodeVolumeLimits(Plugin):
    name = "NodeVolumeLimits"
    reads = (PersistentVolume, StorageClass, CSIDriver)

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(CSINode, Change.ADDED),
            HelpedBy(CSINode, Change.UPDATED, _after_limits_changed),
            HelpedBy(Pod, Change.DELETED, _after_pod_deleted),
            HelpedBy(PersistentVolumeClaim, Change.ADDED, _after_claim_added),
            HelpedBy(VolumeAttachment, Change.DELETED, _after_detached),
        ]

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /) -> Literal["skip"] | None:
        if not any(map(_attachable, pod.spec.volumes)):
            return SKIP
        state[self.name] = snapshot.volumes
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        storage: Volumes = state[self.name]
        csi_node = storage.csi_nodes.get(node.name)
        wanted = _attached(pod, storage, csi_node, new=True)
        if isinstance(wanted, Refusal):
            return self.refuse(*wanted.reasons, final=True)
        limits = {
            driver.name: driver.allocatable.count
            for driver in (csi_node.spec.drivers if csi_node else ())
            if driver.allocatable is not None and driver.allocatable.count is not None
        }
        if not wanted or not limits:
            return None
        present = _present(node, storage, csi_node)
        attached = {**_attachments(node.name, storage), **present}
        counts = Counter(attached.values())
        more = Counter(driver for volume, driver in wanted.items() if volume not in present)
        if any(counts[driver] + count > limits[driver] for driver, count in more.items() if driver in limits):
            return self.refuse(_TOO_MANY)
        return None


def _attachable(volume: Volume) -> bool:
    return (
        volume.persistent_volume_claim is not None
        or volume.ephemeral is not None
        or migration_of(volume) is not None
    )


def _present(node: NodeInfo, storage: Volumes, csi_node: CSINode | None) -> dict[tuple[str, str], str]:
    """The volumes of the pods on the node, with their drivers."""
    found: dict[tuple[str, str], str] = {}
    for other in node.pods.values():
        if other.spec.volumes:
            volumes = _attached(other, storage, csi_node, new=False)
            assert not isinstance(volumes, Refusal)
            found |= volumes
    return found


def _attached(
    pod: PodInfo, storage: Volumes, csi_node: CSINode | None, *, new: bool
) -> dict[tuple[str, str], str] | Refusal:
    """The volumes that the pod needs attached, by driver and name, with their drivers."""
    found: dict[tuple[str, str], str] = {}
    for volume in pod.spec.volumes:
        wanted = claim_of(pod, volume)
        if wanted is None:
            identity = _inline(volume, csi_node)
        else:
            if not wanted.name:
                raise PluginError("PersistentVolumeClaim had no name")
            claim = storage.claim(pod.key.namespace, wanted.name)
            if claim is None:
                if new:
                    missing = f'persistentvolumeclaim "{wanted.name}" not found'
                    return Refusal((f"looking up PVC {pod.key.namespace}/{wanted.name}: {missing}",))
                continue
            if wanted.ephemeral and (why := not_for(pod, claim)):
                raise PluginError(why)
            identity = _identity(claim, storage, csi_node)
        if identity is not None:
            found[identity] = identity[0]
    return found


def _inline(volume: Volume, csi_node: CSINode | None) -> tuple[str, str] | None:
    migration = migration_of(volume)
    if migration is None or not migration.counted or csi_node is None:
        return None
    try:
        return (migration.driver, inline_handle(volume))
    except CannotMigrate as error:
        raise PluginError(f"converting volume({volume.name}) from inline to csi: {error}") from error


def _identity(
    claim: PersistentVolumeClaim, storage: Volumes, csi_node: CSINode | None
) -> tuple[str, str] | None:
    """Driver and name of a claim's volume; None for one that is not counted."""
    volume = storage.volume(claim.spec.volume_name) if claim.spec.volume_name else None
    if volume is None:
        return _to_be_made(claim, storage, csi_node)
    if volume.spec.csi is not None:
        return _counted(volume.spec.csi.driver, volume.spec.csi.volume_handle)
    migration = migration_of(volume.spec)
    if migration is None or not migration.counted or csi_node is None:
        return None
    try:
        return _counted(migration.driver, volume_handle(volume))
    except CannotMigrate:
        return None


def _to_be_made(
    claim: PersistentVolumeClaim, storage: Volumes, csi_node: CSINode | None
) -> tuple[str, str] | None:
    storage_class = storage.classes.get(class_of(claim))
    if storage_class is None:
        return None
    driver = storage_class.provisioner
    migration = migration_by_plugin(driver)
    if migration is not None:
        if not migration.counted or csi_node is None:
            return None
        driver = migration.driver
    return _counted(driver, f"{_NOT_MADE} {claim.key}")


def _counted(driver: str, handle: str) -> tuple[str, str] | None:
    return (driver, handle) if driver and handle else None


def _attachments(node: str, storage: Volumes) -> dict[tuple[str, str], str]:
    """What is attached to the node, whoever asked for it."""
    found: dict[tuple[str, str], str] = {}
    for attachment in storage.attachments(node):
        name, driver = attachment.spec.source.persistent_volume_name, attachment.spec.attacher
        volume = storage.volume(name) if name else None
        if driver and volume is not None and volume.spec.csi is not None:
            found[driver, volume.spec.csi.volume_handle] = driver
    return found


def _after_limits_changed(pod: PodInfo, old: CSINode, new: CSINode) -> bool:
    """Whether some driver can attach more than before; without a limit counts as 0 here."""
    before = _limits(old)
    return any(limit > before.get(driver, 0) for driver, limit in _limits(new).items())


def _limits(csi_node: CSINode) -> dict[str, int]:
    return {
        driver.name: (driver.allocatable.count or 0) if driver.allocatable else 0
        for driver in csi_node.spec.drivers
    }


def _after_pod_deleted(pod: PodInfo, old: PodInfo, new: Any) -> bool:
    return bool(old.node_name or old.nominated_node) and any(map(_attachable, old.spec.volumes))


def _after_claim_added(pod: PodInfo, old: Any, new: PersistentVolumeClaim) -> bool:
    return new.metadata.namespace == pod.key.namespace and any(
        claim.name == new.metadata.name for claim in claims_of(pod)
    )


def _after_detached(pod: PodInfo, old: VolumeAttachment, new: Any) -> bool:
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            return True
        migration = migration_of(volume)
        if migration is not None and migration.driver == old.spec.attacher:
            return True
    return False
