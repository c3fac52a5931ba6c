"""What is wrong with a pod's status: its conditions, its node's name, its addresses; in upstream's words."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import ip_errors, parse_ip
from reconcile.apiserver.strategies.pod_claim_statuses import claim_status_errors
from reconcile.apiserver.strategies.pod_container_statuses import container_status_errors, transition_errors

JSONObject = dict[str, Any]

_SYSTEM = ("PodScheduled", "Ready", "Initialized")
_COUNT = "must be a non-negative integer"


def pod_status_errors(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status: JSONObject = new.get("status") or {}
    before: JSONObject = old.get("status") or {}
    errors = _conditions(status.get("conditions") or [])
    field, node = "status.nominatedNodeName", status.get("nominatedNodeName") or ""
    if node and node != (before.get("nominatedNodeName") or ""):
        errors += checks.dns_subdomain(field, node)
        if (old.get("spec") or {}).get("nodeName"):
            errors.append(forbidden(field, "may not be set on pods that are already bound to a node"))
    generation = status.get("observedGeneration") or 0
    if generation < 0:
        errors.append(invalid("status.observedGeneration", generation, _COUNT))
    if before.get("qosClass"):
        errors += checks.immutable(status, before, "status", "qosClass")
    errors += transition_errors(status, before, old.get("spec") or {})
    errors += claim_status_errors(status, new.get("spec") or {})
    errors += _addresses("status.podIPs", _pod_addresses(status), _pod_addresses(before))
    errors += _host_addresses(status, before)
    return errors + container_status_errors(status, new.get("spec") or {})


def keep_observed_generations(status: JSONObject, before: JSONObject) -> None:
    """A client that does not know observed generations does not take them away."""
    if not status.get("observedGeneration") and before.get("observedGeneration"):
        status["observedGeneration"] = before["observedGeneration"]
    held: dict[str, list[int]] = {}
    for condition in before.get("conditions") or ():
        generation: int = condition.get("observedGeneration") or 0
        held.setdefault(condition.get("type") or "", []).append(generation)
    for condition in status.get("conditions") or ():
        generations = held.get(condition.get("type") or "")
        generation = generations.pop(0) if generations else 0
        if generation and not condition.get("observedGeneration"):
            condition["observedGeneration"] = generation


def _conditions(conditions: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, condition in enumerate(conditions):
        where, kind = f"status.conditions[{index}]", condition.get("type") or ""
        generation = condition.get("observedGeneration") or 0
        if generation < 0:
            errors.append(invalid(f"{where}.observedGeneration", generation, _COUNT))
        if kind not in _SYSTEM:
            errors += checks.names(f"{where}.Type", kind, checks.qualified_name_problems)
    return errors


def _pod_addresses(status: JSONObject) -> list[str]:
    """The addresses, of which the single one says the first."""
    several = [each.get("ip") or "" for each in status.get("podIPs") or ()]
    single = status.get("podIP") or ""
    return [single] if single and single not in several[:1] else several


def _host_addresses(status: JSONObject, before: JSONObject) -> list[FieldError]:
    given = [each.get("ip") or "" for each in status.get("hostIPs") or ()]
    if not given:
        return []
    errors: list[FieldError] = []
    if given[0] != (status.get("hostIP") or ""):
        errors.append(invalid("status.hostIPs[0].ip", given[0], "must be equal to `hostIP`"))
    held = [each.get("ip") or "" for each in before.get("hostIPs") or ()]
    return errors + _addresses("status.hostIPs", given, held)


def _addresses(field: str, given: list[str], held: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, text in enumerate(given):
        if text not in held:
            errors += ip_errors(f"{field}[{index}]", text)
    found = [parse_ip(text) for text in given]
    if len(given) > 1 and all(address is not None for address in found):
        families = {address.version for address in found if address is not None}
        if len(families) < 2 or len(given) > 2:
            text = "may specify no more than one IP for each IP family"
            errors.append(invalid(field, [{"IP": each} for each in given], text))
    return errors
