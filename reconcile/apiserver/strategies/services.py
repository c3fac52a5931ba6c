"""Services: cluster addresses and node ports, allocated from what no other service has."""

from __future__ import annotations

import ipaddress
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
)
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.status import internal_error
from reconcile.apiserver.status import invalid as invalid_status
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import cidr_errors, ip_errors
from reconcile.apiserver.strategies.basic import keep
from reconcile.apiserver.strategies.service_families import settle_families
from reconcile.objects.names import dns_label_problems

JSONObject = dict[str, Any]

CLUSTER_RANGE = ipaddress.IPv4Network("10.0.0.0/24")
NODE_PORTS = range(30000, 32768)
_WITH_ADDRESS = ("ClusterIP", "NodePort", "LoadBalancer")
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


def _wants_address(spec: JSONObject) -> bool:
    return spec.get("type", "ClusterIP") in _WITH_ADDRESS and spec.get("clusterIP") != "None"


class ServiceStrategy(Strategy):
    """IPv4 single stack, as a server with one service range. Addresses are drawn by the runtime's dice."""

    name_rule = "label"
    selectable = ("spec.clusterIP", "spec.type")

    def field_values(self, obj: JSONObject) -> dict[str, str]:
        spec = obj.get("spec") or {}
        return {"spec.clusterIP": spec.get("clusterIP") or "", "spec.type": spec.get("type") or ""}

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        obj["status"] = {"loadBalancer": {}}
        self._align_addresses(obj["spec"])

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "status")
        spec, before = new["spec"], old["spec"]
        # What an update leaves out and the server once gave stays.
        if spec.get("type") in _WITH_ADDRESS and before.get("type") in _WITH_ADDRESS:
            if not spec.get("clusterIP") and not spec.get("clusterIPs"):
                keep(spec, before, "clusterIP")
                keep(spec, before, "clusterIPs")
            for key in ("ipFamilies", "ipFamilyPolicy"):
                if not spec.get(key):
                    keep(spec, before, key)
        elif spec.get("type") == "ExternalName":
            for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
                if checks.same(spec.get(key), before.get(key)):
                    spec.pop(key, None)
        self._keep_node_ports(spec, before)
        # A client may change the one or the other spelling of the address.
        if spec.get("clusterIP") != before.get("clusterIP") and spec.get("clusterIPs") == before.get(
            "clusterIPs"
        ):
            spec["clusterIPs"] = [spec["clusterIP"]] if spec.get("clusterIP") else []
        elif (
            spec.get("clusterIPs")
            and spec["clusterIPs"] != before.get("clusterIPs")
            and spec.get("clusterIP") == before.get("clusterIP")
        ):
            spec["clusterIP"] = spec["clusterIPs"][0]
        self._align_addresses(spec)

    @staticmethod
    def _align_addresses(spec: JSONObject) -> None:
        if spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]

    @staticmethod
    def _keep_node_ports(spec: JSONObject, before: JSONObject) -> None:
        if spec.get("type") in _WITH_NODE_PORTS and before.get("type") in _WITH_NODE_PORTS:
            known = {(p.get("port"), p.get("protocol")): p.get("nodePort") for p in before.get("ports") or ()}
            for port in spec.get("ports") or ():
                old_port = known.get((port.get("port"), port.get("protocol")))
                if not port.get("nodePort") and old_port:
                    port["nodePort"] = old_port
        elif spec.get("type") not in _WITH_NODE_PORTS:
            known_ports = {p.get("nodePort") for p in before.get("ports") or ()}
            for port in spec.get("ports") or ():
                if port.get("nodePort") in known_ports:
                    port.pop("nodePort", None)

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        settle_families(obj["metadata"].get("name", ""), obj["spec"], None)
        return service_errors(obj["spec"])

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        spec, before = new["spec"], old["spec"]
        settle_families(new["metadata"].get("name", ""), spec, before)
        errors = service_errors(spec)
        fixed = spec.get("type") != "ExternalName" and before.get("type") != "ExternalName"
        if fixed and before.get("clusterIP") and spec.get("clusterIP") != before["clusterIP"]:
            errors.append(invalid("spec.clusterIPs[0]", spec.get("clusterIPs"), "may not change once set"))
        return errors

    def before_commit(self, new: JSONObject | None, old: JSONObject | None, context: RequestContext) -> None:
        if new is None:
            return
        spec = new["spec"]
        name = new["metadata"].get("name", "")
        others = [
            service["spec"]
            for service in context.access.read_all("services")
            if (service["metadata"].get("namespace"), service["metadata"]["name"])
            != (new["metadata"].get("namespace"), name)
        ]
        if _wants_address(spec):
            taken = {other.get("clusterIP") for other in others}
            self._address(spec, taken, name, context)
        if spec.get("type") == "NodePort" or (
            spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
        ):
            self._node_ports(spec, others, name, context)

    @staticmethod
    def _address(spec: JSONObject, taken: set[str | None], name: str, context: RequestContext) -> None:
        wanted = spec.get("clusterIP")
        if wanted:
            if wanted in taken:
                text = f"failed to allocate IP {wanted}: provided IP is already allocated"
                error = invalid("spec.clusterIPs", spec["clusterIPs"], text)
                raise invalid_status("", "Service", name, [error])
            if ipaddress.ip_address(wanted) not in CLUSTER_RANGE:
                text = (
                    f"failed to allocate IP {wanted}: the provided network does not match the current range. "
                    f"The provided IP ({wanted}) is not in the valid range. "
                    f"The range of valid IPs is {CLUSTER_RANGE}"
                )
                raise invalid_status(
                    "", "Service", name, [invalid("spec.clusterIPs", spec["clusterIPs"], text)]
                )
            return
        size = CLUSTER_RANGE.num_addresses
        start = context.access.runtime.random.randrange(1, size - 1)
        for step in range(size - 2):
            address = str(CLUSTER_RANGE[1 + (start - 1 + step) % (size - 2)])
            # The first one is that of the service `kubernetes`.
            if address not in taken and address != str(CLUSTER_RANGE[1]):
                spec["clusterIP"] = address
                spec["clusterIPs"] = [address]
                return
        raise internal_error("failed to allocate a serviceIP: range is full")

    @staticmethod
    def _node_ports(spec: JSONObject, others: list[JSONObject], name: str, context: RequestContext) -> None:
        taken = {port.get("nodePort") for other in others for port in other.get("ports") or ()}
        mine: set[int] = set()
        for index, port in enumerate(spec.get("ports") or ()):
            wanted = port.get("nodePort")
            field = f"spec.ports[{index}].nodePort"
            if wanted:
                if wanted not in NODE_PORTS:
                    text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
                    raise invalid_status("", "Service", name, [invalid(field, wanted, text)])
                if wanted in taken:
                    text = "provided port is already allocated"
                    raise invalid_status("", "Service", name, [invalid(field, wanted, text)])
                mine.add(wanted)
        for port in spec.get("ports") or ():
            if port.get("nodePort"):
                continue
            start = context.access.runtime.random.randrange(len(NODE_PORTS))
            for step in range(len(NODE_PORTS)):
                candidate = NODE_PORTS[(start + step) % len(NODE_PORTS)]
                if candidate not in taken and candidate not in mine:
                    port["nodePort"] = candidate
                    mine.add(candidate)
                    break
            else:
                raise internal_error("failed to allocate a nodePort: range is full")


def service_errors(spec: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    kind = spec.get("type")
    ports: list[JSONObject] = spec.get("ports") or []
    headless = spec.get("clusterIP") == "None"
    if not ports and not headless and kind != "ExternalName":
        errors.append(required("spec.ports"))
    if kind == "LoadBalancer" and headless:
        errors.append(
            invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services")
        )
    if kind == "NodePort" and headless:
        errors.append(invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for NodePort services"))
    if kind == "ExternalName":
        if spec.get("clusterIP") or spec.get("clusterIPs"):
            text = "may not be set when `type` is 'ExternalName'"
            errors.append(forbidden("spec.clusterIPs", text))
        name = (spec.get("externalName") or "").rstrip(".")
        errors += checks.dns_subdomain("spec.externalName", name) if name else [required("spec.externalName")]
    names: set[str] = set()
    for index, port in enumerate(ports):
        errors += _port_errors(f"spec.ports[{index}]", port, len(ports) > 1, names)
    errors += checks.labels("spec.selector", spec.get("selector"))
    errors += checks.one_of(spec, "spec", "type", ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"))
    errors += checks.one_of(spec, "spec", "sessionAffinity", ("ClientIP", "None"))
    seen: dict[tuple[Any, Any], int] = {}
    for index, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            shown = {
                "Name": "",
                "Protocol": key[0],
                "AppProtocol": None,
                "Port": key[1],
                "TargetPort": 0,
                "NodePort": 0,
            }
            errors.append(duplicate(f"spec.ports[{index}]", shown))
        seen[key] = index
        if kind in ("ClusterIP", "ExternalName") and port.get("nodePort"):
            text = "may not be used when `type` is 'ClusterIP'"
            errors.append(forbidden(f"spec.ports[{index}].nodePort", text))
    if kind in ("NodePort", "LoadBalancer"):
        errors += checks.one_of(spec, "spec", "externalTrafficPolicy", ("Cluster", "Local"), need=False)
    elif spec.get("externalTrafficPolicy") and not spec.get("externalIPs"):
        text = "may only be set for externally-accessible services"
        errors.append(invalid("spec.externalTrafficPolicy", spec["externalTrafficPolicy"], text))
    policy = spec.get("internalTrafficPolicy")
    if policy is not None and policy not in ("Cluster", "Local"):
        errors.append(not_supported("spec.internalTrafficPolicy", policy, ("Cluster", "Local")))
    return errors + _external(spec) + _balancer(spec)


def service_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    """Addresses of a load balancer are for services that have one."""
    given = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    field = "status.loadBalancer.ingress"
    if given and new["spec"].get("type") != "LoadBalancer":
        return [forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")]
    errors: list[FieldError] = []
    for index, each in enumerate(given):
        if each.get("ip"):
            errors += ip_errors(f"{field}[{index}].ip", each["ip"])
        if each.get("hostname"):
            errors += checks.dns_subdomain(f"{field}[{index}].hostname", each["hostname"])
    return errors


_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")


def _external(spec: JSONObject) -> list[FieldError]:
    """Addresses from outside, client affinity, and how traffic is spread."""
    errors: list[FieldError] = []
    for index, address in enumerate(spec.get("externalIPs") or ()):
        errors += ip_errors(f"spec.externalIPs[{index}]", address)
    seconds = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    if spec.get("sessionAffinity") == "ClientIP" and seconds is not None and not 0 < seconds <= 86400:
        field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        errors.append(invalid(field, seconds, "must be greater than 0 and less than 86400"))
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        errors.append(not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS))
    return errors


def _balancer(spec: JSONObject) -> list[FieldError]:
    """What is for load balancers alone."""
    errors: list[FieldError] = []
    balanced = spec.get("type") == "LoadBalancer"
    text = "may only be used when `type` is 'LoadBalancer'"
    ranges: list[str] = spec.get("loadBalancerSourceRanges") or []
    if ranges and not balanced:
        errors.append(forbidden("spec.LoadBalancerSourceRanges", text))
    for index, each in enumerate(ranges if balanced else ()):
        errors += cidr_errors(f"spec.LoadBalancerSourceRanges[{index}]", each.strip())
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        errors.append(forbidden("spec.allocateLoadBalancerNodePorts", text))
    name = spec.get("loadBalancerClass")
    if name is not None and not balanced:
        errors.append(forbidden("spec.loadBalancerClass", text))
    elif name is not None:
        errors += checks.names("spec.loadBalancerClass", name, checks.qualified_name_problems)
    port = spec.get("healthCheckNodePort")
    if port and not (balanced and spec.get("externalTrafficPolicy") == "Local"):
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid("spec.healthCheckNodePort", port, text))
    return errors


def _port_errors(path: str, port: JSONObject, named: bool, names: set[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    name = port.get("name", "")
    if named and not name:
        errors.append(required(f"{path}.name"))
    elif name:
        problems = dns_label_problems(name)
        errors += [invalid(f"{path}.name", name, problem) for problem in problems]
        if name in names:
            errors.append(duplicate(f"{path}.name", name))
        names.add(name)
    errors += checks.port_number(f"{path}.port", port.get("port") or 0)
    errors += checks.one_of(port, path, "protocol", ("SCTP", "TCP", "UDP"))
    errors += checks.port_number_or_name(f"{path}.targetPort", port.get("targetPort", 0))
    if port.get("appProtocol") is not None:
        field = f"{path}.appProtocol"
        errors += checks.names(field, port["appProtocol"], checks.qualified_name_problems)
    return errors
