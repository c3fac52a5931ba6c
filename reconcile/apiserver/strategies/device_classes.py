"""DeviceClass: in upstream's words and order."""

from __future__ import annotations

from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid
from reconcile.apiserver.strategies.checks import same
from reconcile.apiserver.strategies.device_checks import MOST_CONFIGURATIONS, configuration, each, selectors
from reconcile.objects.names import dns_subdomain_problems, qualified_name_problems

JSONObject = dict[str, Any]

_LONGEST_NAME = 253


def device_class(obj: JSONObject) -> list[FieldError]:
    return _spec(obj.get("spec") or {}, {})


def device_class_update(new: JSONObject, old: JSONObject) -> list[FieldError]:
    return _spec(new.get("spec") or {}, old.get("spec") or {})


def _spec(spec: JSONObject, before: JSONObject) -> list[FieldError]:
    errors = selectors("spec.selectors", spec.get("selectors"))
    config, held = spec.get("config"), before.get("config")
    stored = bool(before) and same(config, held)
    errors += each(
        "spec.config",
        config,
        MOST_CONFIGURATIONS,
        lambda path, value: configuration(path, value, stored=stored),
    )
    name = spec.get("extendedResourceName")
    if name is not None and not _extended(name):
        errors.append(invalid("spec.extendedResourceName", name, "must be a valid extended resource name"))
    return errors


def class_name_problems(name: str, prefix: bool) -> list[str]:
    """What is wrong with a name, once it is whole: a prefix is not looked at by itself."""
    if prefix:
        return []
    if len(name.encode()) > _LONGEST_NAME:
        return [f"must be no more than {_LONGEST_NAME} bytes"]
    return dns_subdomain_problems(name)


def _extended(name: str) -> bool:
    """Whether it is the name of a resource that is not Kubernetes' own, and that a quota could count."""
    if "/" not in name or "kubernetes.io/" in name or name.startswith("requests."):
        return False
    return not qualified_name_problems(f"requests.{name}")
