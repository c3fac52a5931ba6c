"""Volumes of the drivers that were part of Kubernetes once, as their successors (CSI drivers) see them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from reconcile.api.core.v1 import (
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PersistentVolume,
    Volume,
    VolumeNodeAffinity,
)
from reconcile.api.storage.v1 import CSINode

_ZONE, _REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
_BETA_ZONE = "failure-domain.beta.kubernetes.io/zone"
_BETA_REGION = "failure-domain.beta.kubernetes.io/region"
_MIGRATED = "storage.alpha.kubernetes.io/migrated-plugins"
_UNKNOWN = "UNSPECIFIED"


class CannotMigrate(Exception):
    """A volume that has no counterpart."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One driver of old, and its successor.

    Attributes:
        field: of a volume source, where the old driver's volumes are.
        plugin: the old driver's name.
        driver: its successor's.
        topology_key: the node label that the successor reads zones from; empty when it reads none.
        counted: whether its volumes count against the node's limits.
    """

    field: str
    plugin: str
    driver: str
    topology_key: str = ""
    counted: bool = True


MIGRATIONS = (
    Migration("gce_persistent_disk", "kubernetes.io/gce-pd", "pd.csi.storage.gke.io", "topology.gke.io/zone"),
    Migration(
        "aws_elastic_block_store",
        "kubernetes.io/aws-ebs",
        "ebs.csi.aws.com",
        "topology.ebs.csi.aws.com/zone",
    ),
    Migration(
        "cinder",
        "kubernetes.io/cinder",
        "cinder.csi.openstack.org",
        "topology.cinder.csi.openstack.org/zone",
    ),
    Migration("azure_disk", "kubernetes.io/azure-disk", "disk.csi.azure.com"),
    Migration("portworx_volume", "kubernetes.io/portworx-volume", "pxd.portworx.com"),
    Migration("azure_file", "kubernetes.io/azure-file", "file.csi.azure.com", counted=False),
    Migration("vsphere_volume", "kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com", counted=False),
)


def migration_of(source: Any) -> Migration | None:
    """Of a pod's volume or of a PersistentVolume's spec; None when it is of no driver of old."""
    for migration in MIGRATIONS:
        if getattr(source, migration.field) is not None:
            return migration
    return None


def migration_by_plugin(name: str) -> Migration | None:
    return next((each for each in MIGRATIONS if each.plugin == name), None)


def inline_handle(volume: Volume) -> str:
    """How the successor names a volume that stands in a pod itself."""
    if volume.gce_persistent_disk is not None:
        return _gce_handle("zones", _UNKNOWN, volume.gce_persistent_disk.pd_name)
    return _handle(volume)


def volume_handle(volume: PersistentVolume) -> str:
    """How the successor names a PersistentVolume; raises CannotMigrate when it cannot."""
    disk = volume.spec.gce_persistent_disk
    if disk is None:
        return _handle(volume.spec)
    labels = volume.metadata.labels
    zones = (labels.get(_BETA_ZONE) or labels.get(_ZONE) or "").split("__")
    if len(zones) > 1:
        return _gce_handle("regions", _gce_region(zones), disk.pd_name)
    return _gce_handle("zones", zones[0] or _UNKNOWN, disk.pd_name)


def _gce_handle(kind: str, place: str, disk: str) -> str:
    return f"projects/{_UNKNOWN}/{kind}/{place}/disks/{disk}"


def _gce_region(zones: Iterable[str]) -> str:
    regions: set[str] = set()
    for zone in zones:
        parts = zone.split("-")
        if len(parts) != 3:
            form = "{locale}-{region}-{zone}"
            raise CannotMigrate(
                f"failed to get region from zones: zone in unexpected format, expected: {form}, got: {zone}"
            )
        regions.add("-".join(parts[:2]))
    if len(regions) != 1:
        told = " ".join(f"{region}:{{}}" for region in sorted(regions))
        raise CannotMigrate(
            f"failed to get region from zones: multiple or no regions gotten from zones, got: map[{told}]"
        )
    return regions.pop()


def _handle(source: Any) -> str:
    if (disk := source.aws_elastic_block_store) is not None:
        return _ebs_handle(disk.volume_id)
    if (disk := source.azure_disk) is not None:
        if disk.kind is not None and disk.kind.lower() != "managed":
            raise CannotMigrate(f"kind({disk.kind}) is not supported in csi migration")
        return disk.disk_uri
    for each in (source.cinder, source.portworx_volume):
        if each is not None:
            return each.volume_id
    raise CannotMigrate("not a volume of a driver of old")


def _ebs_handle(volume_id: str) -> str:
    if not volume_id.startswith("aws://"):
        return volume_id
    name = volume_id.removeprefix("aws://").partition("/")[2].strip("/")
    if not re.fullmatch(r"vol-[^/]*", name):
        raise CannotMigrate(
            f"failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume ({volume_id})"
        )
    return name


def node_affinity(volume: PersistentVolume, csi_node: CSINode | None) -> VolumeNodeAffinity | None:
    """The volume's affinity; on a node that has the successor in zones of the successor's own label."""
    migration = migration_of(volume.spec)
    if migration is None or not migration.counted or not _on(csi_node, migration):
        return volume.spec.node_affinity
    volume_handle(volume)
    if not migration.topology_key:
        return volume.spec.node_affinity
    return _translated(volume, migration.topology_key)


def _on(csi_node: CSINode | None, migration: Migration) -> bool:
    if csi_node is None:
        return False
    return migration.plugin in csi_node.metadata.annotations.get(_MIGRATED, "").split(",")


def _translated(volume: PersistentVolume, key: str) -> VolumeNodeAffinity | None:
    affinity = copy.deepcopy(volume.spec.node_affinity)
    terms = affinity.required.node_selector_terms if affinity and affinity.required else []
    named = {each.key for term in terms for each in term.match_expressions}
    labels = volume.metadata.labels
    beta = _ZONE not in named and (_BETA_ZONE in named or (_ZONE not in labels and _BETA_ZONE in labels))
    zone = _BETA_ZONE if beta else _ZONE
    if any(each.values for term in terms for each in term.match_expressions if each.key == zone):
        _rename(terms, zone, key)
    elif zone in labels:
        zones = sorted({name.strip() for name in labels[zone].split("__")} - {""})
        if not zones:
            return affinity
        affinity = affinity or VolumeNodeAffinity()
        affinity.required = affinity.required or NodeSelector(node_selector_terms=[])
        if not affinity.required.node_selector_terms:
            affinity.required.node_selector_terms = [NodeSelectorTerm()]
        for term in affinity.required.node_selector_terms:
            expression = NodeSelectorRequirement(key=key, operator="In", values=zones)
            term.match_expressions = [*term.match_expressions, expression]
    if beta:
        terms = affinity.required.node_selector_terms if affinity and affinity.required else []
        _rename(terms, _BETA_REGION, _REGION)
    return affinity


def _rename(terms: Iterable[NodeSelectorTerm], old: str, new: str) -> None:
    for term in terms:
        for expression in term.match_expressions:
            if expression.key == old:
                expression.key = new
