"""What is wrong with the fields of a custom resource that its scale subresource reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconcile.apiserver.field_errors import FieldError, invalid

JSONObject = dict[str, Any]
_MAX = 2**31 - 1
_GO_TYPES = {str: "string", bool: "bool", float: "float64", int: "int64", list: "[]interface {}"}


class ScaleChecks:
    """The checks of one version; `scale` is its `subresources.scale`."""

    def __init__(self, scale: Mapping[str, Any]) -> None:
        self._spec: str = scale["specReplicasPath"]
        self._status: str = scale["statusReplicasPath"]
        self._selector: str = scale.get("labelSelectorPath") or ""

    def of_object(self, obj: JSONObject) -> list[FieldError]:
        """Of the whole object."""
        return _replicas(obj, self._spec) + self.of_status(obj)

    def of_status(self, obj: JSONObject) -> list[FieldError]:
        """Of what the status subresource may write."""
        errors = _replicas(obj, self._status)
        if self._selector:
            _, problem = _at(obj, self._selector, str, "string")
            if problem:
                errors.append(invalid(self._selector, "", problem))
        return errors


def _replicas(obj: JSONObject, path: str) -> list[FieldError]:
    value, problem = _at(obj, path, int, "int64")
    if problem:
        return [invalid(path, 0, problem)]
    if value is not None and value < 0:
        return [invalid(path, value, "should be a non-negative integer")]
    if value is not None and value > _MAX:
        return [invalid(path, value, f"should be less than or equal to {_MAX}")]
    return []


def _at(obj: JSONObject, path: str, wanted: type, go_type: str) -> tuple[Any, str]:
    """The value at a simple JSON path, or what stands in the way of it."""
    value: Any = obj
    walked = ""
    for key in path.removeprefix(".").split("."):
        if value is None:
            return None, ""
        if not isinstance(value, dict):
            return None, _accessor_error(f"{walked}.{key}", value, "map[string]interface{}")
        if key not in value:
            return None, ""
        value = value[key]
        walked = f"{walked}.{key}"
    if type(value) is not wanted:
        return None, _accessor_error(walked, value, go_type)
    return value, ""


def _accessor_error(path: str, value: Any, wanted: str) -> str:
    found = _GO_TYPES.get(type(value), "map[string]interface {}") if value is not None else "<nil>"
    shown = "<nil>" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"{path} accessor error: {shown} is of the type {found}, expected {wanted}"
