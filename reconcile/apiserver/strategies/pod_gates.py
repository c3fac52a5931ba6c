"""Fields of pods that features guard which 1.36 has off: taken out of what is written, without a word."""

from __future__ import annotations

from typing import Any

JSONObject = dict[str, Any]

_SOURCES = ("clusterTrustBundle", "podCertificate")


def drop_disabled(spec: JSONObject) -> None:
    """Take the fields out of a pod's spec, its own or a template's."""
    spec.pop("schedulingGroup", None)
    for kind in ("containers", "initContainers"):
        for container in spec.get(kind) or ():
            lifecycle = container.get("lifecycle")
            if lifecycle:
                lifecycle.pop("stopSignal", None)
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            for key in _SOURCES:
                source.pop(key, None)


def drop_disabled_status(status: JSONObject, before: JSONObject) -> None:
    """Take the fields out of a pod's status, unless it has them already."""
    if not before.get("nodeAllocatableResourceClaimStatuses"):
        status.pop("nodeAllocatableResourceClaimStatuses", None)
    for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for container in status.get(kind) or ():
            for mount in container.get("volumeMounts") or ():
                mount.pop("volumeStatus", None)
