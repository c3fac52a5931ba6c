"""Claims, templates and slices of devices: what an update may not change."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.shown import shown

JSONObject = dict[str, Any]


def _spec_stays(type_name: str, new: JSONObject, old: JSONObject) -> list[FieldError]:
    spec = new.get("spec") or {}
    if checks.same(spec, old.get("spec") or {}):
        return []
    return [invalid("spec", shown(type_name, spec), checks.IMMUTABLE)]


def claim_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return _spec_stays("resource.v1.ResourceClaimSpec", new, old)


def template_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return _spec_stays("resource.v1.ResourceClaimTemplateSpec", new, old)


def slice_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    errors = checks.immutable(spec.get("pool") or {}, before.get("pool") or {}, "spec.pool", "name")
    return errors + checks.immutable(spec, before, "spec", "driver", "nodeName")
