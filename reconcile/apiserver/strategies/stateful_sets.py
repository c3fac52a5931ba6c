"""Stateful sets: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.claims import claim_spec, claim_spec_warnings
from reconcile.apiserver.strategies.pod_spec import template_errors
from reconcile.apiserver.strategies.pod_warnings import template_warnings
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]

_RETENTION = ("Retain", "Delete")


class StatefulSetStrategy(KindStrategy):
    def __init__(self) -> None:
        super().__init__(
            name_rule="label",
            generation=True,
            status=True,
            validate_created=stateful_set,
            template=("spec", "template"),
            validate_change=stateful_set_update,
            warn=_warnings,
        )

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        _drop_unavailable(obj["spec"], None)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        _drop_unavailable(new["spec"], old["spec"])
        super().prepare_for_update(new, old, context)


def _drop_unavailable(spec: JSONObject, before: JSONObject | None) -> None:
    """How many pods may be missing at once is behind a feature gate that is off."""
    rolling = spec["updateStrategy"].get("rollingUpdate")
    held = ((before or {}).get("updateStrategy") or {}).get("rollingUpdate") or {}
    if rolling and held.get("maxUnavailable") is None:
        rolling.pop("maxUnavailable", None)


def stateful_set(obj: JSONObject) -> list[FieldError]:
    return _spec(obj["spec"], creating=True)


def _spec(spec: JSONObject, *, creating: bool, judge_template: bool = True) -> list[FieldError]:
    errors: list[FieldError] = []
    policy = spec.get("podManagementPolicy")
    if not policy:
        errors.append(required("spec.podManagementPolicy"))
    elif policy not in ("OrderedReady", "Parallel"):
        errors.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    errors += _update_strategy(spec["updateStrategy"])
    retention = spec.get("persistentVolumeClaimRetentionPolicy")
    for key in ("whenDeleted", "whenScaled") if retention is not None else ():
        given = (retention or {}).get(key) or ""
        if given not in _RETENTION:
            path = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
            errors.append(not_supported(path, given, _RETENTION))
    templates: list[JSONObject] = spec.get("volumeClaimTemplates") or []
    for index, claim in enumerate(templates if creating else ()):
        errors += claim_spec(f"spec.volumeClaimTemplates[{index}].spec", claim.get("spec") or {})
    errors += checks.non_negative(spec, "spec", "replicas", "minReadySeconds")
    errors += checks.non_negative(spec.get("ordinals") or {}, "spec.ordinals", "start")
    if creating and spec.get("serviceName"):
        errors += checks.dns_label("spec.serviceName", spec["serviceName"])
    errors += _selected(spec, templates, judge_template=judge_template)
    pod: JSONObject = (spec.get("template") or {}).get("spec") or {}
    if pod.get("restartPolicy") != "Always":
        policy = pod.get("restartPolicy") or ""
        errors.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in StatefulSet is not Supported"
        errors.append(forbidden("spec.template.spec.activeDeadlineSeconds", text))
    return errors


def _update_strategy(strategy: JSONObject) -> list[FieldError]:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    path = "spec.updateStrategy"
    if not kind:
        return [required(path)]
    if kind == "OnDelete":
        if rolling is None:
            return []
        text = "only allowed for updateStrategy 'RollingUpdate'"
        given = shown("apps.v1.RollingUpdateStatefulSetStrategy", rolling)
        return [invalid(f"{path}.rollingUpdate", given, text)]
    if kind != "RollingUpdate":
        given = shown("apps.v1.StatefulSetUpdateStrategy", strategy)
        return [invalid(path, given, "must be 'RollingUpdate' or 'OnDelete'")]
    errors = checks.non_negative(rolling or {}, f"{path}.rollingUpdate", "partition")
    unavailable = (rolling or {}).get("maxUnavailable")
    if unavailable is not None:
        field = f"{path}.rollingUpdate.maxUnavailable"
        errors += checks.int_or_percent(field, unavailable)
        if checks.amount_of(unavailable) == 0:
            errors.append(invalid(field, unavailable, "cannot be 0"))
        errors += checks.at_most_all(field, unavailable)
    return errors


def _selected(spec: JSONObject, templates: list[JSONObject], *, judge_template: bool) -> list[FieldError]:
    selector = spec.get("selector")
    errors: list[FieldError] = []
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += checks.label_selector("spec.selector", selector)
        if checks.selects_nothing_given(selector):
            errors.append(invalid("spec.selector", selector, "empty selector is invalid for statefulset"))
    parsed = checks.parsed_selector(selector)
    if parsed is None:
        return [*errors, invalid("spec.selector", checks.shown_selector(selector or {}), "")]
    path, template = "spec.template", spec.get("template") or {}
    metadata: JSONObject = template.get("metadata") or {}
    if not parsed.selects_everything and not parsed.matches(metadata.get("labels")):
        text = "`selector` does not match template `labels`"
        errors.append(invalid(f"{path}.metadata.labels", metadata.get("labels"), text))
    if judge_template:
        errors += template_errors(path, _as_made(template, templates))
    errors += checks.labels(f"{path}.labels", metadata.get("labels"))
    return errors + checks.annotation_keys(f"{path}.annotations", metadata.get("annotations"))


def _as_made(template: JSONObject, templates: list[JSONObject]) -> JSONObject:
    """The template as the controller makes pods of it: with its claims, and names of its own."""
    pod: JSONObject = dict(template.get("spec") or {})
    pod.pop("subdomain", None)
    pod.pop("hostname", None)
    names = dict.fromkeys((claim.get("metadata") or {}).get("name") or "" for claim in templates)
    if names:
        claims = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
        kept = [volume for volume in pod.get("volumes") or () if volume.get("name") not in names]
        pod["volumes"] = [*claims, *kept]
    return {**template, "spec": pod}


_CHANGEABLE = frozenset(
    {
        "replicas", "template", "updateStrategy", "minReadySeconds", "ordinals", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
    }
)  # fmt: skip


def stateful_set_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    # A template that was stored with faults is not judged anew.
    faultless = not _spec(old["spec"], creating=False)
    errors = _spec(new["spec"], creating=False, judge_template=faultless)
    rest, before = (
        {key: value for key, value in each["spec"].items() if key not in _CHANGEABLE} for each in (new, old)
    )
    if not checks.same(rest, before):
        text = (
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
            "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
            "'minReadySeconds' are forbidden"
        )
        errors.append(forbidden("spec", text))
    return errors


def stateful_set_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status: JSONObject = new.get("status") or {}
    counts = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    errors = checks.non_negative(status, "status", *counts, "observedGeneration", "collisionCount")
    replicas, ready = status.get("replicas") or 0, status.get("readyReplicas") or 0
    for key in counts[1:]:
        value = status.get(key) or 0
        if value > replicas:
            errors.append(invalid(f"status.{key}", value, "cannot be greater than status.replicas"))
    available = status.get("availableReplicas") or 0
    if available > ready:
        text = "cannot be greater than status.readyReplicas"
        errors.append(invalid("status.availableReplicas", available, text))
    return errors + checks.not_decremented(status, old.get("status") or {}, "collisionCount")


def _warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    spec = new["spec"]
    warnings: list[str] = []
    if old is None or new["metadata"].get("generation") != old["metadata"].get("generation"):
        before = None if old is None else old["spec"].get("template")
        warnings += template_warnings("spec.template", spec.get("template") or {}, before)
    inner = "" if old is None else ".Spec"
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        path = f"spec.volumeClaimTemplates[{index}]{inner}"
        warnings += claim_spec_warnings(path, claim.get("spec") or {})
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        text = "a negative value retains all historical revisions; a value >= 0 is recommended"
        warnings.append(f"spec.revisionHistoryLimit: {text}")
    return warnings
