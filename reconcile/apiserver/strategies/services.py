"""Services: what an update leaves open stays, what the new type cannot have goes; allocation and checks."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.strategies.addresses import Address, parse_ip
from reconcile.apiserver.strategies.basic import keep
from reconcile.apiserver.strategies.cluster_addresses import ADDRESSES, Draw, Pool, families, take
from reconcile.apiserver.strategies.service_allocation import allocate, health_checked
from reconcile.apiserver.strategies.service_checks import (
    drop_by_type,
    service_errors,
    service_warnings,
    update_errors,
)
from reconcile.apiserver.strategies.service_families import loose_errors, settle_families
from reconcile.objects.json_copy import copy_json

JSONObject = dict[str, Any]


class ServiceStrategy(Strategy):
    """Addresses and ports are drawn by the runtime's dice, and given back when the service goes."""

    releases = True
    name_rule = "label"
    selectable = ("spec.clusterIP", "spec.type")

    def field_values(self, obj: JSONObject) -> dict[str, str]:
        spec = obj.get("spec") or {}
        return {"spec.clusterIP": spec.get("clusterIP") or "", "spec.type": spec.get("type") or ""}

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        obj["status"] = {"loadBalancer": {}}
        spec = obj["spec"]
        # What is made through its status has no addresses given out, and is refused with all else.
        given_out = context.subresource != "status"
        if given_out and spec.get("clusterIP") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        if given_out or not loose_errors(spec):
            _settle(obj, None, context)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "status")
        spec, before = new["spec"], old["spec"]
        _keep_allocated(spec, before)
        _align_addresses(spec, before)
        _settle(new, old, context)
        drop_by_type(spec, before)
        if spec.get("type") != "LoadBalancer":
            new["status"] = {**(new.get("status") or {}), "loadBalancer": {}}

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        errors = service_errors(obj, None)
        return errors + loose_errors(obj["spec"]) if context.subresource == "status" else errors

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return update_errors(new, old) + service_errors(new, old)

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        return service_warnings(new)

    def before_commit(self, new: JSONObject | None, old: JSONObject | None, context: RequestContext) -> None:
        if new is not None and context.subresource != "status":
            given = _allocate(new, new["spec"], old, context, context.access.runtime.random.randrange)
            if not context.dry_run:
                for address in given:
                    take(str(parse_ip(address)), new, context)

    async def after_commit(
        self, new: JSONObject | None, old: JSONObject | None, context: RequestContext
    ) -> None:
        kept: set[Address] = set() if new is None else _given(new["spec"])
        for address in () if old is None else sorted(_given(old["spec"]) - kept, key=str):
            await _gone(ADDRESSES, "", str(address), context)
        if new is None and old is not None:
            # So that a service of the same name does not begin with the old one's.
            meta = old["metadata"]
            await _gone("endpoints", meta.get("namespace") or "", meta["name"], context)


def _settle(new: JSONObject, old: JSONObject | None, context: RequestContext) -> None:
    """What is refused before anything else is looked at: families, and values that cannot be had."""
    spec = new["spec"]
    configured = families(context.access)
    settle_families(new["metadata"].get("name", ""), spec, old and old["spec"], configured)
    _allocate(new, copy_json(spec), old, context, lambda below: 0)


def _allocate(
    new: JSONObject, spec: JSONObject, old: JSONObject | None, context: RequestContext, draw: Draw
) -> list[str]:
    meta = new["metadata"]
    own = (meta.get("namespace"), meta.get("name"))

    def others() -> list[JSONObject]:
        return [
            service["spec"]
            for service in context.access.read_all("services")
            if (service["metadata"].get("namespace"), service["metadata"]["name"]) != own
        ]

    def pool() -> Pool:
        return Pool(meta.get("name", ""), context.access, draw, dry_run=context.dry_run)

    before = old and old["spec"]
    return allocate(meta.get("name", ""), spec, before, others, pool, draw, dry_run=context.dry_run)


def _given(spec: JSONObject) -> set[Address]:
    """The addresses that a service has from the server."""
    if spec.get("type") == "ExternalName":
        return set()
    return {each for each in map(parse_ip, spec.get("clusterIPs") or ()) if each is not None}


async def _gone(group_resource: str, namespace: str, name: str, context: RequestContext) -> None:
    try:
        await context.access.delete(group_resource, namespace, name)
    except StatusError as error:
        if error.reason != "NotFound":
            raise


def _keep_allocated(spec: JSONObject, before: JSONObject) -> None:
    """What an update leaves out and the server once gave stays."""
    if spec.get("type") != "ExternalName" and before.get("type") != "ExternalName":
        for key in ("clusterIP", "clusterIPs"):
            if not spec.get(key):
                keep(spec, before, key)
    if _has_node_ports(spec) and _has_node_ports(before):
        given: list[JSONObject] = spec.get("ports") or []
        held: list[JSONObject] = before.get("ports") or []
        used = {port.get("nodePort") or 0 for port in held} & {port.get("nodePort") or 0 for port in given}
        by_name = {port.get("name") or "": port.get("nodePort") or 0 for port in held}
        for port in given:
            known = by_name.get(port.get("name") or "", 0)
            if known and not port.get("nodePort") and known not in used - {0}:
                port["nodePort"] = known
    if health_checked(spec) and health_checked(before) and not spec.get("healthCheckNodePort"):
        keep(spec, before, "healthCheckNodePort")


def _has_node_ports(spec: JSONObject) -> bool:
    return spec.get("type") == "NodePort" or (
        spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False
    )


def _align_addresses(spec: JSONObject, before: JSONObject) -> None:
    """Clients that know only the older, single spelling of the address change, or empty, both."""
    address, held = spec.get("clusterIP") or "", before.get("clusterIP") or ""
    addresses, several = spec.get("clusterIPs") or [], before.get("clusterIPs") or []
    if several and not addresses and address == held:
        spec["clusterIPs"] = addresses = several
    if address == held or addresses != several:
        return
    if held and not address:
        spec.pop("clusterIPs", None)
    else:
        spec["clusterIPs"] = [address] if address else []
