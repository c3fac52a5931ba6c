"""The status of a ResourceClaim: what was given to it, for whom, and how its devices are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconcile.apiserver.access.attributes import Attributes
from reconcile.apiserver.access.forbidden import forbidden_to
from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, required, too_long, too_many
from reconcile.apiserver.interfaces import RequestContext, User
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import interface_address_errors
from reconcile.apiserver.strategies.basic import StatusStrategy
from reconcile.apiserver.strategies.device_checks import (
    MOST_CONFIGURATIONS,
    binding_parameters,
    configuration,
    driver_name,
    each,
    pool_name,
    raw_object,
    share_id,
)
from reconcile.apiserver.strategies.pod_scheduling import node_selector
from reconcile.apiserver.strategies.resource_claims import (
    RequestNames,
    admin_namespace,
    referring,
    request_names,
    request_reference,
)
from reconcile.apiserver.strategies.shown import shown
from reconcile.objects.names import dns_subdomain_problems

JSONObject = dict[str, Any]

_MOST_RESERVED = 256
_MOST_RESULTS = 32
_MOST_CONDITIONS = 8
_MOST_ADDRESSES = 16
_LONGEST_DATA = 10 * 1024
_SOURCES = ("FromClaim", "FromClass")
_KEYS = ("driver", "pool", "device", "shareID")
"""Parts of an allocation that may be there and empty, which is not the same as not there."""
_NODE_OF_TOKEN = "authentication.kubernetes.io/node-name"


class ClaimStatusStrategy(StatusStrategy):
    """`resourceclaims/status`."""

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        super().prepare_for_update(new, old, context)
        meta, before = new["metadata"], old["metadata"]
        for key in ("deletionGracePeriodSeconds", "labels", "annotations", "finalizers", "ownerReferences"):
            # Nothing but the status is written here, unlike in the status of older kinds.
            if key in before:
                meta[key] = before[key]
            else:
                meta.pop(key, None)
        status = new.get("status") or {}
        freed = _given(old.get("status") or {}) - _given(status)
        if status.get("devices") is not None:
            kept = [device for device in status["devices"] if _device_of(device) not in freed]
            status["devices"] = kept
            if not kept:
                del status["devices"]

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        status, before = new.get("status") or {}, old.get("status") or {}
        errors = _admin_access(context, status, before)
        errors += _may_bind(context, status, before)
        if status.get("allocation") is not None:
            errors += _may_write_devices(context, status, before)
        names = request_names((new.get("spec") or {}).get("devices") or {})
        deleted = bool(new["metadata"].get("deletionTimestamp"))
        return errors + _status(status, before, names, deleted=deleted)


def _results(status: JSONObject) -> list[JSONObject]:
    return ((status.get("allocation") or {}).get("devices") or {}).get("results") or []


def _device_of(value: JSONObject) -> str:
    """A device by driver, pool, name and share."""
    return "\0".join(_shown_device(value).values())


def _shown_device(value: JSONObject) -> dict[str, str]:
    return {f"{key[:1].upper()}{key[1:]}": value.get(key) or "" for key in _KEYS}


def _given(status: JSONObject) -> set[str]:
    return {_device_of(each) for each in _results(status)}


# Who may write what


def _admin_access(context: RequestContext, status: JSONObject, before: JSONObject) -> list[FieldError]:
    if any(result.get("adminAccess") for result in _results(before)):
        return []
    for index, result in enumerate(_results(status)):
        if result.get("adminAccess"):
            field = f"status.allocation.devices.results[{index}].adminAccess"
            return admin_namespace(context, field)
    return []


def _may_bind(context: RequestContext, status: JSONObject, before: JSONObject) -> list[FieldError]:
    """A scheduler gives devices away: who does needs `resourceclaims/binding` in the whole cluster."""
    if all(checks.same(status.get(key), before.get(key)) for key in ("allocation", "reservedFor")):
        return []
    wanted = _asked(context, context.verb, "binding")
    refused = _refusal(context, wanted)
    if not refused:
        return []
    text = (
        'changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", '
        f'verb="{context.verb}" permission: {refused}'
    )
    return [forbidden("status.allocation", text)]


def _may_write_devices(context: RequestContext, status: JSONObject, before: JSONObject) -> list[FieldError]:
    """A driver says how its devices are: who does needs `resourceclaims/driver` of that name."""
    verbs = [f"arbitrary-node:{context.verb}"]
    if _runs_on(context.user, _node_of(status.get("allocation") or {})):
        verbs.insert(0, f"associated-node:{context.verb}")
    errors: list[FieldError] = []
    for driver in sorted(_written_drivers(status, before)):
        refusals = [
            _refusal(context, _asked(context, verb, "driver", context.namespace, driver)) for verb in verbs
        ]
        if all(refusals):
            text = (
                'changing status.devices requires resource="resourceclaims/driver", '
                f'verb="[{" ".join(verbs)}]" permission: {refusals[0]}'
            )
            errors.append(forbidden("status.devices", text))
    return errors


def _asked(
    context: RequestContext, verb: str, subresource: str, namespace: str = "", name: str = ""
) -> Attributes:
    kind = context.resource.type
    return Attributes(context.user, verb, kind.plural, kind.group, kind.version, subresource, namespace, name)


def _refusal(context: RequestContext, wanted: Attributes) -> str:
    """Why it may not be done; empty where it may."""
    if context.authorizer is None:
        return ""
    decision = context.authorizer.authorize(wanted)
    return "" if decision.allowed else forbidden_to(wanted, decision.reason).message


def _written_drivers(status: JSONObject, before: JSONObject) -> set[str]:
    held = {_device_of(device): device for device in before.get("devices") or ()}
    written: set[str] = set()
    for device in status.get("devices") or ():
        known = held.pop(_device_of(device), None)
        if known is None or not checks.same(known, device):
            written.add(device.get("driver") or "")
    return written | {device.get("driver") or "" for device in held.values()}


def _node_of(allocation: JSONObject) -> str:
    """The one node by name that an allocation is for; empty where it is for others too."""
    terms: Sequence[JSONObject] = (allocation.get("nodeSelector") or {}).get("nodeSelectorTerms") or ()
    if len(terms) != 1 or terms[0].get("matchExpressions") or len(terms[0].get("matchFields") or ()) != 1:
        return ""
    field = terms[0]["matchFields"][0]
    values = field.get("values") or []
    named = field.get("key") == "metadata.name" and field.get("operator") == "In" and len(values) == 1
    return values[0] if named else ""


def _runs_on(user: User, node: str) -> bool:
    """Whether it is a service account whose token was given to a pod on the node."""
    nodes = user.extra.get(_NODE_OF_TOKEN) or ()
    account = user.name.startswith("system:serviceaccount:") and user.name.count(":") == 3
    return bool(node) and account and list(nodes) == [node] and not dns_subdomain_problems(node)


# What may be written


def _status(
    status: JSONObject, before: JSONObject, names: RequestNames, *, deleted: bool
) -> list[FieldError]:
    reserved: list[JSONObject] = status.get("reservedFor") or []
    errors = each(
        "status.reservedFor", reserved, _MOST_RESERVED, _consumer, lambda consumer: consumer.get("uid") or ""
    )
    given = _given(status)
    errors += each(
        "status.devices",
        status.get("devices"),
        -1,
        lambda path, device: _device(path, device, given),
        _device_of,
        _shown_device,
    )
    allocation, held = status.get("allocation"), before.get("allocation")
    if reserved and allocation is None:
        text = "may not be specified when `allocated` is not set"
        errors.append(forbidden("status.reservedFor", text))
    elif reserved and deleted and _added(reserved, before.get("reservedFor") or []):
        text = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        errors.append(forbidden("status.reservedFor", text))
    if allocation is None:
        return errors
    if held is None:
        return errors + _allocation(allocation, names)
    if not checks.same(allocation, held):
        value = shown("resource.v1.AllocationResult", allocation)
        errors.append(invalid("status.allocation", value, checks.IMMUTABLE))
    return errors


def _added(new: list[JSONObject], old: list[JSONObject]) -> bool:
    return any(not any(checks.same(one, other) for other in old) for one in new)


def _consumer(path: str, consumer: JSONObject) -> list[FieldError]:
    return [required(f"{path}.{key}") for key in ("resource", "name", "uid") if not consumer.get(key)]


def _allocation(allocation: JSONObject, names: RequestNames) -> list[FieldError]:
    devices: JSONObject = allocation.get("devices") or {}
    path = "status.allocation"
    errors = each(
        f"{path}.devices.results",
        devices.get("results"),
        _MOST_RESULTS,
        lambda where, result: _result(where, result, names),
    )
    errors += each(
        f"{path}.devices.config",
        devices.get("config"),
        2 * MOST_CONFIGURATIONS,
        lambda where, config: _configuration(where, config, names),
    )
    if allocation.get("nodeSelector") is not None:
        errors += node_selector(f"{path}.nodeSelector", allocation["nodeSelector"])
    return errors


def _result(path: str, result: JSONObject, names: RequestNames) -> list[FieldError]:
    errors = request_reference(f"{path}.request", result.get("request") or "", names)
    errors += _names(path, result)
    errors += binding_parameters(path, result)
    if result.get("shareID") is not None:
        errors += share_id(f"{path}.shareID", result["shareID"])
    return errors


def _names(path: str, device: JSONObject) -> list[FieldError]:
    errors = driver_name(f"{path}.driver", device.get("driver") or "")
    errors += pool_name(f"{path}.pool", device.get("pool") or "")
    return errors + checks.dns_label(f"{path}.device", device.get("device") or "")


def _configuration(path: str, config: JSONObject, names: RequestNames) -> list[FieldError]:
    errors = checks.one_of(config, path, "source", _SOURCES)
    return errors + referring(path, config, names) + configuration(path, config)


def _device(path: str, device: JSONObject, given: set[str]) -> list[FieldError]:
    errors = _names(path, device)
    if device.get("shareID") is not None:
        errors += share_id(f"{path}.shareID", device["shareID"])
    if _device_of(device) not in given:
        errors.append(invalid(path, _shown_device(device), "must be an allocated device in the claim"))
    conditions: list[JSONObject] = device.get("conditions") or []
    if len(conditions) > _MOST_CONDITIONS:
        errors.append(too_many(f"{path}.conditions", len(conditions), _MOST_CONDITIONS))
    errors += checks.conditions(f"{path}.conditions", conditions)
    if device.get("data") is not None:
        errors += raw_object(f"{path}.data", device["data"], _LONGEST_DATA)
    network = device.get("networkData")
    return errors if network is None else errors + _network(f"{path}.networkData", network)


def _network(path: str, network: JSONObject) -> list[FieldError]:
    errors = [
        too_long(f"{path}.{key}", "", most)
        for key, most in (("interfaceName", 256), ("hardwareAddress", 128))
        if len((network.get(key) or "").encode()) > most
    ]
    return errors + each(
        f"{path}.ips", network.get("ips"), _MOST_ADDRESSES, interface_address_errors, lambda address: address
    )
