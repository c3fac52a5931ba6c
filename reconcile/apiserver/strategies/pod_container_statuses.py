"""What is wrong with the statuses of a pod's containers: in upstream's words and order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)

JSONObject = dict[str, Any]

_ENDED = "may not be transitioned to non-terminated state"
_KINDS = (
    ("containerStatuses", "containers"),
    ("initContainerStatuses", "initContainers"),
    ("ephemeralContainerStatuses", ""),
)
_HEALTH = ("Healthy", "Unhealthy", "Unknown")
_LONGEST_MESSAGE = 1024
_MAX_ID = 2**31 - 1
_IDENTITY = "must be between 0 and 2147483647, inclusive"


def transition_errors(status: JSONObject, before: JSONObject, spec: JSONObject) -> list[FieldError]:
    """Containers that have ended for good and run again."""
    return [
        forbidden(f"status.{kind}[{index}].state", _ENDED)
        for kind, of in _KINDS
        for index, old in enumerate(before.get(kind) or ())
        if _ended(old) is not None
        and _runs_again(old, status.get(kind) or [])
        and not (of and _may_restart(old, of, spec))
    ]


def _ended(status: JSONObject) -> JSONObject | None:
    return (status.get("state") or {}).get("terminated")


def _runs_again(old: JSONObject, statuses: list[JSONObject]) -> bool:
    now = next((each for each in statuses if each.get("name") == old.get("name")), None)
    return now is not None and _ended(now) is None


def _may_restart(old: JSONObject, of: str, spec: JSONObject) -> bool:
    everything = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    rules = [rule for each in everything for rule in each.get("restartPolicyRules") or ()]
    if any(rule.get("action") == "RestartAllContainers" for rule in rules):
        return True
    own = next((each for each in spec.get(of) or () if each.get("name") == old.get("name")), None)
    if own is None:
        return False
    code: int = (_ended(old) or {}).get("exitCode") or 0
    policy = own.get("restartPolicy")
    if policy is not None and any(_matches(rule, code) for rule in own.get("restartPolicyRules") or ()):
        return True
    policy = policy or spec.get("restartPolicy") or "Always"
    return policy == "Always" or (policy == "OnFailure" and code != 0)


def _matches(rule: JSONObject, code: int) -> bool:
    codes: JSONObject = rule.get("exitCodes") or {}
    found = code in (codes.get("values") or ())
    return found if codes.get("operator") == "In" else codes.get("operator") == "NotIn" and not found


def container_status_errors(status: JSONObject, spec: JSONObject) -> list[FieldError]:
    """The users and the devices of containers."""
    system = (spec.get("os") or {}).get("name") or "linux"
    errors: list[FieldError] = []
    for kind, _ in _KINDS:
        for index, each in enumerate(status.get(kind) or ()):
            user = (each.get("user") or {}).get("linux")
            if user is not None:
                errors += _user(f"status.{kind}[{index}].user.linux", user, system)
    for kind, of in _KINDS:
        for index, each in enumerate(status.get(kind) or ()):
            where = f"status.{kind}[{index}].allocatedResourcesStatus"
            allocated: list[JSONObject] = each.get("allocatedResourcesStatus") or []
            if of:
                containers = spec.get(of) or ()
                own = next((one for one in containers if one.get("name") == each.get("name")), None)
                errors += _allocated(where, allocated, own)
            elif allocated:
                errors.append(forbidden(where, "must not be specified in container status"))
    return errors


def _user(path: str, user: JSONObject, system: str) -> Iterator[FieldError]:
    if system == "windows":
        yield forbidden(path, "cannot be set for a windows pod")
    elif system == "linux":
        for key in ("uid", "gid"):
            number = user.get(key) or 0
            if not 0 <= number <= _MAX_ID:
                yield invalid(f"{path}.{key}", number, _IDENTITY)
        for index, number in enumerate(user.get("supplementalGroups") or ()):
            if not 0 <= number <= _MAX_ID:
                yield invalid(f"{path}.supplementalGroups[{index}]", number, _IDENTITY)


def _allocated(path: str, allocated: list[JSONObject], container: JSONObject | None) -> Iterator[FieldError]:
    resources: JSONObject = (container or {}).get("resources") or {}
    for index, each in enumerate(allocated):
        name, where = each.get("name") or "", f"{path}[{index}]"
        if name.startswith("claim:"):
            known = {
                f"claim:{claim.get('name') or ''}" + (f"/{claim['request']}" if claim.get("request") else "")
                for claim in resources.get("claims") or ()
            }
            text = (
                "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' "
                "or 'claim:<claimName>' if request is empty"
            )
        else:
            known = set(resources.get("requests") or ())
            text = "must match one of the container's resource requests"
        if container is not None and name not in known:
            yield invalid(f"{where}.name", name, text)
        yield from _devices(f"{where}.resources", each.get("resources") or [])


def _devices(path: str, devices: list[JSONObject]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, device in enumerate(devices):
        where, name = f"{path}[{index}]", device.get("resourceID") or ""
        health, message = device.get("health") or "", device.get("message")
        if health not in _HEALTH:
            yield not_supported(f"{where}.health", health, _HEALTH)
        if message is not None and not message:
            yield required(f"{where}.message", "must be non-empty if specified")
        elif message is not None and len(message.encode()) > _LONGEST_MESSAGE:
            yield too_long(f"{where}.message", message, _LONGEST_MESSAGE)
        if name in seen:
            yield duplicate(f"{where}.resourceID", name)
        seen.add(name)
