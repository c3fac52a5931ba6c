"""Services: what is wrong with them, in upstream's words and order, and what clients are told about them."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import (
    cidr_errors,
    cidr_warnings,
    endpoint_ip_errors,
    ip_errors,
    ip_warnings,
    parse_ip,
)
from reconcile.apiserver.strategies.service_allocation import health_checked
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_BALANCED = "may only be used when `type` is 'LoadBalancer'"
_HINTS, _MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def _headless(spec: JSONObject) -> bool:
    return spec.get("clusterIPs") == ["None"]


def _accessible(spec: JSONObject) -> bool:
    """From outside of the cluster."""
    return spec.get("type") in ("LoadBalancer", "NodePort") or (
        spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def drop_by_type(spec: JSONObject, before: JSONObject) -> None:
    """What the old type had and the new one cannot have goes, unless the client changed it as well."""
    dropped: list[str] = []
    if before.get("type") != "ExternalName" and spec.get("type") == "ExternalName":
        dropped += ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]
    if before.get("type") == "LoadBalancer" and spec.get("type") != "LoadBalancer":
        dropped += ["allocateLoadBalancerNodePorts", "loadBalancerClass"]
    if health_checked(before) and not health_checked(spec):
        dropped.append("healthCheckNodePort")
    if _accessible(before) and not _accessible(spec):
        dropped.append("externalTrafficPolicy")
    for key in dropped:
        if checks.same(spec.get(key), before.get(key)):
            spec.pop(key, None)
    with_ports = ("NodePort", "LoadBalancer")
    if before.get("type") in with_ports and spec.get("type") not in with_ports:
        held = {port.get("nodePort") for port in before.get("ports") or ()}
        given: list[JSONObject] = spec.get("ports") or []
        if all(not port.get("nodePort") or port["nodePort"] in held for port in given):
            for port in given:
                port.pop("nodePort", None)


def service_errors(obj: JSONObject, old: JSONObject | None) -> list[FieldError]:
    spec: JSONObject = obj["spec"]
    before: JSONObject = old["spec"] if old is not None else {}
    annotations: JSONObject = obj["metadata"].get("annotations") or {}
    errors: list[FieldError] = []
    if _MODE in annotations and _HINTS in annotations and annotations[_MODE] != annotations[_HINTS]:
        text = f"must match annotations[{_HINTS}] when both are specified"
        errors.append(invalid(f"metadata.annotations[{_MODE}]", annotations[_MODE], text))
    ports: list[JSONObject] = spec.get("ports") or []
    if not ports and not _headless(spec) and spec.get("type") != "ExternalName":
        errors.append(required("spec.ports"))
    errors += _by_type(spec)
    names: set[str] = set()
    for index, port in enumerate(ports):
        errors += _port_errors(f"spec.ports[{index}]", port, len(ports) > 1, names)
    errors += checks.labels("spec.selector", spec.get("selector"))
    errors += _affinity(spec)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        field = f"spec.externalIPs[{index}]"
        wrong = [] if address in (before.get("externalIPs") or ()) else ip_errors(field, address)
        errors += wrong or endpoint_ip_errors(field, address)
    errors += checks.one_of(spec, "spec", "type", _TYPES)
    errors += _repeated(spec, ports)
    errors += _source_ranges(spec, before, annotations, old)
    if spec.get("allocateLoadBalancerNodePorts") is not None and spec.get("type") != "LoadBalancer":
        errors.append(forbidden("spec.allocateLoadBalancerNodePorts", _BALANCED))
    return errors + _class(spec) + _traffic(spec)


def _by_type(spec: JSONObject) -> list[FieldError]:
    kind = spec.get("type")
    if kind in ("LoadBalancer", "NodePort") and _headless(spec):
        text = f"may not be set to 'None' for {kind} services"
        return [invalid("spec.clusterIPs[0]", "None", text)]
    if kind != "ExternalName":
        return []
    text = "may not be set for ExternalName services"
    errors = [
        forbidden(f"spec.{key}", text)
        for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
        if (spec.get(key) is not None if key == "ipFamilyPolicy" else spec.get(key))
    ]
    name = (spec.get("externalName") or "").removesuffix(".")
    return errors + (
        checks.dns_subdomain("spec.externalName", name) if name else [required("spec.externalName")]
    )


def _port_errors(path: str, port: JSONObject, named: bool, names: set[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    name = port.get("name") or ""
    if named and not name:
        errors.append(required(f"{path}.name"))
    elif name:
        errors += checks.dns_label(f"{path}.name", name)
        if name in names:
            errors.append(duplicate(f"{path}.name", name))
        names.add(name)
    errors += checks.port_number(f"{path}.port", port.get("port") or 0)
    errors += checks.one_of(port, path, "protocol", _PROTOCOLS)
    errors += checks.port_number_or_name(f"{path}.targetPort", port.get("targetPort", 0))
    if port.get("appProtocol") is not None:
        field = f"{path}.appProtocol"
        errors += checks.names(field, port["appProtocol"], checks.qualified_name_problems)
    return errors


def _affinity(spec: JSONObject) -> list[FieldError]:
    errors = checks.one_of(spec, "spec", "sessionAffinity", ("ClientIP", "None"))
    config = spec.get("sessionAffinityConfig")
    path = "spec.sessionAffinityConfig"
    if spec.get("sessionAffinity") == "None" and config is not None:
        return [*errors, forbidden(path, "must not be set when session affinity is None")]
    if spec.get("sessionAffinity") != "ClientIP":
        return errors
    if config is None:
        return [*errors, required(path, "when session affinity type is ClientIP")]
    seconds = (config.get("clientIP") or {}).get("timeoutSeconds")
    field = f"{path}.clientIP"
    if config.get("clientIP") is None:
        return [*errors, required(field, "when session affinity type is ClientIP")]
    if seconds is None:
        text = "when session affinity type is ClientIP"
        return [*errors, required(f"{field}.timeoutSeconds", text)]
    if not 0 < seconds <= 86400:
        text = "must be greater than 0 and less than 86400"
        errors.append(invalid(f"{field}.timeoutSeconds", seconds, text))
    return errors


def _repeated(spec: JSONObject, ports: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    if spec.get("type") == "ClusterIP":
        text = "may not be used when `type` is 'ClusterIP'"
        errors += [
            forbidden(f"spec.ports[{index}].nodePort", text)
            for index, port in enumerate(ports)
            if port.get("nodePort")
        ]
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol"), port.get("nodePort"))
        if port.get("nodePort") and key in seen:
            errors.append(duplicate(f"spec.ports[{index}].nodePort", port["nodePort"]))
        seen.add(key)
    seen = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            given = shown("core.v1.ServicePort", {"protocol": key[0], "port": key[1]})
            errors.append(duplicate(f"spec.ports[{index}]", given))
        seen.add(key)
    return errors


def _source_ranges(
    spec: JSONObject, before: JSONObject, annotations: JSONObject, old: JSONObject | None
) -> list[FieldError]:
    errors: list[FieldError] = []
    ranges: list[str] = spec.get("loadBalancerSourceRanges") or []
    balanced = spec.get("type") == "LoadBalancer"
    if ranges:
        field = "spec.LoadBalancerSourceRanges"
        if not balanced:
            errors.append(forbidden(field, _BALANCED))
        stored = {text.strip() for text in before.get("loadBalancerSourceRanges") or ()}
        for index, text in enumerate(ranges):
            if text.strip() not in stored:
                errors += cidr_errors(f"{field}[{index}]", text.strip())
        return errors
    if _RANGES not in annotations:
        return errors
    field = f"metadata.annotations[{_RANGES}]"
    if not balanced:
        errors.append(forbidden(field, _BALANCED))
    held: JSONObject = ((old or {}).get("metadata") or {}).get("annotations") or {}
    text = annotations[_RANGES]
    if text.strip() and (old is None or held.get(_RANGES) != text):
        for each in text.split(","):
            errors += cidr_errors(field, each.strip())
    return errors


def _class(spec: JSONObject) -> list[FieldError]:
    name = spec.get("loadBalancerClass")
    if name is None:
        return []
    if spec.get("type") != "LoadBalancer":
        return [forbidden("spec.loadBalancerClass", _BALANCED)]
    return checks.names("spec.loadBalancerClass", name, checks.qualified_name_problems)


def _traffic(spec: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    policy, field = spec.get("externalTrafficPolicy") or "", "spec.externalTrafficPolicy"
    if not _accessible(spec):
        if policy:
            errors.append(invalid(field, policy, "may only be set for externally-accessible services"))
    elif not policy:
        errors.append(required(field))
    elif policy not in _POLICIES:
        errors.append(not_supported(field, policy, _POLICIES))
    port = spec.get("healthCheckNodePort")
    if port and not health_checked(spec):
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid("spec.healthCheckNodePort", port, text))
    elif port:
        errors += checks.port_number("spec.healthCheckNodePort", port)
    inner, field = spec.get("internalTrafficPolicy"), "spec.internalTrafficPolicy"
    if inner is None and spec.get("type") in ("ClusterIP", "LoadBalancer", "NodePort"):
        errors.append(required(field))
    elif inner is not None and inner not in _POLICIES:
        errors.append(not_supported(field, inner, _POLICIES))
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        errors.append(not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS))
    return errors


def update_errors(new: JSONObject, old: JSONObject) -> list[FieldError]:
    """What may not change."""
    spec, before = new["spec"], old["spec"]
    errors: list[FieldError] = []
    if spec.get("type") != "ExternalName" and before.get("type") != "ExternalName":
        errors += _address_changes(spec, before) + _family_changes(spec, before)
    balanced = spec.get("type") == before.get("type") == "LoadBalancer"
    name = spec.get("loadBalancerClass")
    if balanced and name != before.get("loadBalancerClass"):
        errors.append(invalid("spec.loadBalancerClass", name, "may not change once set"))
    errors += _class(spec)
    port, held = spec.get("healthCheckNodePort"), before.get("healthCheckNodePort")
    if health_checked(spec) and health_checked(before) and port != held:
        errors.append(forbidden("spec.healthCheckNodePort", checks.IMMUTABLE))
    return errors


def _address_changes(spec: JSONObject, before: JSONObject) -> list[FieldError]:
    given: list[str] = spec.get("clusterIPs") or []
    held: list[str] = before.get("clusterIPs") or []
    if _headless(spec) and _headless(before):
        return []
    changed = invalid("spec.clusterIPs[0]", given, "may not change once set")
    if len(given) == len(held):
        return [
            invalid(f"spec.clusterIPs[{index}]", given, "may not change once set")
            for index, (one, other) in enumerate(zip(given, held, strict=True))
            if one != other
        ]
    if not held:
        return []
    if not given:
        return [invalid("spec.clusterIPs[0]", None, "primary clusterIP can not be unset")]
    errors = [changed] if given[0] != held[0] else []
    policy = spec.get("ipFamilyPolicy")
    if len(held) > len(given) == 1 and policy != "SingleStack":
        text = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        errors.append(invalid("spec.ipFamilyPolicy", policy, text))
    return errors


def _family_changes(spec: JSONObject, before: JSONObject) -> list[FieldError]:
    given: list[str] = spec.get("ipFamilies") or []
    held: list[str] = before.get("ipFamilies") or []
    if _headless(spec) or _headless(before):
        return []
    field = "spec.ipFamilies[0]"
    if len(given) == len(held):
        return [
            invalid(field, given, "may not change once set")
            for one, other in zip(given, held, strict=True)
            if one != other
        ]
    errors: list[FieldError] = []
    addresses = spec.get("clusterIPs") or None
    if len(held) > len(given) and not addresses:
        errors.append(invalid(field, given or None, "primary ipFamily can not be unset"))
    if given and held and given[0] != held[0]:
        errors.append(invalid(field, addresses, "may not change once set"))
    policy = spec.get("ipFamilyPolicy")
    if len(held) > len(given) == 1 and policy != "SingleStack":
        text = "must be set to 'SingleStack' when releasing the secondary ipFamily"
        errors.append(invalid("spec.ipFamilyPolicy", policy, text))
    return errors


def service_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    """Addresses of a load balancer are for services that have one."""

    def given(obj: JSONObject) -> list[JSONObject]:
        return ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []

    field = "status.loadBalancer.ingress"
    if given(new) and new["spec"].get("type") != "LoadBalancer":
        return [forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")]
    stored = {each.get("ip") for each in given(old)}
    errors: list[FieldError] = []
    for index, each in enumerate(given(new)):
        path = f"{field}[{index}]"
        address, mode, host = each.get("ip") or "", each.get("ipMode"), each.get("hostname") or ""
        if address and address not in stored:
            errors += ip_errors(f"{path}.ip", address)
        if mode is None and address:
            errors.append(required(f"{path}.ipMode", "must be specified when `ip` is set"))
        elif mode is not None and not address:
            errors.append(forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set"))
        elif mode is not None and mode not in ("Proxy", "VIP"):
            errors.append(not_supported(f"{path}.ipMode", mode, ("Proxy", "VIP")))
        if host:
            errors += checks.dns_subdomain(f"{path}.hostname", host)
            if parse_ip(host) is not None:
                text = "must be a DNS name, not an IP address"
                errors.append(invalid(f"{path}.hostname", host, text))
    return errors


def service_warnings(obj: JSONObject) -> list[str]:
    spec: JSONObject = obj["spec"]
    warnings: list[str] = []
    if _HINTS in (obj["metadata"].get("annotations") or {}):
        warnings.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    external: list[str] = spec.get("externalIPs") or []
    addresses: list[str] = spec.get("clusterIPs") or []
    if addresses and addresses[0] != "None":
        for index, address in enumerate(addresses):
            warnings += ip_warnings(f"spec.clusterIPs[{index}]", address)
    headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None"
    if headless:
        if spec.get("loadBalancerIP"):
            warnings.append("spec.loadBalancerIP is ignored for headless services")
        if external:
            warnings.append("spec.externalIPs is ignored for headless services")
        if spec.get("sessionAffinity") != "None":
            warnings.append("spec.SessionAffinity is ignored for headless services")
    for index, address in enumerate(external):
        warnings += ip_warnings(f"spec.externalIPs[{index}]", address)
    named = spec.get("type") == "ExternalName"
    if external and not headless and not named:
        text = "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
        warnings.append(text)
    if spec.get("loadBalancerIP"):
        warnings += ip_warnings("spec.loadBalancerIP", spec["loadBalancerIP"])
    for index, text in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        warnings += cidr_warnings(f"spec.loadBalancerSourceRanges[{index}]", text)
    if named and external:
        warnings.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if not named and spec.get("externalName"):
        warnings.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        warnings.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return warnings
