"""Limit ranges and resource quotas: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, duplicate, forbidden, invalid, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.objects.names import qualified_name_problems
from reconcile.objects.quantities import Amount

JSONObject = dict[str, Any]

_COMPUTE, _QUOTA = checks.COMPUTE_RESOURCES, checks.QUOTA_RESOURCES
_SCOPES = frozenset(
    {
        "Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "PriorityClass",
        "CrossNamespacePodAffinity", "VolumeAttributesClass",
    }
)  # fmt: skip
_EXIST_ONLY = frozenset(
    {"Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"}
)


def limit_range(obj: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, limit in enumerate((obj.get("spec") or {}).get("limits") or ()):
        path = f"spec.limits[{index}]"
        kind = limit.get("type") or ""
        errors += _limit_type(f"{path}.type", kind)
        if kind in seen:
            errors.append(duplicate(f"{path}.type", kind))
        seen.add(kind)
        named = checks.container_resource_name if kind in ("Pod", "Container") else checks.resource_name
        amounts: dict[str, dict[str, str]] = {}
        for key in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
            given = limit.get(key) or {}
            if kind == "Pod" and key in ("default", "defaultRequest"):
                if given:
                    errors.append(forbidden(f"{path}.{key}", "may not be specified when `type` is 'Pod'"))
                given = {}
            amounts[key] = given
            for name in given:
                errors += named(f"{path}.{key}[{name}]", name)
        if kind == "PersistentVolumeClaim" and not any("storage" in amounts[key] for key in ("min", "max")):
            text = "either minimum or maximum storage value is required, but neither was provided"
            errors.append(required(f"{path}.limits", text))
        for name in sorted({name for given in amounts.values() for name in given}):
            errors += _amounts(path, name, {key: given.get(name) for key, given in amounts.items()})
    return errors


def _limit_type(field: str, kind: str) -> list[FieldError]:
    errors = [invalid(field, kind, problem) for problem in qualified_name_problems(kind)]
    if not errors and "/" not in kind and kind not in ("Pod", "Container", "PersistentVolumeClaim"):
        errors.append(invalid(field, kind, "must be a standard limit type or fully qualified"))
    return errors


def _amounts(path: str, name: str, given: dict[str, str | None]) -> list[FieldError]:
    """How the amounts of one resource must stand to each other."""
    errors: list[FieldError] = []
    parsed = {key: Amount.parse(text) for key, text in given.items() if text is not None}

    def beyond(low: str, high: str, blamed: str, shown: str, text: str) -> None:
        if low in parsed and high in parsed and parsed[low] > parsed[high]:
            detail = text.format(low=given[low], high=given[high])
            errors.append(invalid(f"{path}.{blamed}[{name}]", given[shown], detail))

    beyond("min", "max", "min", "min", "min value {low} is greater than max value {high}")
    text = "min value {low} is greater than default request value {high}"
    beyond("min", "defaultRequest", "defaultRequest", "defaultRequest", text)
    text = "default request value {low} is greater than max value {high}"
    beyond("defaultRequest", "max", "defaultRequest", "defaultRequest", text)
    text = "default request value {low} is greater than default limit value {high}"
    beyond("defaultRequest", "default", "defaultRequest", "defaultRequest", text)
    beyond("min", "default", "default", "min", "min value {low} is greater than default value {high}")
    beyond("default", "max", "default", "max", "default value {low} is greater than max value {high}")
    ratio = parsed.get("maxLimitRequestRatio")
    if ratio is not None:
        field, shown = f"{path}.maxLimitRequestRatio[{name}]", given["maxLimitRequestRatio"]
        if ratio < Amount.parse("1"):
            errors.append(invalid(field, shown, f"ratio {shown} is less than 1"))
        if "min" in parsed and "max" in parsed and parsed["min"].nanos:
            limit = parsed["max"].nanos / parsed["min"].nanos
            if ratio.nanos / 10**9 > limit:
                errors.append(invalid(field, shown, f"ratio {shown} is greater than max/min = {limit:f}"))
    both = "default" in parsed and "defaultRequest" in parsed
    if both and checks.equal_only(name) and parsed["default"] != parsed["defaultRequest"]:
        default, wanted = given["default"], given["defaultRequest"]
        text = f"default value {default} must equal to defaultRequest value {wanted} in {name}"
        errors.append(invalid(f"{path}.defaultRequest[{name}]", wanted, text))
    return errors


def resource_quota_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    """Of a new quota: requests of which there are more than limits."""
    hard: dict[str, str] = (new.get("spec") or {}).get("hard") or {}
    warnings: list[str] = []
    for name in ("cpu", "memory", "storage", "ephemeral-storage") if old is None else ():
        bare = name if name in ("cpu", "memory") else ""
        request = next((each for each in (f"requests.{name}", bare) if each in hard), "")
        limit = f"limits.{name}"
        if request and limit in hard and Amount.parse(hard[request]) > Amount.parse(hard[limit]):
            shown = f"{request} ({hard[request]}) should be less than {limit} ({hard[limit]})"
            warnings.append(f"ResourceQuota {shown}")
    return warnings


def resource_quota(obj: JSONObject) -> list[FieldError]:
    spec: JSONObject = obj.get("spec") or {}
    hard: dict[str, str] = spec.get("hard") or {}
    errors: list[FieldError] = []
    for name, text in hard.items():
        errors += _hard(f"spec.hard[{name}]", name, text)
    scopes: list[str] = spec.get("scopes") or []
    for scope in scopes:
        if scope not in _SCOPES:
            errors.append(invalid("spec.scopes", scopes, "unsupported scope"))
        errors += [
            invalid("spec.scopes", scopes, "unsupported scope applied to resource")
            for name in sorted(hard)
            if _in_quota(name) and not _scope_fits(scope, name)
        ]
    errors += _conflicting(scopes, scopes)
    selector = spec.get("scopeSelector")
    return errors if selector is None else errors + _scope_selector(selector, hard, scopes)


def _hard(field: str, name: str, text: str) -> list[FieldError]:
    errors = checks.resource_name(field, name)
    if "/" not in name and not _in_quota(name):
        errors.append(invalid(field, name, "must be a standard resource for quota"))
    return errors + checks.resource_amount(field, name, text)


def _in_quota(name: str) -> bool:
    return name in _QUOTA or name.startswith(("hugepages-", "requests.hugepages-"))


def _scope_fits(scope: str, name: str) -> bool:
    match scope:
        case "BestEffort":
            return name == "pods"
        case (
            "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity"
        ):
            return name == "pods" or name in _COMPUTE
        case "VolumeAttributesClass":
            return name in ("persistentvolumeclaims", "requests.storage")
        case _:
            return True


def _conflicting(found: list[str], shown: list[str]) -> list[FieldError]:
    pairs = (("BestEffort", "NotBestEffort"), ("NotTerminating", "Terminating"))
    return [
        invalid("spec.scopes", shown or None, "conflicting scopes")
        for pair in pairs
        if all(scope in found for scope in pair)
    ]


def _scope_selector(selector: JSONObject, hard: dict[str, str], scopes: list[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    path = "spec.scopeSelector.matchExpressions"
    expressions: list[JSONObject] = selector.get("matchExpressions") or []
    for each in expressions:
        scope, operator = each.get("scopeName") or "", each.get("operator") or ""
        values = each.get("values") or []
        if scope not in _SCOPES:
            errors.append(invalid(f"{path}.scopeName", scope, "unsupported scope"))
        errors += [
            invalid(path, _shown(expressions), "unsupported scope applied to resource")
            for name in sorted(hard)
            if _in_quota(name) and not _scope_fits(scope, name)
        ]
        if scope in _EXIST_ONLY and operator != "Exists":
            text = (
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            errors.append(invalid(f"{path}.operator", operator, text))
        if operator in ("In", "NotIn"):
            if not values:
                text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                errors.append(required(f"{path}.values", text))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                errors.append(invalid(f"{path}.values", values, text))
        else:
            errors.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    return errors + _conflicting([each.get("scopeName") or "" for each in expressions], scopes)


def _shown(expressions: list[JSONObject]) -> JSONObject:
    """The selector as messages show it: under the names of Go's fields."""
    return {
        "MatchExpressions": [
            {
                "ScopeName": each.get("scopeName") or "",
                "Operator": each.get("operator") or "",
                "Values": each.get("values"),
            }
            for each in expressions
        ]
    }


def resource_quota_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    scopes = (new.get("spec") or {}).get("scopes")
    before = (old.get("spec") or {}).get("scopes")
    if set(scopes or ()) != set(before or ()):
        return [invalid("spec.scopes", scopes, checks.IMMUTABLE)]
    return []


def resource_quota_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status: JSONObject = new.get("status") or {}
    errors: list[FieldError] = []
    for key in ("hard", "used"):
        for name, text in (status.get(key) or {}).items():
            errors += _hard(f"status.{key}[{name}]", name, text)
    return errors


class LimitRangeStrategy(KindStrategy):
    """Gives a name to one that comes without."""

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        if not obj["metadata"].get("name"):
            obj["metadata"] = {"name": context.access.runtime.uuid(), **obj["metadata"]}
