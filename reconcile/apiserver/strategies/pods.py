"""Pods: what may change, quality of service, deletion with grace, and their subresources' rules."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, quoted
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.status import forbidden as not_allowed
from reconcile.apiserver.strategies.basic import keep
from reconcile.apiserver.strategies.checks import same
from reconcile.apiserver.strategies.pod_app_armor import profiles_from_annotations
from reconcile.apiserver.strategies.pod_gates import drop_disabled
from reconcile.apiserver.strategies.pod_spec import added_containers_errors, pod_errors
from reconcile.apiserver.strategies.pod_status import pod_status_errors
from reconcile.apiserver.strategies.pod_updates import spec_changes
from reconcile.apiserver.strategies.pod_warnings import pod_warnings
from reconcile.objects.json_copy import copy_json
from reconcile.objects.quantities import Amount

JSONObject = dict[str, Any]


def quality_of_service(spec: JSONObject) -> str:
    """Guaranteed, Burstable or BestEffort, from the requests and limits of all containers."""
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    holders = (
        [spec["resources"]]
        if spec.get("resources") is not None
        else [each.get("resources") or {} for each in containers]
    )
    guaranteed, anything = True, False
    totals: dict[str, dict[str, Amount]] = {"requests": {}, "limits": {}}
    for holder in holders:
        found: set[str] = set()
        for kind, total in totals.items():
            for name, text in (holder.get(kind) or {}).items():
                amount = Amount.parse(text)
                if name not in ("cpu", "memory") or amount <= 0:
                    continue
                anything = True
                total[name] = total[name] + amount if name in total else amount
                if kind == "limits":
                    found.add(name)
        guaranteed = guaranteed and found == {"cpu", "memory"}
    if not anything:
        return "BestEffort"
    requests, limits = totals["requests"], totals["limits"]
    if guaranteed and all(limits.get(name) == amount for name, amount in requests.items()):
        return "Guaranteed" if len(requests) == len(limits) else "Burstable"
    return "Burstable"


def _gate_condition(obj: JSONObject, context: RequestContext) -> None:
    if obj["spec"].get("schedulingGates"):
        obj["status"]["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
                "lastProbeTime": None,
                "lastTransitionTime": context.timestamp,
            }
        ]


class PodStrategy(Strategy):
    """The pod itself: after creation little of its spec may change."""

    selectable = (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    )
    returns_deleted = True

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        drop_disabled(obj["spec"])
        obj["metadata"]["generation"] = 1
        if (obj["spec"].get("terminationGracePeriodSeconds") or 0) < 0:
            obj["spec"]["terminationGracePeriodSeconds"] = 1
        obj["status"] = {"phase": "Pending", "qosClass": quality_of_service(obj["spec"])}
        _gate_condition(obj, context)
        context.warnings.extend(profiles_from_annotations(obj))

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        errors = pod_errors(obj["spec"], obj["metadata"].get("name", ""))
        if obj["spec"].get("ephemeralContainers"):
            errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
        if obj["spec"].get("nodeName") and obj["spec"].get("schedulingGates"):
            errors.append(
                forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")
            )
        return errors

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "status")
        drop_disabled(new["spec"])
        generation = old["metadata"].get("generation", 0)
        grown = not same(new["spec"], old["spec"])
        new["metadata"]["generation"] = generation + 1 if grown else generation
        if not new["metadata"]["generation"]:
            del new["metadata"]["generation"]

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        name = new["metadata"].get("name", "")
        return pod_errors(new["spec"], name) + spec_changes(new["spec"], old["spec"])

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        return pod_warnings(new, old)

    def grace_period(self, obj: JSONObject, options: JSONObject, context: RequestContext) -> int | None:
        period = options.get("gracePeriodSeconds")
        if period is None:
            period = obj["spec"].get("terminationGracePeriodSeconds") or 0
        finished = (obj.get("status") or {}).get("phase") in ("Failed", "Succeeded")
        if not obj["spec"].get("nodeName") or finished:
            period = 0
        return 1 if period < 0 else period

    def field_values(self, obj: JSONObject) -> dict[str, str]:
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        ips = status.get("podIPs") or ()
        return {
            "spec.nodeName": spec.get("nodeName") or "",
            "spec.restartPolicy": spec.get("restartPolicy") or "",
            "spec.schedulerName": spec.get("schedulerName") or "",
            "spec.serviceAccountName": spec.get("serviceAccountName") or "",
            "spec.hostNetwork": "true" if spec.get("hostNetwork") else "false",
            "status.phase": status.get("phase") or "",
            "status.podIP": ips[0].get("ip", "") if ips else status.get("podIP") or "",
            "status.podIPs": ",".join(each.get("ip", "") for each in ips),
            "status.nominatedNodeName": status.get("nominatedNodeName") or "",
        }


class PodStatusStrategy(Strategy):
    """`pods/status`: the kubelet's side."""

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "spec")
        keep(new["metadata"], old["metadata"], "deletionTimestamp")
        keep(new["metadata"], old["metadata"], "ownerReferences")
        status = new.setdefault("status", {})
        if not status.get("qosClass"):
            keep(status, old.get("status") or {}, "qosClass")

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return pod_status_errors(new, old)


class EphemeralContainersStrategy(Strategy):
    """`pods/ephemeralcontainers`: containers for debugging may be added, never changed or removed."""

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "status")
        added = new["spec"].get("ephemeralContainers")
        new["spec"] = {key: value for key, value in old["spec"].items() if key != "ephemeralContainers"}
        if added:
            new["spec"]["ephemeralContainers"] = added
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + (
            not same(new["spec"], old["spec"])
        )

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        containers = new["spec"].get("ephemeralContainers") or []
        errors = added_containers_errors(new["spec"])
        by_name = {each["name"]: each for each in containers}
        for container in old["spec"].get("ephemeralContainers") or ():
            name = container["name"]
            if name not in by_name:
                detail = f"existing ephemeral containers {quoted(name)} may not be removed\n"
                errors.append(forbidden("spec.ephemeralContainers", detail))
            elif not same(by_name[name], container):
                detail = f"existing ephemeral containers {quoted(name)} may not be changed\n"
                errors.append(forbidden("spec.ephemeralContainers", detail))
        return errors


class ResizeStrategy(Strategy):
    """`pods/resize`: requests and limits of the containers, cpu and memory only."""

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "status")
        wanted = {each["name"]: each for each in new["spec"].get("containers") or ()}
        spec = copy_json(old["spec"])
        for container in spec.get("containers") or ():
            given = wanted.get(container["name"])
            if given is not None:
                keep(container, given, "resources")
                keep(container, given, "resizePolicy")
        new["spec"] = spec
        changed = not same(spec, old["spec"])
        node = old["spec"].get("nodeName")
        if changed and node and not context.access.exists("nodes", "", node):
            raise not_allowed("", "pods", context.name, f'node "{node}" not found')
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + changed

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        errors = pod_errors(new["spec"])
        if quality_of_service(new["spec"]) != quality_of_service(old["spec"]):
            detail = "Pod QOS Class may not change as a result of resizing"
            errors.append(invalid("spec", quality_of_service(old["spec"]), detail))
        pairs = zip(new["spec"].get("containers") or (), old["spec"].get("containers") or (), strict=True)
        for index, (container, before) in enumerate(pairs):
            for kind in ("limits", "requests"):
                held = (before.get("resources") or {}).get(kind) or {}
                given = (container.get("resources") or {}).get(kind) or {}
                if held.keys() - given.keys():
                    field = f"spec.containers[{index}].resources.{kind}"
                    errors.append(forbidden(field, f"resource {kind} cannot be removed"))
        return errors
