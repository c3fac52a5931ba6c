"""Entries of `metadata.managedFields` and the sets that they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconcile.apiserver.managedfields.fieldset import FieldSet, from_fields_v1, to_fields_v1

JSONObject = dict[str, Any]


class ManagerId(NamedTuple):
    """Who: an applier is one whatever version it applies in; updaters are told apart by it."""

    manager: str
    operation: str
    api_version: str
    subresource: str

    def __str__(self) -> str:
        """As messages on conflicts name it."""
        from reconcile.apiserver.field_errors import go_quote

        text = go_quote(self.manager)
        if self.subresource:
            text += f" with subresource {go_quote(self.subresource)}"
        if self.operation == "Update":
            text += f" using {self.api_version}"
        return text


def manager_id(manager: str, operation: str, api_version: str, subresource: str) -> ManagerId:
    return ManagerId(manager, operation, "" if operation == "Apply" else api_version, subresource)


@dataclass(frozen=True, slots=True)
class Owned:
    """What one manager owns, in which version, since when (RFC 3339; empty: not known).

    `on_the_wire` is the FieldsV1 that the fields were read from, where that is as this server writes it.
    """

    fields: FieldSet
    api_version: str
    time: str = ""
    on_the_wire: JSONObject | None = field(default=None, compare=False)

    def with_fields(self, fields: FieldSet) -> Owned:
        return Owned(fields, self.api_version, self.time)


Managed = dict[ManagerId, Owned]


def decode_entries(entries: Any, *, stored: bool = False) -> Managed:
    """Raises ValueError when an entry is broken. `stored`: this server wrote them."""
    managed: Managed = {}
    for entry in entries or ():
        if not isinstance(entry, dict) or entry.get("fieldsType", "FieldsV1") != "FieldsV1":
            raise ValueError("not a FieldsV1 entry")
        operation = entry.get("operation", "")
        if operation not in ("Apply", "Update"):
            raise ValueError(f"not an operation: {operation!r}")
        version = entry.get("apiVersion", "")
        who = manager_id(entry.get("manager", ""), operation, version, entry.get("subresource", ""))
        trie = entry.get("fieldsV1") or {}
        managed[who] = Owned(from_fields_v1(trie), version, entry.get("time") or "", trie if stored else None)
    return managed


def encode_entries(managed: Managed) -> list[JSONObject]:
    entries: list[JSONObject] = []
    for who, owned in managed.items():
        entry: JSONObject = {"manager": who.manager} if who.manager else {}
        entry |= {"operation": who.operation, "apiVersion": owned.api_version}
        if owned.time:
            entry["time"] = owned.time
        entry["fieldsType"] = "FieldsV1"
        entry["fieldsV1"] = to_fields_v1(owned.fields) if owned.on_the_wire is None else owned.on_the_wire
        if who.subresource:
            entry["subresource"] = who.subresource
        entries.append(entry)
    entries.sort(
        key=lambda entry: (
            entry["operation"],
            entry.get("time", ""),
            entry.get("manager", ""),
            entry["apiVersion"],
            entry.get("subresource", ""),
        )
    )
    return entries


def is_reset(entries: Any) -> bool:
    """An emptied list, or one empty entry: the client wants managedFields gone."""
    return entries == [] or entries == [{}]
