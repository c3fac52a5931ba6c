"""What is wrong with a pod's spec, on its own or in a template: in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, duplicate, forbidden, invalid, too_long
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.container_environment import file_volumes
from reconcile.apiserver.strategies.container_resources import container_resources, pod_claims
from reconcile.apiserver.strategies.pod_annotations import annotation_errors, profile_errors
from reconcile.apiserver.strategies.pod_containers import (
    Surroundings,
    containers_errors,
    untrimmed_image,
)
from reconcile.apiserver.strategies.pod_os import host_process_errors, host_users_errors, os_errors
from reconcile.apiserver.strategies.pod_resources import pod_resource_errors
from reconcile.apiserver.strategies.pod_scheduling import affinity, spread_constraints, tolerations
from reconcile.apiserver.strategies.pod_security import host_aliases, name_resolution, pod_security
from reconcile.apiserver.strategies.pod_volumes import volumes
from reconcile.apiserver.strategies.shown import shown
from reconcile.objects.names import qualified_name_problems

JSONObject = dict[str, Any]

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")


def template_errors(path: str, template: JSONObject) -> list[FieldError]:
    """A pod template: labels, annotations' keys and spec."""
    metadata = template.get("metadata") or {}
    errors = checks.labels(f"{path}.labels", metadata.get("labels"))
    for key in metadata.get("annotations") or {}:
        errors += [
            invalid(f"{path}.annotations", key, problem) for problem in qualified_name_problems(key.lower())
        ]
    spec, annotations = template.get("spec") or {}, metadata.get("annotations") or {}
    errors += annotation_errors(annotations, spec, field=f"{path}.annotations")
    errors += pod_spec_errors(f"{path}.spec", spec)
    errors += profile_errors(annotations, spec, f"{path}.spec")
    if (template.get("spec") or {}).get("ephemeralContainers"):
        errors.append(
            forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
        )
    return errors


def pod_errors(spec: JSONObject, name: str = "") -> list[FieldError]:
    """The errors of a pod's own spec: beside those of any, what templates may have."""
    errors = pod_spec_errors("spec", spec, name, of_pod=True)
    if not spec.get("serviceAccountName"):
        text = "must not be specified when serviceAccountName is not set"
        errors += [
            forbidden(f"spec.volumes[{index}].projected.sources[{position}].serviceAccountToken", text)
            for index, volume in enumerate(spec.get("volumes") or ())
            for position, source in enumerate((volume.get("projected") or {}).get("sources") or ())
            if source.get("serviceAccountToken") is not None
        ]
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            errors += untrimmed_image(f"spec.{kind}[{index}]", container)
    return errors


def _surroundings(spec: JSONObject, known: JSONObject) -> Surroundings:
    claims = {each["name"] for each in spec.get("resourceClaims") or () if each.get("name")}
    return Surroundings(spec, known, claims, spec.get("hostUsers") is not False)


def pod_spec_errors(path: str, spec: JSONObject, name: str = "", *, of_pod: bool = False) -> list[FieldError]:
    errors, known = volumes(f"{path}.volumes", spec.get("volumes") or [], name, of_pod=of_pod)
    if spec.get("resourceClaims"):
        errors += pod_claims(f"{path}.resourceClaims", spec["resourceClaims"], shown)
    errors += containers_errors(path, _surroundings(spec, known))
    errors += pod_resource_errors(f"{path}.resources", spec)
    errors += _host_network(path, spec, of_pod=of_pod)
    errors += checks.one_of(spec, path, "restartPolicy", ("Always", "OnFailure", "Never"))
    errors += checks.one_of(spec, path, "dnsPolicy", _DNS_POLICIES)
    errors += checks.labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    errors += pod_security(f"{path}.securityContext", spec.get("securityContext") or {}, spec)
    errors += affinity(f"{path}.affinity", spec.get("affinity") or {})
    errors += name_resolution(f"{path}.dnsConfig", spec.get("dnsConfig"), spec.get("dnsPolicy"))
    errors += _gates(path, spec)
    if spec.get("topologySpreadConstraints"):
        errors += spread_constraints(f"{path}.topologySpreadConstraints", spec["topologySpreadConstraints"])
    errors += host_process_errors(path, spec)
    errors += host_users_errors(path, spec)
    errors += _names(path, spec)
    if spec.get("overhead"):
        errors += container_resources(f"{path}.overhead", {"limits": spec["overhead"]}, ())
    errors += os_errors(path, spec)
    errors += file_volumes(path, spec)
    return errors


def _names(path: str, spec: JSONObject) -> list[FieldError]:
    """The names a pod gives and goes by, and when it ends."""
    errors = _host_name(f"{path}.hostnameOverride", spec)
    for key in ("serviceAccountName", "nodeName"):
        if spec.get(key):
            errors += checks.dns_subdomain(f"{path}.{key}", spec[key])
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        text = "must be between 1 and 2147483647, inclusive"
        errors.append(invalid(f"{path}.activeDeadlineSeconds", deadline, text))
    for key in ("hostname", "subdomain"):
        if spec.get(key):
            errors += checks.dns_label(f"{path}.{key}", spec[key])
    if spec.get("tolerations"):
        errors += tolerations(f"{path}.tolerations", spec["tolerations"])
    errors += host_aliases(f"{path}.hostAliases", spec.get("hostAliases") or ())
    if spec.get("priorityClassName"):
        errors += checks.dns_subdomain(f"{path}.priorityClassName", spec["priorityClassName"])
    if spec.get("runtimeClassName") is not None:
        errors += checks.dns_subdomain(f"{path}.runtimeClassName", spec["runtimeClassName"])
    if spec.get("preemptionPolicy") is not None:
        errors += checks.one_of(spec, path, "preemptionPolicy", ("PreemptLowerPriority", "Never"))
    return errors


def _host_name(field: str, spec: JSONObject) -> list[FieldError]:
    name = spec.get("hostnameOverride")
    if name is None:
        return []
    errors = [
        forbidden(field, f"may not be specified when {key} is true")
        for key in ("setHostnameAsFQDN", "hostNetwork")
        if spec.get(key)
    ]
    if len(name) > 64:
        errors.append(too_long(field, "", 64))
    return errors + checks.dns_subdomain(field, name)


def _host_network(path: str, spec: JSONObject, *, of_pod: bool) -> list[FieldError]:
    if not spec.get("hostNetwork"):
        return []
    text = "must match `containerPort` when `hostNetwork` is true"
    errors: list[FieldError] = []
    for index, container in enumerate(spec.get("containers") or ()):
        for position, port in enumerate(container.get("ports") or ()):
            host = port.get("hostPort") or 0
            if (of_pod or host) and host != (port.get("containerPort") or 0):
                errors.append(invalid(f"{path}.containers[{index}].ports[{position}].hostPort", host, text))
    return errors


def _gates(path: str, spec: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        where = f"{path}.readinessGates[{index}].conditionType"
        kind = gate.get("conditionType", "")
        errors += [invalid(where, kind, problem) for problem in qualified_name_problems(kind)]
    seen: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        where = f"{path}.schedulingGates[{index}]"
        name = gate.get("name", "")
        errors += [invalid(where, name, problem) for problem in qualified_name_problems(name)]
        if name in seen:
            errors.append(duplicate(where, name))
        seen.add(name)
    return errors
