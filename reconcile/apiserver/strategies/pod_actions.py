"""What a POST to a pod's or service account's subresource does: binding, eviction, token."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.access.token_requests import issue_token as issue_token
from reconcile.apiserver.field_errors import FieldError, aggregate, invalid, not_supported, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.status import StatusError, bad_request, conflict, internal_error, not_found
from reconcile.apiserver.status import invalid as invalid_status
from reconcile.apiserver.strategies.checks import selector_of

JSONObject = dict[str, Any]

SUCCESS: JSONObject = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def bind(body: JSONObject, context: RequestContext) -> JSONObject:
    """Give the pod its node, once; labels and annotations of the binding go to the pod."""
    name = context.name or body["metadata"].get("name", "")
    target = body.get("target") or {}
    problems: list[FieldError] = []
    if target.get("kind") not in (None, "", "Node"):
        problems.append(not_supported("target.kind", target["kind"], ("Node", "<empty>")))
    if not target.get("name"):
        problems.append(required("target.name"))
    if problems:
        # The real server forgets to make a Status of it.
        raise StatusError(aggregate([str(problem) for problem in problems]), code=500)
    wanted = body["metadata"]

    def change(pod: JSONObject) -> JSONObject:
        meta = pod["metadata"]
        for key in ("uid", "resourceVersion"):
            if wanted.get(key) and wanted[key] != meta.get(key):
                what = "UID" if key == "uid" else "ResourceVersion"
                place = f"{'' if context.dry_run else '/registry'}/pods/{context.namespace}/{name}"
                text = (
                    f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, "
                    f"AdditionalErrorMsg: Precondition failed: {what} in precondition: {wanted[key]}, "
                    f"{what} in object meta: {meta.get(key)}"
                )
                raise conflict("", "pods", name, text)
        if meta.get("deletionTimestamp"):
            raise conflict(
                "", "pods/binding", name, f"pod {meta['name']} is being deleted, cannot be assigned to a host"
            )
        if pod["spec"].get("nodeName"):
            text = f'pod {meta["name"]} is already assigned to node "{pod["spec"]["nodeName"]}"'
            raise conflict("", "pods/binding", name, text)
        if pod["spec"].get("schedulingGates"):
            raise conflict(
                "", "pods/binding", name, f"pod {meta['name']} has non-empty .spec.schedulingGates"
            )
        pod["spec"]["nodeName"] = target["name"]
        for key in ("annotations", "labels"):
            if wanted.get(key):
                meta[key] = {**(meta.get(key) or {}), **wanted[key]}
        status = pod.setdefault("status", {})
        kept = [each for each in status.get("conditions") or () if each["type"] != "PodScheduled"]
        status["conditions"] = [
            *kept,
            {
                "type": "PodScheduled",
                "status": "True",
                "lastProbeTime": None,
                "lastTransitionTime": context.timestamp,
            },
        ]
        return pod

    await context.access.update(
        "pods", context.namespace, name, change, subresource="binding", dry_run=context.dry_run
    )
    return dict(SUCCESS)


def _ready(pod: JSONObject) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _budget_exceeded(budget: JSONObject) -> StatusError:
    status = budget.get("status") or {}
    name = budget["metadata"]["name"]
    message = (
        f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods and has "
        f"{status.get('currentHealthy', 0)} currently"
    )
    return StatusError(
        "Cannot evict pod as it would violate the pod's disruption budget.",
        code=429,
        reason="TooManyRequests",
        details={"causes": [{"reason": "DisruptionBudget", "message": message}]},
    )


async def evict(body: JSONObject, context: RequestContext) -> JSONObject:
    """Delete the pod, if the disruption budget that selects it has one disruption left."""
    access, name = context.access, context.name
    if body["metadata"].get("name") != name:
        raise bad_request("name in URL does not match name in Eviction object")
    options = _delete_options(body, context)
    pod = access.read("pods", context.namespace, name)
    if pod is None:
        raise not_found("", "pods", name)
    phase = (pod.get("status") or {}).get("phase")
    free = phase in ("Succeeded", "Failed", "Pending") or pod["metadata"].get("deletionTimestamp")
    if not free:
        budgets = [
            budget
            for budget in access.read_all("poddisruptionbudgets.policy", context.namespace)
            if _selects(budget, pod)
        ]
        if len(budgets) > 1:
            raise internal_error(
                "This pod has more than one PodDisruptionBudget, "
                "which the eviction subresource does not support."
            )
        for budget in budgets:
            await _take_disruption(budget, pod, context)
    if not context.dry_run:

        def mark(current: JSONObject) -> JSONObject:
            """Why the pod goes, for whoever owns it."""
            found = current.setdefault("status", {})
            kept = [each for each in found.get("conditions") or () if each["type"] != "DisruptionTarget"]
            found["conditions"] = [
                *kept,
                {
                    "type": "DisruptionTarget",
                    "status": "True",
                    "lastProbeTime": None,
                    "lastTransitionTime": context.timestamp,
                    "reason": "EvictionByEvictionAPI",
                    "message": "Eviction API: evicting",
                },
            ]
            return current

        await access.update("pods", context.namespace, name, mark, subresource="eviction")
    await access.delete("pods", context.namespace, name, options)
    return dict(SUCCESS)


def _delete_options(body: JSONObject, context: RequestContext) -> JSONObject:
    """How the pod is deleted. Sets `dry_run` where only the body says so."""
    options = dict(body.get("deleteOptions") or {})
    key = "ignoreStoreReadErrorWithClusterBreakingPotential"
    if options.get(key):
        text = "can not be set for pod eviction, try after removing the option"
        error = invalid(f"deleteOptions.{key}", True, text)
        raise invalid_status("policy", "Eviction", context.name, [error])
    options.setdefault("apiVersion", "v1")
    options.setdefault("kind", "DeleteOptions")
    asked = ["All"] if context.dry_run else []
    given: list[str] = options.get("dryRun") or []
    if asked and given and asked != given:
        shown = " and ".join(f"[{' '.join(each)}]" for each in (asked, given))
        raise StatusError(f"Non-matching dry-run options in request and content: {shown}", code=500)
    if asked or given:
        options["dryRun"] = given or asked
        context.dry_run = True
    return options


def _selects(budget: JSONObject, pod: JSONObject) -> bool:
    selector = budget["spec"].get("selector")
    if selector is None:
        return False
    parsed = selector_of(selector)
    return parsed is not None and parsed.matches(pod["metadata"].get("labels"))


async def _take_disruption(budget: JSONObject, pod: JSONObject, context: RequestContext) -> None:
    status = budget.get("status") or {}
    if not _ready(pod):
        policy = budget["spec"].get("unhealthyPodEvictionPolicy")
        healthy = status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0)
        if policy == "AlwaysAllow" or (healthy and status.get("desiredHealthy", 0) > 0):
            return

    def change(current: JSONObject) -> JSONObject:
        now = current.setdefault("status", {})
        if (now.get("observedGeneration") or 0) < (current["metadata"].get("generation") or 0):
            raise StatusError(
                "Cannot evict pod as it would violate the pod's disruption budget.",
                code=429,
                reason="TooManyRequests",
                details={
                    "retryAfterSeconds": 10,
                    "causes": [
                        {
                            "reason": "DisruptionBudget",
                            "message": f"The disruption budget {budget['metadata']['name']} is still being "
                            "processed by the server.",
                        }
                    ],
                },
                retry_after=10,
            )
        if (now.get("disruptionsAllowed") or 0) <= 0:
            raise _budget_exceeded(current)
        now["disruptionsAllowed"] -= 1
        disrupted = now.get("disruptedPods") or {}
        now["disruptedPods"] = {**disrupted, pod["metadata"]["name"]: context.timestamp}
        return current

    await context.access.update(
        "poddisruptionbudgets.policy",
        context.namespace,
        budget["metadata"]["name"],
        change,
        subresource="status",
        dry_run=context.dry_run,
    )
