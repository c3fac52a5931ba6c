"""Persistent volume claims: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, not_supported, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.changes import difference

JSONObject = dict[str, Any]

_ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_MODES = ("Block", "Filesystem")
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_ATTRIBUTES = "volumeAttributesClassName"


def access_mode_errors(field: str, modes: list[str]) -> list[FieldError]:
    """Modes that there are not, or that do not go together."""
    errors = [not_supported(field, mode, _ACCESS_MODES) for mode in modes if mode not in _ACCESS_MODES]
    others = [mode for mode in modes if mode in _ACCESS_MODES and mode != "ReadWriteOncePod"]
    if "ReadWriteOncePod" in modes and others:
        errors.append(forbidden(field, "may not use ReadWriteOncePod with other access modes"))
    return errors


def persistent_volume_claim(obj: JSONObject) -> list[FieldError]:
    return claim_spec("spec", obj["spec"])


def claim_spec(path: str, spec: JSONObject, *, stored_groups: bool = False) -> list[FieldError]:
    """The spec of a claim, of its own or in a template.

    Args:
        stored_groups: the claim was stored with a group in its data source, which is not judged anew.
    """
    modes: list[str] = spec.get("accessModes") or []
    errors = [] if modes else [required(f"{path}.accessModes", "at least 1 access mode is required")]
    errors += checks.label_selector(f"{path}.selector", spec.get("selector"))
    errors += access_mode_errors(f"{path}.accessModes", modes)
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        errors.append(required(f"{path}.resources[storage]"))
    elif checks.Amount.parse(storage) <= 0:
        errors.append(invalid(f"{path}.resources[storage]", storage, "must be greater than zero"))
    if spec.get("storageClassName"):
        errors += checks.dns_subdomain(f"{path}.storageClassName", spec["storageClassName"])
    mode = spec.get("volumeMode")
    if mode is not None and mode not in _MODES:
        errors.append(not_supported(f"{path}.volumeMode", mode, _MODES))
    errors += _data_sources(path, spec, stored_groups=stored_groups)
    if spec.get(_ATTRIBUTES):
        errors += checks.dns_subdomain(f"{path}.{_ATTRIBUTES}", spec[_ATTRIBUTES])
    return errors


def _data_sources(path: str, spec: JSONObject, *, stored_groups: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    old, new = spec.get("dataSource"), spec.get("dataSourceRef")
    for key, source in (("dataSource", old), ("dataSourceRef", new)):
        if source is not None:
            errors += _data_source(f"{path}.{key}", source, stored_groups=stored_groups)
    if old is None or new is None:
        return errors
    if new.get("namespace"):
        text = "may not be specified when dataSourceRef.namespace is specified"
        errors.append(invalid(path, {}, text))
    elif any((old.get(key) or "") != (new.get(key) or "") for key in ("apiGroup", "kind", "name")):
        errors.append(invalid(path, {}, "must match dataSourceRef"))
    return errors


def _data_source(path: str, source: JSONObject, *, stored_groups: bool) -> list[FieldError]:
    errors = [required(f"{path}.{key}") for key in ("name", "kind") if not source.get(key)]
    group, kind = source.get("apiGroup") or "", source.get("kind") or ""
    if not group and kind != "PersistentVolumeClaim":
        text = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(invalid(path, kind, text))
    if group and not stored_groups:
        errors += checks.dns_subdomain(f"{path}.apiGroup", group)
    if source.get("namespace"):
        errors += checks.dns_label(f"{path}.namespace", source["namespace"])
    return errors


def _size(spec: JSONObject) -> checks.Amount:
    return checks.Amount.parse(((spec.get("resources") or {}).get("requests") or {}).get("storage", "0"))


def persistent_volume_claim_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    stored = any((old["spec"].get(key) or {}).get("apiGroup") for key in ("dataSource", "dataSourceRef"))
    errors = claim_spec("spec", new["spec"], stored_groups=stored)
    spec, before = dict(new["spec"]), dict(old["spec"])
    bound = (old.get("status") or {}).get("phase") == "Bound"
    if not before.get("volumeName"):
        before["volumeName"] = spec.get("volumeName")
    errors += _settle_class(new, old, spec, before)
    if bound:
        resources = spec.get("resources") or {}
        if resources.get("requests") is not None:
            held = ((before.get("resources") or {}).get("requests") or {}).get("storage", "0")
            spec["resources"] = {**resources, "requests": {**resources["requests"], "storage": held}}
        spec[_ATTRIBUTES] = before.get(_ATTRIBUTES)
    if not checks.same(spec, before):
        text = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
            f"bound claims\n{difference(before, spec)}"
        )
        errors.append(forbidden("spec", text))
    status = old.get("status") or {}
    wanted = _size(new["spec"])
    if wanted < _size(old["spec"]) and wanted <= checks.Amount.parse(
        (status.get("capacity") or {}).get("storage", "0")
    ):
        text = "field can not be less than status.capacity"
        errors.append(forbidden("spec.resources.requests.storage", text))
    if new["spec"].get("volumeMode") != old["spec"].get("volumeMode"):
        errors.append(invalid("volumeMode", new["spec"].get("volumeMode"), checks.IMMUTABLE))
    return errors + _attributes_class(new["spec"].get(_ATTRIBUTES), old)


def _settle_class(new: JSONObject, old: JSONObject, spec: JSONObject, before: JSONObject) -> list[FieldError]:
    """Whether the storage class may be what it is now; makes the two specs agree where it may."""
    annotations, held = (each["metadata"].get("annotations") or {} for each in (new, old))
    name, held_name = spec.get("storageClassName"), before.get("storageClassName")
    written, held_written = annotations.get(_CLASS_ANNOTATION), held.get(_CLASS_ANNOTATION)
    if (
        held_written is not None
        and held_name is None
        and name == held_written
        and written in (None, held_written)
    ):
        spec["storageClassName"] = None
        return []
    if held_name is None and name is not None and held_written in (None, name):
        spec["storageClassName"] = None
    if (written or "") == (held_written or ""):
        return []
    return [invalid(f"metadata.annotations[{_CLASS_ANNOTATION}]", written or "", checks.IMMUTABLE)]


def _attributes_class(name: str | None, old: JSONObject) -> list[FieldError]:
    if (old.get("status") or {}).get("currentVolumeAttributesClassName") is None:
        return []
    if name == old["spec"].get(_ATTRIBUTES) or name:
        return []
    what = "nil" if name is None else "empty string"
    text = f"update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
    return [forbidden(f"spec.{_ATTRIBUTES}", text)]


_RESIZING = (
    "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizePending", "NodeResizeInProgress",
    "NodeResizeInfeasible",
)  # fmt: skip


def persistent_volume_claim_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status: JSONObject = new.get("status") or {}
    errors: list[FieldError] = []
    for name, text in (status.get("capacity") or {}).items():
        errors += _valid_amount(f"status.capacity[{name}]", text)
    field = "status.allocatedResourceStatuses"
    for name, state in (status.get("allocatedResourceStatuses") or {}).items():
        errors += _resource_key(field, name)
        if state not in _RESIZING:
            errors.append(not_supported(field, name, sorted(_RESIZING)))
    field = "status.allocatedResources"
    for name, text in (status.get("allocatedResources") or {}).items():
        errors += _resource_key(field, name) or _valid_amount(f"{field}[{name}]", text)
    return errors


def _valid_amount(field: str, text: str) -> list[FieldError]:
    amount = checks.Amount.parse(text)
    if amount >= 0:
        return []
    return [invalid(field, -(-amount.nanos // 10**9), "must be a valid resource quantity")]


def _resource_key(field: str, name: str) -> list[FieldError]:
    errors = checks.names(field, name, checks.qualified_name_problems)
    if not errors and ("/" not in name or "kubernetes.io/" in name) and name != "storage":
        errors.append(not_supported(field, name, ("storage",)))
    return errors


class PersistentVolumeClaimStrategy(KindStrategy):
    """Keeps the two ways of naming a data source alike."""

    def __init__(self) -> None:
        super().__init__(
            status=True,
            validate_created=persistent_volume_claim,
            validate_change=persistent_volume_claim_update,
            warn=persistent_volume_claim_warnings,
        )

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        obj["status"] = {"phase": "Pending"}
        _align_sources(obj["spec"], None)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        super().prepare_for_update(new, old, context)
        _align_sources(new["spec"], old["spec"])


def align_template_sources(spec: JSONObject) -> None:
    """What creation does to a claim, done to one that is a template."""
    _align_sources(spec, None)


_KNOWN_SOURCES = (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot"))


def _align_sources(spec: JSONObject, before: JSONObject | None) -> None:
    # Data from other namespaces is behind a feature gate that is off.
    if (spec.get("dataSourceRef") or {}).get("namespace") and not (before or {}).get("dataSourceRef"):
        del spec["dataSourceRef"]
    old, new = spec.get("dataSource"), spec.get("dataSourceRef")
    held = before is not None and (
        before.get("dataSource") is not None or before.get("dataSourceRef") is not None
    )
    known = old is None or (old.get("apiGroup") or "", old.get("kind") or "") in _KNOWN_SOURCES
    if new is None and not held and not known:
        del spec["dataSource"]
        return
    if old is not None and new is None:
        spec["dataSourceRef"] = dict(old)
    elif new is not None and old is None and not new.get("namespace"):
        spec["dataSource"] = {key: value for key, value in new.items() if key != "namespace"}


def persistent_volume_claim_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    warnings: list[str] = []
    if _CLASS_ANNOTATION in (new["metadata"].get("annotations") or {}):
        text = 'deprecated since v1.8; use "storageClassName" attribute instead'
        warnings.append(f"metadata.annotations[{_CLASS_ANNOTATION}]: {text}")
    return warnings + claim_spec_warnings("spec", new["spec"])


def claim_spec_warnings(path: str, spec: JSONObject) -> list[str]:
    warnings: list[str] = []
    for key in ("requests", "limits"):
        text = ((spec.get("resources") or {}).get(key) or {}).get("storage")
        if text is not None and checks.fractional(text):
            problem = f'fractional byte value "{text}" is invalid, must be an integer'
            warnings.append(f"{path}.resources.{key}[storage]: {problem}")
    return warnings
