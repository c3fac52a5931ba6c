"""Cron jobs: what is wrong with them and with their schedules, in upstream's words and order."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid, not_supported, required
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.jobs import job_spec
from reconcile.apiserver.strategies.pod_warnings import name_warnings, template_warnings

JSONObject = dict[str, Any]

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


def cron_job_created(obj: JSONObject) -> list[FieldError]:
    """Jobs are called as their CronJob with eleven characters more; asked of new ones alone."""
    name = obj["metadata"].get("name") or ""
    return [invalid("metadata.name", name, "must be no more than 52 characters")] if len(name) > 52 else []


def cron_job_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    spec = new["spec"]
    warnings = name_warnings(new["metadata"].get("name") or "") if old is None else []
    changed = old is None or new["metadata"].get("generation") != old["metadata"].get("generation")
    if changed:
        template = (spec["jobTemplate"].get("spec") or {}).get("template") or {}
        warnings += template_warnings("spec.jobTemplate.spec.template", template, None)
    if old is not None and "TZ" in (spec.get("schedule") or ""):
        place = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/"
        text = "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead"
        warnings.append(f"{text}, see {place} for more details")
    return warnings
