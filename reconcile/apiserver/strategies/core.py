"""The core group beside pods and services: config maps, secrets, nodes, namespaces, volumes, events."""

from __future__ import annotations

import base64
from typing import Any

from reconcile.apiserver.field_errors import FieldError, forbidden, invalid, required, too_long
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy, keep
from reconcile.apiserver.strategies.key_pairs import key_pair_problem

JSONObject = dict[str, Any]

_MAX_DATA = 1024 * 1024


def _decoded_length(text: str) -> int:
    return len(text) * 3 // 4 - text[-2:].count("=")


def config_map(obj: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    total = 0
    for key, value in data.items():
        errors += [invalid(f"data[{key}]", key, problem) for problem in checks.config_key_problems(key)]
        if key in binary:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        total += len(value.encode())
    for key, value in binary.items():
        errors += [invalid(f"binaryData[{key}]", key, problem) for problem in checks.config_key_problems(key)]
        total += _decoded_length(value or "")
    if total > _MAX_DATA:
        errors.append(too_long("", "", _MAX_DATA))
    return errors


def _frozen(new: JSONObject, old: JSONObject, *keys: str) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    errors: list[FieldError] = []
    if not new.get("immutable"):
        errors.append(forbidden("immutable", "field is immutable when `immutable` is set"))
    return errors + [
        forbidden(key, "field is immutable when `immutable` is set")
        for key in keys
        if not checks.same(new.get(key), old.get(key))
    ]


def config_map_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return _frozen(new, old, "data", "binaryData")


_SECRET_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def secret(obj: JSONObject) -> list[FieldError]:
    errors: list[FieldError] = []
    data = obj.get("data") or {}
    for key in data:
        errors += [invalid(f"data[{key}]", key, problem) for problem in checks.config_key_problems(key)]
    if sum(_decoded_length(value or "") for value in data.values()) > _MAX_DATA:
        errors.append(too_long("data", "", _MAX_DATA))
    kind = obj.get("type", "")
    for key in _SECRET_KEYS.get(kind, ()):
        if key not in data:
            errors.append(required(f"data[{key}]"))
    if kind == "kubernetes.io/basic-auth" and "username" not in data and "password" not in data:
        errors += [required("data[username]"), required("data[password]")]
    if kind == "kubernetes.io/service-account-token":
        annotation = (obj["metadata"].get("annotations") or {}).get("kubernetes.io/service-account.name")
        if not annotation:
            errors.append(required("metadata.annotations[kubernetes.io/service-account.name]"))
    return errors


def secret_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    errors = checks.immutable(new, old, "", "type")
    return errors + _frozen(new, old, "data")


def secret_warnings(new: JSONObject, old: JSONObject | None) -> list[str]:
    """A certificate and a key that are there and do not go together, or are none."""
    data: JSONObject = new.get("data") or {}
    if new.get("type") != "kubernetes.io/tls" or not {"tls.crt", "tls.key"} <= data.keys():
        return []
    problem = key_pair_problem(*(base64.b64decode(data[key] or "") for key in ("tls.crt", "tls.key")))
    return [problem] if problem else []


class SecretStrategy(KindStrategy):
    """Turns stringData into data, and gives a patch that empties the type its old one back."""

    def default(self, obj: JSONObject, context: RequestContext) -> None:
        for key, value in (obj.pop("stringData", None) or {}).items():
            obj["data"] = {**(obj.get("data") or {}), key: base64.b64encode(value.encode()).decode()}


class ServiceAccountStrategy(KindStrategy):
    """Keeps of its references to secrets the names alone."""

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        self._clean(obj)

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        self._clean(new)

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        key = "kubernetes.io/enforce-mountable-secrets"
        if key not in (new["metadata"].get("annotations") or {}):
            return []
        if old is not None and key in (old["metadata"].get("annotations") or {}):
            return []
        text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
        return [f"metadata.annotations[{key}]: {text}"]

    @staticmethod
    def _clean(obj: JSONObject) -> None:
        if obj.get("secrets"):
            obj["secrets"] = [{"name": each["name"]} if each.get("name") else {} for each in obj["secrets"]]


class NamespaceStrategy(Strategy):
    """Stays until its `spec.finalizers` are empty."""

    name_rule = "label"
    selectable = ("status.phase",)
    selectable_names = ("metadata.name",)

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        obj["status"] = {"phase": "Active"}
        finalizers: list[str] = obj["spec"].get("finalizers") or []
        obj["spec"]["finalizers"] = finalizers if "kubernetes" in finalizers else [*finalizers, "kubernetes"]
        name = obj["metadata"].get("name", "")
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new["spec"], old["spec"], "finalizers")
        keep(new, old, "status")

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        names = obj["spec"].get("finalizers") or ()
        return [error for name in names for error in _finalizer_errors("spec.finalizers", name)]

    def begin_deletion(self, obj: JSONObject, context: RequestContext) -> bool:
        obj.setdefault("status", {})["phase"] = "Terminating"
        return bool((obj.get("spec") or {}).get("finalizers"))

    def field_values(self, obj: JSONObject) -> dict[str, str]:
        return {"status.phase": (obj.get("status") or {}).get("phase", "")}


def _finalizer_errors(field: str, name: str) -> list[FieldError]:
    errors = [invalid(field, name, problem) for problem in checks.qualified_name_problems(name)]
    if "/" not in name and name not in ("orphan", "foregroundDeletion", "kubernetes"):
        text = "name is neither a standard finalizer name nor is it fully qualified"
        errors.append(invalid(field, name, text))
    return errors


class NamespaceFinalizeStrategy(Strategy):
    """`namespaces/finalize`: who has finished takes its name out of `spec.finalizers`."""

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "status")

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        names = new["spec"].get("finalizers") or ()
        found = [_finalizer_errors(f"spec.finalizers[{index}]", name) for index, name in enumerate(names)]
        return [error for errors in found for error in errors]


class NamespaceStatusStrategy(Strategy):
    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "spec")

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        phase = (new.get("status") or {}).get("phase", "")
        if not new["metadata"].get("deletionTimestamp"):
            if phase != "Active":
                text = "may only be 'Active' if `deletionTimestamp` is empty"
                return [invalid("status.Phase", phase, text)]
        elif phase != "Terminating":
            text = "may only be 'Terminating' if `deletionTimestamp` is not empty"
            return [invalid("status.Phase", phase, text)]
        return []


def service_account_name_problems(name: str, prefix: bool) -> list[str]:
    return checks.dns_subdomain_problems(name + "a" if prefix and name.endswith("-") else name)
