"""Columns and cells of any resource."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from reconcile.apiserver.data import data
from reconcile.apiserver.tables.cells import CELLS
from reconcile.apiserver.tables.durations import since
from reconcile.apiserver.tables.json_path import find
from reconcile.apiserver.tables.pods import pod_cells

if TYPE_CHECKING:
    from reconcile.apiserver.resources import Resource

JSONObject = dict[str, Any]

_NAME: JSONObject = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "Name must be unique within a namespace. Is required when creating resources, although "
    "some resources may allow a client to request the generation of an appropriate name automatically. Name "
    "is primarily intended for creation idempotence and configuration definition. Cannot be updated. More "
    "info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
    "priority": 0,
}
_AGE: JSONObject = {
    "name": "Age",
    "type": "date",
    "format": "",
    "description": "CreationTimestamp is a timestamp representing the server time when this object was "
    "created. It is not guaranteed to be set in happens-before order across separate operations. Clients may "
    "not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. "
    "Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
    "priority": 0,
}


@cache
def _builtin_columns() -> dict[str, list[JSONObject]]:
    return msgspec.json.decode(data("tables", "columns.json.gz"))


class TableRenderer:
    """Renders rows as kubectl's default and wide output need them. Has no state."""

    def columns(self, resource: Resource) -> list[JSONObject]:
        """The column definitions of a resource."""
        if resource.custom:
            given = resource.printer_columns
            if not given:
                return [_NAME, {**_AGE, "name": "Age"}]
            return [_NAME, *(_custom_column(column) for column in given)]
        kind = resource.type
        return _builtin_columns().get(f"{kind.api_version}/{kind.plural}") or [_NAME, _AGE]

    def cells(self, resource: Resource, obj: JSONObject, now: datetime) -> list[Any]:
        """The cells of one object, one a column."""
        if resource.custom:
            return self._custom_cells(resource, obj, now)
        name = resource.type.group_resource
        if name == "pods":
            return pod_cells(obj, now)
        maker = CELLS.get(name)
        found = maker(obj, now) if maker is not None else {}
        meta = obj.get("metadata") or {}
        found.setdefault("Name", meta.get("name", ""))
        found.setdefault("Age", since(meta.get("creationTimestamp"), now))
        cells = [found.get(column["name"], "") for column in self.columns(resource)]
        if name == "ipaddresses.networking.k8s.io":
            # Upstream's rows have an age for which it defines no column.
            cells.append(found["Age"])
        return cells

    @staticmethod
    def _custom_cells(resource: Resource, obj: JSONObject, now: datetime) -> list[Any]:
        meta = obj["metadata"]
        if not resource.printer_columns:
            return [meta["name"], _custom_cell(_CREATED, obj, now)]
        return [meta["name"], *(_custom_cell(column, obj, now) for column in resource.printer_columns)]


_CREATED: JSONObject = {"type": "date", "jsonPath": ".metadata.creationTimestamp"}


def _custom_column(column: JSONObject) -> JSONObject:
    path = column.get("jsonPath", "")
    return {
        "name": column["name"],
        "type": column["type"],
        "format": column.get("format", ""),
        "description": column.get("description")
        or f"Custom resource definition column (in JSONPath format): {path}",
        "priority": column.get("priority", 0),
    }


def _custom_cell(column: JSONObject, obj: JSONObject, now: datetime) -> Any:
    values = find(obj, column["jsonPath"])
    if not values or values[0] is None:
        return None
    value = values[0]
    match column["type"]:
        case "integer":
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            return int(value)
        case "number":
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            try:
                return since(str(value), now)
            except ValueError:
                return "<invalid>"
        case _:
            return ",".join(_text(each) for each in values) if len(values) > 1 else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return msgspec.json.encode(value).decode()
