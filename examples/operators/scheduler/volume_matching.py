"""Which volume a claim could be bound to on a node, and the volume as it is then."""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable, Mapping

from reconcile import Amount, Selector
from reconcile.api.core.v1 import ObjectReference, PersistentVolume, PersistentVolumeClaim, VolumeNodeAffinity
from reconcile.objects import InvalidSelectorError

from .failing import PluginError
from .node_terms import matches
from .volumes import BOUND_BY_CONTROLLER, class_of, class_of_volume, size_of


def reachable(affinity: VolumeNodeAffinity | None, labels: Mapping[str, str]) -> bool:
    """Whether nodes with these labels can reach a volume with this affinity."""
    if affinity is None or affinity.required is None:
        return True
    return any(matches(term, labels) for term in affinity.required.node_selector_terms)


def best_volume(
    claim: PersistentVolumeClaim,
    volumes: Iterable[PersistentVolume],
    labels: Mapping[str, str],
    taken: Container[str],
) -> PersistentVolume | None:
    """The volume that is bound to the claim already, or the smallest that would do on such a node."""
    size, wanted_class = size_of(claim), class_of(claim)
    selector = _selector(claim)
    best: tuple[Amount, PersistentVolume] | None = None
    for volume in volumes:
        ours = belongs_to(volume, claim)
        if volume.metadata.name in taken or (volume.spec.claim_ref is not None and not ours):
            continue
        offered = Amount.parse(volume.spec.capacity.get("storage", 0))
        if offered < size or not _alike(claim, volume) or volume.metadata.deletion_timestamp is not None:
            continue
        near = reachable(volume.spec.node_affinity, labels)
        if ours:
            return volume if near else None
        if (
            near
            and volume.status.phase == "Available"
            and class_of_volume(volume) == wanted_class
            and set(claim.spec.access_modes) <= set(volume.spec.access_modes)
            and (selector is None or selector.matches(volume.metadata.labels))
            and (best is None or offered < best[0])
        ):
            best = (offered, volume)
    return best[1] if best else None


def belongs_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the volume is bound to the claim, or kept for it by name."""
    ref = volume.spec.claim_ref
    return (
        ref is not None
        and (ref.namespace or "", ref.name) == (claim.metadata.namespace, claim.metadata.name)
        and (ref.uid or claim.metadata.uid) == claim.metadata.uid
    )


def bound_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> PersistentVolume:
    """The volume as it is bound to the claim; itself if it is so already."""
    ref = volume.spec.claim_ref
    kept = belongs_to(volume, claim)
    annotated = kept or BOUND_BY_CONTROLLER in volume.metadata.annotations
    if kept and ref is not None and ref.uid == claim.metadata.uid:
        return volume
    twin = copy.deepcopy(volume)
    twin.spec.claim_ref = ObjectReference(
        kind="PersistentVolumeClaim",
        api_version="v1",
        namespace=claim.metadata.namespace,
        name=claim.metadata.name,
        uid=claim.metadata.uid,
        resource_version=claim.metadata.resource_version,
    )
    if not annotated:
        twin.metadata.annotations = {**twin.metadata.annotations, BOUND_BY_CONTROLLER: "yes"}
    return twin


def _selector(claim: PersistentVolumeClaim) -> Selector | None:
    if claim.spec.selector is None:
        return None
    try:
        return Selector.from_api(claim.spec.selector)
    except InvalidSelectorError as error:
        raise PluginError(
            f"error creating internal label selector for claim: {claim.key}: {error}"
        ) from error


def _alike(claim: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    """The same volume mode and the same class of attributes."""
    return (claim.spec.volume_mode or "Filesystem") == (volume.spec.volume_mode or "Filesystem") and (
        claim.spec.volume_attributes_class_name or ""
    ) == (volume.spec.volume_attributes_class_name or "")
