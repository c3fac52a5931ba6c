"""Before a pod is bound its volumes are: the decision is written, and others carry it out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from reconcile import ObjectKey
from reconcile.api.core.v1 import PersistentVolume, PersistentVolumeClaim

from .framework import PluginError, Surroundings
from .migration import CannotMigrate, node_affinity
from .pods import PodInfo
from .volume_matching import reachable
from .volumes import SELECTED_NODE, Volumes, is_bound

_LOOK_EVERY = 1.0


async def bind_volumes(
    pod: PodInfo,
    node: str,
    static: Sequence[tuple[PersistentVolume, PersistentVolumeClaim]],
    dynamic: Sequence[PersistentVolumeClaim],
    around: Surroundings,
    *,
    timeout: float,
) -> None:
    """Write the claim into each volume and the node into each claim, and wait until all are bound.

    Raises:
        PluginError: that will not happen, or did not in time (seconds).
    """
    storage = around.snapshot.volumes
    written: list[PersistentVolume] = []
    selected: list[PersistentVolumeClaim] = []
    try:
        for volume, _ in static:
            written.append(await around.manager.client.update(volume))
        for claim in dynamic:
            selected.append(await around.manager.client.update(claim))  # noqa: PERF401
    except BaseException:
        # What was written stays so; only what was not is as the server has it.
        for volume, _ in static[len(written) :]:
            storage.volumes.restore(volume.key, volume)
        for claim in dynamic[len(selected) :]:
            storage.claims.restore(claim.key, claim)
        raise
    pairs = [(volume, claim) for volume, (_, claim) in zip(written, static, strict=True)]
    try:
        async with asyncio.timeout(timeout):
            while True:
                # A binding takes others some time: looking at once would be for nothing.
                await asyncio.sleep(_LOOK_EVERY)
                if _all_bound(pod, node, pairs, selected, around):
                    return
    except TimeoutError as error:
        raise PluginError("binding volumes: context deadline exceeded") from error
    except PluginError as error:
        raise PluginError(f"binding volumes: {error}") from error


def _all_bound(
    pod: PodInfo,
    node: str,
    static: Sequence[tuple[PersistentVolume, PersistentVolumeClaim]],
    dynamic: Sequence[PersistentVolumeClaim],
    around: Surroundings,
) -> bool:
    """Whether all are bound; raises PluginError when they will not be."""
    storage, snapshot = around.snapshot.volumes, around.snapshot
    info = snapshot.node(node)
    if info is None:
        raise PluginError(f'failed to get node "{node}": node "{node}" not found')
    if not snapshot.is_assumed(pod):
        raise PluginError(f'pod does not exist any more: pod "{pod.key.name}" not found')
    for written, claim in static:
        volume = storage.volumes.stored(written.key)
        if volume is None:
            name = written.metadata.name
            raise PluginError(f'failed to check binding: persistentvolumes "{name}" not found')
        current = _stored(storage, claim.key, "failed to check binding")
        if _older(volume, written):
            return False
        _check_reachable(volume, node, info.labels, storage)
        if volume.spec.claim_ref is None or not volume.spec.claim_ref.uid:
            raise PluginError(f'ClaimRef got reset for pv "{volume.metadata.name}"')
        if not is_bound(current):
            return False
    for written in dynamic:
        claim = _stored(storage, written.key, "failed to check provisioning pvc")
        if _older(claim, written):
            return False
        if not claim.metadata.annotations:
            raise PluginError(f'selectedNode annotation reset for PVC "{claim.metadata.name}"')
        if claim.metadata.annotations.get(SELECTED_NODE) != node:
            raise PluginError(f'provisioning failed for PVC "{claim.metadata.name}"')
        if claim.spec.volume_name:
            volume = storage.volumes.stored(ObjectKey("", claim.spec.volume_name))
            if volume is None:
                return False
            _check_reachable(volume, node, info.labels, storage)
        if not is_bound(claim):
            return False
    return True


def _stored(storage: Volumes, key: ObjectKey, doing: str) -> PersistentVolumeClaim:
    claim = storage.claims.stored(key)
    if claim is None:
        raise PluginError(f'{doing}: persistentvolumeclaims "{key}" not found')
    return claim


def _check_reachable(volume: PersistentVolume, node: str, labels: dict[str, str], storage: Volumes) -> None:
    try:
        affinity = node_affinity(volume, storage.csi_nodes.get(node))
    except CannotMigrate as error:
        raise PluginError(f"failed to translate pv to csi: could not translate pv: {error}") from error
    if not reachable(affinity, labels):
        raise PluginError(
            f'pv "{volume.metadata.name}" node affinity doesn\'t match node "{node}": '
            "no matching NodeSelectorTerms"
        )


def _older(
    seen: PersistentVolume | PersistentVolumeClaim, written: PersistentVolume | PersistentVolumeClaim
) -> bool:
    """Whether the snapshot has not seen yet what was written."""
    one, other = seen.metadata.resource_version or "0", written.metadata.resource_version or "0"
    return int(one) < int(other)
