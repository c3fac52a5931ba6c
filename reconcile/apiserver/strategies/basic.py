"""Strategies from a few facts: most kinds have a spec, a status, a generation, and their own checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from reconcile.apiserver.field_errors import FieldError
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.strategies.checks import identical, same
from reconcile.apiserver.strategies.pod_gates import drop_disabled

JSONObject = dict[str, Any]
Validate = Callable[[JSONObject], list[FieldError]]
ValidateUpdate = Callable[[JSONObject, JSONObject], list[FieldError]]
Warn = Callable[[JSONObject, JSONObject | None], list[str]]


# Selectable fields that are numbers, which nothing makes 0, or say yes and no.
_UNSAID = {"status.successful": "0", "status.replicas": "0", "spec.unschedulable": "false"}


class KindStrategy(Strategy):
    """A kind of which a few facts say all.

    - `generation`: it has one; it grows when anything but metadata and status changes.
    - `grows`: its generation begins with nothing, and grows when the spec changes.
    - `status`: it has a status subresource, so the object itself cannot set it.
    - `validate`: checks of an object, on creation and update alike.
    - `validate_change`: more checks of an update: new, old.
    - `validate_created`: checks of a creation, where those of an update differ throughout.
    - `on_create`: more checks of a creation.
    - `change_first`: what an update may not change is said before what is wrong with the object.
    - `warn`: texts for warnings: new, and old or None.
    - `template`: where in the object pods are described: of what is off there, nothing is kept.
    """

    def __init__(
        self,
        *,
        generation: bool = False,
        grows: bool = False,
        status: bool = False,
        annotations_count: bool = False,
        validate: Validate | None = None,
        validate_change: ValidateUpdate | None = None,
        validate_created: Validate | None = None,
        on_create: Validate | None = None,
        change_first: bool = False,
        warn: Warn | None = None,
        name_rule: Literal["subdomain", "label", "label1035", "path_segment"] = "subdomain",
        name_problems: Callable[[str, bool], list[str]] | None = None,
        fields: dict[str, Sequence[str]] | None = None,
        validates_meta: bool = True,
        template: tuple[str, ...] = (),
    ) -> None:
        self.generation = generation or grows
        self._begins = generation
        self.status = status
        self.annotations_count = annotations_count
        self.name_rule = name_rule
        self.validates_meta = validates_meta
        self._validate = validate
        self._validate_change = validate_change
        self._validate_created = validate_created
        self._on_create = on_create
        self._change_first = change_first
        self._warn = warn
        self._name_problems = name_problems
        self._pods_at = template
        self._fields = fields or {}
        self.selectable = tuple(self._fields)

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        if self.status and "status" in obj:
            obj["status"] = {}
        self.drop_what_is_off(obj)
        if self._begins:
            obj["metadata"]["generation"] = 1

    def drop_what_is_off(self, obj: JSONObject) -> None:
        """Take out of the pods that the object describes what features guard that are off."""
        found: Any = obj if self._pods_at else None
        for key in self._pods_at:
            found = found.get(key) if isinstance(found, dict) else None
        if found:
            drop_disabled(found.get("spec") or {})

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        if self.status:
            keep(new, old, "status")
        self.drop_what_is_off(new)
        if self.generation:
            old_generation = old["metadata"].get("generation", 0)
            grown = self._changed(new, old)
            if self._begins or old_generation or grown:
                new["metadata"]["generation"] = old_generation + 1 if grown else old_generation

    def _changed(self, new: JSONObject, old: JSONObject) -> bool:
        if self.annotations_count and not same(
            new["metadata"].get("annotations"), old["metadata"].get("annotations")
        ):
            return True
        if "spec" in new or "spec" in old:
            return not identical(new.get("spec"), old.get("spec"))
        aside = ("metadata", "status", "apiVersion", "kind")
        return any(not identical(new.get(key), old.get(key)) for key in {**new, **old} if key not in aside)

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        errors = self._validate(obj) if self._validate else []
        errors += self._validate_created(obj) if self._validate_created else []
        return errors + (self._on_create(obj) if self._on_create else [])

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        errors = self._validate(new) if self._validate else []
        changes = self._validate_change(new, old) if self._validate_change else []
        return changes + errors if self._change_first else errors + changes

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        return self._warn(new, old) if self._warn else []

    def validate_name(self, name: str, *, prefix: bool) -> list[str] | None:
        return self._name_problems(name, prefix) if self._name_problems else None

    def field_values(self, obj: JSONObject) -> dict[str, str]:
        found: dict[str, str] = {}
        for field, path in self._fields.items():
            value: Any = obj
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            if isinstance(value, bool):
                found[field] = "true" if value else "false"
            else:
                found[field] = str(value) if value is not None else _UNSAID.get(field, "")
        return found


class StatusStrategy(Strategy):
    """The status subresource: everything but the status stays; of metadata, what upstream lets through.

    - `validate`: checks of the new status: new, old.
    - `warn`: texts for warnings: new, and old.
    - `keep_labels`: labels stay as they were, too.
    """

    def __init__(
        self, *, validate: ValidateUpdate | None = None, warn: Warn | None = None, keep_labels: bool = False
    ) -> None:
        self._validate = validate
        self._warn = warn
        self._keep_labels = keep_labels

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        for key in {**new, **old}:
            if key not in ("metadata", "status", "apiVersion", "kind"):
                keep(new, old, key)
        if self._keep_labels:
            keep(new["metadata"], old["metadata"], "labels")

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return self._validate(new, old) if self._validate else []

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        return self._warn(new, old) if self._warn else []


def keep(new: JSONObject, old: JSONObject, key: str) -> None:
    """The field as it was."""
    if key in old:
        new[key] = old[key]
    else:
        new.pop(key, None)


def keep_metadata(new: JSONObject, old: JSONObject) -> None:
    """Of metadata all that a client could change, as it was."""
    for key in ("labels", "annotations", "finalizers", "ownerReferences", "generation", "deletionTimestamp"):
        keep(new, old, key)
