"""Which checks a level has in which version, and what they say of a pod.

Checks run by id, those of `baseline` first; a restricted check may stand in the place of a baseline one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconcile.apiserver.pod_security import baseline, restricted
from reconcile.apiserver.pod_security.containers import Check, Finding, JSONObject
from reconcile.apiserver.pod_security.levels import BASELINE, LATEST, PRIVILEGED, Level


@dataclass(frozen=True, slots=True)
class _Versions:
    """A check through its versions: which one holds since which minor version, what it stands in for."""

    since: Mapping[int, Check]
    overrides: str = ""

    def at(self, minor: int) -> Check | None:
        begun = [first for first in self.since if first <= minor]
        return self.since[max(begun)] if begun else None


def _sysctls_at(minor: int) -> Check:
    allowed = baseline.sysctls(minor)

    def check(meta: JSONObject, spec: JSONObject) -> Finding | None:
        return baseline.forbidden_sysctls(spec, allowed)

    return check


_BASELINE = {
    "appArmorProfile": _Versions({0: baseline.app_armor_profile}),
    "capabilities_baseline": _Versions({0: baseline.capabilities}),
    "hostNamespaces": _Versions({0: baseline.host_namespaces}),
    "hostPathVolumes": _Versions({0: baseline.host_path_volumes}),
    "hostPorts": _Versions({0: baseline.host_ports}),
    "hostProbesAndHostLifecycle": _Versions({34: baseline.host_of_probes}),
    "privileged": _Versions({0: baseline.privileged}),
    "procMount": _Versions({0: baseline.proc_mount, 35: baseline.proc_mount_outside_user_namespaces}),
    "seLinuxOptions": _Versions({0: baseline.selinux_options, 31: baseline.selinux_options_since_31}),
    "seccompProfile_baseline": _Versions({0: baseline.seccomp_annotations, 19: baseline.seccomp_profile}),
    "sysctls": _Versions({minor: _sysctls_at(minor) for minor in (0, 27, 29, 32)}),
    "windowsHostProcess": _Versions({0: baseline.windows_host_process}),
}
_RESTRICTED = {
    "allowPrivilegeEscalation": _Versions(
        {
            8: restricted.allow_privilege_escalation,
            25: restricted.not_windows(restricted.allow_privilege_escalation),
        }
    ),
    "capabilities_restricted": _Versions(
        {22: restricted.capabilities, 25: restricted.not_windows(restricted.capabilities)},
        "capabilities_baseline",
    ),
    "procMount_restricted": _Versions({35: baseline.proc_mount}, "procMount"),
    "restrictedVolumes": _Versions({0: restricted.volumes}, "hostPathVolumes"),
    "runAsNonRoot": _Versions(
        {0: restricted.run_as_non_root, 35: restricted.not_in_user_namespace(restricted.run_as_non_root)}
    ),
    "runAsUser": _Versions(
        {23: restricted.run_as_user, 35: restricted.not_in_user_namespace(restricted.run_as_user)}
    ),
    "seccompProfile_restricted": _Versions(
        {19: restricted.seccomp_required, 25: restricted.not_windows(restricted.seccomp_required)},
        "seccompProfile_baseline",
    ),
}
_NEWEST = max(minor for table in (_BASELINE, _RESTRICTED) for each in table.values() for minor in each.since)
CHECKS = (*sorted(_BASELINE), *sorted(_RESTRICTED))
"""The ids of all checks, in the order in which they speak."""


def checks_of(level: Level) -> dict[str, Check]:
    """The checks of a level, by id, in order."""
    if level.name == PRIVILEGED:
        return {}
    minor = _NEWEST if level.minor == LATEST else min(level.minor, _NEWEST)
    found = {name: check for name in sorted(_BASELINE) if (check := _BASELINE[name].at(minor)) is not None}
    if level.name == BASELINE:
        return found
    for name in sorted(_RESTRICTED):
        versions = _RESTRICTED[name]
        check = versions.at(minor)
        if check is not None:
            found.pop(versions.overrides, None)
            found[name] = check
    return found


def findings(level: Level, meta: JSONObject, spec: JSONObject) -> list[Finding]:
    """What the level's checks have against a pod; nothing where it is allowed."""
    said = [check(meta, spec) for check in checks_of(level).values()]
    return [finding for finding in said if finding is not None]


def in_short(found: list[Finding]) -> str:
    return ", ".join(short for short, _ in found)


def in_detail(found: list[Finding]) -> str:
    return ", ".join(f"{short} ({detail})" if detail else short for short, detail in found)
