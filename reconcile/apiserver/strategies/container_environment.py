"""The environment of a container: what is wrong with its variables and their sources, in upstream's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid, not_found, required
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.pod_volumes import env_field_selector, resource_selector
from reconcile.apiserver.strategies.volume_sources import no_backsteps

JSONObject = dict[str, Any]

_MESSAGE = "a valid environment variable name must consist only of printable ASCII characters other than '='"
_NAME = re.compile(r"[ -<>-~]+")
_MANY = "may not have more than one field specified at a time"


def environment(path: str, variables: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, variable in enumerate(variables):
        where = f"{path}[{index}]"
        errors += _name(f"{where}.name", variable.get("name") or "")
        source = variable.get("valueFrom")
        if source is not None:
            errors += _source(f"{where}.valueFrom", source, variable.get("value") or "")
    return errors


def _name(field: str, name: str) -> list[FieldError]:
    if not name:
        return [required(field)]
    return [] if _NAME.fullmatch(name) else [invalid(field, name, _MESSAGE)]


def _source(path: str, source: JSONObject, value: str) -> list[FieldError]:
    errors: list[FieldError] = []
    count = 0
    for kind, check in _SOURCES.items():
        reference = source.get(kind)
        if reference is not None:
            count += 1
            errors += check(f"{path}.{kind}", reference)
    if not count:
        text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef`"
        errors.append(invalid(path, "", f"{text} or `fileKeyRef`"))
    elif value:
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif count > 1:
        errors.append(invalid(path, "", _MANY))
    return errors


def _resource(path: str, reference: JSONObject) -> list[FieldError]:
    return resource_selector(path, reference, volume=False)


def _key_of_object(path: str, reference: JSONObject) -> list[FieldError]:
    errors = checks.dns_subdomain(f"{path}.name", reference.get("name") or "")
    if not reference.get("key"):
        return [*errors, required(f"{path}.key")]
    return errors + checks.names(f"{path}.key", reference["key"], checks.config_key_problems)


def _key_of_file(path: str, reference: JSONObject) -> list[FieldError]:
    errors = _name(f"{path}.key", reference.get("key") or "")
    volume, place = reference.get("volumeName") or "", reference.get("path") or ""
    field = f"{path}.volumeName"
    errors += checks.dns_label(field, volume) if volume else [required(field)]
    return errors + (no_backsteps(f"{path}.path", place) if place else [required(f"{path}.path")])


_SOURCES = {
    "fieldRef": env_field_selector,
    "resourceFieldRef": _resource,
    "configMapKeyRef": _key_of_object,
    "secretKeyRef": _key_of_object,
    "fileKeyRef": _key_of_file,
}


def environment_sources(path: str, sources: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, source in enumerate(sources):
        where = f"{path}[{index}]"
        if source.get("prefix"):
            errors += _name(f"{where}.prefix", source["prefix"])
        kinds = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        for kind in kinds:
            field, name = f"{where}.{kind}.name", source[kind].get("name") or ""
            errors += checks.dns_subdomain(field, name) if name else [required(field)]
        if not kinds:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(kinds) > 1:
            errors.append(invalid(path, "", _MANY))
    return errors


def file_volumes(path: str, spec: JSONObject) -> Iterator[FieldError]:
    """Variables of files are read from volumes that start out empty."""
    sources: JSONObject | None = None
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            for position, variable in enumerate(container.get("env") or ()):
                reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
                if reference is None:
                    continue
                if sources is None:
                    sources = {each.get("name"): each for each in spec.get("volumes") or ()}
                name = reference.get("volumeName") or ""
                field = f"{path}.{kind}[{index}].env[{position}].valueFrom.fileKeyRef.volumeName"
                if name not in sources:
                    yield not_found(field, name)
                elif sources[name].get("emptyDir") is None:
                    yield invalid(field, name, "referenced volume must be of type emptyDir")
