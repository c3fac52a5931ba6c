"""Network policies, ingresses and their classes: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

import re
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import (
    cidr,
    cidr_errors,
    cidr_warnings,
    ip_errors,
    parse_ip,
)

JSONObject = dict[str, Any]

_PROTOCOLS = ("TCP", "UDP", "SCTP")


def network_policy(obj: JSONObject) -> list[FieldError]:
    return _network_policy(obj["spec"], frozenset())


def network_policy_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    stored = {
        text
        for direction, peers in _DIRECTIONS
        for rule in old["spec"].get(direction) or ()
        for peer in (rule or {}).get(peers) or ()
        if peer.get("ipBlock") is not None
        for text in _ranges(peer["ipBlock"])
    }
    return _network_policy(new["spec"], frozenset(stored))


_DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def _ranges(block: JSONObject) -> list[str]:
    return [block.get("cidr") or "", *(block.get("except") or ())]


def network_policy_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    warnings: list[str] = []
    for direction, peers in _DIRECTIONS:
        for index, rule in enumerate(new["spec"].get(direction) or ()):
            for position, peer in enumerate((rule or {}).get(peers) or ()):
                block = peer.get("ipBlock")
                if block is None:
                    continue
                path = f"spec.{direction}[{index}].{peers}[{position}].ipBlock"
                warnings += cidr_warnings(f"{path}.cidr", block.get("cidr") or "")
                for place, each in enumerate(block.get("except") or ()):
                    warnings += cidr_warnings(f"{path}.except[{place}]", each)
    return warnings


def _network_policy(spec: JSONObject, stored: frozenset[str]) -> list[FieldError]:
    errors = checks.label_selector("spec.podSelector", spec.get("podSelector"))
    for direction, peers in _DIRECTIONS:
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            for position, port in enumerate((rule or {}).get("ports") or ()):
                errors += _policy_port(f"{path}.ports[{position}]", port)
            for position, peer in enumerate((rule or {}).get(peers) or ()):
                errors += _peer(f"{path}.{peers}[{position}]", peer, stored)
    types: list[str] = spec.get("policyTypes") or []
    if len(types) > 2:
        errors.append(invalid("spec.policyTypes", types, "may not specify more than two policyTypes"))
        return errors
    allowed = ("Ingress", "Egress")
    return errors + [
        not_supported(f"spec.policyTypes[{index}]", each, allowed)
        for index, each in enumerate(types)
        if each not in allowed
    ]


def _policy_port(path: str, port: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in _PROTOCOLS:
        errors.append(not_supported(f"{path}.protocol", protocol, _PROTOCOLS))
    if isinstance(number, int):
        errors += checks.port_number(f"{path}.port", number)
        if end is not None:
            if end < number:
                text = "must be greater than or equal to `port`"
                errors.append(invalid(f"{path}.endPort", number, text))
            errors += checks.port_number(f"{path}.endPort", end)
        return errors
    if end is not None:
        state = "non-numeric" if number is not None else "not specified"
        errors.append(invalid(f"{path}.endPort", end, f"may not be specified when `port` is {state}"))
    if number is not None:
        errors += [invalid(f"{path}.port", number, problem) for problem in checks.port_name_problems(number)]
    return errors


def _peer(path: str, peer: JSONObject, stored: frozenset[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    block = peer.get("ipBlock")
    kinds = [key for key in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(key) is not None]
    for key in ("podSelector", "namespaceSelector"):
        errors += checks.label_selector(f"{path}.{key}", peer.get(key))
    if block is not None:
        errors += _ip_block(f"{path}.ipBlock", block, stored)
    if not kinds:
        errors.append(required(path, "must specify a peer"))
    elif block is not None and len(kinds) > 1:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return errors


def _ip_block(path: str, block: JSONObject, stored: frozenset[str]) -> list[FieldError]:
    """A range with holes; ranges that the policy was `stored` with are not judged anew."""
    text = block.get("cidr") or ""
    if not text:
        return [required(f"{path}.cidr")]
    errors = [] if text in stored else cidr_errors(f"{path}.cidr", text)
    network = cidr(text)
    if network is None:
        return errors
    for index, each in enumerate(block.get("except") or ()):
        where = f"{path}.except[{index}]"
        errors += [] if each in stored else cidr_errors(where, each)
        inner = cidr(each)
        if inner is not None and not (
            inner.version == network.version
            and inner.network_address in network
            and network.prefixlen < inner.prefixlen
        ):
            errors.append(invalid(where, each, "must be a strict subset of `cidr`"))
    return errors


_WILDCARD = re.compile(r"\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
    "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. "
    f"'*.example.com', regex used for validation is '{_WILDCARD.pattern}')"
)
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def ingress(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors: list[FieldError] = []
    default = spec.get("defaultBackend")
    if not spec.get("rules") and default is None:
        errors.append(invalid("spec", None, "either `defaultBackend` or `rules` must be specified"))
    if default is not None:
        errors += _backend("spec.defaultBackend", default)
    for index, rule in enumerate(spec.get("rules") or ()):
        path = f"spec.rules[{index}]"
        host = rule.get("host") or ""
        if host:
            if parse_ip(host) is not None:
                errors.append(invalid(f"{path}.host", host, "must be a DNS name, not an IP address"))
            errors += _host(f"{path}.host", host)
        http = rule.get("http")
        if http is not None:
            if not http.get("paths"):
                errors.append(required(f"{path}.http.paths"))
            for position, each in enumerate(http.get("paths") or ()):
                errors += _http_path(f"{path}.http.paths[{position}]", each)
    for index, tls in enumerate(spec.get("tls") or ()):
        path = f"spec.tls[{index}]"
        for position, host in enumerate(tls.get("hosts") or ()):
            errors += _host(f"{path}.hosts[{position}]", host)
        if tls.get("secretName"):
            errors += checks.dns_subdomain(f"{path}.secretName", tls["secretName"])
    if spec.get("ingressClassName") is not None:
        errors += checks.dns_subdomain("spec.ingressClassName", spec["ingressClassName"])
    return errors


def ingress_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    """Of a new ingress that names its class in the old way."""
    annotations: JSONObject = new["metadata"].get("annotations") or {}
    named = "kubernetes.io/ingress.class"
    if old is not None or named not in annotations or new["spec"].get("ingressClassName") is not None:
        return []
    return [f"annotation \"{named}\" is deprecated, please use 'spec.ingressClassName' instead"]


def ingress_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    def given(obj: JSONObject) -> list[JSONObject]:
        return ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []

    stored = {each.get("ip") for each in given(old)}
    errors: list[FieldError] = []
    for index, each in enumerate(given(new)):
        path = f"status.loadBalancer.ingress[{index}]"
        address, host = each.get("ip"), each.get("hostname")
        if address and address not in stored:
            errors += ip_errors(f"{path}.ip", address)
        if host:
            errors += checks.dns_subdomain(f"{path}.hostname", host)
            if parse_ip(host) is not None:
                text = "must be a DNS name, not an IP address"
                errors.append(invalid(f"{path}.hostname", host, text))
    return errors


_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def ingress_create(obj: JSONObject) -> list[FieldError]:
    """What only creation refuses, beside `ingress`."""
    given = (obj["metadata"].get("annotations") or {}).get(_CLASS_ANNOTATION)
    name = obj["spec"].get("ingressClassName")
    if given is None or name is None or given == name:
        return []
    text = "must match `ingressClassName` when both are specified"
    return [invalid(f"annotations.{_CLASS_ANNOTATION}", given, text)]


def _host(field: str, host: str) -> list[FieldError]:
    if "*" not in host:
        return checks.dns_subdomain(field, host)
    errors = [] if len(host) <= 253 else [invalid(field, host, "must be no more than 253 bytes")]
    return errors if _WILDCARD.fullmatch(host) else [*errors, invalid(field, host, _WILDCARD_TEXT)]


def _http_path(path: str, given: JSONObject) -> list[FieldError]:
    kind, text = given.get("pathType"), given.get("path") or ""
    if kind is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    errors: list[FieldError] = []
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            errors.append(invalid(f"{path}.path", text, "must be an absolute path"))
        errors += [
            invalid(f"{path}.path", text, f"must not contain '{part}'")
            for part in ("//", "/./", "/../", "%2f", "%2F")
            if part in text
        ]
        errors += [
            invalid(f"{path}.path", text, f"cannot end with '{part}'")
            for part in ("/..", "/.")
            if text.endswith(part)
        ]
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            errors.append(invalid(f"{path}.path", text, "must be an absolute path"))
    else:
        errors.append(not_supported(f"{path}.pathType", kind, _PATH_TYPES))
    return errors + _backend(f"{path}.backend", given.get("backend") or {})


def _backend(path: str, backend: JSONObject) -> list[FieldError]:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _reference(f"{path}.resource", resource)
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    errors: list[FieldError] = []
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        errors.append(required(f"{path}.service.name"))
    else:
        errors += checks.dns_label(f"{path}.service.name", name)
    if port.get("name") and port.get("number"):
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif port.get("name"):
        field = f"{path}.service.port.name"
        errors += [
            invalid(field, port["name"], problem) for problem in checks.port_name_problems(port["name"])
        ]
    elif port.get("number"):
        errors += checks.port_number(f"{path}.service.port.number", port["number"])
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


def _reference(path: str, reference: JSONObject) -> list[FieldError]:
    """The kind and name of an object of any kind, in a group that may be left out."""
    errors: list[FieldError] = []
    if reference.get("apiGroup") is not None:
        errors += checks.dns_subdomain(f"{path}.apiGroup", reference["apiGroup"])
    return errors + kind_and_name(path, reference)


def kind_and_name(path: str, reference: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    for key in ("kind", "name"):
        value = reference.get(key) or ""
        field = f"{path}.{key}"
        errors += checks.names(field, value, checks.path_segment) if value else [required(field)]
    return errors


def ingress_class(obj: JSONObject) -> list[FieldError]:
    spec = obj.get("spec") or {}
    controller = spec.get("controller") or ""
    errors: list[FieldError] = []
    if len(controller) > 250:
        errors.append(too_long("spec.controller", "", 250))
    errors += domain_prefixed("spec.controller", controller)
    parameters = spec.get("parameters")
    if parameters is None:
        return errors
    path = "spec.parameters"
    errors += _reference(path, parameters)
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        return [*errors, required(f"{path}.scope")]
    if scope not in ("Cluster", "Namespace"):
        errors.append(not_supported(f"{path}.scope", scope, ("Cluster", "Namespace")))
    elif scope == "Namespace":
        if namespace is None:
            errors.append(required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'"))
        else:
            errors += checks.dns_label(f"{path}.namespace", namespace)
    elif namespace is not None:
        errors.append(forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'"))
    return errors


def ingress_class_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    before, after = (each.get("spec") or {} for each in (old, new))
    given, held = after.get("controller") or "", before.get("controller") or ""
    return [] if given == held else [invalid("spec.controller", given, checks.IMMUTABLE)]


_HTTP_PATH = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+")


def domain_prefixed(field: str, text: str) -> list[FieldError]:
    """A path below a domain, such as `acme.io/foo`."""
    if not text:
        return [required(field)]
    host, _, path = text.partition("/")
    if not host or not path:
        return [invalid(field, text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    errors = checks.dns_subdomain(field, host)
    if not _HTTP_PATH.fullmatch(path):
        text = f"Invalid path (regex used for validation is '{_HTTP_PATH.pattern}')"
        errors.append(invalid(field, path, text))
    return errors
