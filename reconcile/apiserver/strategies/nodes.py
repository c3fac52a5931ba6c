"""Nodes: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

import re
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    FieldErrorType,
    duplicate,
    forbidden,
    go_quote,
    invalid,
    not_supported,
    required,
)
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import cidr, cidr_errors, cidr_warnings
from reconcile.apiserver.strategies.basic import KindStrategy, StatusStrategy, keep
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_FEATURE = re.compile(r"[A-Z][a-zA-Z0-9]*(/[a-zA-Z0-9]+)*")


def align_ranges(spec: JSONObject) -> None:
    """The two spellings of a node's addresses for pods say the same; the older one has the last word."""
    single, several = spec.get("podCIDR"), spec.get("podCIDRs")
    if single and (not several or several[0] != single):
        spec["podCIDRs"] = several = [single]
    if several:
        spec["podCIDR"] = several[0]


class NodeStrategy(KindStrategy):
    """Nodes may be created with a status; a new one is tainted by admission."""

    selectable_names = ("metadata.name",)

    def __init__(self) -> None:
        super().__init__(
            status=True,
            validate=node,
            validate_change=node_update,
            fields={"spec.unschedulable": ("spec", "unschedulable")},
            warn=node_warnings,
        )

    def default(self, obj: JSONObject, context: RequestContext) -> None:
        align_ranges(obj["spec"])

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        obj["spec"].pop("configSource", None)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "status")
        if old["spec"].get("configSource") is None:
            new["spec"].pop("configSource", None)


class NodeStatusStrategy(StatusStrategy):
    def __init__(self) -> None:
        super().__init__(validate=node_status)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        super().prepare_for_update(new, old, context)
        if (old.get("status") or {}).get("config") is None:
            (new.get("status") or {}).pop("config", None)


def node(obj: JSONObject) -> list[FieldError]:
    errors = _taints(obj["spec"].get("taints") or [])
    errors += _resources(obj) + _declared_features(obj)
    ranges: list[str] = obj["spec"].get("podCIDRs") or []
    for index, text in enumerate(ranges):
        errors += cidr_errors(f"spec.podCIDRs[{index}]", text)
    if len(ranges) > 1:
        found = [cidr(text) for text in ranges]
        if any(each is None for each in found):
            bad = found.index(None)
            detail = "invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR"
            detail = f"{detail}[{bad}]: <nil> (invalid CIDR address: {ranges[bad]})"
            errors.append(FieldError(FieldErrorType.INTERNAL, "spec.podCIDRs", None, detail))
        if len({each.version for each in found if each is not None}) < 2 or len(ranges) > 2:
            text = "may specify no more than one CIDR for each IP family"
            errors.append(invalid("spec.podCIDRs", ranges, text))
    return errors


def _taints(taints: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        path = f"metadata.taints[{index}]"
        key, value, effect = (taint.get(each) or "" for each in ("key", "value", "effect"))
        errors += checks.names(f"{path}.key", key, checks.qualified_name_problems)
        problems = checks.label_value_problems(value)
        if problems:
            errors.append(invalid(f"{path}.value", value, ";".join(problems)))
        if not effect:
            errors.append(required(f"{path}.effect"))
        elif effect not in _EFFECTS:
            errors.append(not_supported(f"{path}.effect", effect, _EFFECTS))
        if (key, effect) in seen:
            text = "taints must be unique by key and effect pair"
            errors.append(FieldError(FieldErrorType.DUPLICATE, path, shown("core.v1.Taint", taint), text))
        seen.add((key, effect))
    return errors


def _resources(obj: JSONObject) -> list[FieldError]:
    return [
        error
        for key in ("capacity", "allocatable")
        for name, text in ((obj.get("status") or {}).get(key) or {}).items()
        for error in checks.resource_amount(f"status.{key}.{name}", name, text)
    ]


def _declared_features(obj: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    features: list[str] = (obj.get("status") or {}).get("declaredFeatures") or []
    for index, feature in enumerate(features):
        field = f"status.declaredFeatures[{index}]"
        begin = f"invalid feature name {go_quote(feature)}: must "
        if len(feature.encode()) > 253:
            errors.append(invalid(field, feature, f"{begin}be no more than 253 characters"))
        elif not _FEATURE.fullmatch(feature):
            text = (
                "start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., "
                "MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
            )
            errors.append(invalid(field, feature, begin + text))
        if index + 1 < len(features):
            following = f"status.declaredFeatures[{index + 1}]"
            if features[index + 1] == feature:
                errors.append(duplicate(following, feature))
            elif features[index + 1] < feature:
                text = "list must be sorted alphabetically"
                errors.append(invalid(following, features[index + 1], text))
    return errors


def node_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    """What upstream looks at on an update, beside the node itself."""
    spec, before = new["spec"], old["spec"]
    errors = _resources(new) + _declared_features(new) + _node_addresses(new)
    text = 'node updates may not change podCIDR except from "" to valid'
    given, held = spec.get("podCIDRs") or [], before.get("podCIDRs") or []
    if held and len(given) != len(held):
        errors.append(forbidden("spec.podCIDRs", text))
    elif held:
        errors += [
            forbidden("spec.podCIDRs", text) for one, other in zip(given, held, strict=True) if one != other
        ]
    provider = before.get("providerID")
    if provider and spec.get("providerID") != provider:
        text = 'node updates may not change providerID except from "" to valid'
        errors.append(forbidden("spec.providerID", text))
    errors += _taints(spec.get("taints") or [])
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        errors.append(forbidden("spec.externalID", "may not be updated"))
    return errors


def _node_addresses(obj: JSONObject) -> list[FieldError]:
    addresses: list[JSONObject] = (obj.get("status") or {}).get("addresses") or []
    return [
        duplicate(f"status.addresses[{index}]", shown("core.v1.NodeAddress", address))
        for index, address in enumerate(addresses)
        if address in addresses[:index]
    ]


def node_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return node_update(new, old)


def node_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    warnings: list[str] = []
    if new["spec"].get("configSource") is not None:
        warnings.append("spec.configSource: the feature is removed")
    if new["spec"].get("externalID"):
        warnings.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for index, text in enumerate(new["spec"].get("podCIDRs") or ()):
        warnings += cidr_warnings(f"spec.podCIDRs[{index}]", text)
    return warnings
