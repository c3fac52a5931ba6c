"""Events in their two forms: in upstream's words and order.

core/v1 is what it always was; events.k8s.io/v1 is strict, and says what is wrong under core/v1's names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from reconcile.apiserver.field_errors import FieldError, invalid, required
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy
from reconcile.apiserver.strategies.shown import shown
from reconcile.objects.names import dns_subdomain_problems, qualified_name_problems

JSONObject = dict[str, Any]

_FIELDS = {
    "involvedObject.kind": ("involvedObject", "kind"),
    "involvedObject.namespace": ("involvedObject", "namespace"),
    "involvedObject.name": ("involvedObject", "name"),
    "involvedObject.uid": ("involvedObject", "uid"),
    "involvedObject.apiVersion": ("involvedObject", "apiVersion"),
    "involvedObject.resourceVersion": ("involvedObject", "resourceVersion"),
    "involvedObject.fieldPath": ("involvedObject", "fieldPath"),
    "reason": ("reason",),
    "reportingComponent": ("reportingComponent",),
    "source": ("source", "component"),
    "type": ("type",),
}
_NEW_NAMES = {"involvedObject": "regarding", "reportingComponent": "reportingController", "message": "note"}
_LONGEST = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}
_UNSET = {
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "source": "deprecatedSource",
}
_SOURCE, _REFERENCE = "core.v1.EventSource", "core.v1.ObjectReference"


class EventStrategy(KindStrategy):
    """core/v1 and events.k8s.io/v1 are two views of one set of objects."""

    def __init__(self, *, new_form: bool) -> None:
        fields: dict[str, Sequence[str]] = {}
        for name, path in _FIELDS.items():
            if new_form:
                name = name.replace("involvedObject", "regarding")
                name = {"reportingComponent": "reportingController", "source": ""}.get(name, name)
                path = tuple(_NEW_NAMES.get(key) or key for key in path)
            if name:
                fields[name] = path
        super().__init__(fields=fields, name_rule="path_segment", validates_meta=new_form)
        self._new_form = new_form

    def default_propagation(self, obj: JSONObject) -> Literal["Background", "Orphan", "Unsupported"]:
        # Nothing is owned by an event.
        return "Unsupported"

    def field_values(self, obj: JSONObject) -> dict[str, str]:
        """In the names of both forms: an object written in one is selected in the other."""
        found: dict[str, str] = {}
        for name, path in _FIELDS.items():
            value: Any = self._get(obj, path[0])
            for key in path[1:]:
                value = value.get(key) if isinstance(value, dict) else None
            found[name] = value or ""
        source = obj.get("deprecatedSource" if self._new_form else "source") or {}
        found["source"] = source.get("component") or found["reportingComponent"]
        found["reportingController"] = found["reportingComponent"]
        for name in _FIELDS:
            if name.startswith("involvedObject."):
                found[name.replace("involvedObject", "regarding")] = found[name]
        return found

    def _get(self, obj: JSONObject, key: str) -> Any:
        """A field by its name in core/v1."""
        return obj.get(_NEW_NAMES.get(key, key) if self._new_form else key)

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        errors = self._legacy(obj)
        if not self._new_form:
            return errors
        errors += _metadata(obj["metadata"]) + _series(obj)
        if not obj.get("eventTime"):
            errors.append(required("eventTime"))
        if obj.get("type") not in ("Normal", "Warning"):
            errors.append(invalid("type", "", f"has invalid value: {obj.get('type') or ''}"))
        given = (key for key, name in _UNSET.items() if obj.get(name))
        return errors + [invalid(key, "", "needs to be unset") for key in given]

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        errors = self._legacy(new)
        if not self._new_form:
            return errors
        errors += _unqualified(new["metadata"])
        if not checks.same(new.get("series"), old.get("series")):
            errors += _series(new)
        errors += self._stays(new, old, "regarding", "involvedObject", _REFERENCE)
        for key, name in (("reason", "reason"), ("note", "message")):
            errors += self._stays(new, old, key, name)
        for name, key in (("source", "deprecatedSource"),):
            errors += self._stays(new, old, key, name, _SOURCE)
        for name in ("firstTimestamp", "lastTimestamp", "count"):
            errors += self._stays(new, old, _UNSET[name], name)
        for name in ("reason", "type", "eventTime", "action"):
            errors += self._stays(new, old, name, name)
        errors += self._stays(new, old, "related", "related", _REFERENCE)
        for name in ("reportingController", "reportingInstance"):
            errors += self._stays(new, old, name, name)
        return errors

    def _stays(
        self, new: JSONObject, old: JSONObject, key: str, name: str, struct: str = ""
    ) -> list[FieldError]:
        value, before = new.get(key), old.get(key)
        if checks.same(value, before) or (not value and not before and key != "related"):
            return []
        if struct and not (key == "related" and value is None):
            value = shown(struct, value)
        elif value is None and key not in ("related", "eventTime", *_UNSET.values()):
            value = ""
        return [invalid(name, value, checks.IMMUTABLE)]

    def _legacy(self, obj: JSONObject) -> list[FieldError]:
        """What holds in both forms."""
        involved = (self._get(obj, "involvedObject") or {}).get("namespace") or ""
        namespace = obj["metadata"].get("namespace") or ""
        errors: list[FieldError] = []
        if not obj.get("eventTime"):
            if namespace not in ((involved,) if involved else ("", "default")):
                errors.append(_other_namespace(involved))
        else:
            if not involved and namespace not in ("default", "kube-system"):
                errors.append(_other_namespace(involved))
            field = "reportingController" if self._new_form else "reportingComponent"
            reporter = self._get(obj, "reportingComponent") or ""
            errors += [] if reporter else [required(field)]
            errors += checks.names(field, reporter, qualified_name_problems)
            for key, most in _LONGEST.items():
                value = self._get(obj, key) or ""
                if not value and key != "message":
                    errors.append(required(key))
                if len(value.encode()) > most:
                    errors.append(invalid(key, "", f"can have at most {most} characters"))
        return errors + checks.names("namespace", namespace, dns_subdomain_problems)


def _other_namespace(involved: str) -> FieldError:
    return invalid("involvedObject.namespace", involved, "does not match event.namespace")


def _metadata(meta: JSONObject) -> list[FieldError]:
    """The strict form wants names of the DNS as well; what holds for every name was said before."""
    errors: list[FieldError] = []
    prefix, name = meta.get("generateName") or "", meta.get("name") or ""
    if prefix:
        whole = f"{prefix}a" if prefix.endswith("-") else prefix
        problems = dns_subdomain_problems(whole)
        errors += [invalid("metadata.generateName", prefix, problem) for problem in problems]
    if name:
        errors += checks.names("metadata.name", name, dns_subdomain_problems)
    return errors + _unqualified(meta)


def _unqualified(meta: JSONObject) -> list[FieldError]:
    text = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        invalid(f"metadata.finalizers[{index}]", name, text)
        for index, name in enumerate(meta.get("finalizers") or ())
        if "/" not in name and name not in ("orphan", "foregroundDeletion", "kubernetes")
    ]


def _series(obj: JSONObject) -> list[FieldError]:
    series = obj.get("series")
    if series is None:
        return []
    errors = [] if (series.get("count") or 0) >= 2 else [invalid("series.count", "", "should be at least 2")]
    return errors + ([] if series.get("lastObservedTime") else [required("series.lastObservedTime")])
