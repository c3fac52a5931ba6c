"""What is wrong with a pod's containers, of each sort: in upstream's words and order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    too_many,
)
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.container_environment import environment, environment_sources
from reconcile.apiserver.strategies.container_mounts import device_errors, mount_errors
from reconcile.apiserver.strategies.container_probes import probe_errors
from reconcile.apiserver.strategies.container_resources import (
    container_resources,
    not_for_ephemeral,
    only_sidecars_restart,
    resize_policies,
)
from reconcile.apiserver.strategies.pod_security import container_security

JSONObject = dict[str, Any]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_RESTARTS = ("Always", "Never", "OnFailure")
_ACTIONS = ("Restart", "RestartAllContainers")
_PROBES = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a container's rules ask of its pod."""

    spec: JSONObject
    volumes: JSONObject
    claims: Collection[str]
    host_users: bool


def containers_errors(path: str, around: Surroundings) -> list[FieldError]:
    """The errors of the containers, the init containers and the ephemeral ones."""
    spec = around.spec
    errors = _regular(f"{path}.containers", spec.get("containers") or [], around)
    if spec.get("initContainers"):
        errors += _init(f"{path}.initContainers", spec["initContainers"], around)
    if spec.get("ephemeralContainers"):
        errors += ephemeral_errors(f"{path}.ephemeralContainers", spec["ephemeralContainers"], around)
    return errors


def _regular(path: str, containers: list[JSONObject], around: Surroundings) -> list[FieldError]:
    if not containers:
        return [required(path)]
    errors: list[FieldError] = []
    seen: set[str] = set()
    grace = around.spec.get("terminationGracePeriodSeconds")
    for index, container in enumerate(containers):
        where = f"{path}[{index}]"
        errors += _common(where, container, around)
        name = container.get("name") or ""
        if name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
        errors += probe_errors(where, container, grace)
        errors += _restarts(where, container)
    return errors + _host_port_conflicts(path, containers)


def _init(path: str, containers: list[JSONObject], around: Surroundings) -> list[FieldError]:
    errors: list[FieldError] = []
    seen = {each.get("name") or "" for each in around.spec.get("containers") or ()}
    grace = around.spec.get("terminationGracePeriodSeconds")
    for index, container in enumerate(containers):
        where = f"{path}[{index}]"
        errors += _common(where, container, around)
        errors += _restarts(where, container, stop=True)
        name = container.get("name") or ""
        if name in seen:
            errors.append(duplicate(f"{where}.name", name))
        elif name:
            seen.add(name)
        errors += _host_port_conflicts(path, [container])
        if container.get("restartPolicy") == "Always":
            errors += probe_errors(where, container, grace)
            continue
        text = "may not be set for init containers without restartPolicy=Always"
        errors += [forbidden(f"{where}.{key}", text) for key in _PROBES if container.get(key) is not None]
        errors += only_sidecars_restart(f"{where}.resizePolicy", container.get("resizePolicy") or [])
    return errors


def ephemeral_errors(path: str, containers: list[JSONObject], around: Surroundings) -> list[FieldError]:
    errors: list[FieldError] = []
    others = {
        each.get("name") or ""
        for kind in ("containers", "initContainers")
        for each in around.spec.get(kind) or ()
    }
    seen = set(others)
    for index, container in enumerate(containers):
        where = f"{path}[{index}]"
        errors += _common(where, container, around)
        errors += untrimmed_image(where, container)
        name, target = container.get("name") or "", container.get("targetContainerName")
        if name in seen:
            errors.append(duplicate(f"{where}.name", name))
        seen.add(name)
        if target and target not in others:
            errors.append(not_found(f"{where}.targetContainerName", target))
        errors += not_for_ephemeral(where, container)
    return errors


def untrimmed_image(path: str, container: JSONObject) -> list[FieldError]:
    image = container.get("image") or ""
    if image == image.strip():
        return []
    return [invalid(f"{path}.image", image, "must not have leading or trailing whitespace")]


def _common(path: str, container: JSONObject, around: Surroundings) -> list[FieldError]:
    """What holds for containers of every sort."""
    name = container.get("name") or ""
    errors = checks.dns_label(f"{path}.name", name) if name else [required(f"{path}.name")]
    if not container.get("image"):
        errors.append(required(f"{path}.image"))
    errors += checks.one_of(container, path, "terminationMessagePolicy", ("File", "FallbackToLogsOnError"))
    if container.get("ports"):
        errors += _ports(f"{path}.ports", container["ports"])
    if container.get("env"):
        errors += environment(f"{path}.env", container["env"])
    if container.get("envFrom"):
        errors += environment_sources(f"{path}.envFrom", container["envFrom"])
    errors += mount_errors(f"{path}.volumeMounts", container, around.volumes)
    errors += device_errors(f"{path}.volumeDevices", container, around.volumes)
    errors += checks.one_of(container, path, "imagePullPolicy", ("Always", "IfNotPresent", "Never"))
    errors += container_resources(f"{path}.resources", container.get("resources"), around.claims)
    if container.get("resizePolicy"):
        policy = around.spec.get("restartPolicy")
        errors += resize_policies(f"{path}.resizePolicy", container["resizePolicy"], policy)
    context = container.get("securityContext")
    if context:
        errors += container_security(f"{path}.securityContext", context, host_users=around.host_users)
    return errors


def _ports(path: str, ports: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        name = port.get("name") or ""
        if name:
            problems = checks.port_name_problems(name)
            errors += [invalid(f"{where}.name", name, problem) for problem in problems]
            if not problems and name in seen:
                errors.append(duplicate(f"{where}.name", name))
            seen.add(name)
        number, field = port.get("containerPort") or 0, f"{where}.containerPort"
        errors += checks.port_number(field, number) if number else [required(field)]
        if port.get("hostPort"):
            errors += checks.port_number(f"{where}.hostPort", port["hostPort"])
        errors += checks.one_of(port, where, "protocol", _PROTOCOLS)
    return errors


def _restarts(path: str, container: JSONObject, *, stop: bool = False) -> list[FieldError]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    errors: list[FieldError] = []
    if policy is None:
        if rules:
            text = "must specify restartPolicy when restart rules are used"
            errors.append(required(f"{path}.restartPolicy", text))
        if stop:
            return errors
    elif policy not in _RESTARTS:
        errors.append(not_supported(f"{path}.restartPolicy", policy, _RESTARTS))
    if len(rules) > 20:
        errors.append(too_many(f"{path}.restartPolicyRules", len(rules), 20))
    for index, rule in enumerate(rules):
        where = f"{path}.restartPolicyRules[{index}]"
        if rule.get("action") not in _ACTIONS:
            errors.append(not_supported(f"{where}.action", rule.get("action") or "", _ACTIONS))
        codes, where = rule.get("exitCodes"), f"{where}.exitCodes"
        if codes is None:
            errors.append(required(where, "must be specified"))
            continue
        if codes.get("operator") not in ("In", "NotIn"):
            errors.append(not_supported(f"{where}.operator", codes.get("operator") or "", ("In", "NotIn")))
        if len(codes.get("values") or ()) > 255:
            errors.append(too_many(f"{where}.values", len(codes["values"]), 255))
    return errors


def _host_port_conflicts(path: str, containers: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    taken: set[str] = set()
    for index, container in enumerate(containers):
        for position, port in enumerate(container.get("ports") or ()):
            number = port.get("hostPort") or 0
            if not number:
                continue
            key = f"{port.get('protocol') or ''}/{port.get('hostIP') or ''}/{number}"
            if key in taken:
                errors.append(duplicate(f"{path}[{index}].ports[{position}].hostPort", key))
            taken.add(key)
    return errors
