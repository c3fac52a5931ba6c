"""The kinds of storage.k8s.io: what is wrong with them, in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.node_labels import DEPRECATED_LABELS, selector_warnings
from reconcile.apiserver.strategies.persistent_volumes import volume_spec
from reconcile.apiserver.strategies.shown import shown
from reconcile.apiserver.strategies.volume_sources import csi_driver_name

JSONObject = dict[str, Any]

_MAX_PARAMETERS, _MAX_PARAMETER_BYTES = 512, 256 * 1024
_MAX_NODE_ID = 256


def _size(values: JSONObject) -> int:
    return sum(len(key.encode()) + len((value or "").encode()) for key, value in values.items())


def _provisioner(field: str, name: str) -> list[FieldError]:
    if not name:
        return [required(field)]
    return checks.names(field, name.lower(), checks.qualified_name_problems)


def _parameters(values: JSONObject, *, needed: bool) -> list[FieldError]:
    if len(values) > _MAX_PARAMETERS:
        return [too_long("parameters", "", _MAX_PARAMETERS)]
    errors = [invalid("parameters", key, "field can not be empty.") for key in values if not key]
    if _size(values) > _MAX_PARAMETER_BYTES:
        errors.append(too_long("parameters", "", _MAX_PARAMETER_BYTES))
    if needed and not values:
        errors.append(required("parameters", "must contain at least one key/value pair"))
    return errors


def storage_class(obj: JSONObject) -> list[FieldError]:
    errors = _provisioner("provisioner", obj.get("provisioner") or "")
    errors += _parameters(obj.get("parameters") or {}, needed=False)
    policy, mode = obj.get("reclaimPolicy"), obj.get("volumeBindingMode")
    if policy and policy not in ("Delete", "Retain"):
        errors.append(not_supported("reclaimPolicy", policy, ("Delete", "Retain")))
    modes = ("Immediate", "WaitForFirstConsumer")
    if mode is None:
        errors.append(required("volumeBindingMode"))
    elif mode not in modes:
        errors.append(not_supported("volumeBindingMode", mode, modes))
    topologies: list[JSONObject] = obj.get("allowedTopologies") or []
    # Upstream begins with as many empty ones as there are terms, so that an empty term is always a repeat.
    seen: list[dict[str, frozenset[str]]] = [{} for _ in topologies]
    for index, term in enumerate(topologies):
        path = f"allowedTopologies[{index}].matchLabelExpressions"
        found, problems = _topology(path, term.get("matchLabelExpressions") or [])
        errors += problems
        errors += [duplicate(path, "") for each in seen if each == found]
        seen.append(found)
    return errors


def _topology(path: str, expressions: list[JSONObject]) -> tuple[dict[str, frozenset[str]], list[FieldError]]:
    found: dict[str, frozenset[str]] = {}
    errors: list[FieldError] = []
    for index, expression in enumerate(expressions):
        where = f"{path}[{index}]"
        key, values = expression.get("key") or "", expression.get("values") or []
        if not values:
            errors.append(required(f"{where}.values"))
        errors += [
            duplicate(f"{where}.values[{position}]", value)
            for position, value in enumerate(values)
            if value in values[:position]
        ]
        errors += checks.names(f"{where}.key", key, checks.qualified_name_problems)
        if key in found:
            errors.append(duplicate(f"{where}.key", key))
        found[key] = frozenset(values)
    return found, errors


def storage_class_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    given = new.get("parameters")
    shown = {**new, "parameters": None if given is None else dict(sorted(given.items()))}
    return checks.immutable(shown, old, "", "parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")


def storage_class_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    return [
        f"allowedTopologies[{index}].matchLabelExpressions[{position}].key: {DEPRECATED_LABELS[each['key']]}"
        for index, term in enumerate(new.get("allowedTopologies") or ())
        for position, each in enumerate(term.get("matchLabelExpressions") or ())
        if each.get("key") in DEPRECATED_LABELS
    ]


def attributes_class(obj: JSONObject) -> list[FieldError]:
    errors = _provisioner("driverName", obj.get("driverName") or "")
    return errors + _parameters(obj.get("parameters") or {}, needed=True)


def attributes_class_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    errors = [
        forbidden(key, f"updates to {key} are forbidden.")
        for key in ("driverName", "parameters")
        if not checks.same(new.get(key), old.get(key))
    ]
    return errors + attributes_class(new)


def volume_attachment(obj: JSONObject) -> list[FieldError]:
    spec: JSONObject = obj.get("spec") or {}
    source: JSONObject = spec.get("source") or {}
    errors = csi_driver_name("spec.attacher", spec.get("attacher") or "")
    inline, name = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    text = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
    if inline is None and name is None:
        errors.append(required("spec.source", text))
    elif inline is not None and name is not None:
        errors.append(forbidden("spec.source", text))
    elif name is None:
        errors += volume_spec("spec.source.inlineVolumeSpec", inline or {}, "", inline=True)
    elif not name:
        field = "spec.source.persistentVolumeName"
        errors.append(required(field, "must specify non empty persistentVolumeName"))
    errors += checks.dns_subdomain("spec.nodeName", spec.get("nodeName") or "")
    errors += volume_attachment_status(obj, obj)
    if name is not None:
        errors += checks.dns_subdomain("spec.source.persistentVolumeName", name)
    return errors


def volume_attachment_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    spec: JSONObject = new.get("spec") or {}
    if checks.same(spec, old.get("spec") or {}):
        return []
    return [invalid("spec", shown("storage.v1.VolumeAttachmentSpec", spec), checks.IMMUTABLE)]


def volume_attachment_status(new: JSONObject, old: JSONObject) -> list[FieldError]:
    status: JSONObject = new.get("status") or {}
    errors: list[FieldError] = []
    if _size(status.get("attachmentMetadata") or {}) > _MAX_PARAMETER_BYTES:
        errors.append(too_long("status.attachmentMetadata", "", _MAX_PARAMETER_BYTES))
    for key in ("attachError", "detachError"):
        problem: JSONObject = status.get(key) or {}
        # Past 1 KiB it is too long, and the message names another limit.
        if len((problem.get("message") or "").encode()) > 1024:
            errors.append(too_long(f"status.{key}.message", "", _MAX_PARAMETER_BYTES))
        code = problem.get("errorCode")
        if code is not None and code < 0:
            text = "must be between 0 and 2147483647, inclusive"
            errors.append(invalid(f"status.{key}.errorCode", code, text))
    return errors


def volume_attachment_status_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return volume_attachment(new) + volume_attachment_update(new, old)


def csi_node(obj: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, driver in enumerate((obj.get("spec") or {}).get("drivers") or ()):
        path = f"spec.drivers[{index}]"
        name, node = driver.get("name") or "", driver.get("nodeID") or ""
        errors += csi_driver_name(f"{path}.name", name)
        if not node:
            errors.append(required(f"{path}.nodeID"))
        if len(node.encode()) > _MAX_NODE_ID:
            text = f"must be {_MAX_NODE_ID} characters or less"
            errors.append(invalid(f"{path}.nodeID", node, text))
        errors += checks.non_negative(driver.get("allocatable") or {}, f"{path}.allocatable", "count")
        if name in seen:
            errors.append(duplicate(f"{path}.name", name))
        seen.add(name)
        keys: list[str] = driver.get("topologyKeys") or []
        for position, key in enumerate(keys):
            if not key:
                errors.append(required(path))
            if key in keys[:position]:
                errors.append(duplicate(path, key))
            errors += checks.names(path, key, checks.qualified_name_problems)
    return errors


def csi_node_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    def fixed(driver: JSONObject) -> JSONObject:
        return {key: value for key, value in driver.items() if key != "allocatable"}

    return [
        invalid("spec.drivers", _shown_driver(driver), checks.IMMUTABLE)
        for held in (old.get("spec") or {}).get("drivers") or ()
        for driver in (new.get("spec") or {}).get("drivers") or ()
        if held.get("name") == driver.get("name") and not checks.same(fixed(driver), fixed(held))
    ]


def _shown_driver(driver: JSONObject) -> JSONObject:
    """As messages show it: under the names of Go's fields."""
    return {
        "Name": driver.get("name") or "",
        "NodeID": driver.get("nodeID") or "",
        "TopologyKeys": driver.get("topologyKeys"),
        "Allocatable": None,
    }


class CSIDriverStrategy(KindStrategy):
    """Drops a field whose feature is off."""

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        (obj.get("spec") or {}).pop("preventPodSchedulingIfMissing", None)
        super().prepare_for_create(obj, context)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        (new.get("spec") or {}).pop("preventPodSchedulingIfMissing", None)
        super().prepare_for_update(new, old, context)


def csi_driver(obj: JSONObject) -> list[FieldError]:
    spec: JSONObject = obj.get("spec") or {}
    errors = [
        # The first one's path is upstream's.
        required(f"spec.{shown}")
        for key, shown in (
            ("attachRequired", "attachedRequired"),
            ("podInfoOnMount", "podInfoOnMount"),
            ("storageCapacity", "storageCapacity"),
        )
        if spec.get(key) is None
    ]
    policy = spec.get("fsGroupPolicy")
    policies = ("File", "None", "ReadWriteOnceWithFSType")
    if policy is not None and policy not in policies:
        errors.append(not_supported("spec.fsGroupPolicy", policy, policies))
    errors += _token_requests(spec.get("tokenRequests") or [])
    modes = ("Persistent", "Ephemeral")
    errors += [
        not_supported("spec.volumeLifecycleModes", mode, modes)
        for mode in spec.get("volumeLifecycleModes") or ()
        if mode not in modes
    ]
    if spec.get("seLinuxMount") is None:
        errors.append(required("spec.seLinuxMount"))
    period = spec.get("nodeAllocatableUpdatePeriodSeconds")
    if period is not None and period < 10:
        text = "must be greater than or equal to 10 seconds"
        errors.append(invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, text))
    secrets = spec.get("serviceAccountTokenInSecrets")
    if secrets is not None and not spec.get("tokenRequests"):
        text = "serviceAccountTokenInSecrets is set but no tokenRequests are specified"
        errors.append(invalid("spec.serviceAccountTokenInSecrets", secrets, text))
    return errors


def _token_requests(requests: list[JSONObject]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, request in enumerate(requests):
        path, audience = f"spec.tokenRequests[{index}]", request.get("audience") or ""
        if audience in seen:
            errors.append(duplicate(f"{path}.audience", audience))
            continue
        seen.add(audience)
        seconds = request.get("expirationSeconds")
        if seconds is not None and seconds < 600:
            text = "may not specify a duration less than 10 minutes"
            errors.append(invalid(f"{path}.expirationSeconds", seconds, text))
        if seconds is not None and seconds > 1 << 32:
            text = "may not specify a duration larger than 2^32 seconds"
            errors.append(invalid(f"{path}.expirationSeconds", seconds, text))
    return errors


def csi_driver_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    return [
        invalid(f"spec.{shown}", spec.get(key), checks.IMMUTABLE)
        for key, shown in (
            ("attachRequired", "attachedRequired"),
            ("volumeLifecycleModes", "volumeLifecycleModes"),
        )
        if not checks.same(spec.get(key), before.get(key))
    ]


_IN_SECRETS = (
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent "
    "possible logging of tokens in volume attributes"
)


def csi_driver_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    spec: JSONObject = new.get("spec") or {}
    requests = spec.get("tokenRequests")
    if not requests or spec.get("serviceAccountTokenInSecrets") is not None:
        return []
    unchanged = old is not None and checks.same(requests, (old.get("spec") or {}).get("tokenRequests"))
    return [] if unchanged else [_IN_SECRETS]


def storage_capacity(obj: JSONObject) -> list[FieldError]:
    errors = checks.label_selector("nodeTopology", obj.get("nodeTopology"))
    errors += checks.dns_subdomain("storageClassName", obj.get("storageClassName") or "")
    amount = obj.get("capacity")
    if amount is not None and checks.Amount.parse(amount) < 0:
        errors.append(invalid("capacity", amount, "must be greater than or equal to 0"))
    return errors


def storage_capacity_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    selector: JSONObject | None = new.get("nodeTopology")
    errors: list[FieldError] = []
    if not checks.same(selector, old.get("nodeTopology")):
        errors.append(invalid("nodeTopology", selector and checks.shown_selector(selector), checks.IMMUTABLE))
    return errors + checks.immutable(new, old, "", "storageClassName")


def storage_capacity_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    return selector_warnings("nodeTopology", new.get("nodeTopology"))
