"""AppArmor of pods from before it had fields: a container's annotation becomes its profile.

The rules are those of kube-apiserver's `applyAppArmorVersionSkew`.
"""

from __future__ import annotations

from typing import Any

JSONObject = dict[str, Any]

_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_LONGEST = 4095


def profiles_from_annotations(pod: JSONObject) -> list[str]:
    """Give containers the profiles that annotations name; the texts of warnings about them."""
    annotations: dict[str, str] = pod["metadata"].get("annotations") or {}
    spec: JSONObject = pod["spec"]
    if not annotations or (spec.get("os") or {}).get("name") == "windows":
        return []
    warnings: list[str] = []
    of_pod: JSONObject | None = (spec.get("securityContext") or {}).get("appArmorProfile")
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(key) or ():
            name = f"{_ANNOTATION}{container.get('name') or ''}"
            held = (container.get("securityContext") or {}).get("appArmorProfile")
            if name not in annotations or held is not None:
                continue
            profile = _valid(annotated_profile(annotations[name]))
            if profile is not None and profile == of_pod:
                continue
            if profile is not None:
                context: JSONObject = container.get("securityContext") or {}
                container["securityContext"] = {**context, "appArmorProfile": profile}
            text = 'deprecated since v1.30; use the "appArmorProfile" field instead'
            warnings.append(f"metadata.annotations[{name}]: {text}")
    return warnings


def annotated_profile(annotation: str) -> JSONObject | None:
    """The profile that an annotation names; None where it names none."""
    match annotation:
        case "unconfined":
            return {"type": "Unconfined"}
        case "runtime/default":
            return {"type": "RuntimeDefault"}
        case _:
            name = annotation.removeprefix("localhost/")
            return {"type": "Localhost", "localhostProfile": name} if name not in ("", annotation) else None


def _valid(profile: JSONObject | None) -> JSONObject | None:
    name: str = (profile or {}).get("localhostProfile") or ""
    return profile if name == name.strip() and len(name.encode()) <= _LONGEST else None
