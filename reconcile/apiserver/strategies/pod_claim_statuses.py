"""What is wrong with what a pod's status says of claims to devices: in upstream's words and order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconcile.apiserver.field_errors import FieldError, duplicate, invalid, required
from reconcile.apiserver.strategies import checks

JSONObject = dict[str, Any]

_RESOURCE = (
    "must match the extended resource name of an entry in spec.initContainers.resources.requests or "
    "spec.containers.resources.requests"
)
_CONTAINER = "must match the name of an entry in spec.initContainers.name or spec.containers.name"


def claim_status_errors(status: JSONObject, spec: JSONObject) -> list[FieldError]:
    errors = list(_claims("status.resourceClaimStatuses", status.get("resourceClaimStatuses") or [], spec))
    extended = status.get("extendedResourceClaimStatus")
    if extended is not None:
        errors += _extended("status.extendedResourceClaimStatus", extended, spec)
    return errors


def _claims(path: str, statuses: list[JSONObject], spec: JSONObject) -> Iterator[FieldError]:
    known = {claim.get("name") or "" for claim in spec.get("resourceClaims") or ()}
    seen: set[str] = set()
    for index, each in enumerate(statuses):
        where, name = f"{path}[{index}]", each.get("name") or ""
        if name not in known:
            text = "must match the name of an entry in `spec.resourceClaims`"
            yield invalid(f"{where}.name", name, text)
        if name in seen:
            yield duplicate(f"{where}.name", name)
        seen.add(name)
        if each.get("resourceClaimName") is not None:
            yield from checks.dns_subdomain(f"{where}.resourceClaimName", each["resourceClaimName"])


def _extended(path: str, status: JSONObject, spec: JSONObject) -> Iterator[FieldError]:
    containers: dict[str, JSONObject] = {
        each.get("name") or "": each
        for kind in ("initContainers", "containers")
        for each in spec.get(kind) or ()
    }
    mappings: list[JSONObject] = status.get("requestMappings") or []
    if not mappings:
        yield required(f"{path}.requestMappings", "at least one request mapping is required")
    seen: set[tuple[str, ...]] = set()
    for index, mapping in enumerate(mappings):
        where = f"{path}.requestMappings[{index}]"
        keys = ("containerName", "resourceName", "requestName")
        given = container, resource, request = tuple(mapping.get(key) or "" for key in keys)
        if container not in containers:
            yield invalid(f"{where}.containerName", container, _CONTAINER)
        elif resource not in ((containers[container].get("resources") or {}).get("requests") or {}):
            yield invalid(f"{where}.resourceName", resource, _RESOURCE)
        yield from checks.dns_label(f"{path}.requestName", request)
        if given in seen:
            yield from (duplicate(f"{where}.{key}", value) for key, value in zip(keys, given, strict=True))
        seen.add(given)
    name = status.get("resourceClaimName") or ""
    if name:
        yield from checks.dns_subdomain(f"{path}.resourceClaimName", name)
    else:
        yield required(f"{path}.resourceClaimName")
