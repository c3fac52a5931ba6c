"""ResourceClaim and ResourceClaimTemplate: what may be asked for, in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, internal, invalid, not_supported, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.device_checks import (
    MOST_CONFIGURATIONS,
    MOST_REQUESTS,
    configuration,
    device_toleration,
    each,
    fully_qualified_name,
    selectors,
)
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]
RequestNames = dict[str, frozenset[str]]
"""The requests of a claim, each with its alternatives."""

ADMIN_LABEL = "resource.kubernetes.io/admin-access"
_MOST_CONSTRAINTS = 32
_MOST_ALTERNATIVES = 8
_MODES = ("All", "ExactCount")
"""Parts of a claim's spec that may be there and empty, which is not the same as not there."""
_NO_SUCH_REQUEST = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)


class ClaimStrategy(KindStrategy):
    """Claims: their devices are asked for once and for all."""

    def __init__(self) -> None:
        super().__init__(status=True)

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        devices = _devices(obj.get("spec"))
        return admin_access(context, devices) + device_claim("spec.devices", devices)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return _spec_stays("resource.v1.ResourceClaimSpec", new, old)


class ClaimTemplateStrategy(KindStrategy):
    """Templates of claims. Their spec is looked at on updates too, though it stays what it was."""

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        return admin_access(context, _devices(_inner(obj))) + self._template(obj)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return self._template(new) + _spec_stays("resource.v1.ResourceClaimTemplateSpec", new, old)

    def _template(self, obj: JSONObject) -> list[FieldError]:
        meta: JSONObject = (obj.get("spec") or {}).get("metadata") or {}
        errors = checks.template_metadata("spec.metadata", meta)
        return errors + device_claim("spec.spec.devices", _devices(_inner(obj)))


def _inner(obj: JSONObject) -> JSONObject:
    return (obj.get("spec") or {}).get("spec") or {}


def _devices(spec: JSONObject | None) -> JSONObject:
    return (spec or {}).get("devices") or {}


def _spec_stays(type_name: str, new: JSONObject, old: JSONObject) -> list[FieldError]:
    spec = new.get("spec") or {}
    if checks.same(spec, old.get("spec") or {}):
        return []
    return [invalid("spec", shown(type_name, spec), checks.IMMUTABLE)]


def admin_access(context: RequestContext, devices: JSONObject) -> list[FieldError]:
    """Access to devices in use is asked for in namespaces alone that are labelled for it."""
    for index, request in enumerate(devices.get("requests") or ()):
        if (request.get("exactly") or {}).get("adminAccess"):
            return admin_namespace(context, f"spec.devices.requests[{index}].adminAccess")
    return []


def admin_namespace(context: RequestContext, field: str) -> list[FieldError]:
    namespace = context.access.read("namespaces", "", context.namespace)
    if namespace is None:
        missing = f'namespaces "{context.namespace}" not found'
        return [internal(field, f"could not retrieve namespace to verify admin access: {missing}")]
    if (namespace["metadata"].get("labels") or {}).get(ADMIN_LABEL) == "true":
        return []
    text = f"admin access to devices requires the `{ADMIN_LABEL}: true` label on the containing namespace"
    return [forbidden(field, text)]


def request_names(devices: JSONObject) -> RequestNames:
    """The names by which a claim's requests are referred to."""
    return {
        request.get("name") or "": frozenset(
            inner.get("name") or "" for inner in request.get("firstAvailable") or ()
        )
        for request in devices.get("requests") or ()
    }


def device_claim(path: str, devices: JSONObject) -> list[FieldError]:
    """What is wrong with the devices that a claim asks for."""
    names = request_names(devices)
    errors = each(f"{path}.requests", devices.get("requests"), MOST_REQUESTS, _request, _name)
    errors += each(
        f"{path}.constraints",
        devices.get("constraints"),
        _MOST_CONSTRAINTS,
        lambda where, constraint: _constraint(where, constraint, names),
    )
    return errors + each(
        f"{path}.config",
        devices.get("config"),
        MOST_CONFIGURATIONS,
        lambda where, config: referring(where, config, names) + configuration(where, config),
    )


def _name(value: JSONObject) -> str:
    return value.get("name") or ""


def _request(path: str, request: JSONObject) -> list[FieldError]:
    errors = checks.dns_label(f"{path}.name", _name(request))
    exactly, alternatives = request.get("exactly"), request.get("firstAvailable") or []
    one = "exactly one of `exactly` or `firstAvailable` is required"
    if exactly is None and not alternatives:
        errors.append(required(path, one))
    elif exactly is not None and alternatives:
        errors.append(invalid(path, None, f"{one}, but multiple fields are set"))
    elif exactly is not None:
        errors += _wanted(f"{path}.exactly", exactly)
    else:
        errors += each(f"{path}.firstAvailable", alternatives, _MOST_ALTERNATIVES, _alternative, _name)
    return errors


def _alternative(path: str, request: JSONObject) -> list[FieldError]:
    return checks.dns_label(f"{path}.name", _name(request)) + _wanted(path, request)


def _wanted(path: str, request: JSONObject) -> list[FieldError]:
    """Which devices, and how many."""
    name, field = request.get("deviceClassName") or "", f"{path}.deviceClassName"
    errors = checks.dns_subdomain(field, name) if name else [required(field)]
    errors += selectors(f"{path}.selectors", request.get("selectors"))
    mode, count = request.get("allocationMode") or "", request.get("count") or 0
    if mode == "All":
        if count:
            text = "must not be specified when allocationMode is 'All'"
            errors.append(invalid(f"{path}.count", count, text))
    elif mode == "ExactCount":
        if count <= 0:
            errors.append(invalid(f"{path}.count", count, "must be greater than zero"))
    else:
        errors.append(not_supported(f"{path}.allocationMode", mode, _MODES))
    return errors + each(f"{path}.tolerations", request.get("tolerations"), -1, device_toleration)


def _constraint(path: str, constraint: JSONObject, names: RequestNames) -> list[FieldError]:
    errors = referring(path, constraint, names)
    for key in ("matchAttribute", "distinctAttribute"):
        if constraint.get(key) is not None:
            return errors + fully_qualified_name(f"{path}.{key}", constraint[key])
    text = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
    return [*errors, required(path, text)]


def referring(path: str, value: JSONObject, names: RequestNames) -> list[FieldError]:
    """The requests of a claim that something is about."""
    return each(
        f"{path}.requests",
        value.get("requests"),
        MOST_REQUESTS,
        lambda field, name: request_reference(field, name, names),
        lambda name: name,
    )


def request_reference(field: str, name: str, names: RequestNames) -> list[FieldError]:
    parts = name.split("/")
    if len(parts) > 2:
        return [invalid(field, name, _NO_SUCH_REQUEST)]
    errors = [error for part in parts for error in checks.dns_label(field, part)]
    if parts[0] not in names or (len(parts) == 2 and parts[1] not in names[parts[0]]):
        errors.append(invalid(field, name, _NO_SUCH_REQUEST))
    return errors
