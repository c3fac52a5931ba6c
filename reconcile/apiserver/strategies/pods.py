"""Pods: what may change, deletion with grace, and the rules of their status."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.strategies.addresses import ip_warnings
from reconcile.apiserver.strategies.basic import keep
from reconcile.apiserver.strategies.pod_annotations import (
    annotation_changes,
    annotation_errors,
    profile_errors,
)
from reconcile.apiserver.strategies.pod_app_armor import profiles_from_annotations
from reconcile.apiserver.strategies.pod_gates import drop_disabled, drop_disabled_status
from reconcile.apiserver.strategies.pod_label_keys import merge_label_keys
from reconcile.apiserver.strategies.pod_spec import pod_errors
from reconcile.apiserver.strategies.pod_status import keep_observed_generations, pod_status_errors
from reconcile.apiserver.strategies.pod_updates import next_generation, spec_changes
from reconcile.apiserver.strategies.pod_warnings import pod_warnings
from reconcile.apiserver.strategies.quality_of_service import quality_of_service

JSONObject = dict[str, Any]


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
        merge_label_keys(obj)
        context.warnings.extend(profiles_from_annotations(obj))

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        annotations: dict[str, str] = obj["metadata"].get("annotations") or {}
        errors = annotation_errors(annotations, obj["spec"])
        errors += pod_errors(obj["spec"], obj["metadata"].get("name", ""))
        if obj["spec"].get("ephemeralContainers"):
            errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
        if obj["spec"].get("nodeName") and obj["spec"].get("schedulingGates"):
            errors.append(
                forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")
            )
        errors += profile_errors(annotations, obj["spec"])
        return errors

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "status")
        drop_disabled(new["spec"])
        next_generation(new, old)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        name, spec = new["metadata"].get("name", ""), new["spec"]
        given: dict[str, str] = new["metadata"].get("annotations") or {}
        held: dict[str, str] = old["metadata"].get("annotations") or {}
        errors = annotation_errors(given, spec, held) + pod_errors(spec, name)
        return errors + annotation_changes(given, held, spec) + spec_changes(spec, old["spec"])

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        # Not of updates: it is seldom people who write them, and they are many.
        return pod_warnings(new) if old is None else []

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
        before: JSONObject = old.get("status") or {}
        if not status.get("qosClass"):
            keep(status, before, "qosClass")
        keep_observed_generations(status, before)
        drop_disabled_status(status, before)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        given: dict[str, str] = new["metadata"].get("annotations") or {}
        held: dict[str, str] = old["metadata"].get("annotations") or {}
        return annotation_changes(given, held, new["spec"]) + pod_status_errors(new, old)

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        status: JSONObject = new.get("status") or {}
        return [
            warning
            for key in ("podIPs", "hostIPs")
            for index, each in enumerate(status.get(key) or ())
            for warning in ip_warnings(f"status.{key}[{index}].ip", each.get("ip") or "")
        ]
