"""Persistent volumes: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

import posixpath
from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks, volume_sources
from reconcile.apiserver.strategies.basic import KindStrategy, StatusStrategy, keep
from reconcile.apiserver.strategies.changes import difference
from reconcile.apiserver.strategies.claims import access_mode_errors
from reconcile.apiserver.strategies.node_labels import term_warnings
from reconcile.apiserver.strategies.pod_scheduling import node_selector
from reconcile.apiserver.strategies.shown import shown
from reconcile.apiserver.strategies.volume_sources import Check

JSONObject = dict[str, Any]

_POLICIES = ("Delete", "Recycle", "Retain")
_MODES = ("Block", "Filesystem")
_INLINE = "in the context of inline volumes"
# In the order in which upstream looks for them; the names that differ are those of its messages.
_SOURCES: dict[str, Check | None] = {
    "hostPath": volume_sources.host_path,
    "gcePersistentDisk": volume_sources.gce_disk,
    "awsElasticBlockStore": volume_sources.aws_disk,
    "glusterfs": volume_sources.persistent_glusterfs,
    "flocker": volume_sources.flocker,
    "nfs": volume_sources.nfs,
    "rbd": volume_sources.rbd,
    "quobyte": volume_sources.quobyte,
    "cephfs": volume_sources.cephfs,
    "iscsi": None,
    "cinder": volume_sources.persistent_cinder,
    "fc": volume_sources.fibre_channel,
    "flexVolume": volume_sources.flex,
    "azureFile": volume_sources.persistent_azure_file,
    "vsphereVolume": volume_sources.vsphere,
    "photonPersistentDisk": volume_sources.photon,
    "portworxVolume": volume_sources.portworx,
    "azureDisk": volume_sources.azure_disk,
    "scaleIO": volume_sources.scale_io,
    "local": volume_sources.local,
    "storageos": volume_sources.persistent_storage_os,
    "csi": volume_sources.persistent_csi,
}
_NAMES = {"cephfs": "cephFS"}
_WITH_MOUNT_OPTIONS = (
    "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "nfs", "rbd", "quobyte", "iscsi", "cinder",
    "cephfs", "azureFile", "vsphereVolume", "azureDisk", "photonPersistentDisk",
)  # fmt: skip
_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"


def persistent_volume(obj: JSONObject) -> list[FieldError]:
    return _volume(obj) + _mount_options(obj)


def _volume(obj: JSONObject) -> list[FieldError]:
    return volume_spec("spec", obj["spec"], obj["metadata"].get("name") or "")


def _mount_options(obj: JSONObject) -> list[FieldError]:
    if any(obj["spec"].get(key) is not None for key in _WITH_MOUNT_OPTIONS):
        return []
    if _MOUNT_OPTIONS not in (obj["metadata"].get("annotations") or {}):
        return []
    text = "may not specify mount options for this volume type"
    return [forbidden(f"metadata.annotations.{_MOUNT_OPTIONS}", text)]


def volume_spec(path: str, spec: JSONObject, name: str, *, inline: bool = False) -> list[FieldError]:
    """The spec of a volume; `inline`: in an attachment."""
    errors = _inline_errors(path, spec) if inline else []
    modes: list[str] = spec.get("accessModes") or []
    errors += [] if modes else [required(f"{path}.accessModes")]
    errors += access_mode_errors(f"{path}.accessModes", modes)
    if not inline:
        errors += _capacity(f"{path}.capacity", spec.get("capacity"))
    policy = spec.get("persistentVolumeReclaimPolicy") or ""
    field = f"{path}.persistentVolumeReclaimPolicy"
    if policy and inline and policy != "Retain":
        errors.append(forbidden(field, f"may only be Retain {_INLINE}"))
    elif policy and not inline and policy not in _POLICIES:
        errors.append(not_supported(field, policy, _POLICIES))
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        errors += _affinity(f"{path}.nodeAffinity", affinity, inline=inline)
    errors += _source_errors(path, spec, name, affine=affinity is not None and not inline)
    place = (spec.get("hostPath") or {}).get("path")
    if place is not None and policy == "Recycle" and posixpath.normpath(place or ".") in ("/", "//"):
        errors.append(forbidden(field, "may not be 'recycle' for a hostPath mount of '/'"))
    return errors + _classes(path, spec, inline=inline)


def _inline_errors(path: str, spec: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    if spec.get("claimRef") is not None:
        errors.append(forbidden(f"{path}.claimRef", f"may not be specified {_INLINE}"))
    if spec.get("capacity"):
        errors.append(forbidden(f"{path}.capacity", f"may not be specified {_INLINE}"))
    if spec.get("csi") is None:
        errors.append(required(f"{path}.csi", f"has to be specified {_INLINE}"))
    return errors


def _capacity(path: str, capacity: JSONObject | None) -> list[FieldError]:
    errors = [] if capacity else [required(path)]
    if not capacity or "storage" not in capacity or len(capacity) > 1:
        given = None if capacity is None else dict(sorted(capacity.items()))
        errors.append(not_supported(path, given, ("storage",)))
    for name, text in (capacity or {}).items():
        amount = checks.Amount.parse(text)
        if amount < 0:
            whole = -(-amount.nanos // 10**9)
            errors.append(invalid(f"{path}[{name}]", whole, "must be a valid resource quantity"))
        if amount <= 0:
            errors.append(invalid(f"{path}[{name}]", text, "must be greater than zero"))
    return errors


def _affinity(path: str, affinity: JSONObject, *, inline: bool) -> list[FieldError]:
    if inline:
        return [forbidden(path, f"may not be specified {_INLINE}")]
    needed = affinity.get("required")
    if needed is None:
        return [required(f"{path}.required", "must specify required node constraints")]
    return node_selector(f"{path}.required", needed)


def _source_errors(path: str, spec: JSONObject, name: str, *, affine: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    kinds = [kind for kind in _SOURCES if spec.get(kind) is not None]
    for kind in kinds:
        # A flex volume is neither counted nor counted out.
        first = kind == "flexVolume" or kind == next((each for each in kinds if each != "flexVolume"), "")
        if not first:
            text = "may not specify more than 1 volume type"
            errors.append(forbidden(f"{path}.{_NAMES.get(kind, kind)}", text))
            continue
        check = _SOURCES[kind]
        where = f"{path}.{kind}"
        errors += (
            check(where, spec[kind]) if check else volume_sources.persistent_iscsi(where, spec[kind], name)
        )
        if kind == "local" and not affine:
            errors.append(required(f"{path}.nodeAffinity", "Local volume requires node affinity"))
    return errors if kinds else [required(path, "must specify a volume type")]


def _classes(path: str, spec: JSONObject, *, inline: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    name, mode = spec.get("storageClassName") or "", spec.get("volumeMode")
    attributes = spec.get("volumeAttributesClassName")
    if name and inline:
        errors.append(forbidden(f"{path}.storageClassName", f"may not be specified {_INLINE}"))
    elif name:
        errors += checks.dns_subdomain(f"{path}.storageClassName", name)
    if mode is not None and inline and mode != "Filesystem":
        text = f"may not specify volumeMode other than Filesystem {_INLINE}"
        errors.append(forbidden(f"{path}.volumeMode", text))
    elif mode is not None and not inline and mode not in _MODES:
        errors.append(not_supported(f"{path}.volumeMode", mode, _MODES))
    if attributes is None or inline:
        return errors
    field = f"{path}.volumeAttributesClassName"
    if attributes:
        errors += checks.dns_subdomain(field, attributes)
    else:
        errors.append(required(field, "an empty string is disallowed"))
    if spec.get("csi") is None:
        text = "has to be specified when using volumeAttributesClassName"
        errors.append(required(f"{path}.csi", text))
    return errors


def _source_of(spec: JSONObject) -> JSONObject:
    return {key: value for key, value in spec.items() if key in _SOURCES}


def persistent_volume_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    # Upstream judges the whole object a second time.
    errors = persistent_volume(new) + _volume(new)
    source, held = _source_of(spec), _source_of(before)
    expand = "controllerExpandSecretRef"
    given, stored = source.get("csi") or {}, held.get("csi") or {}
    if stored and given.get(expand) is not None and stored.get(expand) is None:
        source["csi"] = {key: value for key, value in given.items() if key != expand}
    if not checks.same(source, held):
        text = "spec.persistentvolumesource is immutable after creation"
        errors.append(forbidden("spec.persistentvolumesource", f"{text}\n{difference(held, source)}"))
    if spec.get("volumeMode") != before.get("volumeMode"):
        errors.append(invalid("volumeMode", spec.get("volumeMode"), checks.IMMUTABLE))
    affinity = before.get("nodeAffinity")
    if affinity is not None and not _same_affinity(spec.get("nodeAffinity"), affinity):
        affinity = spec.get("nodeAffinity")
        given = None if affinity is None else shown("core.v1.VolumeNodeAffinity", affinity)
        text = f"{checks.IMMUTABLE}, except for updating from beta label to GA"
        errors.append(invalid("nodeAffinity", given, text))
    name = "volumeAttributesClassName"
    if before.get(name) is not None and spec.get(name) is None:
        errors.append(forbidden(f"spec.{name}", "update from non-nil value to nil is forbidden"))
    return errors


_GENERALLY_AVAILABLE = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
}


def _same_affinity(new: JSONObject | None, old: JSONObject) -> bool:
    """Whether an affinity stays, but for labels of old that get their present names; none is one of them."""
    if new is None:
        return False
    terms, before = (((each.get("required") or {}).get("nodeSelectorTerms")) or [] for each in (new, old))
    if len(terms) != len(before):
        return False
    for term, held in zip(terms, before, strict=True):
        for key in ("matchExpressions", "matchFields"):
            given, stored = term.get(key) or [], held.get(key) or []
            if len(given) != len(stored):
                return False
            for one, other in zip(given, stored, strict=True):
                name = one.get("key") or ""
                renamed = _GENERALLY_AVAILABLE.get(other.get("key") or "", "") == name
                if not checks.same({**other, "key": name} if renamed else other, one):
                    return False
    return True


class PersistentVolumeStrategy(KindStrategy):
    def __init__(self) -> None:
        super().__init__(
            status=True,
            validate_created=persistent_volume,
            validate_change=persistent_volume_update,
            warn=persistent_volume_warnings,
        )

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": context.timestamp}


class PersistentVolumeStatusStrategy(StatusStrategy):
    """Writes down when the phase changed, unless the client says when."""

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        super().prepare_for_update(new, old, context)
        status, before = new.setdefault("status", {}), old.get("status") or {}
        time = "lastPhaseTransitionTime"
        if (status.get("phase") or "") == (before.get("phase") or ""):
            if status.get(time) is None:
                keep(status, before, time)
        elif status.get(time) in (None, before.get(time)):
            status[time] = context.timestamp


_DEPRECATED_ANNOTATIONS = {
    "volume.beta.kubernetes.io/storage-class": (
        'deprecated since v1.8; use "storageClassName" attribute instead'
    ),
    _MOUNT_OPTIONS: 'deprecated since v1.31; use "mountOptions" attribute instead',
}
_RECYCLED = (
    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
    "approach is to use dynamic provisioning."
)
_DEPRECATED_SOURCES = {
    "cephfs": ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    "photonPersistentDisk": ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    "scaleIO": ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    "storageos": ("storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    "rbd": ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
}


def persistent_volume_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    spec: JSONObject = new["spec"]
    annotations: JSONObject = new["metadata"].get("annotations") or {}
    warnings = [
        f"metadata.annotations[{key}]: {text}"
        for key, text in _DEPRECATED_ANNOTATIONS.items()
        if key in annotations
    ]
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        warnings.append(_RECYCLED)
    needed = (spec.get("nodeAffinity") or {}).get("required") or {}
    for index, term in enumerate(needed.get("nodeSelectorTerms") or ()):
        path = f"spec.nodeAffinity.required.nodeSelectorTerms[{index}]"
        warnings += term_warnings(path, term, values=False)
    return warnings + [
        f"spec.{name}: {text}"
        for key, (name, text) in _DEPRECATED_SOURCES.items()
        if spec.get(key) is not None
    ]
