"""ResourceSlice: the devices of a driver, and where they are; in upstream's words and order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconcile.apiserver.field_errors import FieldError, go_quote, invalid, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.device_checks import counters, driver_name, each, pool_name
from reconcile.apiserver.strategies.pod_scheduling import node_selector
from reconcile.apiserver.strategies.resource_slice_devices import device_of_slice
from reconcile.apiserver.strategies.shown import shown_list

JSONObject = dict[str, Any]

_MOST_DEVICES = 128
_MOST_SPECIAL_DEVICES = 64
_MOST_COUNTER_SETS = 8
_LISTS = ("bools", "ints", "strings", "versions")
_WHERE = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")


class SliceStrategy(KindStrategy):
    """Slices. What their devices may not have unless a feature is on, which is not by default, is dropped."""

    selectable_names = ("metadata.name",)
    unknown_field = "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {field}"

    def __init__(self) -> None:
        super().__init__(
            generation=True,
            fields={"spec.nodeName": ("spec", "nodeName"), "spec.driver": ("spec", "driver")},
        )

    def default(self, obj: JSONObject, context: RequestContext) -> None:
        for device in _devices(obj.get("spec")):
            for taint in device.get("taints") or ():
                if taint.get("timeAdded") is None:
                    taint["timeAdded"] = context.timestamp

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        _drop_disabled(obj, {})

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        super().prepare_for_update(new, old, context)
        _drop_disabled(new, old)

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        return _spec(obj.get("spec") or {}, None)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return _spec(new.get("spec") or {}, old.get("spec") or {})

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        driver = (new.get("spec") or {}).get("driver") or ""
        if driver == driver.lower():
            return []
        quoted = go_quote(driver)
        return [f"spec.driver: driver names should be lowercase; {quoted} contains uppercase characters"]


def _devices(spec: JSONObject | None) -> Sequence[JSONObject]:
    return (spec or {}).get("devices") or ()


def _drop_disabled(new: JSONObject, old: JSONObject) -> None:
    """Take away the fields of features that are off, unless they were in use."""
    before = _devices(old.get("spec"))
    if not any(device.get("nodeAllocatableResourceMappings") for device in before):
        for device in _devices(new.get("spec")):
            device.pop("nodeAllocatableResourceMappings", None)
    if not _has_lists(before):
        for device in _devices(new.get("spec")):
            for attribute in (device.get("attributes") or {}).values():
                for key in _LISTS:
                    attribute.pop(key, None)


def _has_lists(devices: Sequence[JSONObject]) -> bool:
    return any(
        attribute.get(key) is not None
        for device in devices
        for attribute in (device.get("attributes") or {}).values()
        for key in _LISTS
    )


def _spec(spec: JSONObject, before: JSONObject | None) -> list[FieldError]:
    pool: JSONObject = spec.get("pool") or {}
    errors = driver_name("spec.driver", spec.get("driver") or "") + _pool(pool)
    if before is not None:
        errors += checks.immutable(pool, before.get("pool") or {}, "spec.pool", "name")
        errors += checks.immutable(spec, before, "spec", "driver", "nodeName")
    errors += _place(spec)
    if spec.get("sharedCounters") is not None and spec.get("devices") is not None:
        errors.append(invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed"))
    devices = _devices(spec)
    special = _has_lists(devices) or any(
        device.get("taints") or device.get("consumesCounters") for device in devices
    )
    held = {device.get("name"): device for device in reversed(_devices(before))}
    chosen = bool(spec.get("perDeviceNodeSelection"))
    errors += each(
        "spec.devices",
        spec.get("devices"),
        _MOST_SPECIAL_DEVICES if special else _MOST_DEVICES,
        lambda path, device: device_of_slice(path, device, held.get(device.get("name")), chosen=chosen),
        lambda device: device.get("name") or "",
    )
    return errors + each(
        "spec.sharedCounters",
        spec.get("sharedCounters"),
        _MOST_COUNTER_SETS,
        lambda path, given: counters(path, given, "name"),
        lambda given: given.get("name") or "",
    )


def _pool(pool: JSONObject) -> list[FieldError]:
    errors = pool_name("spec.pool.name", pool.get("name") or "")
    count, generation = pool.get("resourceSliceCount") or 0, pool.get("generation") or 0
    if count <= 0:
        errors.append(invalid("spec.pool.resourceSliceCount", count, "must be greater than zero"))
    if generation < 0:
        text = "must be greater than or equal to zero"
        errors.append(invalid("spec.pool.generation", generation, text))
    return errors


def _place(spec: JSONObject) -> list[FieldError]:
    """On which nodes the devices are: said in one way."""
    errors: list[FieldError] = []
    given: list[str] = []
    if spec.get("nodeName"):
        given.append("`nodeName`")
        errors += checks.dns_subdomain("spec.nodeName", spec["nodeName"])
    elif spec.get("nodeName") is not None:
        errors.append(invalid("spec.nodeName", "", "must be either unset or set to a non-empty string"))
    selector = spec.get("nodeSelector")
    if selector is not None:
        given.append("`nodeSelector`")
        errors += node_selector("spec.nodeSelector", selector)
        terms = selector.get("nodeSelectorTerms")
        if len(terms or ()) != 1:
            value = shown_list("core.v1.NodeSelectorTerm", terms)
            text = "must have exactly one node selector term"
            errors.append(invalid("spec.nodeSelector.nodeSelectorTerms", value, text))
    for key in _WHERE[2:]:
        if spec.get(key):
            given.append(f"`{key}`")
        elif spec.get(key) is not None:
            errors.append(invalid(f"spec.{key}", False, "must be either unset or set to true"))
    one = f"exactly one of {', '.join(f'`{key}`' for key in _WHERE)} is required"
    if not given:
        errors.append(required("spec", one))
    elif len(given) > 1:
        value = "{" + ", ".join(given) + "}"
        errors.append(invalid("spec", value, f"{one}, but multiple fields are set"))
    return errors
