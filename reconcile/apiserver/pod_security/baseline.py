"""The checks of the level `baseline`: what gets a pod out of its box is forbidden."""

from __future__ import annotations

from collections.abc import Iterator

from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.pod_security.containers import (
    Finding,
    JSONObject,
    containers,
    in_user_namespace,
    name_of,
    named,
    plural,
    quoted,
    security,
    setters,
)

_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"


def app_armor_profile(meta: JSONObject, spec: JSONObject) -> Finding | None:
    def bad(part: JSONObject) -> str | None:
        profile: JSONObject | None = security(part).get("appArmorProfile")
        kind: str = (profile or {}).get("type") or ""
        return kind if profile is not None and kind not in ("RuntimeDefault", "Localhost") else None

    found = {kind for part in (spec, *containers(spec)) if (kind := bad(part)) is not None}
    names = [name_of(each) for each in containers(spec) if bad(each) is not None]
    annotations = sorted(
        f"{key}={go_quote(value)}"
        for key, value in (meta.get("annotations") or {}).items()
        if key.startswith(_APP_ARMOR)
        and not (value in ("", "runtime/default") or value.startswith("localhost/"))
    )
    who = setters(bad(spec) is not None, names)
    if annotations:
        who.append(plural("annotation", "annotations", len(annotations)))
    if not who:
        return None
    values = [*sorted(found), *annotations]
    short = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", len(values))
    return short, f"{' and '.join(who)} must not set AppArmor profile type to {quoted(values)}"


_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
        "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip


def capabilities(meta: JSONObject, spec: JSONObject) -> Finding | None:
    bad: list[str] = []
    found: set[str] = set()
    for container in containers(spec):
        added: list[str] = (security(container).get("capabilities") or {}).get("add") or []
        beyond = [name for name in added if name not in _CAPABILITIES]
        if beyond:
            bad.append(name_of(container))
            found.update(beyond)
    if not bad:
        return None
    detail = f"{named(bad)} must not include {quoted(sorted(found))} in securityContext.capabilities.add"
    return "non-default capabilities", detail


def host_namespaces(meta: JSONObject, spec: JSONObject) -> Finding | None:
    found = [f"{key}=true" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    return ("host namespaces", ", ".join(found)) if found else None


def host_path_volumes(meta: JSONObject, spec: JSONObject) -> Finding | None:
    found = [name_of(volume) for volume in spec.get("volumes") or () if volume.get("hostPath") is not None]
    if not found:
        return None
    return "hostPath volumes", f"{plural('volume', 'volumes', len(found))} {quoted(found)}"


def host_ports(meta: JSONObject, spec: JSONObject) -> Finding | None:
    bad: list[str] = []
    found: set[str] = set()
    for container in containers(spec):
        ports = [str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")]
        if ports:
            bad.append(name_of(container))
            found.update(ports)
    if not bad:
        return None
    uses, what = plural("uses", "use", len(bad)), plural("hostPort", "hostPorts", len(found))
    return "hostPort", f"{named(bad)} {uses} {what} {', '.join(sorted(found))}"


def host_of_probes(meta: JSONObject, spec: JSONObject) -> Finding | None:
    bad: set[str] = set()
    found: set[str] = set()
    for container in containers(spec):
        for handler in _handlers(container):
            hosts = [
                given["host"]
                for key in ("httpGet", "tcpSocket")
                if (given := handler.get(key) or {}).get("host")
            ]
            if hosts:
                bad.add(name_of(container))
                found.update(hosts)
    if not bad:
        return None
    uses = plural("uses", "use", len(bad))
    what = plural("probe or lifecycle host", "probe or lifecycle hosts", len(found))
    return "probe or lifecycle host", f"{named(sorted(bad))} {uses} {what} {quoted(sorted(found))}"


def _handlers(container: JSONObject) -> Iterator[JSONObject]:
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        yield container.get(key) or {}
    lifecycle: JSONObject = container.get("lifecycle") or {}
    for key in ("postStart", "preStop"):
        yield lifecycle.get(key) or {}


def privileged(meta: JSONObject, spec: JSONObject) -> Finding | None:
    bad = [name_of(each) for each in containers(spec) if security(each).get("privileged")]
    return ("privileged", f"{named(bad)} must not set securityContext.privileged=true") if bad else None


def proc_mount(meta: JSONObject, spec: JSONObject) -> Finding | None:
    bad: list[str] = []
    found: set[str] = set()
    for container in containers(spec):
        mount: str | None = security(container).get("procMount")
        if mount is not None and mount != "Default":
            bad.append(name_of(container))
            found.add(mount)
    if not bad:
        return None
    return "procMount", f"{named(bad)} must not set securityContext.procMount to {quoted(sorted(found))}"


def proc_mount_outside_user_namespaces(meta: JSONObject, spec: JSONObject) -> Finding | None:
    return None if in_user_namespace(spec) else proc_mount(meta, spec)


_SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})


def selinux_options(
    meta: JSONObject, spec: JSONObject, allowed: frozenset[str] = _SELINUX_TYPES
) -> Finding | None:
    types: set[str] = set()
    told: set[str] = set()

    def bad(part: JSONObject) -> bool:
        options: JSONObject = security(part).get("seLinuxOptions") or {}
        kind: str = options.get("type") or ""
        if kind not in allowed:
            types.add(kind)
        given = [key for key in ("user", "role") if options.get(key)]
        told.update(given)
        return bool(given) or kind not in allowed

    who = setters(bad(spec), [name_of(each) for each in containers(spec) if bad(each)])
    if not who:
        return None
    data = [f"{plural('type', 'types', len(types))} {quoted(sorted(types))}"] if types else []
    data += [f"{key} may not be set" for key in ("user", "role") if key in told]
    detail = f"{' and '.join(who)} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"
    return "seLinuxOptions", detail


def selinux_options_since_31(meta: JSONObject, spec: JSONObject) -> Finding | None:
    return selinux_options(meta, spec, _SELINUX_TYPES | {"container_engine_t"})


_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"


def seccomp_annotations(meta: JSONObject, spec: JSONObject) -> Finding | None:
    annotations: dict[str, str] = meta.get("annotations") or {}
    keys = {_SECCOMP_POD, *(f"{_SECCOMP_CONTAINER}{name_of(each)}" for each in containers(spec))}
    found = sorted(
        f"{key}={go_quote(annotations[key])}"
        for key in keys
        if key in annotations
        and annotations[key] not in ("runtime/default", "docker/default")
        and not annotations[key].startswith("localhost/")
    )
    if not found:
        return None
    detail = f"forbidden {plural('annotation', 'annotations', len(found))} {', '.join(found)}"
    return "seccompProfile", detail


def bad_seccomp(part: JSONObject) -> str | None:
    """The type of a profile that is set and not allowed."""
    profile: JSONObject | None = security(part).get("seccompProfile")
    kind: str = (profile or {}).get("type") or ""
    return kind if profile is not None and kind not in ("Localhost", "RuntimeDefault") else None


def seccomp_profile(meta: JSONObject, spec: JSONObject) -> Finding | None:
    found = {kind for part in (spec, *containers(spec)) if (kind := bad_seccomp(part)) is not None}
    if not found:
        return None
    names = [name_of(each) for each in containers(spec) if bad_seccomp(each) is not None]
    who = " and ".join(setters(bad_seccomp(spec) is not None, names))
    detail = f"{who} must not set securityContext.seccompProfile.type to {quoted(sorted(found))}"
    return "seccompProfile", detail


_SYSCTLS = (
    (0, "kernel.shm_rmid_forced"),
    (0, "net.ipv4.ip_local_port_range"),
    (0, "net.ipv4.tcp_syncookies"),
    (0, "net.ipv4.ping_group_range"),
    (0, "net.ipv4.ip_unprivileged_port_start"),
    (27, "net.ipv4.ip_local_reserved_ports"),
    (29, "net.ipv4.tcp_keepalive_time"),
    (29, "net.ipv4.tcp_fin_timeout"),
    (29, "net.ipv4.tcp_keepalive_intvl"),
    (29, "net.ipv4.tcp_keepalive_probes"),
    (32, "net.ipv4.tcp_rmem"),
    (32, "net.ipv4.tcp_wmem"),
)


def sysctls(minor: int) -> frozenset[str]:
    """The sysctls that are safe as of a version."""
    return frozenset(name for since, name in _SYSCTLS if since <= minor)


def forbidden_sysctls(spec: JSONObject, allowed: frozenset[str]) -> Finding | None:
    given: list[JSONObject] = security(spec).get("sysctls") or []
    found = [name_of(each) for each in given if name_of(each) not in allowed]
    return ("forbidden sysctls", ", ".join(found)) if found else None


def windows_host_process(meta: JSONObject, spec: JSONObject) -> Finding | None:
    def bad(part: JSONObject) -> bool:
        return bool((security(part).get("windowsOptions") or {}).get("hostProcess"))

    who = setters(bad(spec), [name_of(each) for each in containers(spec) if bad(each)])
    if not who:
        return None
    return "hostProcess", f"{' and '.join(who)} must not set securityContext.windowsOptions.hostProcess=true"
