"""VolumeZone: a volume that is labelled with zones or regions is used on nodes there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from reconcile.api.core.v1 import Node, PersistentVolume, PersistentVolumeClaim
from reconcile.api.storage.v1 import StorageClass

from ..events import Change, HelpedBy
from ..framework import SKIP, CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Snapshot
from ..volumes import Volumes, class_of

_BETA = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
}
_KEYS = (*_BETA, *_BETA.values())
_CONFLICT = "node(s) had no available volume zone"

Places = list[tuple[str, frozenset[str]]]
"""Label keys, and the values that will do."""


class VolumeZone(Plugin):
    name = "VolumeZone"

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(StorageClass, Change.ADDED, _after_class_added),
            HelpedBy(Node, Change.ADDED | Change.NODE_LABELS),
            HelpedBy(PersistentVolumeClaim, Change.ADDED | Change.UPDATED, _after_claim),
            HelpedBy(PersistentVolume, Change.ADDED | Change.UPDATED, _after_volume),
        ]

    def pre_filter(
        self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /
    ) -> Refusal | Literal["skip"] | None:
        places: Places = []
        for volume in pod.spec.volumes:
            if volume.persistent_volume_claim is None:
                continue
            found = _places(pod, volume.persistent_volume_claim.claim_name, snapshot.volumes)
            if isinstance(found, str):
                return self.refuse(found, final=True)
            places += found
        if not places:
            return SKIP
        state[self.name] = places
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if not any(key in node.labels for key in _KEYS):
            # A cluster of one zone need not label its nodes.
            return None
        places: Places = state[self.name]
        for key, values in places:
            value = node.labels.get(key, node.labels.get(_BETA.get(key, key)))
            if value is None or value not in values:
                return self.refuse(_CONFLICT, final=True)
        return None


def _places(pod: PodInfo, name: str, storage: Volumes) -> Places | str:
    """Where the volume of a claim can be used; or why that is not known."""
    if not name:
        return "PersistentVolumeClaim had no name"
    claim = storage.claim(pod.key.namespace, name)
    if claim is None:
        return f'persistentvolumeclaim "{name}" not found'
    volume_name = claim.spec.volume_name
    if not volume_name:
        return _place_to_come(claim, storage)
    volume = storage.volume(volume_name)
    if volume is None:
        return f'persistentvolume "{volume_name}" not found'
    found: Places = []
    for key in _KEYS:
        parts = [part.strip() for part in volume.metadata.labels.get(key, "").split("__")]
        if all(parts):
            found.append((key, frozenset(parts)))
    return found


def _place_to_come(claim: PersistentVolumeClaim, storage: Volumes) -> Places | str:
    class_name = class_of(claim)
    if not class_name:
        return "PersistentVolumeClaim had no pv name and storageClass name"
    storage_class = storage.classes.get(class_name)
    if storage_class is None:
        return f'storageclass.storage.k8s.io "{class_name}" not found'
    if storage_class.volume_binding_mode is None:
        return f'VolumeBindingMode not set for StorageClass "{class_name}"'
    if storage_class.volume_binding_mode == "WaitForFirstConsumer":
        return []
    return "PersistentVolume had no name"


def _after_class_added(pod: PodInfo, old: Any, new: StorageClass) -> bool:
    return new.volume_binding_mode == "WaitForFirstConsumer"


def _after_claim(pod: PodInfo, old: Any, new: PersistentVolumeClaim) -> bool:
    return new.metadata.namespace == pod.key.namespace and any(
        volume.persistent_volume_claim is not None
        and volume.persistent_volume_claim.claim_name == new.metadata.name
        for volume in pod.spec.volumes
    )


def _after_volume(pod: PodInfo, old: PersistentVolume | None, new: PersistentVolume) -> bool:
    return old is None or _zone_labels(old) != _zone_labels(new)


def _zone_labels(volume: PersistentVolume) -> dict[str, str]:
    return {key: value for key, value in volume.metadata.labels.items() if key in _KEYS}
