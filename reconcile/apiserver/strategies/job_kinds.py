"""Jobs: their selectors and labels, what may change, and what their status may become."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy, keep
from reconcile.apiserver.strategies.jobs import job_spec
from reconcile.apiserver.strategies.pod_warnings import name_warnings, template_warnings
from reconcile.apiserver.strategies.shown import shown
from reconcile.objects.names import dns_label_problems

JSONObject = dict[str, Any]


_UID, _NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
_OLD_UID, _OLD_NAME = "controller-uid", "job-name"


class JobStrategy(KindStrategy):
    """Gives a job its selector and the labels that go with it."""

    unknown_field = 'field label "{field}" not supported for Job'

    def __init__(self) -> None:
        super().__init__(
            generation=True,
            status=True,
            validate_created=job,
            template=("spec", "template"),
            validate_change=job_update,
            fields={"status.successful": ("status", "succeeded")},
            warn=_warnings,
        )

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        spec = obj["spec"]
        if spec.get("manualSelector"):
            return
        uid, name = obj["metadata"].get("uid", ""), obj["metadata"].get("name", "")
        labels = {_OLD_UID: uid, _OLD_NAME: name, _UID: uid, _NAME: name}
        metadata = spec["template"].setdefault("metadata", {})
        given: dict[str, str] = metadata.get("labels") or {}
        metadata["labels"] = {**given, **{key: value for key, value in labels.items() if key not in given}}
        # The labels of a job without any were made from its template's.
        outer = obj["metadata"].get("labels")
        if outer == given or not outer:
            obj["metadata"]["labels"] = dict(metadata["labels"])
        if spec.get("selector") is None:
            spec["selector"] = {}
        spec["selector"].setdefault("matchLabels", {}).setdefault(_UID, uid)

    def default_propagation(self, obj: JSONObject) -> Any:
        # For clients of old that counted on it.
        return "Orphan"

    def warn_of_deletion(self, context: RequestContext) -> None:
        options = context.options
        if options.get("propagationPolicy") is None and options.get("orphanDependents") is None:
            context.warnings.append(
                "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background "
                "to remove them or set propagationPolicy=Orphan to suppress this warning"
            )


def _warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    spec = new["spec"]
    warnings: list[str] = []
    if old is None:
        warnings += name_warnings(new["metadata"].get("name") or "")
    elif new["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    many = (spec.get("completions") or 0) > 100_000 and (spec.get("parallelism") or 0) > 10_000
    if spec.get("completionMode") == "Indexed" and many:
        warnings.append(
            "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher "
            "than 10^4, Kubernetes might not be able to track completedIndexes when a big number of "
            "indexes fail"
        )
    return warnings + template_warnings("spec.template", spec.get("template") or {}, None)


def job(obj: JSONObject) -> list[FieldError]:
    return _job(obj, new_labels=True)


def _job(obj: JSONObject, *, new_labels: bool) -> list[FieldError]:
    errors = _generated_selector(obj, new_labels=new_labels) + _spec(obj["spec"])
    spec, name = obj["spec"], obj["metadata"].get("name") or ""
    completions = spec.get("completions") or 0
    if spec.get("completionMode") == "Indexed" and completions > 0:
        host = f"{name}-{completions - 1}"
        if dns_label_problems(host):
            text = f"will not able to create pod with invalid DNS label: {host}"
            errors.append(invalid("metadata.name", name, text))
    return errors


def _generated_selector(obj: JSONObject, *, new_labels: bool) -> list[FieldError]:
    spec, meta = obj["spec"], obj["metadata"]
    selector = spec.get("selector")
    if spec.get("manualSelector") or selector is None:
        return []
    uid, name = meta.get("uid") or "", meta.get("name") or ""
    wanted = {_OLD_UID: uid, _OLD_NAME: name} | ({_UID: uid, _NAME: name} if new_labels else {})
    labels: JSONObject = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    errors: list[FieldError] = []
    for key, value in wanted.items():
        field = f"spec.template.metadata.labels[{key}]"
        if key not in labels:
            errors.append(required(field, f"must be '{value}'"))
        elif labels[key] != value:
            errors.append(invalid(field, dict(sorted(labels.items())), f"must be '{value}'"))
    parsed = checks.selector_of(selector)
    if parsed is not None and not parsed.matches(wanted):
        text = "`selector` not auto-generated"
        errors.append(invalid("spec.selector", checks.shown_selector(selector), text))
    return errors


def _spec(spec: JSONObject) -> list[FieldError]:
    errors = job_spec("spec", spec)
    selector = spec.get("selector")
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += checks.label_selector("spec.selector", selector)
    parsed = checks.parsed_selector(selector)
    found = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if parsed is not None and not parsed.matches(found):
        shown_labels = dict(sorted(found.items())) if found else found
        text = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", shown_labels, text))
    return errors


def job_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    held: JSONObject = ((before.get("template") or {}).get("metadata") or {}).get("labels") or {}
    # Upstream judges the spec twice.
    errors = _job(new, new_labels=_NAME in held and _UID in held) + _spec(spec)
    errors += _completions(spec, before)
    if not checks.same(spec.get("selector"), before.get("selector")):
        selector = spec.get("selector")
        given = None if selector is None else checks.shown_selector(selector)
        errors.append(invalid("spec.selector", given, checks.IMMUTABLE))
    errors += _template_changes(new, old)
    for key, struct in _FIXED.items():
        if not checks.identical(spec.get(key), before.get(key)):
            value = spec.get(key)
            given = shown(struct, value) if struct and value is not None else value
            errors.append(invalid(f"spec.{key}", given, checks.IMMUTABLE))
    return errors


_FIXED = {
    "completionMode": "",
    "podFailurePolicy": "batch.v1.PodFailurePolicy",
    "backoffLimitPerIndex": "",
    "managedBy": "",
    "successPolicy": "batch.v1.SuccessPolicy",
}


def _template_changes(new: JSONObject, old: JSONObject) -> list[FieldError]:
    """A job that is suspended may change where its pods run and what they ask for, and nothing else."""
    template: JSONObject = new["spec"].get("template") or {}
    stored: JSONObject = old["spec"].get("template") or {}
    status: JSONObject = old.get("status") or {}
    suspended = bool(old["spec"].get("suspend"))
    paused = any(
        each.get("type") == "Suspended" and each.get("status") == "True"
        for each in status.get("conditions") or ()
    )
    movable = suspended and (status.get("startTime") is None or paused) and not status.get("active")
    if movable:
        stored = _rescheduled(stored, template)
        pod, held = template.get("spec") or {}, _resized(stored.get("spec") or {}, template.get("spec") or {})
        if checks.identical(pod, held):
            return []
        return [invalid("spec.template.spec", shown("core.v1.PodSpec", pod), checks.IMMUTABLE)]
    if checks.identical(template, stored):
        return []
    return [invalid("spec.template", shown("core.v1.PodTemplateSpec", template), checks.IMMUTABLE)]


def _resized(stored: JSONObject, pod: JSONObject) -> JSONObject:
    """The stored pod with the resources that the new one's containers have."""
    result = dict(stored)
    for kind in ("containers", "initContainers"):
        given, held = pod.get(kind) or [], stored.get(kind) or []
        if held and len(given) == len(held):
            result[kind] = [
                {**one, "resources": other.get("resources")} if one.get("name") == other.get("name") else one
                for one, other in zip(held, given, strict=True)
            ]
    return result


def _completions(spec: JSONObject, before: JSONObject) -> list[FieldError]:
    completions = spec.get("completions")
    if completions == before.get("completions"):
        return []
    if spec.get("completionMode") != "Indexed":
        return [invalid("spec.completions", completions, checks.IMMUTABLE)]
    if completions is None or completions == spec.get("parallelism"):
        return []
    text = "can only be modified in tandem with spec.parallelism"
    return [invalid("spec.completions", completions, text)]


def _rescheduled(stored: JSONObject, template: JSONObject) -> JSONObject:
    """The stored template with the new wishes for its node: a job that never started may change them."""
    pod, given = dict(stored.get("spec") or {}), template.get("spec") or {}
    for key in ("nodeSelector", "tolerations", "schedulingGates"):
        keep(pod, given, key)
    affinity, wanted = pod.get("affinity"), given.get("affinity")
    if wanted is not None:
        pod["affinity"] = {**(affinity or {}), "nodeAffinity": wanted.get("nodeAffinity")}
    elif affinity is not None:
        rest = {key: value for key, value in affinity.items() if key != "nodeAffinity" and value is not None}
        pod["affinity"] = rest or None
    metadata = dict(stored.get("metadata") or {})
    for key in ("annotations", "labels"):
        keep(metadata, template.get("metadata") or {}, key)
    return {**stored, "metadata": metadata, "spec": pod}


def job_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    from reconcile.apiserver.strategies.job_status import status_errors

    return status_errors(new, old)
