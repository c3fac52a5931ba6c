"""What a pod asks for as a whole.

Containers add up; an init container counts where it asks for more than they do, together with the restartable
ones started before it; what the pod itself asks for takes the place of the sum. The rules are those of
component-helpers' `resource.PodRequests` and `PodLimits`.
"""

from __future__ import annotations

from typing import Any, Literal

from reconcile.apiserver.limits.amounts import Amounts, add, amounts, larger

JSONObject = dict[str, Any]
Part = Literal["requests", "limits"]


def pod_level(name: str) -> bool:
    """Whether a pod, and not only a container, may ask for this resource."""
    return name in ("cpu", "memory") or name.startswith("hugepages-")


def has_pod_level_resources(spec: JSONObject, parts: tuple[Part, ...] = ("requests", "limits")) -> bool:
    given: JSONObject = spec.get("resources") or {}
    return any(pod_level(name) for part in parts for name in given.get(part) or ())


def of_containers(pod: JSONObject, part: Part, *, with_status: bool = False) -> Amounts:
    """The containers' sum, or the largest moment of the init containers where that is more.

    `with_status`: what the node has given counts where it is more than what the spec says, as while a pod is
    resized.
    """
    spec: JSONObject = pod.get("spec") or {}
    effective = _Effective(pod, part) if with_status else None
    total: Amounts = {}
    for container in spec.get("containers") or ():
        total = add(total, _asked(container, part, effective))
    restartable: Amounts = {}
    initial: Amounts = {}
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            asked = _asked(container, part, effective)
            total = add(total, asked)
            restartable = add(restartable, asked)
            initial = larger(initial, restartable)
        else:
            initial = larger(initial, add(_asked(container, part, None), restartable))
    return larger(total, initial)


def of_pod(pod: JSONObject, part: Part, *, with_status: bool = True) -> Amounts:
    """What quotas count: containers by spec and status, the pod's own resources, overhead."""
    spec: JSONObject = pod.get("spec") or {}
    total = of_containers(pod, part, with_status=with_status)
    parts: tuple[Part, ...] = ("requests",) if part == "requests" else ("requests", "limits")
    if has_pod_level_resources(spec, parts):
        own = amounts((spec.get("resources") or {}).get(part))
        total.update({name: amount for name, amount in own.items() if pod_level(name)})
    overhead = amounts(spec.get("overhead"))
    if part == "limits":
        overhead = {name: amount for name, amount in overhead.items() if total.get(name)}
    return add(total, overhead)


class _Effective:
    """What containers have while a resize is under way: by spec, by the node's word, by what it runs with."""

    def __init__(self, pod: JSONObject, part: Part) -> None:
        self._part: Part = part
        status: JSONObject = pod.get("status") or {}
        self._statuses: dict[str, JSONObject] = {
            each.get("name") or "": each
            for key in ("containerStatuses", "initContainerStatuses")
            for each in status.get(key) or ()
        }
        pending = [each for each in status.get("conditions") or () if each.get("type") == "PodResizePending"]
        self._infeasible = bool(pending) and pending[0].get("reason") == "Infeasible"

    def of_container(self, container: JSONObject) -> Amounts:
        asked = amounts((container.get("resources") or {}).get(self._part))
        status = self._statuses.get(container.get("name") or "")
        if status is None or status.get("resources") is None:
            return asked
        return self._largest(asked, status["resources"], status.get("allocatedResources"))

    def _largest(self, asked: Amounts, actuated: JSONObject, allocated: JSONObject | None) -> Amounts:
        held = amounts(actuated.get(self._part))
        if self._part == "requests":
            held = larger(held, amounts(allocated))
        return held if self._infeasible else larger(asked, held)


def _asked(container: JSONObject, part: Part, effective: _Effective | None) -> Amounts:
    if effective is not None:
        return effective.of_container(container)
    return amounts((container.get("resources") or {}).get(part))
