"""`pods/resize`: requests and limits of a pod and its containers, cpu and memory only.

What else a client sends is as it was; what it may not change of the resources themselves is said in
upstream's words and order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.strategies.basic import keep, keep_metadata
from reconcile.apiserver.strategies.checks import same
from reconcile.apiserver.strategies.pod_annotations import MIRROR, annotation_errors
from reconcile.apiserver.strategies.pod_gates import drop_disabled
from reconcile.apiserver.strategies.pod_spec import pod_errors
from reconcile.apiserver.strategies.pod_updates import next_generation
from reconcile.apiserver.strategies.quality_of_service import quality_of_service
from reconcile.objects.json_copy import copy_json

JSONObject = dict[str, Any]

_KINDS = ("containers", "initContainers")
_AMOUNTS = ("requests", "limits")
_ONLY = "only cpu and memory resources"


class ResizeStrategy(Strategy):
    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        spec, before = new["spec"], old["spec"]
        if all(len(spec.get(kind) or ()) == len(before.get(kind) or ()) for kind in _KINDS):
            resized = copy_json(before)
            for kind in _KINDS:
                if spec.get(kind):
                    resized[kind] = _resized(spec[kind], resized[kind])
            keep(resized, spec, "resources")
            new["spec"] = resized
            keep(new, old, "status")
            keep_metadata(new["metadata"], old["metadata"])
        drop_disabled(new["spec"])
        next_generation(new, old)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        spec, before = new["spec"], old["spec"]
        annotations: dict[str, str] = new["metadata"].get("annotations") or {}
        annotated: dict[str, str] = old["metadata"].get("annotations") or {}
        errors = annotation_errors(annotations, spec, annotated)
        errors += pod_errors(spec, new["metadata"].get("name", ""))
        if MIRROR in annotated:
            return [forbidden("", "static pods cannot be resized")]
        if (before.get("os") or {}).get("name") == "windows":
            return [forbidden("", "windows pods cannot be resized")]
        status: JSONObject = old.get("status") or {}
        held_class = status.get("qosClass") or quality_of_service(before)
        if held_class != quality_of_service(spec):
            text = "Pod QOS Class may not change as a result of resizing"
            errors.append(invalid("spec", (new.get("status") or {}).get("qosClass") or "", text))
        if not _supported(status):
            errors.append(forbidden("spec", "Pod running on node without support for resize"))
        errors += _of_pod(spec, before)
        moved = list(_moved(spec, before))
        errors += moved or [
            *_removed("initContainers", spec, before),
            *_removed("containers", spec, before),
            *_beyond(spec, before),
        ]
        set_at_all = any(
            (each.get("resources") or {}).get(kind) for each in (spec, before) for kind in _AMOUNTS
        )
        if (
            not errors
            and not set_at_all
            and (spec.get("resources") is None) != (before.get("resources") is None)
        ):
            errors.append(forbidden("spec", f"{_ONLY} are mutable"))
        return errors


def _resized(given: list[JSONObject], held: list[JSONObject]) -> list[JSONObject]:
    """The containers as they were, with the resources that are given; all that is given where they moved."""
    for container, wanted in zip(held, given, strict=True):
        if container.get("name") != wanted.get("name"):
            return given
        keep(container, wanted, "resources")
        keep(container, wanted, "resizePolicy")
    return held


def _supported(status: JSONObject) -> bool:
    for each in status.get("containerStatuses") or ():
        if (each.get("state") or {}).get("running") is not None:
            return each.get("resources") is not None
    return True


def _of_pod(spec: JSONObject, before: JSONObject) -> list[FieldError]:
    """Resources of the pod as a whole."""
    given, held = spec.get("resources"), before.get("resources")
    if not _any(given, held):
        return []
    if held is not None and given is None:
        return [forbidden("spec.resources", "pod-level resources cannot be removed")]
    errors = [
        forbidden(f"spec.resources.{kind}s", f"pod-level resource {kind}s cannot be removed")
        for kind in ("request", "limit")
        if held is not None and _fewer(given or {}, held, f"{kind}s")
    ]
    if not same(_without_mutable(given or {}), _without_mutable(held or {})):
        errors.append(forbidden("spec", f"{_ONLY} are mutable at pod-level"))
    return errors


def _any(*resources: JSONObject | None) -> bool:
    return any((each or {}).get(kind) for each in resources for kind in _AMOUNTS)


def _fewer(given: JSONObject, held: JSONObject, kind: str) -> bool:
    return bool((held.get(kind) or {}).keys() - (given.get(kind) or {}).keys())


def _without_mutable(resources: JSONObject) -> JSONObject:
    return {
        **resources,
        **{
            kind: {
                name: amount
                for name, amount in (resources.get(kind) or {}).items()
                if name not in ("cpu", "memory")
            }
            for kind in _AMOUNTS
        },
    }


def _moved(spec: JSONObject, before: JSONObject) -> Iterator[FieldError]:
    """Containers that were added, removed, renamed or put elsewhere."""
    for kind in _KINDS:
        given, held = spec.get(kind) or [], before.get(kind) or []
        if len(given) != len(held):
            yield forbidden(f"spec.{kind}", f"{kind} may not be added or removed on resize")
            continue
        for index, (one, other) in enumerate(zip(given, held, strict=True)):
            if one.get("name") != other.get("name"):
                text = f"{kind} may not be renamed or reordered on resize"
                yield forbidden(f"spec.{kind}[{index}].name", text)


def _removed(kind: str, spec: JSONObject, before: JSONObject) -> Iterator[FieldError]:
    for index, container, held in _pairs(kind, spec, before):
        for what in ("requests", "limits"):
            if _fewer(container.get("resources") or {}, held.get("resources") or {}, what):
                field = f"spec.{kind}[{index}].resources.{what}"
                yield forbidden(field, f"resource {what} cannot be removed")


def _beyond(spec: JSONObject, before: JSONObject) -> Iterator[FieldError]:
    """Changes of anything but cpu and memory; claims are not even looked at."""

    def rest(container: JSONObject) -> JSONObject:
        resources = _without_mutable(container.get("resources") or {})
        return {**container, "resources": {key: resources[key] for key in ("requests", "limits")}}

    def untouched(container: JSONObject, held: JSONObject) -> bool:
        return same(rest(container), {**held, "resources": _without_mutable(held.get("resources") or {})})

    for _, container, held in _pairs("containers", spec, before):
        if not untouched(container, held):
            yield forbidden("spec", f"{_ONLY} are mutable")
    for index, container, held in _pairs("initContainers", spec, before):
        field = f"spec.initContainers[{index}]"
        if not untouched(container, held):
            yield forbidden(field, f"{_ONLY} for init or sidecar containers are mutable")
        if same(container, held) or container.get("restartPolicy") == "Always":
            continue
        restarting = "non-sidecar init containers with a resize policy of RestartContainer"
        for policy in container.get("resizePolicy") or ():
            if policy.get("restartPolicy") == "RestartContainer":
                yield forbidden(field, f"{restarting} cannot be resized")


def _pairs(kind: str, spec: JSONObject, before: JSONObject) -> Iterator[tuple[int, JSONObject, JSONObject]]:
    given: list[JSONObject] = spec.get(kind) or []
    held: list[JSONObject] = before.get(kind) or []
    for index, (one, other) in enumerate(zip(given, held, strict=True)):
        yield index, one, other
