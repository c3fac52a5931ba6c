"""What may change of a pod's spec once it is made: in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, required
from reconcile.apiserver.strategies.basic import keep
from reconcile.apiserver.strategies.changes import difference
from reconcile.apiserver.strategies.checks import identical, same
from reconcile.apiserver.strategies.pod_containers import untrimmed_image
from reconcile.apiserver.strategies.pod_scheduling import tolerations
from reconcile.apiserver.strategies.shown import shown
from reconcile.objects.json_copy import copy_json

JSONObject = dict[str, Any]

_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
    "(allow it to be set to 1 if it was previously negative)"
)
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def unchanged(spec: JSONObject, before: JSONObject) -> bool:
    """Whether a pod's spec, or a container's, is the same; a part that is there and empty is not none."""
    return identical(spec, before)


def next_generation(new: JSONObject, old: JSONObject) -> None:
    """A pod's generation grows with its spec."""
    generation: int = old["metadata"].get("generation") or 0
    generation += not unchanged(new["spec"], old["spec"])
    if generation:
        new["metadata"]["generation"] = generation
    else:
        new["metadata"].pop("generation", None)


def spec_changes(spec: JSONObject, before: JSONObject) -> list[FieldError]:
    """The errors of an update's changes."""
    errors: list[FieldError] = []
    for kind in ("containers", "initContainers"):
        containers: list[JSONObject] = spec.get(kind) or []
        if len(containers) != len(before.get(kind) or ()):
            return [*errors, forbidden(f"spec.{kind}", "pod updates may not add or remove containers")]
        for index, container in enumerate(containers):
            where = f"spec.{kind}[{index}]"
            if not container.get("image"):
                errors.append(required(f"{where}.image"))
            errors += untrimmed_image(where, container)
    wrong = _deadline(spec, before)
    errors += wrong
    if wrong and spec.get("activeDeadlineSeconds") is not None:
        return errors
    errors += _only_added_tolerations(spec.get("tolerations") or [], before.get("tolerations") or [])
    errors += _only_deleted_gates(spec.get("schedulingGates") or [], before.get("schedulingGates") or [])
    if unchanged(spec, before):
        return errors
    munged = copy_json(spec)
    for kind in ("containers", "initContainers"):
        for container, previous in zip(munged.get(kind) or (), before.get(kind) or (), strict=True):
            container["image"] = previous.get("image", "")
    for key in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        keep(munged, before, key)
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and (
        munged.get("terminationGracePeriodSeconds") == 1
    ):
        keep(munged, before, "terminationGracePeriodSeconds")
    if before.get("schedulingGates"):
        errors += _gated(munged, before)
    if not unchanged(munged, before):
        text = f"pod updates may not change fields other than {_UPDATABLE}\n{difference(before, munged)}"
        errors.append(forbidden("spec", text))
    return errors


def _gated(munged: JSONObject, before: JSONObject) -> list[FieldError]:
    """A pod that waits may still be told where to run, ever more narrowly."""
    errors: list[FieldError] = []
    selector: JSONObject = munged.get("nodeSelector") or {}
    for key, value in (before.get("nodeSelector") or {}).items():
        if selector.get(key) != value:
            text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            errors.append(invalid("spec.nodeSelector", selector or None, text))
            break
    keep(munged, before, "nodeSelector")
    affinity: JSONObject | None = munged.get("affinity")
    held = (before.get("affinity") or {}).get("nodeAffinity")
    given = (affinity or {}).get("nodeAffinity")
    if identical(held, given):
        return errors
    errors += _narrower(given, held)
    if affinity is None:
        munged["affinity"] = {"nodeAffinity": held}
    elif before.get("affinity") is None and not affinity.keys() - {"nodeAffinity"}:
        del munged["affinity"]
    else:
        keep(affinity, before.get("affinity") or {}, "nodeAffinity")
    return errors


def _terms(affinity: JSONObject | None) -> list[JSONObject]:
    return ((affinity or {}).get(_REQUIRED) or {}).get("nodeSelectorTerms") or []


def _narrower(given: JSONObject | None, held: JSONObject | None) -> list[FieldError]:
    new, old = _terms(given), _terms(held)
    if not old:
        return []
    field = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    if len(old) != len(new):
        text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [invalid(field, [shown("core.v1.NodeSelectorTerm", each) for each in new] or None, text)]
    text = "only additions are allowed (no mutations or deletions)"
    return [
        invalid(f"{field}[{index}]", shown("core.v1.NodeSelectorTerm", term), text)
        for index, (term, before) in enumerate(zip(new, old, strict=True))
        if not _only_more(term, before)
    ]


def _only_more(term: JSONObject, before: JSONObject) -> bool:
    parts = [(term.get(key) or [], before.get(key) or []) for key in ("matchExpressions", "matchFields")]
    if not any(old for _, old in parts):
        return not any(new for new, _ in parts)
    return all(same(new[: len(old)], old) for new, old in parts)


def _deadline(spec: JSONObject, before: JSONObject) -> list[FieldError]:
    field = "spec.activeDeadlineSeconds"
    new, old = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if new is None:
        text = "must not update from a positive integer to nil value"
        return [] if old is None else [invalid(field, None, text)]
    if not 0 <= new <= 2**31 - 1:
        return [invalid(field, new, "must be between 0 and 2147483647, inclusive")]
    if old is not None and old < new:
        return [invalid(field, new, "must be less than or equal to previous value")]
    return []


def _only_added_tolerations(new: list[JSONObject], old: list[JSONObject]) -> list[FieldError]:
    def without_seconds(toleration: JSONObject) -> JSONObject:
        return {key: value for key, value in toleration.items() if key != "tolerationSeconds" and value}

    for toleration in old:
        if not any(without_seconds(each) == without_seconds(toleration) for each in new):
            text = "existing toleration can not be modified except its tolerationSeconds"
            return [forbidden("spec.tolerations", text)]
    return tolerations("spec.tolerations", new)


def _only_deleted_gates(new: list[JSONObject], old: list[JSONObject]) -> list[FieldError]:
    known = {gate.get("name") for gate in old}
    return [
        forbidden(
            f"spec.schedulingGates[{index}].name",
            f"only deletion is allowed, but found new scheduling gate '{gate.get('name') or ''}'",
        )
        for index, gate in enumerate(new)
        if gate.get("name") not in known
    ]
