"""Addresses and networks of services, and classes of runtimes: in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, duplicate, invalid, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import canonical_cidr_errors, canonical_ip_errors, cidr
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.container_resources import container_resources
from reconcile.apiserver.strategies.node_labels import DEPRECATED_LABELS
from reconcile.apiserver.strategies.pod_scheduling import tolerations
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]

_SUFFIX = 5
"""The characters that are put after a prefix otherwise."""


class AddressStrategy(KindStrategy):
    """An address is named by itself: nothing is put after a prefix."""

    def __init__(self) -> None:
        super().__init__(
            validate=ip_address, validate_change=ip_address_update, name_problems=_address_name_problems
        )

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        meta = obj["metadata"]
        prefix, name = meta.get("generateName") or "", meta.get("name") or ""
        if prefix and len(name) == len(prefix) + _SUFFIX and name.startswith(prefix):
            meta["name"] = prefix


def _address_name_problems(name: str, _prefix: bool) -> list[str]:
    return [error.detail for error in canonical_ip_errors("", name)]


def ip_address(obj: JSONObject) -> list[FieldError]:
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        return [required("spec.parentRef")]
    errors: list[FieldError] = []
    if parent.get("group"):
        errors += checks.dns_subdomain("spec.parentRef.group", parent["group"])
    for key in ("resource", "name", "namespace"):
        value, field = parent.get(key), f"spec.parentRef.{key}"
        if value:
            errors += checks.names(field, value, checks.path_segment)
        elif key != "namespace":
            errors.append(required(field))
    return errors


def ip_address_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    parent, before = (new.get("spec") or {}).get("parentRef"), (old.get("spec") or {}).get("parentRef")
    if checks.same(parent, before):
        return []
    value = None if parent is None else shown("networking.v1.ParentReference", parent)
    return [invalid("spec.parentRef", value, checks.IMMUTABLE)]


def service_networks(obj: JSONObject) -> list[FieldError]:
    cidrs: list[str] = (obj.get("spec") or {}).get("cidrs") or []
    field = "spec.cidrs"
    if not cidrs:
        return [required(field, "at least one CIDR required")]
    if len(cidrs) > 2:
        return [invalid(field, {"CIDRs": cidrs}, "may only hold up to 2 values")]
    errors = [
        error
        for index, each in enumerate(cidrs)
        for error in canonical_cidr_errors(f"{field}[{index}]", each)
    ]
    networks = [network for network in map(cidr, cidrs) if network is not None]
    if len(networks) == 2 and networks[0].version == networks[1].version:
        text = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        errors.append(invalid(field, cidrs, text))
    return errors


def service_networks_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    cidrs: list[str] = (new.get("spec") or {}).get("cidrs") or []
    before: list[str] = (old.get("spec") or {}).get("cidrs") or []
    changed = [
        invalid(f"spec.cidrs[{index}]", each, checks.IMMUTABLE)
        for index, (each, held) in enumerate(zip(cidrs, before, strict=False))
        if each != held
    ]
    if len(cidrs) == len(before):
        return changed
    if len(before) == 1 and len(cidrs) == 2:
        return changed + service_networks(new)
    return [invalid("spec.cidrs", cidrs, checks.IMMUTABLE)]


def runtime_class_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    selector: JSONObject = (new.get("scheduling") or {}).get("nodeSelector") or {}
    return [
        f"scheduling.nodeSelector: {DEPRECATED_LABELS[key]}" for key in selector if key in DEPRECATED_LABELS
    ]


def runtime_class(obj: JSONObject) -> list[FieldError]:
    handler = obj.get("handler")
    errors = checks.dns_label("handler", handler) if handler else [required("handler")]
    overhead = (obj.get("overhead") or {}).get("podFixed")
    if overhead:
        errors += container_resources("overhead", {"limits": overhead}, ())
    scheduling = obj.get("scheduling")
    if scheduling is None:
        return errors
    errors += checks.labels("scheduling.nodeSelector", scheduling.get("nodeSelector"))
    given: list[JSONObject] = scheduling.get("tolerations") or []
    errors += tolerations("scheduling.tolerations", given)
    seen: set[tuple[str, ...]] = set()
    for index, each in enumerate(given):
        key = tuple(each.get(part) or "" for part in ("key", "operator", "value", "effect"))
        if key in seen:
            errors.append(duplicate(f"scheduling.tolerations[{index}]", shown("core.v1.Toleration", each)))
        seen.add(key)
    return errors


def runtime_class_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return checks.immutable(new, old, "", "handler")
