"""The checks that the level `restricted` adds: a pod has to give up what it does not need."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.pod_security.baseline import bad_seccomp, seccomp_profile
from reconcile.apiserver.pod_security.containers import (
    Check,
    Finding,
    JSONObject,
    containers,
    in_user_namespace,
    is_windows,
    name_of,
    named,
    plural,
    quoted,
    security,
    setters,
)


def not_windows(check: Check) -> Check:
    """The check for what is not Windows, which has nothing of what these checks ask for."""

    def checked(meta: JSONObject, spec: JSONObject) -> Finding | None:
        return None if is_windows(spec) else check(meta, spec)

    return checked


def not_in_user_namespace(check: Check) -> Check:
    """The check for pods that share the node's users."""

    def checked(meta: JSONObject, spec: JSONObject) -> Finding | None:
        return None if in_user_namespace(spec) else check(meta, spec)

    return checked


def allow_privilege_escalation(meta: JSONObject, spec: JSONObject) -> Finding | None:
    bad = [
        name_of(each)
        for each in containers(spec)
        if security(each).get("allowPrivilegeEscalation") is not False
    ]
    if not bad:
        return None
    detail = f"{named(bad)} must set securityContext.allowPrivilegeEscalation=false"
    return "allowPrivilegeEscalation != false", detail


def capabilities(meta: JSONObject, spec: JSONObject) -> Finding | None:
    keeping: list[str] = []
    adding: list[str] = []
    added: set[str] = set()
    for container in containers(spec):
        given: JSONObject = security(container).get("capabilities") or {}
        if "ALL" not in (given.get("drop") or ()):
            keeping.append(name_of(container))
        beyond = [name for name in given.get("add") or () if name != "NET_BIND_SERVICE"]
        if beyond:
            adding.append(name_of(container))
            added.update(beyond)
    details: list[str] = []
    if keeping:
        details.append(f'{named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        what = quoted(sorted(added))
        details.append(f"{named(adding)} must not include {what} in securityContext.capabilities.add")
    return ("unrestricted capabilities", "; ".join(details)) if details else None


_ALLOWED_VOLUMES = frozenset(
    {
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
        "projected", "secret",
    }
)  # fmt: skip
_OTHER_VOLUMES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd",
    "flexVolume", "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk",
    "photonPersistentDisk", "portworxVolume", "scaleIO", "storageos",
)  # fmt: skip


def volumes(meta: JSONObject, spec: JSONObject) -> Finding | None:
    bad: list[str] = []
    types: set[str] = set()
    for volume in spec.get("volumes") or ():
        given = {key for key, value in volume.items() if value is not None}
        if not given & _ALLOWED_VOLUMES:
            bad.append(name_of(volume))
            types.add(next((kind for kind in _OTHER_VOLUMES if kind in given), "unknown"))
    if not bad:
        return None
    who = f"{plural('volume', 'volumes', len(bad))} {quoted(bad)} {plural('uses', 'use', len(bad))}"
    what = plural("restricted volume type", "restricted volume types", len(types))
    return "restricted volume types", f"{who} {what} {quoted(sorted(types))}"


def run_as_non_root(meta: JSONObject, spec: JSONObject) -> Finding | None:
    pod: bool | None = security(spec).get("runAsNonRoot")
    by_name: list[tuple[str, Any]] = [
        (name_of(each), security(each).get("runAsNonRoot")) for each in containers(spec)
    ]
    refusing = [name for name, value in by_name if value is False]
    silent = [name for name, value in by_name if value is None]
    if who := setters(pod is False, refusing):
        detail = f"{' and '.join(who)} must not set securityContext.runAsNonRoot=false"
        return "runAsNonRoot != true", detail
    if silent and not pod:
        return "runAsNonRoot != true", f"pod or {named(silent)} must set securityContext.runAsNonRoot=true"
    return None


def run_as_user(meta: JSONObject, spec: JSONObject) -> Finding | None:
    def bad(part: JSONObject) -> bool:
        return security(part).get("runAsUser") == 0

    who = setters(bad(spec), [name_of(each) for each in containers(spec) if bad(each)])
    return ("runAsUser=0", f"{' and '.join(who)} must not set runAsUser=0") if who else None


def seccomp_required(meta: JSONObject, spec: JSONObject) -> Finding | None:
    if found := seccomp_profile(meta, spec):
        return found
    pod_set = security(spec).get("seccompProfile") is not None and bad_seccomp(spec) is None
    silent = [name_of(each) for each in containers(spec) if security(each).get("seccompProfile") is None]
    if pod_set or not silent:
        return None
    wanted = '"RuntimeDefault" or "Localhost"'
    detail = f"pod or {named(silent)} must set securityContext.seccompProfile.type to {wanted}"
    return "seccompProfile", detail
