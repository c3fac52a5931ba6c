"""One device of a ResourceSlice: its attributes, what there is of it, and how that may be shared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_found, required, too_long
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.device_checks import (
    attribute_name,
    binding_parameters,
    counters,
    device_taint,
    each,
)
from reconcile.apiserver.strategies.pod_scheduling import node_selector
from reconcile.apiserver.strategies.shown import shown
from reconcile.objects.quantities import Amount

JSONObject = dict[str, Any]

_MOST_NAMES = 32
_MOST_VALUES = 48
_MOST_TAINTS = 16
_MOST_CONSUMED = 2
_MOST_CHOICES = 10
_LONGEST_KEY = 63 + 1 + 32
_LONGEST_VALUE = 64
_LISTS = ("bools", "ints", "strings", "versions")
_VALUES = ("bool", "int", "string", "version", *_LISTS)
_NUMBER = r"(0|[1-9]\d*)"
_BEFORE = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_BUILD = r"[0-9a-zA-Z-]+"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_BEFORE}(\.{_BEFORE})*)?(\+{_BUILD}(\.{_BUILD})*)?", re.ASCII
)


def device_of_slice(
    path: str, device: JSONObject, before: JSONObject | None, *, chosen: bool
) -> list[FieldError]:
    """What is wrong with a device.

    Args:
        before: the device of that name as it was.
        chosen: each device of the slice says on which nodes it is.
    """
    errors = checks.dns_label(f"{path}.name", device.get("name") or "")
    attributes: JSONObject = device.get("attributes") or {}
    capacity: JSONObject = device.get("capacity") or {}
    names = len(attributes) + len(capacity)
    if names > _MOST_NAMES:
        text = f"the total number of attributes and capacities must not exceed {_MOST_NAMES}"
        errors.append(invalid(path, names, text))
    values = sum(max(sum(len(each.get(key) or ()) for key in _LISTS), 1) for each in attributes.values())
    if values > _MOST_VALUES:
        text = f"the total number of attribute values must not exceed {_MOST_VALUES}"
        errors.append(invalid(path, values, text))
    for name, attribute in attributes.items():
        errors += attribute_name(f"{path}.attributes", name)
        errors += _attribute(f"{path}.attributes[{_shortened(name)}]", attribute)
    shared = bool(device.get("allowMultipleAllocations"))
    for name, amount in capacity.items():
        errors += attribute_name(f"{path}.capacity", name)
        errors += _capacity(f"{path}.capacity[{_shortened(name)}]", amount, shared=shared)
    if before is None or not checks.same(before.get("taints"), device.get("taints")):
        errors += each(f"{path}.taints", device.get("taints"), _MOST_TAINTS, device_taint)
    errors += each(
        f"{path}.consumesCounters",
        device.get("consumesCounters"),
        _MOST_CONSUMED,
        lambda where, given: counters(where, given, "counterSet"),
        lambda given: given.get("counterSet") or "",
    )
    errors += _place(path, device) if chosen else _no_place(path, device)
    errors += binding_parameters(path, device)
    return errors + _mappings(f"{path}.nodeAllocatableResourceMappings", device, capacity)


def _shortened(name: str) -> str:
    raw = name.encode()
    if len(raw) <= _LONGEST_KEY:
        return name
    kept = _LONGEST_KEY - 3
    return (raw[: (kept + 1) // 2] + b"..." + raw[-(kept // 2) :]).decode(errors="replace")


# Where it is


def _place(path: str, device: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    given: list[str] = []
    name, selector, everywhere = (device.get(key) for key in ("nodeName", "nodeSelector", "allNodes"))
    if name:
        given.append("`nodeName`")
        errors += checks.dns_subdomain(f"{path}.nodeName", name)
    elif name is not None:
        errors.append(invalid(f"{path}.nodeName", "", "must not be empty"))
    if selector is not None:
        given.append("`nodeSelector`")
        errors += node_selector(f"{path}.nodeSelector", selector)
    if everywhere:
        given.append("`allNodes`")
    elif everywhere is not None:
        errors.append(invalid(f"{path}.allNodes", False, "must be either unset or set to true"))
    text = (
        "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` "
        "is set to true in the ResourceSlice spec"
    )
    if not given:
        errors.append(required(path, text))
    elif len(given) > 1:
        errors.append(invalid(path, "{" + ", ".join(given) + "}", text))
    return errors


def _no_place(path: str, device: JSONObject) -> list[FieldError]:
    if all(device.get(key) is None for key in ("nodeName", "nodeSelector", "allNodes")):
        return []
    text = (
        "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to "
        "true in the ResourceSlice spec"
    )
    return [invalid(path, None, text)]


# Its attributes


def _attribute(path: str, attribute: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    given = [key for key in _VALUES if attribute.get(key) is not None]
    if "string" in given:
        errors += _text(f"{path}.string", attribute["string"])
    if "version" in given:
        errors += _version(f"{path}.version", attribute["version"])
    for key in _LISTS:
        values = attribute.get(key)
        if values is None:
            continue
        if not values:
            errors.append(invalid(f"{path}.{key}", values, "must not be empty if specified"))
        check = {"strings": _text, "versions": _version}.get(key)
        if check is not None:
            errors += each(f"{path}.{key}", values, -1, check)
    if len(given) != 1:
        value = shown("resource.v1.DeviceAttribute", attribute) if given else ""
        errors.append(invalid(path, value, "exactly one value must be specified"))
    return errors


def _text(field: str, value: str) -> list[FieldError]:
    return [too_long(field, "", _LONGEST_VALUE)] if len(value.encode()) > _LONGEST_VALUE else []


def _version(field: str, value: str) -> list[FieldError]:
    text = "must be a string compatible with semver.org spec 2.0.0"
    errors = [] if _VERSION.fullmatch(value) else [invalid(field, value, text)]
    return errors + _text(field, value)


# What there is of it


def _capacity(path: str, capacity: JSONObject, *, shared: bool) -> list[FieldError]:
    policy = capacity.get("requestPolicy")
    if policy is None:
        return []
    field = f"{path}.requestPolicy"
    if not shared:
        return [forbidden(field, "allowMultipleAllocations must be true")]
    values: list[str] = policy.get("validValues") or []
    bounds: JSONObject | None = policy.get("validRange")
    if values and bounds is not None:
        both = 'cannot specify "validValues" and "validRange" at the same time'
        return [forbidden(field, f"exactly one policy can be specified, {both}")]
    if not values and bounds is None:
        return []
    key = "validValues" if values else "validRange"
    if policy.get("default") is None:
        return [required(f"{field}.default", f"required when {key} is defined")]
    default, most = Amount.parse(policy["default"]), Amount.parse(capacity.get("value") or "0")
    if values:
        return list(_choices(f"{field}.validValues", [Amount.parse(each) for each in values], default, most))
    amounts = {name: Amount.parse(text) for name, text in (bounds or {}).items() if text is not None}
    return list(_range(f"{field}.validRange", amounts, default, most))


def _choices(field: str, values: list[Amount], default: Amount, most: Amount) -> Iterator[FieldError]:
    for index in range(1, len(values)):
        if values[index - 1] > values[index]:
            text = "values must be sorted in ascending order"
            yield invalid(f"{field}[{index}]", str(values[index]), text)

    def within(path: str, value: Amount) -> list[FieldError]:
        text = f"option is larger than capacity value: {most}"
        return [invalid(path, str(value), text)] if value > most else []

    yield from each(field, values, _MOST_CHOICES, within, lambda value: str(value.value))
    if len(values) > _MOST_CHOICES or default not in values:
        yield invalid(field, str(default), "default value is not valid according to the requestPolicy")


def _range(field: str, bounds: dict[str, Amount], default: Amount, most: Amount) -> Iterator[FieldError]:
    least, largest, step = bounds.get("min"), bounds.get("max"), bounds.get("step")
    if least is None:
        yield required(f"{field}.min", "required when validRange is defined")
        return
    if least > most:
        yield invalid(f"{field}.min", str(least), f"min is larger than capacity value: {most}")
    if default < least:
        yield invalid(f"{field}.min", str(default), f"default is less than min: {least}")
    if largest is not None:
        if least > largest:
            yield invalid(f"{field}.max", str(least), f"min is larger than max: {largest}")
        if largest > most:
            yield invalid(f"{field}.max", str(largest), f"max is larger than capacity value: {most}")
        if default > largest:
            yield invalid(f"{field}.max", str(default), f"default is more than max: {largest}")
    if step is None:
        return
    if least + step > most:
        text = f"one step {least + step} is larger than capacity value: {most}"
        yield invalid(f"{field}.step", str(step), text)
    for value in (default, largest):
        # A step of nothing breaks the real server's connection: it divides by it.
        if value is not None and step.value and (value.value - least.value) % step.value:
            text = f"value is not a multiple of a given step ({step}) from ({least})"
            yield invalid(f"{field}.step", str(value), text)


def _mappings(field: str, device: JSONObject, capacity: JSONObject) -> list[FieldError]:
    """Which of a node's own resources the device takes a part of."""
    errors: list[FieldError] = []
    for name, mapping in (device.get("nodeAllocatableResourceMappings") or {}).items():
        path = f"{field}[{name}]"
        if "/" in name and "kubernetes.io/" not in name:
            errors.append(invalid(path, name, "must be a node allocatable resource name"))
        factor, key = mapping.get("allocationMultiplier"), mapping.get("capacityKey")
        if factor is None and key is None:
            text = "at least one of allocationMultiplier or capacityKey must be set"
            errors.append(invalid(path, "", text))
        if factor is not None and Amount.parse(factor) <= 0:
            errors.append(invalid(f"{path}.allocationMultiplier", factor, "must be positive"))
        if key == "":
            errors.append(invalid(f"{path}.capacityKey", "", "capacityKey must not be an empty string"))
        elif key is not None and key not in capacity:
            errors.append(not_found(f"{path}.capacityKey", key))
    return errors
