"""Services: cluster addresses and node ports, allocated from what no other service has."""

from __future__ import annotations

import ipaddress
from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.status import internal_error
from reconcile.apiserver.status import invalid as invalid_status
from reconcile.apiserver.strategies.basic import keep
from reconcile.apiserver.strategies.service_checks import (
    drop_by_type,
    service_errors,
    service_warnings,
    update_errors,
)
from reconcile.apiserver.strategies.service_families import settle_families

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
                if spec.get(key) is None:
                    keep(spec, before, key)
        drop_by_type(spec, before)
        self._keep_node_ports(spec, before)
        if spec.get("clusterIP") != before.get("clusterIP") and spec.get("clusterIPs") == before.get(
            "clusterIPs"
        ):
            # A client that knows only the older spelling of the address.
            spec["clusterIPs"] = [spec["clusterIP"]] if spec.get("clusterIP") else []
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
        return service_errors(obj, None)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        settle_families(new["metadata"].get("name", ""), new["spec"], old["spec"])
        return update_errors(new, old) + service_errors(new, old)

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        return service_warnings(new)

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
