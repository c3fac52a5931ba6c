"""Between objects as the handlers have them (dictionaries) and as the storage holds them (bytes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from reconcile.apiserver import status
from reconcile.apiserver.interfaces import CustomConversion, JSONObject
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.storage import Change, Storage, StorageConflictError, StoredObject

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class ObjectStore:
    """Reads and writes objects of any resource.

    What it gives out are private copies in the version of the resource that is passed; what it takes
    may be in any served version. Methods without `async` work on the stored version.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def find(self, resource: Resource, namespace: str, name: str) -> StoredObject | None:
        key = f"{namespace}/{name}" if namespace else name
        return self.storage.get(resource.storage_name, key)

    async def load(self, resource: Resource, stored: StoredObject) -> JSONObject:
        """The object in the resource's version."""
        obj = _decode(stored.raw)
        if resource.custom and _is_stale(resource, stored):
            _conversion(resource).refresh(obj)
            if obj.get("apiVersion") == resource.type.api_version:
                return obj
        elif resource.stored_as == resource.type.api_version:
            return obj
        return (await self.convert(resource, [obj], resource.type.api_version))[0]

    async def convert(self, resource: Resource, objects: list[JSONObject], version: str) -> list[JSONObject]:
        if resource.conversion is not None:
            return await resource.conversion.convert(objects, version)
        for obj in objects:
            obj["apiVersion"] = version
        return objects

    async def written_form(self, resource: Resource, obj: JSONObject) -> JSONObject:
        """The object in the version in which it is stored, as it is written; may be the same dictionary."""
        if resource.stored_as == resource.type.api_version:
            return obj
        copy = _decode(_encode(obj))
        return (await self.convert(resource, [copy], resource.stored_as))[0]

    async def stored_form(self, resource: Resource, obj: JSONObject) -> JSONObject:
        """The object in the version in which it is stored, as it is read; may be the same dictionary."""
        return self._completed(resource, obj, await self.written_form(resource, obj))

    def _completed(self, resource: Resource, obj: JSONObject, written: JSONObject) -> JSONObject:
        """What is read of what was written: a custom object has the defaults of its version then."""
        if not resource.custom or written is obj:
            return written
        read = _decode(_encode(written))
        _conversion(resource).refresh(read)
        return written if read == written else read

    def is_unchanged(
        self, resource: Resource, held: StoredObject, new: JSONObject, old: JSONObject, written: JSONObject
    ) -> bool:
        """Whether a write would write what is there. `old` is what is held, `written` the new one's form."""
        if not resource.custom or (written is new and held.written is None and not _is_stale(resource, held)):
            return new == old
        return written == _decode(held.written or held.raw)

    def put(
        self, resource: Resource, obj: JSONObject, written: JSONObject, expected: StoredObject | None
    ) -> StoredObject:
        """Write; sets resourceVersion in `obj`. Raises StorageConflictError. Must follow without suspending
        on the decision that led here."""
        new = self.encode(resource, obj, written, self.storage.next_revision)
        self.storage.put(resource.storage_name, new, expected=expected)
        return new

    def encode(self, resource: Resource, obj: JSONObject, written: JSONObject, revision: int) -> StoredObject:
        """The version of the object that a write at `revision` makes."""
        written["metadata"]["resourceVersion"] = str(revision)
        stored_form = self._completed(resource, obj, written)
        meta = stored_form["metadata"]
        if stored_form is not obj:
            obj["metadata"]["resourceVersion"] = meta["resourceVersion"]
        return StoredObject(
            meta.get("namespace") or "",
            meta["name"],
            meta.get("uid") or "",
            revision,
            encode_object(stored_form),
            meta.get("labels") or _NOTHING,
            self._fields(resource, obj, stored_form),
            written=None if stored_form is written else encode_object(written),
        )

    def _fields(self, resource: Resource, obj: JSONObject, stored_form: JSONObject) -> Mapping[str, str]:
        """What field selectors see."""
        if not resource.custom:
            return resource.strategy.field_values(obj) if resource.strategy.selectable else _NOTHING
        if not _conversion(resource).outside:
            return resource.strategy.field_values(stored_form) or _NOTHING
        # What the versions select by may be in other places of each.
        own = resource.strategy.field_values(obj)
        found = dict(resource.strategy.field_values(stored_form))
        found.update({key: value for key, value in own.items() if value})
        return found

    def selected_fields(self, resource: Resource, stored: StoredObject) -> Mapping[str, str]:
        """What field selectors see of a stored object."""
        if resource.custom and _is_stale(resource, stored):
            return resource.strategy.field_values(_decode(stored.raw))
        return stored.fields

    def remove(self, resource: Resource, held: StoredObject) -> Change:
        """Remove the object; its last version gets the deletion's resourceVersion."""
        final = _decode(held.raw)
        revision = self.storage.next_revision
        final["metadata"]["resourceVersion"] = str(revision)
        last = StoredObject(
            held.namespace, held.name, held.uid, revision, encode_object(final), held.labels, held.fields
        )
        return self.storage.delete(resource.storage_name, last, expected=held)

    async def raw(self, resource: Resource, stored: StoredObject, *, anew: bool = False) -> bytes:
        """The object as JSON in the resource's version. `anew`: converted now, whatever was kept."""
        form = self.form(resource, stored)
        if not form:
            return stored.raw
        found = stored.views.get(form)
        if found is None or (anew and resource.custom and _conversion(resource).outside):
            found = encode_object(await self.load(resource, stored))
            stored.views[form] = found
        return found

    def form(self, resource: Resource, stored: StoredObject) -> str:
        """The view (`StoredObject.views`) that `raw` keeps; empty: what is stored is the form."""
        version = resource.type.api_version
        if resource.custom and _is_stale(resource, stored):
            return f"{version} since {resource.schemas_since}"
        return "" if resource.stored_as == version else version


_NOTHING: dict[str, str] = {}


def _conversion(resource: Resource) -> CustomConversion:
    """That of a custom resource."""
    return cast("CustomConversion", resource.conversion)


def _is_stale(resource: Resource, stored: StoredObject) -> bool:
    """Whether a custom object was stored before its definition was changed."""
    return stored.resource_version < resource.schemas_since


def encode_object(obj: JSONObject) -> bytes:
    """JSON with kind, apiVersion and metadata in front, in this order."""
    first: JSONObject = {"kind": obj.get("kind"), "apiVersion": obj.get("apiVersion")}
    metadata = obj.get("metadata")
    if metadata is not None:
        first["metadata"] = metadata
    first.update(obj)
    return _encode(first)


def decode_object(raw: bytes) -> JSONObject:
    return _decode(raw)


def conflict_of(resource: Resource, name: str, error: StorageConflictError) -> status.StatusError:
    kind = resource.type
    return status.conflict(kind.group, kind.plural, name)
