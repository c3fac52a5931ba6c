"""Stored objects as a client wants them: version, metadata alone, table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from reconcile.apiserver import status
from reconcile.apiserver.handlers.negotiation import Form
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.store import decode_object
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.storage import StoredObject
from reconcile.apiserver.watch import View

_encode = msgspec.json.Encoder().encode


class _Metadata(msgspec.Struct):
    metadata: msgspec.Raw = msgspec.Raw(b"{}")


_metadata_of = msgspec.json.Decoder(_Metadata).decode


def metadata_only(raw: bytes, version: str = "v1") -> bytes:
    """The PartialObjectMetadata of an encoded object, in a version of meta.k8s.io."""
    return b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%b","metadata":%b}' % (
        version.encode(),
        bytes(_metadata_of(raw).metadata),
    )


class ObjectView(View):
    """Whole objects, or their metadata, in the version of the resource.

    Arguments:
        meta: the version of meta.k8s.io in which metadata is written.
    """

    def __init__(self, parts: Parts, resource: Resource, *, metadata: bool = False, meta: str = "v1") -> None:
        self._store = parts.store
        self._resource = resource
        self._version = resource.type.api_version
        self.metadata = metadata
        self.meta = meta
        # What is stored is what is shown, byte for byte.
        self.stored = not metadata and not resource.custom and resource.stored_as == self._version
        # Names this form among all forms of an object.
        self.key = (f"metadata {meta}" if metadata else "object", self._version)

    async def prepare(self, items: list[StoredObject]) -> None:
        if self._resource.stored_as != self._version or self._resource.schemas_since:
            for item in items:
                await self._store.raw(self._resource, item)

    def render(self, item: StoredObject) -> bytes:
        if self.stored:
            return item.raw
        form = self._store.form(self._resource, item)
        raw = item.views[form] if form else item.raw
        if not self.metadata:
            return raw
        found = item.views.get(self.key)
        if found is None:
            found = item.views[self.key] = metadata_only(raw, self.meta)
        return found


class TableView(View):
    """Each object as a Table of one row; the first one of a watch carries the columns."""

    def __init__(self, parts: Parts, resource: Resource, include: str, meta: str) -> None:
        self._parts = parts
        self._objects = ObjectView(parts, resource)
        self._resource = resource
        self._include = include
        self.meta = meta
        self._columns: list[JSONObject] | None = parts.tables.columns(resource)

    async def prepare(self, items: list[StoredObject]) -> None:
        await self._objects.prepare(items)

    def render(self, item: StoredObject) -> bytes:
        columns, self._columns = self._columns, None
        raw = self._objects.render(item)
        now = self._parts.runtime.now()
        row = table_row(self._parts, self._resource, raw, self._include, now, self.meta)
        return table(columns, [row], {"resourceVersion": str(item.resource_version)}, self.meta)


def table(
    columns: list[JSONObject] | None,
    rows: list[JSONObject] | None,
    metadata: JSONObject,
    meta: str,
) -> bytes:
    return _encode(
        {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{meta}",
            "metadata": metadata,
            "columnDefinitions": columns,
            "rows": rows,
        }
    )


def table_row(
    parts: Parts, resource: Resource, raw: bytes, include: str, now: datetime, meta: str
) -> JSONObject:
    row: JSONObject = {"cells": parts.tables.cells(resource, decode_object(raw), now)}
    if include == "Object":
        row["object"] = msgspec.Raw(raw)
    elif include == "None":
        row["object"] = None
    else:
        row["object"] = msgspec.Raw(metadata_only(raw, meta))
    return row


def include_object(text: str) -> str:
    """The `includeObject` parameter of Table requests. Raises 400."""
    if text not in ("", "None", "Metadata", "Object"):
        raise status.bad_request(
            f'Unable to convert to Table as requested: includeObject: Invalid value: "{text}": must be '
            "'Metadata', 'Object', 'None', or empty"
        )
    return text or "Metadata"


def view_for(parts: Parts, resource: Resource, form: Form, include: str) -> View:
    """The view of a watch in the agreed form."""
    if form.shape == "Table":
        return TableView(parts, resource, include, form.version)
    if form.shape == "PartialObjectMetadataList":
        raise status.not_acceptable(
            "you requested PartialObjectMetadataList, but the requested object is not a list "
            f"({go_type(resource)})"
        )
    return ObjectView(parts, resource, metadata=form.shape == "PartialObjectMetadata", meta=form.version)


def go_type(resource: Resource) -> str:
    """The Go type that a message shows."""
    if resource.custom:
        return "*unstructured.Unstructured"
    package = resource.type.group.partition(".")[0] or "core"
    return f"*{package}.{resource.type.kind}"


def body_in_form(
    parts: Parts, resource: Resource, obj: JSONObject, raw: bytes, form: Form, include: str
) -> bytes:
    """One object in the agreed form."""
    if not form.shape or obj.get("kind") == "Status":
        return raw
    if form.shape == "Table":
        now = parts.runtime.now()
        meta: dict[str, Any] = obj.get("metadata") or {}
        row = table_row(parts, resource, raw, include, now, form.version)
        metadata = {"resourceVersion": meta.get("resourceVersion", "")}
        return table(parts.tables.columns(resource), [row], metadata, form.version)
    if form.shape == "PartialObjectMetadataList":
        view_for(parts, resource, form, include)
    return metadata_only(raw, form.version)
