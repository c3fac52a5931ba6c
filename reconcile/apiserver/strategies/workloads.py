"""Deployments, replica sets, replication controllers, stateful sets, daemon sets, jobs, cron jobs."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy, keep
from reconcile.apiserver.strategies.claims import claim_spec
from reconcile.apiserver.strategies.jobs import job_spec
from reconcile.apiserver.strategies.pod_spec import template_errors
from reconcile.objects.names import dns_label_problems, dns_subdomain_problems
from reconcile.objects.selectors import Selector

JSONObject = dict[str, Any]


def _selector_errors(spec: JSONObject, owner: str) -> list[FieldError]:
    selector = spec.get("selector")
    if selector is None:
        return [required("spec.selector")]
    errors = checks.label_selector("spec.selector", selector)
    if checks.selects_nothing_given(selector):
        errors.append(invalid("spec.selector", selector, f"empty selector is invalid for {owner}"))
    return errors


def _template_errors(
    spec: JSONObject, selector: JSONObject | None, *, owner: str, volumes: list[str] | None = None
) -> list[FieldError]:
    """The template matches the selector, is valid, restarts always and has no deadline."""
    path = "spec.template"
    template = spec.get("template") or {"metadata": {}, "spec": {}}
    parsed = checks.selector_of(selector) if selector is not None else Selector.nothing()
    if parsed is None:
        return [invalid("spec.selector", _shown_selector(selector or {}), "invalid label selector")]
    errors: list[FieldError] = []
    found = (template.get("metadata") or {}).get("labels")
    if not parsed.selects_everything and not parsed.matches(found):
        errors.append(
            invalid(f"{path}.metadata.labels", found, "`selector` does not match template `labels`")
        )
    checked = template
    if volumes:
        given = template["spec"].get("volumes") or []
        claims: list[JSONObject] = [
            {"name": name, "persistentVolumeClaim": {"claimName": name}} for name in volumes
        ]
        kept = [volume for volume in given if volume.get("name") not in volumes]
        checked = {**template, "spec": {**template["spec"], "volumes": [*claims, *kept]}}
    errors += template_errors(path, checked)
    pod = template.get("spec") or {}
    if pod.get("restartPolicy") != "Always":
        errors.append(not_supported(f"{path}.spec.restartPolicy", pod.get("restartPolicy"), ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {owner} is not Supported"
        errors.append(forbidden(f"{path}.spec.activeDeadlineSeconds", text))
    return errors


def _shown_selector(selector: JSONObject) -> JSONObject:
    """A selector as messages show it: fields in the order of Go's struct, keys in order."""
    shown: JSONObject = {}
    if selector.get("matchLabels"):
        shown["matchLabels"] = dict(sorted(selector["matchLabels"].items()))
    if selector.get("matchExpressions"):
        keys = ("key", "operator", "values")
        shown["matchExpressions"] = [
            {key: each.get(key, "") for key in keys if key != "values" or each.get(key)}
            for each in selector["matchExpressions"]
        ]
    return shown


def _shown_rolling(rolling: JSONObject | None, *keys: str) -> JSONObject | None:
    """A rolling update's numbers as messages show them: under the names of Go's fields."""
    return None if rolling is None else {key[:1].upper() + key[1:]: rolling.get(key) for key in keys}


def deployment(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors = checks.non_negative(spec, "spec", "replicas") + _selector_errors(spec, "deployment")
    errors += _template_errors(spec, spec.get("selector"), owner="ReplicaSet")
    errors += _deployment_strategy(spec["strategy"])
    errors += checks.non_negative(
        spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"
    )
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        errors.append(
            invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
        )
    return errors


def _deployment_strategy(strategy: JSONObject) -> list[FieldError]:
    path = "spec.strategy"
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is None:
            return []
        text = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden(f"{path}.rollingUpdate", text)]
    if kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": _shown_rolling(rolling, "maxUnavailable", "maxSurge")}
        return [not_supported(path, shown, ("Recreate", "RollingUpdate"))]
    path += ".rollingUpdate"
    if rolling is None:
        return [required(path, "this should be defaulted and never be nil")]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = checks.int_or_percent(f"{path}.maxUnavailable", unavailable)
    errors += checks.int_or_percent(f"{path}.maxSurge", surge)
    if checks.amount_of(unavailable) == 0 and checks.amount_of(surge) == 0:
        errors.append(invalid(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + checks.at_most_all(f"{path}.maxUnavailable", unavailable)


def fixed_selector(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return checks.immutable(new["spec"], old["spec"], "spec", "selector")


def deployment_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status, before = new.get("status") or {}, old.get("status") or {}
    keys = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    errors = checks.non_negative(
        status, "status", *keys, "unavailableReplicas", "terminatingReplicas", "collisionCount"
    )
    errors += _at_most_replicas(status, ("updatedReplicas", "readyReplicas", "availableReplicas"))
    count = status.get("collisionCount") or 0
    if count < (before.get("collisionCount") or 0):
        errors.append(invalid("status.collisionCount", count, "cannot be decremented"))
    return errors


def _at_most_replicas(status: JSONObject, keys: tuple[str, ...]) -> list[FieldError]:
    replicas = status.get("replicas") or 0
    errors = [
        invalid(f"status.{key}", status.get(key) or 0, "cannot be greater than status.replicas")
        for key in keys
        if (status.get(key) or 0) > replicas
    ]
    if (status.get("availableReplicas") or 0) > (status.get("readyReplicas") or 0):
        errors.append(
            invalid(
                "status.availableReplicas",
                status["availableReplicas"],
                "cannot be greater than readyReplicas",
            )
        )
    return errors


def replica_set(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors = checks.non_negative(spec, "spec", "replicas", "minReadySeconds") + _selector_errors(
        spec, "deployment"
    )
    return errors + _template_errors(spec, spec.get("selector"), owner="ReplicaSet")


def replica_set_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status = new.get("status") or {}
    keys = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    errors = checks.non_negative(status, "status", *keys, "observedGeneration", "terminatingReplicas")
    return errors + _at_most_replicas(status, keys[1:])


def replication_controller(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors = checks.non_negative(spec, "spec", "replicas", "minReadySeconds")
    selector = spec.get("selector")
    if not selector:
        errors.append(required("spec.selector"))
    if spec.get("template") is None:
        return [*errors, required("spec.template")]
    matching = {"matchLabels": selector} if selector else {}
    return errors + _template_errors(spec, matching, owner="ReplicationController")


def stateful_set(obj: JSONObject) -> list[FieldError]:
    return _stateful_set(obj["spec"], creating=True)


def _stateful_set(spec: JSONObject, *, creating: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        errors.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    strategy = spec["updateStrategy"]
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "OnDelete":
        if rolling is not None:
            text = "only allowed for updateStrategy 'RollingUpdate'"
            errors.append(invalid("spec.updateStrategy.rollingUpdate", rolling, text))
    elif kind == "RollingUpdate":
        errors += checks.non_negative(rolling or {}, "spec.updateStrategy.rollingUpdate", "partition")
    else:
        shown = {"Type": kind, "RollingUpdate": _shown_rolling(rolling, "partition", "maxUnavailable")}
        errors.append(invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'"))
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for key in ("whenDeleted", "whenScaled"):
        if retention.get(key) not in ("Retain", "Delete"):
            path = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
            errors.append(not_supported(path, retention.get(key), ("Retain", "Delete")))
    errors += checks.non_negative(spec, "spec", "replicas", "minReadySeconds")
    errors += checks.non_negative(spec.get("ordinals") or {}, "spec.ordinals", "start")
    if creating and spec.get("serviceName"):
        errors += checks.dns_label("spec.serviceName", spec["serviceName"])
    errors += _selector_errors(spec, "statefulset")
    templates: list[JSONObject] = spec.get("volumeClaimTemplates") or []
    for index, claim in enumerate(templates):
        errors += claim_spec(f"spec.volumeClaimTemplates[{index}].spec", claim.get("spec") or {})
    claims = list(dict.fromkeys(claim["metadata"].get("name", "") for claim in templates))
    return errors + _template_errors(spec, spec.get("selector"), owner="StatefulSet", volumes=claims)


_STATEFUL_CHANGEABLE = (
    "replicas", "template", "updateStrategy", "minReadySeconds", "ordinals", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
)  # fmt: skip


def stateful_set_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    rest = {key: value for key, value in new["spec"].items() if key not in _STATEFUL_CHANGEABLE}
    before = {key: value for key, value in old["spec"].items() if key not in _STATEFUL_CHANGEABLE}
    if checks.same(rest, before):
        return []
    detail = (
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
        "'minReadySeconds' are forbidden"
    )
    return [forbidden("spec", detail)]


def daemon_set(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors = checks.label_selector("spec.selector", spec.get("selector"))
    selector = spec.get("selector")
    if selector is not None and checks.selects_nothing_given(selector):
        errors.append(invalid("spec.selector", selector, "empty selector is invalid for daemonset"))
    if selector is None or checks.selector_of(selector) is not None:
        errors += _template_errors(spec, selector, owner="DaemonSet")
    else:
        errors += template_errors("spec.template", spec.get("template") or {})
    errors += checks.non_negative(spec, "spec", "minReadySeconds")
    strategy = spec["updateStrategy"]
    if strategy.get("type") == "RollingUpdate":
        path = "spec.updateStrategy.rollingUpdate"
        rolling = strategy.get("rollingUpdate") or {}
        unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
        errors += checks.int_or_percent(f"{path}.maxUnavailable", unavailable)
        errors += checks.int_or_percent(f"{path}.maxSurge", surge)
        if checks.amount_of(unavailable) and checks.amount_of(surge):
            errors.append(
                invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
            )
        if not checks.amount_of(unavailable) and not checks.amount_of(surge):
            errors.append(required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
        errors += checks.at_most_all(f"{path}.maxUnavailable", unavailable)
        errors += checks.at_most_all(f"{path}.maxSurge", surge)
    elif strategy.get("type") != "OnDelete":
        rolling = _shown_rolling(strategy.get("rollingUpdate"), "maxUnavailable", "maxSurge")
        shown = {"Type": strategy.get("type"), "RollingUpdate": rolling}
        errors.append(not_supported("spec.updateStrategy", shown, ("RollingUpdate", "OnDelete")))
    return errors + checks.non_negative(spec, "spec", "revisionHistoryLimit")


class DaemonSetStrategy(KindStrategy):
    """Counts its template's generations in an annotation that predates `metadata.generation`."""

    _annotation = "deprecated.daemonset.template.generation"

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        self._count(obj, 1)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        before = int((old["metadata"].get("annotations") or {}).get(self._annotation, "0"))
        changed = not checks.same(new["spec"]["template"], old["spec"]["template"])
        self._count(new, before + 1 if changed else before)
        super().prepare_for_update(new, old, context)

    def _count(self, obj: JSONObject, value: int) -> None:
        obj["metadata"].setdefault("annotations", {})[self._annotation] = str(value)


def pod_template(obj: JSONObject) -> list[FieldError]:
    return template_errors("template", obj.get("template") or {"metadata": {}, "spec": {}})


class ReplicationControllerStrategy(KindStrategy):
    """Orphans its pods unless told otherwise."""

    def default_propagation(self, obj: JSONObject) -> Any:
        return "Orphan"


class JobStrategy(KindStrategy):
    """Gives a job its selector and the labels that go with it."""

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        spec = obj["spec"]
        if spec.get("manualSelector"):
            return
        uid = obj["metadata"].get("uid", "")
        name = obj["metadata"].get("name", "")
        labels = {
            "controller-uid": uid,
            "job-name": name,
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": name,
        }
        metadata = spec["template"].setdefault("metadata", {})
        given: dict[str, str] = metadata.get("labels") or {}
        metadata["labels"] = {**given, **{key: value for key, value in labels.items() if key not in given}}
        # The labels of a job without any were made from its template's.
        outer = obj["metadata"].get("labels")
        if outer == given or not outer:
            obj["metadata"]["labels"] = dict(metadata["labels"])
        if spec.get("selector") is None:
            spec["selector"] = {"matchLabels": {}}
        spec["selector"].setdefault("matchLabels", {})["batch.kubernetes.io/controller-uid"] = uid

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        if new["spec"].get("selector") is None:
            keep(new["spec"], old["spec"], "selector")
        super().prepare_for_update(new, old, context)

    def default_propagation(self, obj: JSONObject) -> Any:
        # For clients of old that counted on it.
        return "Orphan"

    async def validate_delete(self, obj: JSONObject, context: RequestContext) -> None:
        options = context.options
        if options.get("propagationPolicy") is None and options.get("orphanDependents") is None:
            context.warnings.append(
                "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background "
                "to remove them or set propagationPolicy=Orphan to suppress this warning"
            )

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        problems = dns_label_problems(new["metadata"].get("name", ""))
        if old is not None or not problems:
            return []
        return [
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising "
            f"behavior; a DNS label is recommended: [{' '.join(problems)}]"
        ]


def job(obj: JSONObject) -> list[FieldError]:
    errors = job_spec("spec", obj["spec"])
    spec = obj["spec"]
    selector = spec.get("selector")
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += checks.label_selector("spec.selector", selector)
        parsed = checks.selector_of(selector)
        found = spec["template"]["metadata"].get("labels")
        if parsed is not None and not parsed.matches(found):
            errors.append(
                invalid("spec.template.metadata.labels", found, "`selector` does not match template `labels`")
            )
    return errors


def job_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    spec, before = new["spec"], old["spec"]
    errors: list[FieldError] = []
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    if not elastic:
        errors += checks.immutable(spec, before, "spec", "completions")
    errors += checks.immutable(spec, before, "spec", "selector")
    suspended = bool(before.get("suspend")) and not (old.get("status") or {}).get("startTime")
    if not suspended:
        errors += checks.immutable(spec, before, "spec", "template")
    return errors + checks.immutable(
        spec,
        before,
        "spec",
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    )


_CRON_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec"
_WEEKDAYS = "sun mon tue wed thu fri sat"
_CRON_NAMES: tuple[dict[str, int], ...] = (
    {},
    {},
    {},
    {name: number for number, name in enumerate(_MONTHS.split(), 1)},
    {name: number for number, name in enumerate(_WEEKDAYS.split())},
)
_CRON_WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


def schedule_problem(schedule: str) -> str:
    """What robfig/cron finds wrong with a schedule; empty when it is right."""
    if schedule.startswith("@"):
        if schedule in _CRON_WORDS or re.fullmatch(r"@every ([0-9.]+(ns|us|µs|ms|s|m|h))+", schedule):
            return ""
        return f"unrecognized descriptor: {schedule}"
    fields = schedule.split()
    if len(fields) != 5:
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    for field, bounds, named in zip(fields, _CRON_FIELDS, _CRON_NAMES, strict=True):
        for part in field.split(","):
            problem = _cron_part(part, bounds, named)
            if problem:
                return problem
    return ""


def _cron_part(part: str, bounds: tuple[int, int], named: dict[str, int]) -> str:
    low, high = bounds
    body, slash, step = part.partition("/")
    first, dash, last = body.partition("-")
    if slash and (not step.isdigit() or int(step) == 0):
        if step == "0":
            return f"step of range should be a positive number: {part}"
        return f'failed to parse int from {step}: strconv.Atoi: parsing "{step}": invalid syntax'
    if first in ("*", "?"):
        return ""
    numbers: list[int] = []
    for text in (first, last) if dash else (first,):
        value = named.get(text.lower(), text)
        if isinstance(value, str):
            if not value.isdigit():
                return f'failed to parse int from {value}: strconv.Atoi: parsing "{value}": invalid syntax'
            value = int(value)
        numbers.append(value)
    if numbers[0] < low:
        return f"beginning of range ({numbers[0]}) below minimum ({low}): {part}"
    if numbers[-1] > high:
        return f"end of range ({numbers[-1]}) above maximum ({high}): {part}"
    if numbers[0] > numbers[-1]:
        return f"beginning of range ({numbers[0]}) beyond end of range ({numbers[-1]}): {part}"
    return ""


def cron_job(obj: JSONObject) -> list[FieldError]:
    spec = obj["spec"]
    errors: list[FieldError] = []
    schedule = spec.get("schedule", "")
    if not schedule:
        errors.append(required("spec.schedule"))
    else:
        if "TZ" in schedule:
            text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            errors.append(invalid("spec.schedule", schedule, text))
        problem = "" if "TZ" in schedule else schedule_problem(schedule)
        if problem:
            errors.append(invalid("spec.schedule", schedule, problem))
    errors += checks.non_negative(spec, "spec", "startingDeadlineSeconds")
    zone = spec.get("timeZone")
    if zone is not None:
        errors += _time_zone(zone)
    errors += checks.one_of(spec, "spec", "concurrencyPolicy", ("Allow", "Forbid", "Replace"))
    template = spec["jobTemplate"]["spec"]
    errors += job_spec("spec.jobTemplate.spec", template)
    if template.get("selector") is not None:
        text = "`selector` will be auto-generated"
        errors.append(invalid("spec.jobTemplate.spec.selector", template["selector"], text))
    if template.get("manualSelector"):
        errors.append(not_supported("spec.jobTemplate.spec.manualSelector", True, ("nil", "false")))
    errors += checks.non_negative(spec, "spec", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    return errors


def _time_zone(zone: str) -> list[FieldError]:
    field = "spec.timeZone"
    if not zone:
        return [invalid(field, zone, "timeZone must be nil or non-empty string")]
    parts = zone.split("/")
    if any(
        part in (".", "..")
        or not re.fullmatch(r"[A-Za-z0-9_+.]?[A-Za-z0-9_+.-]*", part)
        or not part
        or part[0] == "-"
        for part in parts
    ):
        return [invalid(field, zone, f"unknown time zone {zone}")]
    errors: list[FieldError] = []
    if zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.append(invalid(field, zone, text))
    elif zone not in _zones():
        errors.append(invalid(field, zone, f"unknown time zone {zone}"))
    return errors


@cache
def _zones() -> frozenset[str]:
    """Every zone that this machine knows; UTC where it knows none."""
    import zoneinfo

    return frozenset(zoneinfo.available_timezones() or {"UTC", "Etc/UTC"})


def cron_job_name(name: str, prefix: bool) -> list[str]:
    problems = dns_subdomain_problems(name + "a" if prefix and name.endswith("-") else name)
    if len(name) > 52:
        problems.append("must be no more than 52 characters")
    return problems
