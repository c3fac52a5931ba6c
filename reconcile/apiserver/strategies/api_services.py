"""API services: what is wrong with them, in upstream's words and order.

The rules are those of kube-aggregator's `pkg/apis/apiregistration/validation`.
"""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, go_quote, invalid, not_supported, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.objects.names import dns_1035_label_problems

JSONObject = dict[str, Any]


class APIServiceStrategy(KindStrategy):
    """What this server serves itself is available from the beginning."""

    def __init__(self) -> None:
        super().__init__(status=True, validate=api_service, name_problems=any_name)

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        obj["status"] = {}
        if (obj.get("spec") or {}).get("service") is None:
            obj["status"] = {"conditions": [local_condition(context.timestamp)]}


def local_condition(now: str) -> JSONObject:
    """What is said of an API service that this server serves itself."""
    return {
        "type": "Available",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "Local",
        "message": "Local APIServices are always available",
    }


def api_service(obj: JSONObject) -> list[FieldError]:
    spec: JSONObject = obj.get("spec") or {}
    group, version = spec.get("group") or "", spec.get("version") or ""
    wanted, meta = f"{version}.{group}", obj["metadata"]
    errors = _name("generateName", meta.get("generateName") or "", wanted)
    errors += _name("name", meta.get("name") or "", wanted)
    if not group and version != "v1":
        text = "only v1 may have an empty group and it better be legacy kube"
        errors.append(required("spec.group", text))
    if group:
        errors += checks.dns_subdomain("spec.group", group)
    errors += checks.names("spec.version", version, dns_1035_label_problems)
    for key, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        value = spec.get(key) or 0
        if not 0 < value <= limit:
            errors.append(invalid(f"spec.{key}", value, f"must be positive and less than {limit}"))
    service, insecure = spec.get("service"), spec.get("insecureSkipTLSVerify") or False
    bundle = spec.get("caBundle")
    if service is None:
        if bundle:
            text = f"{checks.decoded_length(bundle)} bytes"
            errors.append(invalid("spec.caBundle", text, "local APIServices may not have a caBundle"))
        if insecure:
            text = "local APIServices may not have insecureSkipTLSVerify"
            errors.append(invalid("spec.insecureSkipTLSVerify", True, text))
        return errors
    errors += [required(f"spec.service.{key}") for key in ("namespace", "name") if not service.get(key)]
    port = service.get("port") or 0
    if not 1 <= port <= 65535:
        errors.append(invalid("spec.service.port", port, f"port is not valid: {checks.PORT_RANGE}"))
    if insecure and bundle:
        text = "may not be true if caBundle is present"
        errors.append(invalid("spec.insecureSkipTLSVerify", True, text))
    return errors


def _name(key: str, name: str, wanted: str) -> list[FieldError]:
    problems = checks.path_segment(name)
    if not problems and name and name != wanted:
        problems = [f'must be `spec.version+"."+spec.group`: {go_quote(wanted)}']
    return [invalid(f"metadata.{key}", name, problem) for problem in problems]


def api_service_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return [
        not_supported(f"status.conditions[{index}].status", each.get("status") or "", _STATUSES)
        for index, each in enumerate((new.get("status") or {}).get("conditions") or ())
        if each.get("status") not in _STATUSES
    ]


_STATUSES = ("True", "False", "Unknown")


def any_name(name: str, prefix: bool) -> list[str]:
    """The name is checked with the spec that it repeats."""
    return []
