"""Endpoints and endpoint slices: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    internal,
    invalid,
    not_supported,
    required,
    too_many,
)
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import (
    canonical_ip_errors,
    endpoint_ip_errors,
    ip_errors,
    ip_warnings,
    parse_ip,
)
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.objects.names import dns_label_problems, dns_subdomain_problems, label_value_problems

JSONObject = dict[str, Any]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_TYPES = ("FQDN", "IPv4", "IPv6")
_MAX_TOPOLOGY, _MAX_ADDRESSES, _MAX_PORTS, _MAX_ENDPOINTS, _MAX_HINTS = 16, 100, 20000, 1000, 8
_ZONE_LABEL = "topology.kubernetes.io/zone"


def endpoints_create(obj: JSONObject) -> list[FieldError]:
    return _subsets(obj.get("subsets") or [])


def endpoints_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    errors = _subsets(new.get("subsets") or [])
    # What is stored may come from a version that knew fewer rules.
    return errors if errors and not checks.same(new.get("subsets"), old.get("subsets")) else []


def _subsets(subsets: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, subset in enumerate(subsets):
        path = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            errors.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
        for key in ("addresses", "notReadyAddresses"):
            for position, address in enumerate(subset.get(key) or ()):
                errors += _address(f"{path}.{key}[{position}]", address)
        ports: list[JSONObject] = subset.get("ports") or []
        for position, port in enumerate(ports):
            errors += _port(f"{path}.ports[{position}]", port, named=len(ports) > 1)
    return errors


def _address(path: str, address: JSONObject) -> list[FieldError]:
    text = address.get("ip") or ""
    errors = ip_errors(f"{path}.ip", text)
    if address.get("hostname"):
        errors += checks.dns_label(f"{path}.hostname", address["hostname"])
    if address.get("nodeName") is not None:
        errors += checks.dns_subdomain(f"{path}.nodeName", address["nodeName"])
    return errors + endpoint_ip_errors(f"{path}.ip", text)


def _port(path: str, port: JSONObject, *, named: bool) -> list[FieldError]:
    name, protocol = port.get("name") or "", port.get("protocol") or ""
    errors: list[FieldError] = []
    if name:
        errors += checks.dns_label(f"{path}.name", name)
    elif named:
        errors.append(required(f"{path}.name"))
    errors += checks.port_number(f"{path}.port", port.get("port") or 0)
    if not protocol:
        errors.append(required(f"{path}.protocol"))
    elif protocol not in _PROTOCOLS:
        errors.append(not_supported(f"{path}.protocol", protocol, _PROTOCOLS))
    return errors + _app_protocol(path, port)


def _app_protocol(path: str, port: JSONObject) -> list[FieldError]:
    value = port.get("appProtocol")
    if value is None:
        return []
    return checks.names(f"{path}.appProtocol", value, checks.qualified_name_problems)


_MANAGED_BY = {"endpoints": "endpoints.kubernetes.io/managed-by"}
_OWN = {"endpoint-controller"}


def endpoints_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    if (new["metadata"].get("labels") or {}).get(_MANAGED_BY["endpoints"]) in _OWN:
        return []
    return [
        warning
        for index, subset in enumerate(new.get("subsets") or ())
        for key in ("addresses", "notReadyAddresses")
        for position, address in enumerate(subset.get(key) or ())
        for warning in ip_warnings(f"subsets[{index}].{key}[{position}].ip", address.get("ip") or "")
    ]


class EndpointSliceStrategy(KindStrategy):
    """Counts changes of labels too, and drops the topology that older versions wrote."""

    def __init__(self) -> None:
        super().__init__(
            generation=True,
            validate_created=_slice,
            validate_change=_slice_update,
            warn=_slice_warnings,
        )

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        _drop_topology(obj)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        super().prepare_for_update(new, old, context)
        if not checks.same(new.get("endpoints"), old.get("endpoints")):
            _drop_topology(new)

    def _changed(self, new: JSONObject, old: JSONObject) -> bool:
        labels = (new["metadata"].get("labels"), old["metadata"].get("labels"))
        return not checks.same(*labels) or super()._changed(new, old)


def _drop_topology(obj: JSONObject) -> None:
    for endpoint in obj.get("endpoints") or ():
        endpoint.pop("deprecatedTopology", None)


def _slice(obj: JSONObject) -> list[FieldError]:
    return _slice_head(obj) + _endpoints(obj.get("endpoints") or [], obj.get("addressType") or "")


def _slice_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    errors = _slice_head(new)
    found = _endpoints(new.get("endpoints") or [], new.get("addressType") or "")
    if found and not checks.same(new.get("endpoints"), old.get("endpoints")):
        errors += found
    return errors + checks.immutable(new, old, "", "addressType")


def _slice_head(obj: JSONObject) -> list[FieldError]:
    kind = obj.get("addressType") or ""
    errors: list[FieldError] = []
    if not kind:
        errors.append(required("addressType"))
    elif kind not in _TYPES:
        errors.append(not_supported("addressType", kind, _TYPES))
    return errors + _slice_ports(obj.get("ports") or [])


def _slice_ports(ports: list[JSONObject]) -> list[FieldError]:
    if len(ports) > _MAX_PORTS:
        return [too_many("ports", len(ports), _MAX_PORTS)]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        path = f"ports[{index}]"
        name, protocol = port.get("name") or "", port.get("protocol")
        if name:
            errors += checks.dns_label(f"{path}.name", name)
        if name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
        if protocol is None:
            errors.append(required(f"{path}.protocol"))
        elif protocol not in _PROTOCOLS:
            errors.append(not_supported(f"{path}.protocol", protocol, _PROTOCOLS))
        errors += _app_protocol(path, port)
    return errors


def _endpoints(endpoints: list[JSONObject], kind: str) -> list[FieldError]:
    if len(endpoints) > _MAX_ENDPOINTS:
        return [too_many("endpoints", len(endpoints), _MAX_ENDPOINTS)]
    errors: list[FieldError] = []
    for index, endpoint in enumerate(endpoints):
        path = f"endpoints[{index}]"
        addresses: list[str] = endpoint.get("addresses") or []
        if not addresses:
            errors.append(required(f"{path}.addresses", "must contain at least 1 address"))
        elif len(addresses) > _MAX_ADDRESSES:
            errors.append(too_many(f"{path}.addresses", len(addresses), _MAX_ADDRESSES))
        for position, address in enumerate(addresses):
            errors += _slice_address(f"{path}.addresses", position, address, kind)
        if endpoint.get("nodeName") is not None:
            errors += checks.dns_subdomain(f"{path}.nodeName", endpoint["nodeName"])
        errors += _topology(f"{path}.deprecatedTopology", endpoint.get("deprecatedTopology") or {})
        if endpoint.get("hostname") is not None:
            errors += checks.dns_label(f"{path}.hostname", endpoint["hostname"])
        if endpoint.get("hints") is not None:
            errors += _hints(f"{path}.hints", endpoint["hints"])
    return errors


def _slice_address(path: str, position: int, address: str, kind: str) -> list[FieldError]:
    field = f"{path}[{position}]"
    if kind == "FQDN":
        return _domain(field, address)
    if kind not in _TYPES:
        return []
    errors = ip_errors(field, address) if kind == "IPv4" else canonical_ip_errors(field, address)
    if errors:
        return errors
    found = parse_ip(address)
    if found is None or f"IPv{found.version}" != kind:
        errors.append(invalid(path, address, f"must be an {kind} address"))
    return errors + endpoint_ip_errors(field, address)


def _domain(field: str, name: str) -> list[FieldError]:
    if not name:
        return [required(field)]
    name = name.removesuffix(".")
    problems = dns_subdomain_problems(name)
    if problems:
        return [invalid(field, name, ",".join(problems))]
    parts = name.split(".")
    if len(parts) < 2:
        text = "should be a domain with at least two segments separated by dots"
        return [invalid(field, name, text)]
    for part in parts:
        problems = dns_label_problems(part)
        if problems:
            return [invalid(field, part, ",".join(problems))]
    return []


def _topology(path: str, topology: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(topology) > _MAX_TOPOLOGY:
        errors.append(too_many(path, len(topology), _MAX_TOPOLOGY))
    errors += checks.labels(path, topology)
    if _ZONE_LABEL in topology:
        errors.append(internal(f"{path}[{_ZONE_LABEL}]", "reserved key was not removed in conversion"))
    return errors


def _hints(path: str, hints: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, problems in (("forZones", label_value_problems), ("forNodes", dns_subdomain_problems)):
        given: list[JSONObject] = hints.get(key) or []
        if len(given) > _MAX_HINTS:
            return [*errors, too_many(f"{path}.{key}", len(given), _MAX_HINTS)]
        seen: set[str] = set()
        for index, each in enumerate(given):
            field, name = f"{path}.{key}[{index}].name", each.get("name") or ""
            if name in seen:
                errors.append(duplicate(field, name))
            seen.add(name)
            errors += checks.names(field, name, problems)
    return errors


_SLICE_MANAGERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def _slice_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    warnings: list[str] = []
    if old is None and new.get("addressType") == "FQDN":
        warnings.append("spec.addressType: FQDN endpoints are deprecated")
    if (new["metadata"].get("labels") or {}).get("endpointslice.kubernetes.io/managed-by") in _SLICE_MANAGERS:
        return warnings
    for index, endpoint in enumerate(new.get("endpoints") or ()):
        for position, address in enumerate(endpoint.get("addresses") or ()):
            warnings += ip_warnings(f"endpoints[{index}].addresses[{position}]", address)
    return warnings
