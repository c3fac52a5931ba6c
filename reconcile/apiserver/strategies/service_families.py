"""IP families of services, as a cluster of one family or of both settles and refuses them."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, duplicate, invalid, not_supported, required
from reconcile.apiserver.status import invalid as invalid_status
from reconcile.apiserver.strategies.addresses import ip_errors, parse_ip

JSONObject = dict[str, Any]

_FAMILIES = ("IPv4", "IPv6")
_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_POLICY = "spec.ipFamilyPolicy"


def settle_families(
    name: str, spec: JSONObject, before: JSONObject | None, configured: tuple[str, ...]
) -> None:
    """Set what is left open of `ipFamilyPolicy` and `ipFamilies`; `before` is the spec that is replaced.

    `configured` are the families of the cluster, the default first. Raises 422 for what contradicts itself or
    the cluster. It comes before all other validation.
    """
    default = configured[0]
    if spec.get("type") == "ExternalName" or (before is not None and _stays_preferred(spec, before)):
        return
    selects = bool(spec.get("selector"))
    headless = spec.get("clusterIP") == "None"
    if spec.get("ipFamilyPolicy") is None:
        if before is not None and before.get("ipFamilyPolicy"):
            spec["ipFamilyPolicy"] = before["ipFamilyPolicy"]
        else:
            spec["ipFamilyPolicy"] = "RequireDualStack" if headless and not selects else "SingleStack"
    _refuse(name, loose_errors(spec))
    errors = _lengths(spec, before)
    for index, address in enumerate(spec.get("clusterIPs") or ()):
        if address == "None":
            break
        if index >= len(spec.get("ipFamilies") or ()):
            family = _family(address)
            if family not in configured:
                text = f"{family} is not configured on this cluster"
                errors.append(invalid(f"spec.clusterIPs[{index}]", spec["clusterIPs"], text))
            else:
                spec["ipFamilies"] = [*(spec.get("ipFamilies") or ()), family]
    _refuse(name, errors)
    policy = spec["ipFamilyPolicy"]
    if headless and not selects:
        # Whoever fills in the endpoints may use both families.
        families = spec.get("ipFamilies") or [default]
        if len(families) < 2 and policy != "SingleStack":
            families = [*families, "IPv6" if families[0] == "IPv4" else "IPv4"]
        spec["ipFamilies"] = families
        return
    if policy == "RequireDualStack" and len(configured) < 2:
        errors.append(invalid(_POLICY, policy, "this cluster is not configured for dual-stack services"))
    errors += [
        invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")
        for index, family in enumerate(spec.get("ipFamilies") or ())
        if family not in configured
    ]
    _refuse(name, errors)
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = [default]
    if policy != "SingleStack" and len(spec["ipFamilies"]) == 1 and len(configured) == 2:
        spec["ipFamilies"] = [
            *spec["ipFamilies"],
            *(each for each in configured if each not in spec["ipFamilies"]),
        ]


def _refuse(name: str, errors: list[FieldError]) -> None:
    if errors:
        raise invalid_status("", "Service", name, errors)


def _stays_preferred(spec: JSONObject, before: JSONObject) -> bool:
    return (
        spec.get("type") == before.get("type")
        and spec.get("ipFamilyPolicy") == "PreferDualStack"
        and before.get("ipFamilyPolicy") in (None, "PreferDualStack")
        and (spec.get("clusterIPs") or []) == (before.get("clusterIPs") or [])
        and (spec.get("ipFamilies") or []) == (before.get("ipFamilies") or [])
    )


def _lengths(spec: JSONObject, before: JSONObject | None) -> list[FieldError]:
    """How many addresses and families there may be under the policy."""
    errors: list[FieldError] = []
    policy = spec["ipFamilyPolicy"]
    for key, what in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
        given: list[str] = spec.get(key) or []
        held: list[str] = (before or {}).get(key) or []
        if before is not None and policy == "SingleStack" and given == held:
            spec[key] = given = given[:1]
        elif before is not None and policy != "SingleStack" and len(given) == 1 and len(held) == 2:
            text = f"must be 'SingleStack' to release the secondary {what}"
            errors.append(invalid(_POLICY, policy, text))
        if policy == "SingleStack" and len(given) == 2:
            plural = "cluster IPs" if key == "clusterIPs" else "IP families"
            text = f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {plural} are specified"
            errors.append(invalid(_POLICY, policy, text))
    return errors


def loose_errors(spec: JSONObject) -> list[FieldError]:
    """What contradicts itself, whatever the cluster has."""
    errors: list[FieldError] = []
    field = "spec.clusterIPs"
    address, addresses = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    if address:
        if not addresses:
            errors.append(required(field))
        elif addresses[0] != address:
            errors.append(invalid(field, addresses, "first value must match `clusterIP`"))
    elif addresses:
        errors.append(invalid(field, addresses, "must be empty when `clusterIP` is not specified"))
    families: list[str] = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        if family not in _FAMILIES:
            errors.append(not_supported(f"spec.ipFamilies[{index}]", family, _FAMILIES))
        if family in families[:index]:
            errors.append(duplicate(f"spec.ipFamilies[{index}]", family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _POLICIES:
        errors.append(not_supported(_POLICY, policy, _POLICIES))
    broken = False
    for index, each in enumerate(addresses):
        if index == 0 and each == "None":
            if len(addresses) > 1:
                broken = True
                errors.append(invalid(field, addresses, "'None' must be the first and only value"))
        elif wrong := ip_errors(f"{field}[{index}]", each):
            broken = True
            errors += wrong
    if len(addresses) > 2:
        errors.append(invalid(field, addresses, "may only hold up to 2 values"))
    if broken:
        return errors
    found = [_family(each) for each in addresses]
    if len(addresses) > 1 and len(set(found)) < 2:
        text = "may specify no more than one IP for each IP family"
        errors.append(invalid(field, addresses, text))
    if address != "None":
        for index, (each, family) in enumerate(zip(found, families, strict=False)):
            if family in _FAMILIES and each != family:
                text = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
                errors.append(invalid(f"{field}[{index}]", addresses[index], text))
    return errors


def _family(address: str) -> str:
    found = parse_ip(address)
    return "" if found is None else f"IPv{found.version}"
