"""Sources of volumes that pods and persistent volumes share, in upstream's words and order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    invalid,
    not_supported,
    required,
    too_long,
)
from reconcile.apiserver.strategies import checks

JSONObject = dict[str, Any]
Check = Callable[[str, JSONObject], list[FieldError]]

_PARTITION = "must be between 1 and 255, inclusive"
_LUN = "must be between 0 and 255, inclusive"
_HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip


def needs(*keys: str) -> Check:
    """Fields that must be there, and nothing else is looked at."""

    def check(path: str, source: JSONObject) -> list[FieldError]:
        return [required(f"{path}.{key}") for key in keys if not source.get(key)]

    return check


def no_backsteps(field: str, place: str) -> list[FieldError]:
    return [invalid(field, place, "must not contain '..'")] if ".." in place.split("/") else []


def descending(field: str, place: str) -> list[FieldError]:
    """A relative path that stays below where it begins."""
    errors = [invalid(field, place, "must be a relative path")] if place.startswith("/") else []
    return errors + no_backsteps(field, place)


def host_path(path: str, source: JSONObject) -> list[FieldError]:
    place = source.get("path") or ""
    if not place:
        return [required(f"{path}.path")]
    errors = no_backsteps(f"{path}.path", place)
    kind = source.get("type")
    if kind is not None and kind not in _HOST_PATH_TYPES:
        errors.append(not_supported(f"{path}.type", kind, _HOST_PATH_TYPES))
    return errors


def git_repo(path: str, source: JSONObject) -> list[FieldError]:
    errors = [] if source.get("repository") else [required(f"{path}.repository")]
    return errors + descending(f"{path}.directory", source.get("directory") or "")


def _disk(key: str) -> Check:
    def check(path: str, source: JSONObject) -> list[FieldError]:
        errors = [] if source.get(key) else [required(f"{path}.{key}")]
        partition = source.get("partition") or 0
        if not 0 <= partition <= 255:
            errors.append(invalid(f"{path}.partition", partition, _PARTITION))
        return errors

    return check


def gce_disk(path: str, source: JSONObject) -> list[FieldError]:
    # The name in the path is upstream's.
    return _disk("pdName")(f"{path.rpartition('.')[0]}.persistentDisk", source)


aws_disk = _disk("volumeID")

_IQN = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$"),
    "eui": re.compile(r"^eui.[A-Za-z0-9]{16}$"),
    "naa": re.compile(r"^naa.[A-Za-z0-9]{32}$"),
}


def _qualified(field: str, name: str, unknown: str) -> list[FieldError]:
    kind = name[:3]
    if kind not in _IQN:
        return [invalid(field, name, unknown)]
    return [] if _IQN[kind].search(name) else [invalid(field, name, "must be valid format")]


def _iscsi(path: str, source: JSONObject, unknown: str, *, volume: str | None) -> list[FieldError]:
    portal, name, initiator = (
        source.get("targetPortal") or "",
        source.get("iqn") or "",
        source.get("initiatorName"),
    )
    errors = [] if portal else [required(f"{path}.targetPortal")]
    if volume is not None and initiator is not None and len(f"{volume}:{portal}") > 64:
        text = (
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
            "iscsi.initiatorName is specified."
        )
        errors.append(invalid(f"{path}.targetportal", portal, text))
    errors += _qualified(f"{path}.iqn", name, unknown) if name else [required(f"{path}.iqn")]
    lun = source.get("lun") or 0
    if not 0 <= lun <= 255:
        errors.append(invalid(f"{path}.lun", lun, _LUN))
    secret = source.get("secretRef")
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and secret is None:
        errors.append(required(f"{path}.secretRef"))
    if volume is not None and secret is not None and not secret.get("name"):
        errors.append(required(f"{path}.secretRef.name"))
    if initiator is not None:
        errors += _qualified(f"{path}.initiatorname", initiator, unknown)
    return errors


def iscsi(path: str, source: JSONObject) -> list[FieldError]:
    return _iscsi(path, source, "must be valid format starting with iqn, eui, or naa", volume=None)


def persistent_iscsi(path: str, source: JSONObject, volume: str) -> list[FieldError]:
    return _iscsi(path, source, "must be valid format", volume=volume)


def fibre_channel(path: str, source: JSONObject) -> list[FieldError]:
    names, ids, lun = source.get("targetWWNs") or [], source.get("wwids") or [], source.get("lun")
    errors: list[FieldError] = []
    if not names and not ids:
        text = "must specify either targetWWNs or wwids, but not both"
        errors.append(required(f"{path}.targetWWNs", text))
    if names and ids:
        text = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(invalid(f"{path}.targetWWNs", names, text))
    if names and lun is None:
        errors.append(required(f"{path}.lun", "lun is required if targetWWNs is specified"))
    elif names and lun is not None and not 0 <= lun <= 255:
        errors.append(invalid(f"{path}.lun", lun, _LUN))
    return errors


def nfs(path: str, source: JSONObject) -> list[FieldError]:
    errors = [required(f"{path}.{key}") for key in ("server", "path") if not source.get(key)]
    place = source.get("path") or ""
    if not place.startswith("/"):
        errors.append(invalid(f"{path}.path", place, "must be an absolute path"))
    return errors


_PAIR = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*):[^\[\]:]*")


def quobyte(path: str, source: JSONObject) -> list[FieldError]:
    registry, tenant = source.get("registry") or "", source.get("tenant") or ""
    text = "must be a host:port pair or multiple pairs separated by commas"
    errors: list[FieldError] = []
    if not registry:
        errors.append(required(f"{path}.registry", text))
    elif len(tenant.encode()) >= 65:
        problem = "must be a UUID and may not exceed a length of 64 characters"
        errors.append(required(f"{path}.tenant", problem))
    else:
        errors += [
            invalid(f"{path}.registry", registry, text)
            for pair in registry.split(",")
            if not _PAIR.fullmatch(pair)
        ]
    if not source.get("volume"):
        errors.append(required(f"{path}.volume"))
    return errors


glusterfs = needs("endpoints", "path")


def persistent_glusterfs(path: str, source: JSONObject) -> list[FieldError]:
    errors = glusterfs(path, source)
    namespace, field = source.get("endpointsNamespace"), f"{path}.endpointsNamespace"
    if namespace == "":
        text = "if the endpointnamespace is set, it must be a valid namespace name"
        errors.append(invalid(field, namespace, text))
    elif namespace is not None:
        errors += checks.dns_label(field, namespace)
    return errors


def flocker(path: str, source: JSONObject) -> list[FieldError]:
    name, identity = source.get("datasetName") or "", source.get("datasetUUID") or ""
    errors: list[FieldError] = []
    if not name and not identity:
        errors.append(required(path, "one of datasetName and datasetUUID is required"))
    if name and identity:
        text = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(invalid(path, "resource", text))
    if "/" in name:
        errors.append(invalid(f"{path}.datasetName", name, "must not contain '/'"))
    return errors


rbd = needs("monitors", "image")
cephfs = needs("monitors")
photon = needs("pdID")
portworx = needs("volumeID")
vsphere = needs("volumePath")
scale_io = needs("gateway", "system", "volumeName")
azure_file = needs("secretName", "shareName")


def persistent_azure_file(path: str, source: JSONObject) -> list[FieldError]:
    errors = azure_file(path, source)
    return [*errors, required(f"{path}.secretNamespace")] if source.get("secretNamespace") == "" else errors


_CACHING = ("None", "ReadOnly", "ReadWrite")
_DISKS = ("Dedicated", "Managed", "Shared")
_MANAGED = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"


def azure_disk(path: str, source: JSONObject) -> list[FieldError]:
    errors = [required(f"{path}.{key}") for key in ("diskName", "diskURI") if not source.get(key)]
    address, kind, caching = source.get("diskURI") or "", source.get("kind"), source.get("cachingMode")
    if caching is not None and caching not in _CACHING:
        errors.append(not_supported(f"{path}.cachingMode", caching, _CACHING))
    if kind is not None and kind not in _DISKS:
        errors.append(not_supported(f"{path}.kind", kind, _DISKS))
    if kind == "Managed" and not address.startswith("/subscriptions/"):
        errors.append(not_supported(f"{path}.diskURI", address, (_MANAGED,)))
    if kind is not None and kind != "Managed" and not address.startswith("https://"):
        errors.append(not_supported(f"{path}.diskURI", address, (_BLOB,)))
    return errors


def flex(path: str, source: JSONObject) -> list[FieldError]:
    errors = [] if source.get("driver") else [required(f"{path}.driver")]
    for key in source.get("options") or ():
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            text = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(invalid(f"{path}.options[{key}]", key, text))
    return errors


def _secret(path: str, source: JSONObject, *keys: str) -> list[FieldError]:
    secret = source.get("secretRef")
    if secret is None:
        return []
    return [required(f"{path}.secretRef.{key}") for key in keys if not secret.get(key)]


def cinder(path: str, source: JSONObject) -> list[FieldError]:
    return portworx(path, source) + _secret(path, source, "name")


def persistent_cinder(path: str, source: JSONObject) -> list[FieldError]:
    return portworx(path, source) + _secret(path, source, "name", "namespace")


def _storage_os(path: str, source: JSONObject) -> list[FieldError]:
    name, namespace = source.get("volumeName") or "", source.get("volumeNamespace") or ""
    errors = checks.dns_label(f"{path}.volumeName", name) if name else [required(f"{path}.volumeName")]
    return errors + (checks.dns_label(f"{path}.volumeNamespace", namespace) if namespace else [])


def storage_os(path: str, source: JSONObject) -> list[FieldError]:
    return _storage_os(path, source) + _secret(path, source, "name")


def persistent_storage_os(path: str, source: JSONObject) -> list[FieldError]:
    return _storage_os(path, source) + _secret(path, source, "name", "namespace")


def local(path: str, source: JSONObject) -> list[FieldError]:
    place = source.get("path") or ""
    return no_backsteps(f"{path}.path", place) if place else [required(f"{path}.path")]


def csi_driver_name(field: str, name: str) -> list[FieldError]:
    if not name:
        return [required(field)]
    errors = [too_long(field, "", 63)] if len(name.encode()) > 63 else []
    return errors + [invalid(field, name, problem) for problem in checks.dns_subdomain_problems(name.lower())]


def csi(path: str, source: JSONObject) -> list[FieldError]:
    errors = csi_driver_name(f"{path}.driver", source.get("driver") or "")
    secret = source.get("nodePublishSecretRef")
    if secret is not None and not secret.get("name"):
        errors.append(required(f"{path}.nodePublishSecretRef.name"))
    elif secret is not None:
        errors += checks.dns_subdomain(f"{path}.name", secret["name"])
    return errors


_SECRETS = (
    "controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef",
)  # fmt: skip


def persistent_csi(path: str, source: JSONObject) -> list[FieldError]:
    errors = csi_driver_name(f"{path}.driver", source.get("driver") or "")
    if not source.get("volumeHandle"):
        errors.append(required(f"{path}.volumeHandle"))
    for key in _SECRETS:
        secret = source.get(key)
        if secret is None:
            continue
        where, name, namespace = f"{path}.{key}", secret.get("name"), secret.get("namespace")
        errors += checks.dns_subdomain(f"{where}.name", name) if name else [required(f"{where}.name")]
        field = f"{where}.namespace"
        errors += checks.dns_label(field, namespace) if namespace else [required(field)]
    return errors
