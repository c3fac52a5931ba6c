"""Everything that says where a pod's volumes can be: claims, volumes, classes, drivers, capacities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from reconcile import Amount, ObjectKey, controller_of
from reconcile.api.core.v1 import PersistentVolume, PersistentVolumeClaim, Volume
from reconcile.api.storage.v1 import CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment

from .assumed import AssumedObjects
from .pods import PodInfo

KINDS = (
    PersistentVolumeClaim,
    PersistentVolume,
    StorageClass,
    CSINode,
    CSIDriver,
    CSIStorageCapacity,
    VolumeAttachment,
)
"""The kinds that are kept here."""

BOUND = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
_CLASS = "volume.beta.kubernetes.io/storage-class"


class Volumes:
    """The storage of a cluster, from informer events; claims and volumes also as they are assumed to be."""

    def __init__(self) -> None:
        self.claims = AssumedObjects[PersistentVolumeClaim]()
        self.volumes = AssumedObjects[PersistentVolume]()
        self.classes: dict[str, StorageClass] = {}
        self.csi_nodes: dict[str, CSINode] = {}
        self.drivers: dict[str, CSIDriver] = {}
        self.capacities: dict[ObjectKey, CSIStorageCapacity] = {}
        self._attachments: dict[str, VolumeAttachment] = {}
        self._attached_to: dict[str, dict[str, VolumeAttachment]] = {}
        self._in_class: dict[str, dict[str, None]] = {}

    def set(self, kind: type[Any], key: ObjectKey, obj: Any | None) -> None:
        """An object of one of `KINDS` came, changed, or (None) went."""
        if kind is PersistentVolumeClaim:
            self.claims.set(key, obj)
        elif kind is PersistentVolume:
            self._set_volume(key, obj)
        elif kind is VolumeAttachment:
            self._set_attachment(key.name, obj)
        elif kind is CSIStorageCapacity:
            _put(self.capacities, key, obj)
        else:
            _put({StorageClass: self.classes, CSINode: self.csi_nodes}.get(kind, self.drivers), key.name, obj)

    def get(self, kind: type[Any], key: ObjectKey) -> Any | None:
        """The object as the server has it."""
        if kind is PersistentVolumeClaim:
            return self.claims.stored(key)
        if kind is PersistentVolume:
            return self.volumes.stored(key)
        if kind is CSIStorageCapacity:
            return self.capacities.get(key)
        named: dict[type[Any], dict[str, Any]] = {
            StorageClass: self.classes,
            CSINode: self.csi_nodes,
            VolumeAttachment: self._attachments,
        }
        return named.get(kind, self.drivers).get(key.name)

    def claim(self, namespace: str, name: str) -> PersistentVolumeClaim | None:
        return self.claims.get(ObjectKey(namespace, name))

    def volume(self, name: str) -> PersistentVolume | None:
        return self.volumes.get(ObjectKey("", name))

    def volumes_of_class(self, name: str) -> list[PersistentVolume]:
        return [volume for each in self._in_class.get(name, ()) if (volume := self.volume(each)) is not None]

    def attachments(self, node: str) -> Iterable[VolumeAttachment]:
        return self._attached_to.get(node, {}).values()

    def _set_volume(self, key: ObjectKey, obj: PersistentVolume | None) -> None:
        before = self.volumes.stored(key)
        if before is not None:
            self._in_class.get(class_of_volume(before), {}).pop(key.name, None)
        if obj is not None:
            self._in_class.setdefault(class_of_volume(obj), {})[key.name] = None
        self.volumes.set(key, obj)

    def _set_attachment(self, name: str, obj: VolumeAttachment | None) -> None:
        before = self._attachments.get(name)
        if before is not None:
            self._attached_to.get(before.spec.node_name, {}).pop(name, None)
        if obj is not None:
            self._attached_to.setdefault(obj.spec.node_name, {})[name] = obj
        _put(self._attachments, name, obj)


def _put(table: dict[Any, Any], key: Any, obj: Any | None) -> None:
    if obj is None:
        table.pop(key, None)
    else:
        table[key] = obj


@dataclass(frozen=True, slots=True)
class ClaimOfPod:
    """A volume of a pod that is a claim.

    Attributes:
        ephemeral: the claim is made for the pod, and has to belong to it.
    """

    name: str
    ephemeral: bool


def claims_of(pod: PodInfo) -> Iterator[ClaimOfPod]:
    for volume in pod.spec.volumes:
        claim = claim_of(pod, volume)
        if claim is not None:
            yield claim


def claim_of(pod: PodInfo, volume: Volume) -> ClaimOfPod | None:
    if volume.persistent_volume_claim is not None:
        return ClaimOfPod(volume.persistent_volume_claim.claim_name, ephemeral=False)
    if volume.ephemeral is not None:
        return ClaimOfPod(f"{pod.key.name}-{volume.name}", ephemeral=True)
    return None


def not_for(pod: PodInfo, claim: PersistentVolumeClaim) -> str:
    """Why a claim is not the one that was made for an ephemeral volume of the pod; empty when it is."""
    owner = controller_of(claim)
    if owner is not None and owner.uid == pod.uid:
        return ""
    return f"PVC {claim.key} was not created for pod {pod.key} (pod is not owner)"


def class_of(claim: PersistentVolumeClaim) -> str:
    """The name of the claim's storage class; empty without one."""
    return claim.metadata.annotations.get(_CLASS, claim.spec.storage_class_name or "")


def class_of_volume(volume: PersistentVolume) -> str:
    return volume.metadata.annotations.get(_CLASS, volume.spec.storage_class_name or "")


def is_bound(claim: PersistentVolumeClaim) -> bool:
    """Whether claim and volume know of each other."""
    return bool(claim.spec.volume_name) and BOUND in claim.metadata.annotations


def size_of(claim: PersistentVolumeClaim) -> Amount:
    return Amount.parse(claim.spec.resources.requests.get("storage", 0))
