"""Security contexts of pods and containers, sysctls, name resolution: in upstream's words and order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from reconcile.apiserver.field_errors import FieldError, duplicate, invalid, not_supported, required
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.addresses import ip_errors
from reconcile.apiserver.strategies.volume_sources import descending
from reconcile.apiserver.strategies.windows_options import windows_options

JSONObject = dict[str, Any]

_USER = "must be between 0 and 2147483647, inclusive"
_MAX_ID = 2**31 - 1


def _identity(path: str, context: JSONObject, *keys: str) -> list[FieldError]:
    return [
        invalid(f"{path}.{key}", context[key], _USER)
        for key in keys
        if context.get(key) is not None and not 0 <= context[key] <= _MAX_ID
    ]


def container_security(path: str, context: JSONObject, *, host_users: bool) -> list[FieldError]:
    """A container's security context."""
    errors = _identity(path, context, "runAsUser", "runAsGroup")
    mount = context.get("procMount")
    if mount is not None:
        if mount not in ("Default", "Unmasked"):
            errors.append(not_supported(f"{path}.procMount", mount, ("Default", "Unmasked")))
        if host_users and mount == "Unmasked":
            text = "`hostUsers` must be false to use `Unmasked`"
            errors.append(invalid(f"{path}.procMount", mount, text))
    errors += _seccomp(f"{path}.seccompProfile", context.get("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        start = "cannot set `allowPrivilegeEscalation` to false and "
        if context.get("privileged"):
            errors.append(invalid(path, _shown(context), f"{start}`privileged` to true"))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            errors.append(invalid(path, _shown(context), f"{start}`capabilities.Add` CAP_SYS_ADMIN"))
    errors += windows_options(f"{path}.windowsOptions", context.get("windowsOptions"))
    return errors + _app_armor(f"{path}.appArmorProfile", context.get("appArmorProfile"))


_GO_FIELDS = (
    "Capabilities", "Privileged", "SELinuxOptions", "WindowsOptions", "RunAsUser", "RunAsGroup",
    "RunAsNonRoot", "ReadOnlyRootFilesystem", "AllowPrivilegeEscalation", "ProcMount", "SeccompProfile",
    "AppArmorProfile",
)  # fmt: skip
_WIRE = {"SELinuxOptions": "seLinuxOptions"}


def _shown(context: JSONObject) -> JSONObject:
    """The context as messages show it: every field, under the names of Go's structs."""

    def wire(name: str) -> str:
        return _WIRE.get(name, name[:1].lower() + name[1:])

    def inner(value: Any, *names: str) -> Any:
        return None if value is None else {name: value.get(wire(name)) for name in names}

    shown = {name: context.get(wire(name)) for name in _GO_FIELDS}
    shown["Capabilities"] = inner(context.get("capabilities"), "Add", "Drop")
    options = context.get("seLinuxOptions")
    if options is not None:
        shown["SELinuxOptions"] = {
            name: options.get(name.lower()) or "" for name in ("User", "Role", "Type", "Level")
        }
    shown["SeccompProfile"] = inner(context.get("seccompProfile"), "Type", "LocalhostProfile")
    shown["AppArmorProfile"] = inner(context.get("appArmorProfile"), "Type", "LocalhostProfile")
    return shown


def _seccomp(path: str, profile: JSONObject | None) -> list[FieldError]:
    if profile is None:
        return []
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    errors: list[FieldError] = []
    if not kind:
        errors.append(required(f"{path}.type", "type is required when seccompProfile is set"))
    elif kind not in ("Localhost", "RuntimeDefault", "Unconfined"):
        allowed = ("Localhost", "RuntimeDefault", "Unconfined")
        errors.append(not_supported(f"{path}.type", kind, allowed))
    if kind == "Localhost":
        if local is None:
            text = "must be set when seccomp type is Localhost"
            errors.append(required(f"{path}.localhostProfile", text))
        else:
            errors += descending(f"{path}.localhostProfile", local)
    elif local is not None:
        shown = {"Type": kind, "LocalhostProfile": local}
        text = "can only be set when seccomp type is Localhost"
        errors.append(invalid(f"{path}.localhostProfile", shown, text))
    return errors


def _app_armor(path: str, profile: JSONObject | None) -> list[FieldError]:
    if profile is None:
        return []
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    field = f"{path}.localhostProfile"
    if kind == "Localhost":
        if local is None:
            return [required(field, "must be set when AppArmor type is Localhost")]
        if local.strip() != local:
            return [invalid(field, local, "must not be padded with whitespace")]
        return [] if local else [required(field, "must be set when AppArmor type is Localhost")]
    if kind in ("RuntimeDefault", "Unconfined"):
        text = "can only be set when AppArmor type is Localhost"
        return [] if local is None else [invalid(field, local, text)]
    if not kind:
        return [required(f"{path}.type", "type is required when appArmorProfile is set")]
    return [not_supported(f"{path}.type", kind, ("Localhost", "RuntimeDefault", "Unconfined"))]


_SYSCTL = re.compile(r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?")


def pod_security(path: str, context: JSONObject, spec: JSONObject) -> list[FieldError]:
    """A pod's security context."""
    errors = _identity(path, context, "fsGroup", "runAsUser", "runAsGroup")
    errors += [
        invalid(f"{path}.supplementalGroups[{index}]", group, _USER)
        for index, group in enumerate(context.get("supplementalGroups") or ())
        if not 0 <= group <= _MAX_ID
    ]
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        text = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.append(invalid(f"{path}.shareProcessNamespace", True, text))
    seen: set[str] = set()
    for index, sysctl in enumerate(context.get("sysctls") or ()):
        field, name = f"{path}.sysctls[{index}].name", sysctl.get("name") or ""
        if not name:
            errors.append(required(field))
        elif len(name) > 253 or not _SYSCTL.fullmatch(name):
            text = f"must have at most 253 characters and match regex ^{_SYSCTL.pattern}$"
            errors.append(invalid(field, name, text))
        elif name in seen:
            errors.append(duplicate(field, name))
        seen.add(name)
        if spec.get("hostNetwork") and name.startswith(("net.", "net/")):
            errors.append(invalid(field, name, "may not be specified when 'hostNetwork' is true"))
        elif spec.get("hostIPC") and name.startswith(
            ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")
        ):
            errors.append(invalid(field, name, "may not be specified when 'hostIPC' is true"))
    errors += _one_of(path, context, "fsGroupChangePolicy", ("Always", "OnRootMismatch"))
    errors += _seccomp(f"{path}.seccompProfile", context.get("seccompProfile"))
    errors += windows_options(f"{path}.windowsOptions", context.get("windowsOptions"))
    errors += _app_armor(f"{path}.appArmorProfile", context.get("appArmorProfile"))
    errors += _one_of(path, context, "supplementalGroupsPolicy", ("Merge", "Strict"))
    return errors + _one_of(path, context, "seLinuxChangePolicy", ("Recursive",))


def _one_of(path: str, context: JSONObject, key: str, allowed: tuple[str, ...]) -> list[FieldError]:
    value = context.get(key)
    return [] if value is None or value in allowed else [not_supported(f"{path}.{key}", value, allowed)]


_UNDERSCORES = re.compile(r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*")
_UNDERSCORES_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_UNDERSCORES.pattern}')"
)


def host_aliases(path: str, aliases: Iterable[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, alias in enumerate(aliases):
        where = f"{path}[{index}]"
        errors += ip_errors(f"{where}.ip", alias.get("ip") or "")
        for position, name in enumerate(alias.get("hostnames") or ()):
            errors += checks.dns_subdomain(f"{where}.hostnames[{position}]", name)
    return errors


def name_resolution(path: str, config: JSONObject | None, policy: str | None) -> list[FieldError]:
    """How a pod's names are resolved."""
    if policy == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", text)]
    if config is None:
        return []
    errors: list[FieldError] = []
    servers: list[str] = config.get("nameservers") or []
    searches: list[str] = config.get("searches") or []
    if len(servers) > 3:
        errors.append(invalid(f"{path}.nameservers", servers, "must not have more than 3 nameservers"))
    for index, server in enumerate(servers):
        errors += ip_errors(f"{path}.nameservers[{index}]", server)
    if len(searches) > 32:
        errors.append(invalid(f"{path}.searches", searches, "must not have more than 32 search paths"))
    if len(" ".join(searches)) > 2048:
        text = "must not have more than 2048 characters (including spaces) in the search list"
        errors.append(invalid(f"{path}.searches", searches, text))
    for index, search in enumerate(searches):
        text, field = search.removesuffix("."), f"{path}.searches[{index}]"
        if search == ".":
            continue
        if len(text) > 253:
            errors.append(invalid(field, text, "must be no more than 253 characters"))
        if not _UNDERSCORES.fullmatch(text):
            errors.append(invalid(field, text, _UNDERSCORES_TEXT))
    return errors + [
        required(f"{path}.options[{index}]", "must not be empty")
        for index, option in enumerate(config.get("options") or ())
        if not option.get("name")
    ]
