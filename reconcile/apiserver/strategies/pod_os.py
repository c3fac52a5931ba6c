"""What a pod may not ask of its system: Linux and Windows, host processes, users of the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required
from reconcile.apiserver.strategies.pod_parts import every_container

JSONObject = dict[str, Any]

_NO_WINDOWS = "cannot be set for a windows pod"
_WINDOWS_POD = (
    ("appArmorProfile", "securityContext."), ("seLinuxOptions", "securityContext."), ("hostUsers", ""),
    ("hostPID", ""), ("hostIPC", ""), ("seccompProfile", "securityContext."),
    ("fsGroup", "securityContext."), ("fsGroupChangePolicy", "securityContext."),
    ("sysctls", "securityContext."), ("shareProcessNamespace", ""), ("runAsUser", "securityContext."),
    ("runAsGroup", "securityContext."), ("supplementalGroups", "securityContext."),
    ("supplementalGroupsPolicy", "securityContext."), ("seLinuxChangePolicy", "securityContext."),
)  # fmt: skip
_WINDOWS_CONTAINER = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem",
    "privileged", "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip


def os_errors(path: str, spec: JSONObject) -> list[FieldError]:
    system = spec.get("os")
    if system is None:
        return []
    name = system.get("name")
    if not name:
        return [required(f"{path}.os.name")]
    if name == "linux":
        return list(_linux(path, spec))
    if name == "windows":
        return list(_windows(path, spec))
    return [not_supported(f"{path}.os", name, ("linux", "windows"))]


def _linux(path: str, spec: JSONObject) -> Iterator[FieldError]:
    text = "windows options cannot be set for a linux pod"
    for where, holder in ((path, spec), *every_container(path, spec)):
        if (holder.get("securityContext") or {}).get("windowsOptions") is not None:
            yield forbidden(f"{where}.securityContext.windowsOptions", text)


def _windows(path: str, spec: JSONObject) -> Iterator[FieldError]:
    context = spec.get("securityContext") or {}
    for key, prefix in _WINDOWS_POD:
        value = (context if prefix else spec).get(key)
        if value if key in ("hostPID", "hostIPC", "sysctls") else value is not None:
            yield forbidden(f"{path}.{prefix}{key}", _NO_WINDOWS)
    for where, container in every_container(path, spec):
        context = container.get("securityContext") or {}
        for key in _WINDOWS_CONTAINER:
            if context.get(key) is not None:
                yield forbidden(f"{where}.securityContext.{key}", _NO_WINDOWS)


def _host_process(holder: JSONObject) -> bool | None:
    return ((holder.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")


def host_process_errors(path: str, spec: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    of_pod, count, hosted = _host_process(spec), 0, 0
    for where, container in every_container(path, spec):
        count += 1
        own = _host_process(container)
        if of_pod is not None and own is not None and of_pod != own:
            text = f"pod hostProcess value must be identical if both are specified, was {str(of_pod).lower()}"
            errors.append(invalid(f"{where}.securityContext.windowsOptions.hostProcess", own, text))
        hosted += bool(of_pod if own is None else own)
    if not hosted:
        return errors
    if hosted != count:
        text = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.append(invalid(path, "", text))
    if not spec.get("hostNetwork"):
        text = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.append(invalid(f"{path}.hostNetwork", False, text))
    return errors


def host_users_errors(path: str, spec: JSONObject) -> list[FieldError]:
    """Users of its own do not go with other namespaces of the host."""
    if spec.get("hostUsers") is not False:
        return []
    text = "when `hostUsers` is false"
    keys = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
    errors = [forbidden(f"{path}.{shown}", text) for key, shown in keys if spec.get(key)]
    return errors + [
        forbidden(f"{where}.volumeDevices", text)
        for where, container in every_container(path, spec)
        if container.get("volumeDevices")
    ]
