"""VolumeBinding: a pod's claims and the node agree on where the volumes are.

A claim that is bound has a volume, and the volume says from which nodes it can be reached. A claim whose
class waits for its first consumer has none yet: on each node it could be bound to a volume that is there
(static), or one could be made for it (dynamic). What the chosen node means for its claims is assumed at once,
written before the pod is bound, and waited for.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reconcile.api.core.v1 import Node, PersistentVolume, PersistentVolumeClaim
from reconcile.api.storage.v1 import CSIDriver, CSINode, CSIStorageCapacity, StorageClass

from ..events import Change, HelpedBy
from ..framework import SKIP, CycleState, Plugin, PluginError, PreFlight, Refusal, Surroundings
from ..migration import CannotMigrate, node_affinity
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Snapshot
from ..storage_capacity import enough_capacity, limit_of
from ..volume_matching import best_volume, bound_to, reachable
from ..volume_writes import bind_volumes
from ..volumes import SELECTED_NODE, Volumes, claims_of, class_of, is_bound, not_for, size_of

_UNREACHABLE = "node(s) didn't match PersistentVolume's node affinity"
_NO_VOLUME = "node(s) didn't find available persistent volumes to bind"
_NO_SPACE = "node(s) did not have enough free storage"
_NOT_THERE = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
_NOT_BOUND = "pod has unbound immediate PersistentVolumeClaims"
_NO_PROVISIONER = "kubernetes.io/no-provisioner"
_MIGRATED = "storage.alpha.kubernetes.io/migrated-plugins"


@dataclass(slots=True)
class Binding:
    """What a node means for the claims of a pod that wait.

    Attributes:
        static: volumes, and the claims that they would be bound to.
        dynamic: claims that a volume would be made for.
    """

    static: list[tuple[PersistentVolume, PersistentVolumeClaim]] = field(default_factory=list[Any])
    dynamic: list[PersistentVolumeClaim] = field(default_factory=list[PersistentVolumeClaim])


@dataclass(slots=True)
class _State:
    """The pod's claims, and what each node means for them. Shared by trials: it does not depend on pods."""

    storage: Volumes
    bound: list[PersistentVolumeClaim]
    waiting: list[PersistentVolumeClaim]
    by_node: dict[str, Binding] = field(default_factory=dict[str, Binding])
    all_bound: bool = False


class VolumeBinding(Plugin):
    """
    Attributes:
        timeout: for how many seconds a pod waits for its volumes before another node is looked for.
    """

    name = "VolumeBinding"

    def __init__(self, *, timeout: float = 600.0) -> None:
        self.timeout = timeout

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(StorageClass, Change.ADDED | Change.UPDATED, _after_class),
            HelpedBy(PersistentVolumeClaim, Change.ADDED | Change.UPDATED, _after_claim),
            HelpedBy(PersistentVolume, Change.ADDED | Change.UPDATED),
            HelpedBy(Node, Change.ADDED | Change.NODE_LABELS),
            HelpedBy(CSINode, Change.ADDED | Change.UPDATED, _after_csi_node),
            HelpedBy(CSIDriver, Change.UPDATED, _after_driver),
            HelpedBy(CSIStorageCapacity, Change.ADDED | Change.UPDATED, _after_capacity),
        ]

    def pre_filter(
        self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /
    ) -> Refusal | Literal["skip"] | None:
        storage = snapshot.volumes
        found = _State(storage, [], [])
        claims: list[PersistentVolumeClaim] = []
        for wanted in claims_of(pod):
            claim = storage.claim(pod.key.namespace, wanted.name)
            if claim is None:
                missing = f'persistentvolumeclaim "{wanted.name}"'
                if wanted.ephemeral:
                    missing = f"waiting for ephemeral volume controller to create the {missing}"
                    return self.refuse(missing, final=True)
                return self.refuse(f"{missing} not found", final=True)
            if why := _unusable(pod, claim, ephemeral=wanted.ephemeral):
                return self.refuse(why, final=True)
            claims.append(claim)
        if not claims:
            return SKIP
        immediate = False
        for claim in claims:
            if is_bound(claim):
                found.bound.append(claim)
            elif _waits_for_consumer(claim, storage) and not claim.spec.volume_name:
                found.waiting.append(claim)
            else:
                immediate = True
        if immediate:
            return self.refuse(_NOT_BOUND, final=True)
        state[self.name] = found
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        own: _State = state[self.name]
        reasons = _unreachable(own.bound, node, own.storage)
        binding = Binding()
        reason = _bind(own, node, binding)
        if reason:
            reasons.append(reason)
        if reasons:
            return self.refuse(*reasons, final=True)
        own.by_node[node.name] = binding
        return None

    def reserve(self, state: CycleState, pod: PodInfo, node: str, /) -> None:
        own: _State | None = state.get(self.name)
        if own is None:
            return
        binding = own.by_node.get(node)
        own.all_bound = binding is None or all(
            (now := own.storage.claims.get(claim.key)) is not None and is_bound(now)
            for claim in (*own.bound, *own.waiting)
        )
        if binding is not None and not own.all_bound:
            own.by_node[node] = _assume(own.storage, binding, node)

    def unreserve(self, state: CycleState, pod: PodInfo, node: str, /) -> None:
        own: _State | None = state.get(self.name)
        binding = own.by_node.get(node) if own is not None else None
        if own is not None and binding is not None:
            for volume, _ in binding.static:
                own.storage.volumes.restore(volume.key, volume)
            for claim in binding.dynamic:
                own.storage.claims.restore(claim.key, claim)

    def pre_bind_pre_flight(self, state: CycleState, pod: PodInfo, node: str, /) -> PreFlight | None:
        own: _State | None = state.get(self.name)
        return None if own is None or own.all_bound else PreFlight(parallel=True)

    async def pre_bind(self, state: CycleState, pod: PodInfo, node: str, around: Surroundings, /) -> None:
        own: _State = state[self.name]
        binding = own.by_node[node]
        await bind_volumes(pod, node, binding.static, binding.dynamic, around, timeout=self.timeout)


def _unusable(pod: PodInfo, claim: PersistentVolumeClaim, *, ephemeral: bool) -> str:
    name = claim.metadata.name
    if claim.status.phase == "Lost":
        volume = claim.spec.volume_name or ""
        return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
    if claim.metadata.deletion_timestamp is not None:
        return f'persistentvolumeclaim "{name}" is being deleted'
    return not_for(pod, claim) if ephemeral else ""


def _waits_for_consumer(claim: PersistentVolumeClaim, storage: Volumes) -> bool:
    storage_class = storage.classes.get(class_of(claim))
    if storage_class is None:
        return False
    if storage_class.volume_binding_mode is None:
        raise PluginError(f'VolumeBindingMode not set for StorageClass "{class_of(claim)}"')
    return storage_class.volume_binding_mode == "WaitForFirstConsumer"


def _unreachable(claims: Sequence[PersistentVolumeClaim], node: NodeInfo, storage: Volumes) -> list[str]:
    """Why a volume that is bound already cannot be used on the node; the first reason only."""
    csi_node = storage.csi_nodes.get(node.name)
    for claim in claims:
        volume = storage.volume(claim.spec.volume_name or "")
        if volume is None:
            return [_NOT_THERE]
        try:
            affinity = node_affinity(volume, csi_node)
        except CannotMigrate as error:
            raise PluginError(f"could not translate pv: {error}") from error
        if not reachable(affinity, node.labels):
            return [_UNREACHABLE]
    return []


def _bind(own: _State, node: NodeInfo, binding: Binding) -> str:
    """Find a volume for each claim that waits, or that one can be made; returns why not."""
    to_match: list[PersistentVolumeClaim] = []
    for claim in own.waiting:
        selected = claim.metadata.annotations.get(SELECTED_NODE)
        if selected is None:
            to_match.append(claim)
        elif selected == node.name:
            binding.dynamic.append(claim)
        else:
            return _NO_VOLUME
    taken: set[str] = set()
    # The smallest claim takes the smallest volume that fits, and leaves the larger ones to the others.
    for claim in sorted(to_match, key=size_of):
        volumes = own.storage.volumes_of_class(class_of(claim))
        volume = best_volume(claim, volumes, node.labels, taken)
        if volume is None:
            binding.dynamic.append(claim)
        else:
            taken.add(volume.metadata.name)
            binding.static.append((volume, claim))
    for claim in binding.dynamic:
        if reason := _cannot_be_made(claim, node, own.storage):
            return reason
    return ""


def _cannot_be_made(claim: PersistentVolumeClaim, node: NodeInfo, storage: Volumes) -> str:
    """Why no volume can be made for the claim that the node reaches; empty when one can."""
    storage_class = storage.classes.get(class_of(claim))
    if storage_class is None:
        raise PluginError(f'failed to find storage class "{class_of(claim)}"')
    if storage_class.provisioner in ("", _NO_PROVISIONER):
        return _NO_VOLUME
    allowed = [
        {each.key: each.values for each in term.match_label_expressions}
        for term in storage_class.allowed_topologies
        if term.match_label_expressions
    ]
    if storage_class.allowed_topologies and not any(
        all(node.labels.get(key) in values for key, values in term.items()) for term in allowed
    ):
        return _NO_VOLUME
    return "" if enough_capacity(claim, storage_class, node.labels, storage) else _NO_SPACE


def _assume(storage: Volumes, binding: Binding, node: str) -> Binding:
    """The binding as it will be written; from now on it counts for the pods that come."""
    assumed = Binding()
    try:
        for volume, claim in binding.static:
            bound = bound_to(volume, claim)
            if bound is not volume and (why := storage.volumes.assume(bound.key, bound)):
                raise PluginError(why)
            assumed.static.append((bound, claim))
        for claim in binding.dynamic:
            selected = copy.deepcopy(claim)
            selected.metadata.annotations = {**selected.metadata.annotations, SELECTED_NODE: node}
            if why := storage.claims.assume(selected.key, selected):
                raise PluginError(why)
            assumed.dynamic.append(selected)
    except PluginError:
        for volume, _ in assumed.static:
            storage.volumes.restore(volume.key, volume)
        for claim in assumed.dynamic:
            storage.claims.restore(claim.key, claim)
        raise
    return assumed


def _after_class(pod: PodInfo, old: StorageClass | None, new: StorageClass) -> bool:
    return old is None or old.allowed_topologies != new.allowed_topologies


def _after_claim(pod: PodInfo, old: Any, new: PersistentVolumeClaim) -> bool:
    return new.metadata.namespace == pod.key.namespace and any(
        claim.name == new.metadata.name for claim in claims_of(pod)
    )


def _after_csi_node(pod: PodInfo, old: CSINode | None, new: CSINode) -> bool:
    return old is None or old.metadata.annotations.get(_MIGRATED) != new.metadata.annotations.get(_MIGRATED)


def _after_driver(pod: PodInfo, old: CSIDriver, new: CSIDriver) -> bool:
    """Whether a driver of the pod's volumes does not tell its capacity any more."""
    return (
        any(volume.csi is not None and volume.csi.driver == new.metadata.name for volume in pod.spec.volumes)
        and bool(old.spec.storage_capacity)
        and not new.spec.storage_capacity
    )


def _after_capacity(pod: PodInfo, old: CSIStorageCapacity | None, new: CSIStorageCapacity) -> bool:
    if old is None:
        return True
    before, after = limit_of(old), limit_of(new)
    return after is not None and (before is None or after > before)
