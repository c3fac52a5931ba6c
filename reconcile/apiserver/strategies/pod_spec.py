"""What is wrong with a pod's spec, on its own or in a template.

Checked as upstream: containers, ports, environment, mounts, volumes, probes, resources, policies, host
network, affinity, tolerations, spread constraints, gates and names. Not checked: security contexts
(beyond their types), Windows, resource claims, DNS options, projected volumes' sources in depth.
"""

from __future__ import annotations

import re
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.pod_resources import pod_resource_errors
from reconcile.apiserver.strategies.pod_scheduling import affinity, spread_constraints, tolerations
from reconcile.apiserver.strategies.pod_security import (
    container_security,
    names_and_addresses,
    pod_security,
)
from reconcile.apiserver.strategies.pod_volumes import env_field_selector, resource_selector, volumes
from reconcile.objects.names import qualified_name_problems

JSONObject = dict[str, Any]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_ENV_MESSAGE = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
_ENV_RELAXED = re.compile(r"[ -<>-~]+")


def template_errors(path: str, template: JSONObject) -> list[FieldError]:
    """A pod template: labels, annotations' keys and spec."""
    metadata = template.get("metadata") or {}
    errors = checks.labels(f"{path}.labels", metadata.get("labels"))
    for key in metadata.get("annotations") or {}:
        errors += [
            invalid(f"{path}.annotations", key, problem) for problem in qualified_name_problems(key.lower())
        ]
    errors += pod_spec_errors(f"{path}.spec", template.get("spec") or {})
    if (template.get("spec") or {}).get("ephemeralContainers"):
        errors.append(
            forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
        )
    return errors


def pod_spec_errors(path: str, spec: JSONObject, name: str = "") -> list[FieldError]:
    errors, known = volumes(f"{path}.volumes", spec.get("volumes") or [], name)
    host_users = spec.get("hostUsers") is not False
    containers = spec.get("containers") or []
    if not containers:
        errors.append(required(f"{path}.containers"))
    seen: set[str] = set()
    for index, container in enumerate(containers):
        where = f"{path}.containers[{index}]"
        errors += container_errors(where, container, known)
        errors += _unique(where, container, seen)
        errors += container_security(
            f"{where}.securityContext", container.get("securityContext") or {}, host_users=host_users
        )
        errors += _probes(where, container)
    errors += _host_port_conflicts(f"{path}.containers", containers)
    for index, container in enumerate(spec.get("initContainers") or ()):
        where = f"{path}.initContainers[{index}]"
        errors += container_errors(where, container, known)
        errors += _unique(where, container, seen)
        errors += container_security(
            f"{where}.securityContext", container.get("securityContext") or {}, host_users=host_users
        )
        errors += _init_only(where, container)
    errors += _host_network(path, spec)
    errors += pod_resource_errors(f"{path}.resources", spec)
    errors += checks.one_of(spec, path, "restartPolicy", ("Always", "OnFailure", "Never"))
    errors += checks.one_of(
        spec, path, "dnsPolicy", ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
    )
    errors += pod_security(f"{path}.securityContext", spec.get("securityContext") or {}, spec)
    errors += names_and_addresses(path, spec)
    errors += checks.labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    errors += affinity(f"{path}.affinity", spec.get("affinity") or {})
    errors += _gates(path, spec)
    errors += spread_constraints(
        f"{path}.topologySpreadConstraints", spec.get("topologySpreadConstraints") or []
    )
    for key in ("serviceAccountName", "nodeName", "priorityClassName", "runtimeClassName"):
        if spec.get(key):
            errors += checks.dns_subdomain(f"{path}.{key}", spec[key])
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        errors.append(
            invalid(f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")
        )
    for key in ("hostname", "subdomain"):
        if spec.get(key):
            errors += checks.dns_label(f"{path}.{key}", spec[key])
    errors += tolerations(f"{path}.tolerations", spec.get("tolerations") or [])
    if spec.get("preemptionPolicy") is not None:
        errors += checks.one_of(spec, path, "preemptionPolicy", ("PreemptLowerPriority", "Never"))
    return errors


def _unique(path: str, container: JSONObject, seen: set[str]) -> list[FieldError]:
    name = container.get("name", "")
    errors = [duplicate(f"{path}.name", name)] if name in seen else []
    seen.add(name)
    return errors


def container_errors(path: str, container: JSONObject, known: set[str] | None) -> list[FieldError]:
    """What holds for containers of every sort; `known` are the volumes; None: mounts are not looked up."""
    errors: list[FieldError] = []
    name = container.get("name", "")
    errors += checks.dns_label(f"{path}.name", name) if name else [required(f"{path}.name")]
    if not container.get("image"):
        errors.append(required(f"{path}.image"))
    errors += checks.one_of(container, path, "terminationMessagePolicy", ("File", "FallbackToLogsOnError"))
    errors += _ports(f"{path}.ports", container.get("ports") or [])
    errors += _environment(path, container)
    errors += _environment_sources(f"{path}.envFrom", container.get("envFrom") or [])
    devices = {device.get("name", "") for device in container.get("volumeDevices") or ()}
    errors += _mounts(f"{path}.volumeMounts", container.get("volumeMounts") or [], known, devices)
    errors += checks.one_of(container, path, "imagePullPolicy", ("Always", "IfNotPresent", "Never"))
    errors += checks.resource_requirements(f"{path}.resources", container.get("resources"))
    policy, allowed = container.get("restartPolicy"), ("Always", "Never", "OnFailure")
    if policy is not None and policy not in allowed:
        errors.append(not_supported(f"{path}.restartPolicy", policy, allowed))
    return errors


def _ports(path: str, ports: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        name = port.get("name", "")
        if name:
            problems = checks.port_name_problems(name)
            errors += [invalid(f"{where}.name", name, problem) for problem in problems]
            if not problems and name in seen:
                errors.append(duplicate(f"{where}.name", name))
            seen.add(name)
        number = port.get("containerPort") or 0
        errors += (
            checks.port_number(f"{where}.containerPort", number)
            if number
            else [required(f"{where}.containerPort")]
        )
        if port.get("hostPort"):
            errors += checks.port_number(f"{where}.hostPort", port["hostPort"])
        errors += checks.one_of(port, where, "protocol", _PROTOCOLS)
    return errors


def _environment(path: str, container: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    variables: list[JSONObject] = container.get("env") or []
    for index, variable in enumerate(variables):
        where = f"{path}.env[{index}]"
        name = variable.get("name", "")
        if not name:
            errors.append(required(f"{where}.name"))
        elif not _ENV_RELAXED.fullmatch(name):
            errors.append(invalid(f"{where}.name", name, _ENV_MESSAGE))
        source = variable.get("valueFrom")
        if source is None:
            continue
        where += ".valueFrom"
        kinds = [key for key, value in source.items() if value is not None]
        if not kinds:
            errors.append(
                invalid(
                    where,
                    "",
                    "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` "
                    "or `fileKeyRef`",
                )
            )
        elif variable.get("value"):
            errors.append(invalid(where, "", "may not be specified when `value` is not empty"))
        elif len(kinds) > 1:
            errors.append(invalid(where, "", "may not have more than one field specified at a time"))
        for kind in ("configMapKeyRef", "secretKeyRef"):
            reference = source.get(kind)
            if reference is not None:
                errors += checks.dns_subdomain(f"{where}.{kind}.name", reference.get("name") or "")
                if not reference.get("key"):
                    errors.append(required(f"{where}.{kind}.key"))
                else:
                    errors += checks.names(
                        f"{where}.{kind}.key", reference["key"], checks.config_key_problems
                    )
        if source.get("fieldRef") is not None:
            errors += env_field_selector(f"{where}.fieldRef", source["fieldRef"])
        if source.get("resourceFieldRef") is not None:
            where = f"{where}.resourceFieldRef"
            errors += resource_selector(where, source["resourceFieldRef"], volume=False)
    return errors


_MOUNT_MODES = {
    "mountPropagation": ("Bidirectional", "HostToContainer", "None"),
    "recursiveReadOnly": ("Disabled", "Enabled", "IfPossible"),
}


def _environment_sources(path: str, sources: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, source in enumerate(sources):
        prefix = source.get("prefix") or ""
        if prefix and not _ENV_RELAXED.fullmatch(prefix):
            errors.append(invalid(f"{path}[{index}].prefix", prefix, _ENV_MESSAGE))
        kinds = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        for kind in kinds:
            field, name = f"{path}[{index}].{kind}.name", source[kind].get("name") or ""
            errors += checks.dns_subdomain(field, name) if name else [required(field)]
        if not kinds:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(kinds) > 1:
            errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    return errors


def _mounts(
    path: str, mounts: list[JSONObject], known: set[str] | None, devices: set[str]
) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"{path}[{index}]"
        name, place = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            errors.append(required(f"{where}.name"))
        if known is not None and name not in known:
            errors.append(not_found(f"{where}.name", name))
        if not place:
            errors.append(required(f"{where}.mountPath"))
        if place in seen:
            errors.append(invalid(f"{where}.mountPath", place, "must be unique"))
        seen.add(place)
        if name in devices:
            errors.append(invalid(f"{where}.name", name, "must not already exist in volumeDevices"))
        for key, allowed in _MOUNT_MODES.items():
            if mount.get(key) is not None and mount[key] not in allowed:
                errors.append(not_supported(f"{path}.{key}", mount[key], allowed))
        for key in ("subPath", "subPathExpr"):
            inner = mount.get(key, "")
            if inner.startswith("/"):
                errors.append(invalid(f"{path}.{key}", inner, "must be a relative path"))
            if ".." in inner.split("/"):
                errors.append(invalid(f"{path}.{key}", inner, "must not contain '..'"))
    return errors


def _probes(path: str, container: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    lifecycle = container.get("lifecycle") or {}
    for hook in ("postStart", "preStop"):
        if lifecycle.get(hook) is not None:
            errors += _handler(
                f"{path}.lifecycle.{hook}", lifecycle[hook], ("exec", "httpGet", "tcpSocket", "sleep")
            )
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(key)
        if probe is None:
            continue
        where = f"{path}.{key}"
        errors += _handler(where, probe, ("exec", "httpGet", "tcpSocket", "grpc"))
        errors += checks.non_negative(
            probe,
            where,
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
        )
        grace = probe.get("terminationGracePeriodSeconds")
        if key == "readinessProbe":
            if grace is not None:
                message = "must not be set for readinessProbes"
                errors.append(invalid(f"{where}.terminationGracePeriodSeconds", grace, message))
            continue
        if grace is not None and grace <= 0:
            errors.append(invalid(f"{where}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
        if probe.get("successThreshold") != 1:
            errors.append(invalid(f"{where}.successThreshold", probe.get("successThreshold"), "must be 1"))
    return errors


def _handler(path: str, handler: JSONObject, kinds: tuple[str, ...]) -> list[FieldError]:
    found = [kind for kind in kinds if handler.get(kind) is not None]
    errors = [forbidden(f"{path}.{kind}", "may not specify more than 1 handler type") for kind in found[1:]]
    if not found:
        return [required(path, "must specify a handler type")]
    kind, action = found[0], handler[found[0]]
    where = f"{path}.{kind}"
    if kind == "exec" and not action.get("command"):
        errors.append(required(f"{where}.command"))
    if kind == "httpGet":
        if not action.get("path"):
            errors.append(required(f"{where}.path"))
        errors += checks.port_number_or_name(f"{where}.port", action.get("port", 0))
        errors += checks.one_of(action, where, "scheme", ("HTTP", "HTTPS"))
    if kind == "tcpSocket":
        errors += checks.port_number_or_name(f"{where}.port", action.get("port", 0))
    if kind == "grpc":
        errors += checks.port_number(f"{where}.port", action.get("port", 0))
    return errors


def _init_only(path: str, container: JSONObject) -> list[FieldError]:
    if container.get("restartPolicy") == "Always":
        return _probes(path, container)
    errors: list[FieldError] = []
    for key in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(key) is not None:
            text = "may not be set for init containers without restartPolicy=Always"
            errors.append(forbidden(f"{path}.{key}", text))
    return errors


def _host_port_conflicts(path: str, containers: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    taken: set[tuple[str, str, int]] = set()
    for index, container in enumerate(containers):
        for position, port in enumerate(container.get("ports") or ()):
            number = port.get("hostPort") or 0
            if not number:
                continue
            text = f"{port.get('protocol')}/{port.get('hostIP', '')}/{number}"
            key = (port.get("protocol", ""), port.get("hostIP", ""), number)
            if key in taken:
                errors.append(duplicate(f"{path}[{index}].ports[{position}].hostPort", text))
            taken.add(key)
    return errors


def _host_network(path: str, spec: JSONObject) -> list[FieldError]:
    if not spec.get("hostNetwork"):
        return []
    errors: list[FieldError] = []
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            for position, port in enumerate(container.get("ports") or ()):
                if port.get("hostPort") != port.get("containerPort"):
                    errors.append(
                        invalid(
                            f"{path}.{kind}[{index}].ports[{position}].hostPort",
                            port.get("hostPort", 0),
                            "must match `containerPort` when `hostNetwork` is true",
                        )
                    )
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
