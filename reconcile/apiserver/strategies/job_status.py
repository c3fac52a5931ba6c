"""The status of a job: what it may become, in upstream's words and order.

What did not change is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconcile.apiserver.field_errors import OMITTED, FieldError, duplicate, invalid, required
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.jobs import indexes, overlap
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]

_CONDITIONS = "status.conditions"


@dataclass(frozen=True)
class _State:
    """A status, and which of its conditions hold."""

    status: JSONObject
    holding: frozenset[str]

    @classmethod
    def of(cls, job: JSONObject) -> _State:
        status: JSONObject = job.get("status") or {}
        holding = {
            condition.get("type") or ""
            for condition in status.get("conditions") or ()
            if condition.get("status") == "True"
        }
        return cls(status, frozenset(holding))

    def has(self, kind: str) -> bool:
        return kind in self.holding

    @property
    def finished(self) -> bool:
        return self.has("Complete") or self.has("Failed")

    def count(self, key: str) -> int:
        return self.status.get(key) or 0


def _wrong(text: str) -> FieldError:
    return invalid(_CONDITIONS, OMITTED, text)


def status_errors(new: JSONObject, old: JSONObject) -> list[FieldError]:
    now, before = _State.of(new), _State.of(old)
    spec: JSONObject = new["spec"]

    def changed(*keys: str) -> bool:
        return any(not checks.same(now.status.get(key), before.status.get(key)) for key in keys)

    def turned(*kinds: str) -> bool:
        return any(now.has(kind) != before.has(kind) for kind in kinds)

    errors = _counts(now)
    complete, failed, finished = now.has("Complete"), now.has("Failed"), now.finished
    ended = finished != before.finished
    if turned("Complete", "Failed") and complete and failed:
        errors.append(_wrong("cannot set Complete=True and Failed=true conditions"))
    if turned("Complete", "FailureTarget") and complete and now.has("FailureTarget"):
        errors.append(_wrong("cannot set Complete=True and FailureTarget=true conditions"))
    start, end = now.status.get("startTime"), now.status.get("completionTime")
    if turned("Complete") or changed("completionTime"):
        if end is not None and not complete:
            text = "cannot set completionTime when there is no Complete=True condition"
            errors.append(invalid("status.completionTime", end, text))
        if end is None and complete:
            text = "completionTime is required for Complete jobs"
            errors.append(required("status.completionTime", text))
    if changed("startTime", "completionTime") and start is not None and end is not None and end < start:
        errors.append(invalid("status.completionTime", end, "must be equal to or after `startTime`"))
    if (turned("Failed") or changed("failedIndexes")) and failed and not now.has("FailureTarget"):
        errors.append(_wrong("cannot set Failed=True condition without the FailureTarget=true condition"))
    met = now.has("SuccessCriteriaMet")
    if turned("Complete", "SuccessCriteriaMet") and complete and not met:
        text = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"
        errors.append(_wrong(text))
    active = now.count("active")
    if (ended or changed("active")) and active > 0 and finished:
        errors.append(invalid("status.active", active, "active>0 is invalid for finished job"))
    nothing = bool(spec.get("suspend")) and spec.get("completions") == 0
    if (ended or changed("startTime")) and not nothing and start is None and finished:
        errors.append(required("status.startTime", "startTime is required for finished job"))
    uncounted = now.status.get("uncountedTerminatedPods")
    if (ended or changed("uncountedTerminatedPods")) and finished and any((uncounted or {}).values()):
        given = shown("batch.v1.UncountedTerminatedPods", uncounted)
        errors.append(invalid("status.uncountedTerminatedPods", given, "must be empty for finished job"))
    errors += _indexes(spec, now, before)
    terminating = now.count("terminating")
    if (ended or changed("terminating")) and terminating > 0 and finished:
        text = "terminating>0 is invalid for finished job"
        errors.append(invalid("status.terminating", terminating, text))
    if changed("ready", "active") and now.count("ready") > active:
        text = "cannot set more ready pods than active"
        errors.append(invalid("status.ready", now.count("ready"), text))
    if met and failed:
        errors.append(_wrong("cannot set SuccessCriteriaMet=True and Failed=true conditions"))
    if met and now.has("FailureTarget"):
        errors.append(_wrong("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"))
    if spec.get("successPolicy") is not None and not met and complete:
        text = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        errors.append(_wrong(text))
    return errors + _transitions(spec, new, old, now, before)


def _counts(now: _State) -> list[FieldError]:
    keys = ("active", "succeeded", "failed", "ready", "terminating")
    errors = checks.non_negative(now.status, "status", *keys)
    uncounted: JSONObject = now.status.get("uncountedTerminatedPods") or {}
    seen: set[str] = set()
    for key in ("succeeded", "failed"):
        for index, uid in enumerate(uncounted.get(key) or ()):
            field = f"status.uncountedTerminatedPods.{key}[{index}]"
            if not uid:
                errors.append(invalid(field, uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(field, uid))
            seen.add(uid)
    return errors


def _indexes(spec: JSONObject, now: _State, before: _State) -> list[FieldError]:
    errors: list[FieldError] = []
    completions, per_index = spec.get("completions"), spec.get("backoffLimitPerIndex")
    done, failed = now.status.get("completedIndexes") or "", now.status.get("failedIndexes")
    done_changed = done != (before.status.get("completedIndexes") or "")
    failed_changed = failed != before.status.get("failedIndexes")
    if done_changed and completions is not None:
        problem = indexes(done, completions)[1]
        if problem:
            text = f"error parsing completedIndexes: {problem}"
            errors.append(invalid("status.completedIndexes", done, text))
    if failed_changed and completions is not None and per_index is not None and failed is not None:
        problem = indexes(failed, completions)[1]
        if problem:
            errors.append(invalid("status.failedIndexes", failed, f"error parsing failedIndexes: {problem}"))
    if done_changed and done and spec.get("completionMode") != "Indexed":
        text = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(invalid("status.completedIndexes", done, text))
    if failed_changed and per_index is None and failed is not None:
        text = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(invalid("status.failedIndexes", failed, text))
    if (done_changed or failed_changed) and completions is not None and failed is not None:
        common = overlap(done, failed, completions)
        if common is not None:
            text = f"failedIndexes and completedIndexes overlap at index: {common}"
            errors.append(invalid("status.failedIndexes", failed, text))
    return errors


def _transitions(
    spec: JSONObject, new: JSONObject, old: JSONObject, now: _State, before: _State
) -> list[FieldError]:
    errors = [
        _wrong(f"cannot disable the terminal {kind}=True condition")
        for kind in ("Failed", "Complete", "FailureTarget")
        if before.has(kind) and not now.has(kind)
    ]
    if now.count("failed") < before.count("failed"):
        text = "cannot decrease the failed counter"
        errors.append(invalid("status.failed", now.count("failed"), text))
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    if not elastic and now.count("succeeded") < before.count("succeeded"):
        text = "cannot decrease the succeeded counter"
        errors.append(invalid("status.succeeded", now.count("succeeded"), text))
    end, held_end = (each.status.get("completionTime") for each in (now, before))
    if end is not None and held_end is not None and end != held_end:
        errors.append(invalid("status.completionTime", end, checks.IMMUTABLE))
    start, held_start = (each.status.get("startTime") for each in (now, before))
    resuming = before.has("Suspended") and _denied(new, "Suspended")
    if held_start is not None and start != held_start and not resuming and not spec.get("suspend"):
        errors.append(invalid("status.startTime", start, "field is immutable for unsuspended job once set"))
    if before.has("SuccessCriteriaMet") and not now.has("SuccessCriteriaMet"):
        errors.append(_wrong("cannot disable the SuccessCriteriaMet=True condition"))
    late = before.has("Complete") and not before.has("SuccessCriteriaMet")
    if late and now.has("SuccessCriteriaMet"):
        text = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(_wrong(text))
    return errors


def _denied(job: JSONObject, kind: str) -> bool:
    return any(
        condition.get("type") == kind and condition.get("status") == "False"
        for condition in (job.get("status") or {}).get("conditions") or ()
    )
