"""Mounts and devices of a container, beside one another and the pod's volumes: in upstream's words."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from reconcile.apiserver.strategies.volume_sources import descending

JSONObject = dict[str, Any]

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_READ_ONLY = ("Disabled", "Enabled", "IfPossible")
_UNIQUE = "must be unique"


def mount_errors(path: str, container: JSONObject, known: JSONObject) -> list[FieldError]:
    """The errors of `volumeMounts`; `known` are the pod's volumes by name."""
    mounts: list[JSONObject] = container.get("volumeMounts") or []
    if not mounts:
        return []
    devices = {each.get("name", ""): each.get("devicePath", "") for each in _devices(container)}
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"{path}[{index}]"
        name, place = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        if name not in known:
            errors.append(not_found(f"{where}.name", name))
        if not place:
            errors.append(required(f"{where}.mountPath"))
        if place in seen:
            errors.append(invalid(f"{where}.mountPath", place, _UNIQUE))
        seen.add(place)
        if name in devices:
            errors.append(invalid(f"{where}.name", name, "must not already exist in volumeDevices"))
        if place in devices.values():
            text = "must not already exist as a path in volumeDevices"
            errors.append(invalid(f"{where}.mountPath", place, text))
        errors += _inner(path, where, mount)
        errors += _modes(path, mount, container)
    return errors


def _devices(container: JSONObject) -> list[JSONObject]:
    return container.get("volumeDevices") or []


def _inner(path: str, where: str, mount: JSONObject) -> list[FieldError]:
    plain, expression = mount.get("subPath"), mount.get("subPathExpr")
    errors = descending(f"{path}.subPath", plain) if plain else []
    if expression:
        if plain:
            text = "subPathExpr and subPath are mutually exclusive"
            errors.append(invalid(f"{where}.subPathExpr", expression, text))
        errors += descending(f"{path}.subPathExpr", expression)
    return errors


def _modes(path: str, mount: JSONObject, container: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    propagation, read_only = mount.get("mountPropagation"), mount.get("recursiveReadOnly")
    if propagation is not None:
        field = f"{path}.mountPropagation"
        if propagation not in _PROPAGATIONS:
            errors.append(not_supported(field, propagation, _PROPAGATIONS))
        privileged = (container.get("securityContext") or {}).get("privileged")
        if propagation == "Bidirectional" and not privileged:
            text = "Bidirectional mount propagation is available only to privileged containers"
            errors.append(forbidden(field, text))
    if read_only is not None and read_only != "Disabled":
        field = f"{path}.recursiveReadOnly"
        if read_only not in _READ_ONLY:
            return [*errors, not_supported(field, read_only, _READ_ONLY)]
        if not mount.get("readOnly"):
            errors.append(forbidden(field, "may only be specified when readOnly is true"))
        if propagation not in (None, "None"):
            text = "may only be specified when mountPropagation is None or not specified"
            errors.append(forbidden(field, text))
    return errors


def device_errors(path: str, container: JSONObject, known: JSONObject) -> list[FieldError]:
    """The errors of `volumeDevices`."""
    devices = _devices(container)
    if not devices:
        return []
    mounts = {each.get("name", ""): each.get("mountPath", "") for each in container.get("volumeMounts") or ()}
    errors: list[FieldError] = []
    names: set[str] = set()
    places: set[str] = set()
    for index, device in enumerate(devices):
        where = f"{path}[{index}]"
        name, place = device.get("name") or "", device.get("devicePath") or ""
        volume = known.get(name)
        if not name:
            errors.append(required(f"{where}.name"))
        if name in names:
            errors.append(invalid(f"{where}.name", name, _UNIQUE))
        if volume is None:
            errors.append(not_found(f"{where}.name", name))
        elif volume.get("persistentVolumeClaim") is None and volume.get("ephemeral") is None:
            text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            errors.append(invalid(f"{where}.name", name, text))
        errors += _device_path(f"{where}.devicePath", place, places)
        if name in mounts:
            errors.append(invalid(f"{where}.name", name, "must not already exist in volumeMounts"))
        if place in mounts.values():
            text = "must not already exist as a path in volumeMounts"
            errors.append(invalid(f"{where}.devicePath", place, text))
        if name:
            names.add(name)
    return errors


def _device_path(field: str, place: str, places: set[str]) -> list[FieldError]:
    errors = [] if place else [required(field)]
    if place in places:
        errors.append(invalid(field, place, _UNIQUE))
    if ".." in place.split("/"):
        errors.append(invalid(field, place, "can not contain backsteps ('..')"))
    else:
        places.add(place)
    return errors
