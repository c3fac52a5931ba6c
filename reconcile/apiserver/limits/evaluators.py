"""What an object uses of a quota, by its kind.

    quota.spec.hard ──▶ Evaluator.matching ──▶ the names that objects of this kind use
    object ───────────▶ Evaluator.usage ─────▶ how much of each

Pods, services, claims for volumes and claims for devices have rules of their own; everything else is counted.
The rules are those of Kubernetes' `quota/v1` evaluators.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from reconcile.apiserver.limits.amounts import ONE, ZERO, Amounts, add, amounts, larger
from reconcile.apiserver.limits.pod_resources import has_pod_level_resources, of_pod
from reconcile.apiserver.limits.scopes import claim_in_scope, is_terminating, pod_in_scope
from reconcile.objects.names import qualified_name_problems
from reconcile.objects.quantities import Amount

JSONObject = dict[str, Any]

REQUESTS = "requests."
_DEVICE_CLASS = "deviceclass.resource.kubernetes.io/"


class Objects(Protocol):
    """The objects beside the one that is looked at."""

    def read(self, group_resource: str, namespace: str, name: str) -> JSONObject | None: ...

    def read_all(self, group_resource: str, namespace: str = "") -> list[JSONObject]: ...


class Evaluator:
    """Counts the objects of one kind; kinds that use more are its subclasses.

    Attributes:
        group_resource: `pods`, `deployments.apps`, …
    """

    def __init__(self, group_resource: str, *aliases: str) -> None:
        self.group_resource = group_resource
        self._names = (f"count/{group_resource}", *aliases)

    def handles(
        self, operation: str, subresource: str, new: JSONObject | None, old: JSONObject | None
    ) -> bool:
        """Whether the request may change what is used."""
        return operation == "CREATE" and not subresource

    def matching(self, names: Iterable[str], objects: Objects) -> list[str]:
        """Those of the names that objects of this kind use."""
        return [name for name in names if name in self._names]

    def in_scope(self, requirement: JSONObject, obj: JSONObject) -> bool:
        """Whether the object meets a requirement on its scope; kinds without scopes meet none."""
        return False

    def missing(self, required: Iterable[str], obj: JSONObject) -> str:
        """What the object has to name because the quota counts it; empty when nothing."""
        return ""

    def usage(self, obj: JSONObject, objects: Objects, now: datetime) -> Amounts:
        return dict.fromkeys(self._names, ONE)


_EVERY_POD = "count/pods"
_MUST_BE_GIVEN = (
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
)
_POD_NAMES = frozenset(
    {
        _EVERY_POD, "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory",
        "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods",
    }
)  # fmt: skip
_HUGE_PAGES = ("hugepages-", "requests.hugepages-")


class Pods(Evaluator):
    def __init__(self) -> None:
        super().__init__("pods")

    def handles(
        self, operation: str, subresource: str, new: JSONObject | None, old: JSONObject | None
    ) -> bool:
        if subresource == "resize":
            return operation == "UPDATE"
        if subresource:
            return False
        if operation == "UPDATE":
            return new is not None and old is not None and is_terminating(new) != is_terminating(old)
        return operation == "CREATE"

    def matching(self, names: Iterable[str], objects: Objects) -> list[str]:
        return [
            name
            for name in names
            if name in _POD_NAMES or name.startswith(_HUGE_PAGES) or _is_extended_request(name)
        ]

    def in_scope(self, requirement: JSONObject, obj: JSONObject) -> bool:
        return pod_in_scope(requirement, obj)

    def missing(self, required: Iterable[str], obj: JSONObject) -> str:
        spec: JSONObject = obj["spec"]
        if has_pod_level_resources(spec):
            return ""
        wanted = set(required)
        found: list[str] = []
        for name in _MUST_BE_GIVEN:
            if name in wanted:
                lacking = {
                    str(container.get("name") or "")
                    for key in ("containers", "initContainers")
                    for container in spec.get(key) or ()
                    if name not in _compute(container.get("resources") or {})
                }
                if lacking:
                    found.append(f"{name} for: {','.join(sorted(lacking))}")
        return f"must specify {'; '.join(found)}" if found else ""

    def usage(self, obj: JSONObject, objects: Objects, now: datetime) -> Amounts:
        used: Amounts = {_EVERY_POD: ONE}
        if not still_counts(obj, now):
            return used
        return add(used, _compute_usage(of_pod(obj, "requests"), of_pod(obj, "limits")))


def still_counts(pod: JSONObject, now: datetime) -> bool:
    """Whether the pod has resources: it has not ended, and is not overdue in its deletion."""
    if (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return False
    meta: JSONObject = pod.get("metadata") or {}
    deleted, grace = meta.get("deletionTimestamp"), meta.get("deletionGracePeriodSeconds")
    if deleted is None or grace is None:
        return True
    end = datetime.strptime(deleted, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) + timedelta(seconds=grace)
    return now <= end


def _compute(resources: JSONObject) -> Mapping[str, object]:
    """The names under which a container's resources count."""
    requests: JSONObject = resources.get("requests") or {}
    limits: JSONObject = resources.get("limits") or {}
    names = dict.fromkeys(requests) | {REQUESTS + name: None for name in requests}
    return names | {f"limits.{name}": None for name in limits}


def _compute_usage(requests: Amounts, limits: Amounts) -> Amounts:
    used: Amounts = {"pods": ONE}
    for name in ("cpu", "memory", "ephemeral-storage"):
        if name in requests:
            used[name] = used[REQUESTS + name] = requests[name]
        if name in limits:
            used[f"limits.{name}"] = limits[name]
    for name, amount in requests.items():
        if name.startswith("hugepages-"):
            used[name] = used[REQUESTS + name] = amount
        if _is_extended(name) or name.startswith(_DEVICE_CLASS):
            used[REQUESTS + name] = amount
    return used


def _is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _is_extended(name: str) -> bool:
    if _is_native(name) or name.startswith(REQUESTS):
        return False
    return not qualified_name_problems(REQUESTS + name)


def _is_extended_request(name: str) -> bool:
    if not name.startswith(REQUESTS):
        return False
    return not _is_native(name) or name.startswith(REQUESTS + _DEVICE_CLASS)


class Services(Evaluator):
    def __init__(self) -> None:
        super().__init__("services", "services", "services.nodeports", "services.loadbalancers")

    def handles(
        self, operation: str, subresource: str, new: JSONObject | None, old: JSONObject | None
    ) -> bool:
        return operation in ("CREATE", "UPDATE") and not subresource

    def usage(self, obj: JSONObject, objects: Objects, now: datetime) -> Amounts:
        spec: JSONObject = obj.get("spec") or {}
        ports: list[JSONObject] = spec.get("ports") or []
        kind = spec.get("type")
        count = 0
        if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
            count = sum(1 for port in ports if port.get("nodePort"))
        elif kind in ("NodePort", "LoadBalancer"):
            count = len(ports)
        return {
            "count/services": ONE,
            "services": ONE,
            "services.loadbalancers": ONE if kind == "LoadBalancer" else ZERO,
            "services.nodeports": Amount.of(count),
        }


_OF_CLASS = ".storageclass.storage.k8s.io/"
_OF_CLASSES = (f"{_OF_CLASS}persistentvolumeclaims", f"{_OF_CLASS}requests.storage")


class VolumeClaims(Evaluator):
    def __init__(self) -> None:
        super().__init__("persistentvolumeclaims", "persistentvolumeclaims", "requests.storage")

    def handles(
        self, operation: str, subresource: str, new: JSONObject | None, old: JSONObject | None
    ) -> bool:
        return operation in ("CREATE", "UPDATE") and subresource in ("", "status")

    def matching(self, names: Iterable[str], objects: Objects) -> list[str]:
        return [name for name in names if name in self._names or name.endswith(_OF_CLASSES)]

    def in_scope(self, requirement: JSONObject, obj: JSONObject) -> bool:
        return claim_in_scope(requirement, obj)

    def usage(self, obj: JSONObject, objects: Objects, now: datetime) -> Amounts:
        used: Amounts = {"persistentvolumeclaims": ONE, "count/persistentvolumeclaims": ONE}
        spec: JSONObject = obj.get("spec") or {}
        annotations: JSONObject = obj["metadata"].get("annotations") or {}
        storage_class = annotations.get("volume.beta.kubernetes.io/storage-class")
        if storage_class is None:
            storage_class = spec.get("storageClassName") or ""
        if storage_class:
            used[f"{storage_class}{_OF_CLASS}persistentvolumeclaims"] = ONE
        asked = amounts((spec.get("resources") or {}).get("requests")).get("storage")
        if asked is None:
            return used
        given = amounts((obj.get("status") or {}).get("allocatedResources")).get("storage")
        if given is not None and given > asked:
            asked = given
        # Whole bytes: a quota knows no others.
        asked = Amount(asked.value * 10**9, asked.format)
        used["requests.storage"] = asked
        if storage_class:
            used[f"{storage_class}{_OF_CLASS}requests.storage"] = asked
        return used


_OF_DEVICES = ".deviceclass.resource.k8s.io/devices"
_ALL_DEVICES = 32


class DeviceClaims(Evaluator):
    def __init__(self) -> None:
        super().__init__("resourceclaims.resource.k8s.io")

    def handles(
        self, operation: str, subresource: str, new: JSONObject | None, old: JSONObject | None
    ) -> bool:
        return operation in ("CREATE", "UPDATE") and not subresource

    def matching(self, names: Iterable[str], objects: Objects) -> list[str]:
        found: list[str] = []
        extended: dict[str, str] | None = None
        for name in names:
            if name in self._names or name.endswith(_OF_DEVICES):
                found.append(name)
            elif _is_extended_request(name):
                extended = _extended_names(objects) if extended is None else extended
                asked = name.removeprefix(REQUESTS)
                # A class goes by its extended name, or by its own under the reserved prefix.
                if asked.startswith(_DEVICE_CLASS):
                    known = asked.removeprefix(_DEVICE_CLASS) in _classes(objects)
                else:
                    known = asked in extended.values()
                if known:
                    found.append(name)
        return found

    def usage(self, obj: JSONObject, objects: Objects, now: datetime) -> Amounts:
        used: Amounts = dict.fromkeys(self._names, ONE)
        devices: JSONObject = (obj.get("spec") or {}).get("devices") or {}
        for request in devices.get("requests") or ():
            if request.get("firstAvailable"):
                worst: Amounts = {}
                for choice in request["firstAvailable"]:
                    worst = larger(worst, _of_request(choice))
                used = add(used, {name: amount for name, amount in worst.items() if amount.nanos})
            elif request.get("exactly") is not None:
                used = add(used, _of_request(request["exactly"]))
        return add(used, self._extended(used, obj, objects, now))

    def _extended(self, used: Amounts, claim: JSONObject, objects: Objects, now: datetime) -> Amounts:
        """The same devices under the names of extended resources, less what the claim's pod is charged."""
        names = _extended_names(objects)
        found: Amounts = {}
        for name, amount in used.items():
            class_name = name.removesuffix(_OF_DEVICES)
            if class_name != name and class_name:
                found[f"{REQUESTS}{_DEVICE_CLASS}{class_name}"] = amount
                if extended := names.get(class_name):
                    found[REQUESTS + extended] = amount
        charged = _pod_usage(claim, objects, now) if found else {}
        left = {name: amount - charged.get(name, ZERO) for name, amount in found.items()}
        return {name: amount for name, amount in left.items() if amount.nanos > 0}


def _of_request(request: JSONObject) -> Amounts:
    mode = request.get("allocationMode")
    count = {"ExactCount": request.get("count") or 0, "All": _ALL_DEVICES}.get(mode or "", 0)
    return {f"{request.get('deviceClassName') or ''}{_OF_DEVICES}": Amount.of(count)}


def _classes(objects: Objects) -> set[str]:
    return {each["metadata"]["name"] for each in objects.read_all("deviceclasses.resource.k8s.io")}


def _extended_names(objects: Objects) -> dict[str, str]:
    return {
        each["metadata"]["name"]: each["spec"]["extendedResourceName"]
        for each in objects.read_all("deviceclasses.resource.k8s.io")
        if (each.get("spec") or {}).get("extendedResourceName")
    }


_FOR_POD = "resource.kubernetes.io/extended-resource-claim"


def _pod_usage(claim: JSONObject, objects: Objects, now: datetime) -> Amounts:
    """What the pod is charged for which the scheduler made this claim; nothing when that is not certain."""
    owner = _owning_pod(claim)
    meta: JSONObject = claim["metadata"]
    namespace: str = meta.get("namespace") or ""
    pod = objects.read("pods", namespace, owner.get("name") or "") if owner else None
    if pod is None or pod["metadata"].get("uid") != owner.get("uid"):
        return {}
    said: JSONObject | None = (pod.get("status") or {}).get("extendedResourceClaimStatus")
    if said is not None:
        if said.get("resourceClaimName") != meta.get("name"):
            return {}
    else:
        mine = (meta.get("creationTimestamp") or "", meta.get("name") or "")
        for other in objects.read_all("resourceclaims.resource.k8s.io", namespace):
            if _owning_pod(other).get("uid") == owner.get("uid"):
                theirs = other["metadata"]
                if (theirs.get("creationTimestamp") or "", theirs.get("name") or "") < mine:
                    return {}
    return Pods().usage(pod, objects, now)


def _owning_pod(claim: JSONObject) -> JSONObject:
    meta: JSONObject = claim["metadata"]
    if (meta.get("annotations") or {}).get(_FOR_POD) != "true":
        return {}
    for owner in meta.get("ownerReferences") or ():
        if owner.get("controller"):
            return owner if (owner.get("kind"), owner.get("apiVersion")) == ("Pod", "v1") else {}
    return {}


_ALIASES = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")


def evaluator_for(group_resource: str) -> Evaluator:
    """The evaluator of a kind."""
    match group_resource:
        case "pods":
            return Pods()
        case "services":
            return Services()
        case "persistentvolumeclaims":
            return VolumeClaims()
        case "resourceclaims.resource.k8s.io":
            return DeviceClaims()
        case _:
            return Evaluator(group_resource, *((group_resource,) if group_resource in _ALIASES else ()))
