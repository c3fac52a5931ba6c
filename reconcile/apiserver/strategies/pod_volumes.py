"""Volumes of pods: what is wrong with each source, in upstream's words and order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from reconcile.apiserver.strategies import checks, volume_sources
from reconcile.apiserver.strategies.claims import claim_spec
from reconcile.apiserver.strategies.volume_sources import Check, descending

JSONObject = dict[str, Any]

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
# The names of upstream's messages that differ.
_NAMES = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}


def volumes(
    path: str, given: list[JSONObject], pod_name: str = "", *, of_pod: bool = False
) -> tuple[list[FieldError], JSONObject]:
    """What is wrong with a pod's volumes, and those that are right by their names."""
    errors: list[FieldError] = []
    seen: JSONObject = {}
    for index, volume in enumerate(given):
        where = f"{path}[{index}]"
        name = volume.get("name", "")
        found = _source(where, volume, name, pod_name, of_pod=of_pod)
        if not name:
            found.append(required(f"{where}.name"))
        else:
            found += checks.dns_label(f"{where}.name", name)
        if name in seen:
            found.append(duplicate(f"{where}.name", name))
        if not found:
            seen[name] = volume
        errors += found
    return errors, seen


def _source(path: str, volume: JSONObject, name: str, pod_name: str, *, of_pod: bool) -> list[FieldError]:
    kinds = [key for key in _CHECKS if volume.get(key) is not None]
    if not kinds:
        return [required(path, "must specify a volume type")]
    errors = _CHECKS[kinds[0]](f"{path}.{kinds[0]}", volume[kinds[0]])
    if kinds[0] == "image" and of_pod and not volume["image"].get("reference"):
        errors.insert(0, required(f"{path}.image.reference"))
    if kinds[0] == "ephemeral" and name and pod_name:
        claim = f"{pod_name}-{name}"
        errors += [
            invalid(f"{path}.name", name, f'PVC name "{claim}": {problem}')
            for problem in checks.dns_subdomain_problems(claim)
        ]
    text = "may not specify more than 1 volume type"
    return errors + [forbidden(f"{path}.{_NAMES.get(kind, kind)}", text) for kind in kinds[1:]]


def _empty_dir(path: str, source: JSONObject) -> list[FieldError]:
    limit = source.get("sizeLimit")
    if limit is not None and checks.Amount.parse(limit) < 0:
        text = "SizeLimit field must be a valid resource quantity"
        return [forbidden(f"{path}.sizeLimit", text)]
    return []


def _not_reserved(field: str, place: str) -> list[FieldError]:
    errors = descending(field, place)
    if place.startswith("..") and not place.startswith("../") and place != "..":
        errors.append(invalid(field, place, "must not start with '..'"))
    return errors


def _mode(field: str, mode: int | None) -> list[FieldError]:
    return [] if mode is None or 0 <= mode <= 0o777 else [invalid(field, mode, _MODE)]


def _items(path: str, items: Iterable[JSONObject] | None) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, item in enumerate(items or ()):
        where = f"{path}[{index}]"
        errors += [required(f"{where}.{key}") for key in ("key", "path") if not item.get(key)]
        errors += _not_reserved(f"{where}.path", item.get("path") or "")
        errors += _mode(f"{where}.mode", item.get("mode"))
    return errors


def _image(path: str, source: JSONObject) -> list[FieldError]:
    return checks.one_of(source, path, "pullPolicy", ("Always", "IfNotPresent", "Never"), need=False)


def _named_items(key: str) -> Check:
    def check(path: str, source: JSONObject) -> list[FieldError]:
        errors = [] if source.get(key) else [required(f"{path}.{key}")]
        errors += _mode(f"{path}.defaultMode", source.get("defaultMode"))
        return errors + _items(f"{path}.items", source.get("items"))

    return check


def _downward(path: str, source: JSONObject) -> list[FieldError]:
    errors = _mode(f"{path}.defaultMode", source.get("defaultMode"))
    for file in source.get("items") or ():
        errors += _downward_file(path, file)
    return errors


_FIELDS = (
    "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
)  # fmt: skip
_ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_RESOURCES = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage",
    "requests.memory",
)  # fmt: skip
_HUGE_PAGES = ("limits.hugepages-", "requests.hugepages-")


def _downward_file(path: str, file: JSONObject) -> list[FieldError]:
    place = file.get("path") or ""
    errors = [] if place else [required(f"{path}.path")]
    errors += _not_reserved(f"{path}.path", place)
    field, resource = file.get("fieldRef"), file.get("resourceFieldRef")
    if field is not None:
        errors += field_selector(f"{path}.fieldRef", field, _FIELDS)
        if resource is not None:
            text = "fieldRef and resourceFieldRef can not be specified simultaneously"
            errors.append(invalid(path, "resource", text))
    elif resource is not None:
        errors += resource_selector(f"{path}.resourceFieldRef", resource, volume=True)
    else:
        errors.append(required(path, "one of fieldRef and resourceFieldRef is required"))
    return errors + _mode(f"{path}.mode", file.get("mode"))


def env_field_selector(path: str, selector: JSONObject) -> list[FieldError]:
    return field_selector(path, selector, _ENV_FIELDS)


def field_selector(path: str, selector: JSONObject, allowed: tuple[str, ...]) -> list[FieldError]:
    """A reference to a field of the pod."""
    for key in ("apiVersion", "fieldPath"):
        if not selector.get(key):
            return [required(f"{path}.{key}")]
    if selector["apiVersion"] != "v1":
        text = f"error converting fieldPath: unsupported pod version: {selector['apiVersion']}"
        return [invalid(f"{path}.fieldPath", selector["fieldPath"], text)]
    place: str = selector["fieldPath"]
    base, bracket, key = place.partition("['")
    if bracket and key.endswith("']"):
        key = key[:-2]
        if base == "metadata.annotations":
            return checks.names(path, key.lower(), checks.qualified_name_problems)
        if base == "metadata.labels":
            return checks.names(path, key, checks.qualified_name_problems)
        text = f"error converting fieldPath: field label does not support subscript: {place}"
        return [invalid(f"{path}.fieldPath", place, text)]
    known = {*_FIELDS, *_ENV_FIELDS, "spec.restartPolicy", "spec.schedulerName", "status.phase", "spec.host"}
    if place not in known:
        text = f"error converting fieldPath: field label not supported: {place}"
        return [invalid(f"{path}.fieldPath", place, text)]
    return [] if place in allowed else [not_supported(f"{path}.fieldPath", place, allowed)]


def resource_selector(path: str, selector: JSONObject, *, volume: bool) -> list[FieldError]:
    """A reference to a resource of a container."""
    errors: list[FieldError] = []
    name = selector.get("resource") or ""
    if volume and not selector.get("containerName"):
        errors.append(required(f"{path}.containerName"))
    elif not name:
        errors.append(required(f"{path}.resource"))
    elif name not in _RESOURCES and not name.startswith(_HUGE_PAGES):
        errors.append(not_supported(f"{path}.resource", name, _RESOURCES))
    return errors + _divisor(path, name, selector.get("divisor"))


_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_DIVISORS = {
    "cpu": ("cpu", "1m and 1", ("1m", "1")),
    "memory": ("memory", ", ".join(_SIZES), _SIZES),
    "ephemeral-storage": ("local ephemeral storage", ", ".join(_SIZES), _SIZES),
    "hugepages": ("hugepages", ", ".join(_SIZES), _SIZES),
}


def _divisor(path: str, name: str, divisor: str | None) -> list[FieldError]:
    if divisor is None or checks.Amount.parse(divisor) == 0:
        return []
    resource = name.partition(".")[2]
    rule = _DIVISORS.get("hugepages" if name.startswith(_HUGE_PAGES) else resource)
    if rule is None or (name not in _RESOURCES and rule[0] != "hugepages") or divisor in rule[2]:
        return []
    text = f"only divisor's values {rule[1]} are supported with the {rule[0]} resource"
    return [invalid(f"{path}.divisor", name, text)]


def _projected(path: str, source: JSONObject) -> list[FieldError]:
    errors = _mode(f"{path}.defaultMode", source.get("defaultMode"))
    places: set[str] = set()

    def claim(place: str | None, shown: str) -> None:
        if not place:
            return
        if place in places:
            errors.append(invalid(path, shown, "conflicting duplicate paths"))
        places.add(place)

    sources: list[JSONObject] = source.get("sources") or []
    for index, each in enumerate(sources):
        where = f"{path}.sources[{index}]"
        for kind in ("secret", "configMap"):
            inner = each.get(kind)
            if inner is None:
                continue
            if not inner.get("name"):
                errors.append(required(f"{where}.{kind}.name"))
            for position, item in enumerate(inner.get("items") or ()):
                found = _items("", [item])
                at = f"{where}.{kind}.items[{position}]"
                for problem in found:
                    field = at + problem.field.removeprefix("[0]")
                    errors.append(FieldError(problem.type, field, problem.value, problem.detail))
                claim(item.get("path"), inner.get("name") or "")
        downward = each.get("downwardAPI")
        for file in (downward or {}).get("items") or ():
            errors += _downward_file(f"{where}.downwardAPI", file)
            claim(file.get("path"), file.get("path") or "")
        token = each.get("serviceAccountToken")
        if token is not None:
            errors += _token(path, f"{where}.serviceAccountToken", token)
        if sum(value is not None for value in each.values()) > 1:
            errors.append(forbidden(where, "may not specify more than 1 volume type per source"))
    return errors


def _token(path: str, where: str, token: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    field, seconds = f"{where}.expirationSeconds", token.get("expirationSeconds") or 0
    if seconds < 600:
        errors.append(invalid(field, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > 1 << 32:
        errors.append(invalid(field, seconds, "may not specify a duration larger than 2^32 seconds"))
    if not token.get("path"):
        return [*errors, required(f"{path}.path")]
    return errors + _not_reserved(f"{path}.path", token["path"])


def _ephemeral(path: str, source: JSONObject) -> list[FieldError]:
    template = source.get("volumeClaimTemplate")
    if template is None:
        return [required(f"{path}.volumeClaimTemplate")]
    return claim_template(f"{path}.volumeClaimTemplate", template)


def claim_template(path: str, template: JSONObject) -> list[FieldError]:
    """A claim that each pod gets its own of."""
    errors = checks.template_metadata(f"{path}.metadata", template.get("metadata") or {})
    return errors + claim_spec(f"{path}.spec", template.get("spec") or {})


_CHECKS: dict[str, Check] = {
    "emptyDir": _empty_dir,
    "hostPath": volume_sources.host_path,
    "gitRepo": volume_sources.git_repo,
    "gcePersistentDisk": volume_sources.gce_disk,
    "awsElasticBlockStore": volume_sources.aws_disk,
    "secret": _named_items("secretName"),
    "nfs": volume_sources.nfs,
    "iscsi": volume_sources.iscsi,
    "glusterfs": volume_sources.glusterfs,
    "flocker": volume_sources.flocker,
    "persistentVolumeClaim": volume_sources.needs("claimName"),
    "rbd": volume_sources.rbd,
    "cinder": volume_sources.cinder,
    "cephfs": volume_sources.cephfs,
    "quobyte": volume_sources.quobyte,
    "downwardAPI": _downward,
    "fc": volume_sources.fibre_channel,
    "flexVolume": volume_sources.flex,
    "configMap": _named_items("name"),
    "azureFile": volume_sources.azure_file,
    "vsphereVolume": volume_sources.vsphere,
    "photonPersistentDisk": volume_sources.photon,
    "portworxVolume": volume_sources.portworx,
    "azureDisk": volume_sources.azure_disk,
    "storageos": volume_sources.storage_os,
    "projected": _projected,
    "scaleIO": volume_sources.scale_io,
    "csi": volume_sources.csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
SOURCES = frozenset(_CHECKS)
"""The kinds of volumes."""
