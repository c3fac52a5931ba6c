"""The seam at which CEL rules of a schema are evaluated."""

from __future__ import annotations

from typing import Any, Protocol

from reconcile.apiserver.field_errors import FieldError

JSONObject = dict[str, Any]


class RuleEvaluator(Protocol):
    """Evaluates `x-kubernetes-validations` of a schema."""

    def errors(self, schema: JSONObject, new: JSONObject, old: JSONObject | None) -> list[FieldError]:
        """What the rules of `schema` (openAPIV3Schema) say of an object; `old` is None on creation."""
        ...
