"""Defaults of resource.k8s.io."""

from __future__ import annotations

from typing import Any

JSONObject = dict[str, Any]


def device_request(obj: JSONObject) -> None:
    if not obj.get("allocationMode"):
        obj["allocationMode"] = "ExactCount"
    if obj["allocationMode"] == "ExactCount" and not obj.get("count"):
        obj["count"] = 1


def device(obj: JSONObject) -> None:
    for mapping in (obj.get("nodeAllocatableResourceMappings") or {}).values():
        if mapping.get("allocationMultiplier") is None:
            mapping["allocationMultiplier"] = "1"


FUNCTIONS = {
    "io.k8s.api.resource.v1.ExactDeviceRequest": device_request,
    "io.k8s.api.resource.v1.DeviceSubRequest": device_request,
    "io.k8s.api.resource.v1.Device": device,
}
