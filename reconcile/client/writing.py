"""The writing verbs: create, update, patch, apply, delete, and what is built from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast, overload

import msgspec

from reconcile.client.addressing import (
    Query,
    collection_path,
    key_of,
    object_path,
    selection,
    write_options,
)
from reconcile.client.attribution import current_attribution
from reconcile.client.failures import is_status
from reconcile.client.preconditions import seen_objects
from reconcile.client.seams import Write, WriteVerb
from reconcile.client.transport import TransportRequest
from reconcile.client.verbs import (
    OWN_KIND_SUBRESOURCES,
    Key,
    Verbs,
    body_of,
    plain_of,
)
from reconcile.errors import ConfigurationError, ForbiddenError, NotFoundError
from reconcile.objects import access
from reconcile.objects.codecs import Codec, codec_for
from reconcile.objects.identity import GroupVersionKind, ObjectKey, ResourceType
from reconcile.objects.kinds import MetadataOnly
from reconcile.objects.metadata import ObjectMetadata

T = TypeVar("T")
PatchType = Literal["merge", "json", "strategic"]
Propagation = Literal["Background", "Foreground", "Orphan"]

_METHODS: dict[WriteVerb, str] = {
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "apply": "PATCH",
    "delete": "DELETE",
    "delete_collection": "DELETE",
}


class WritingVerbs(Verbs):
    """Writes pass the client's guard and are told to its observers.

    Each takes an object in any form (a generated struct, a custom resource, a dict with `apiVersion` and
    `kind`) and returns the object as the server has it now, in the same form; the argument is not changed.
    `dry_run=True` asks the server to validate and answer, and change nothing. `field_manager` defaults to
    the client's; `field_validation` is `Ignore`, `Warn` or `Strict`, the server's default being `Warn`.
    """

    async def create(
        self,
        obj: T,
        *,
        namespace: str | None = None,
        dry_run: bool = False,
        field_manager: str | None = None,
        field_validation: str | None = None,
    ) -> T:
        """Create an object. Raises `AlreadyExistsError`, `InvalidError`.

        With `metadata.generateName` and no name the server chooses the name.
        """
        codec = await self._codec_of(obj)
        own_namespace, name = access.key_of(obj)
        resource_type = codec.resource_type
        if resource_type.namespaced:
            key = ObjectKey(own_namespace if namespace is None else namespace, name)
            if not key.namespace:
                raise ConfigurationError(
                    f"{resource_type.kind} {name!r} lives in a namespace: "
                    "set metadata.namespace or give namespace="
                )
        else:
            key = ObjectKey("", name)
        body = await self.write(
            "create",
            resource_type,
            key,
            codec.encode(obj),
            query=self._options(field_manager, field_validation, dry_run),
            dry_run=dry_run,
        )
        return cast("T", codec.decode(body))

    async def update(
        self,
        obj: T,
        *,
        namespace: str | None = None,
        dry_run: bool = False,
        field_manager: str | None = None,
        field_validation: str | None = None,
        subresource: str = "",
    ) -> T:
        """Replace an object by this one; its resource version, when set, must still be the newest.

        What the object's type does not know is kept: changes since it was read are replayed on the bytes
        it was read from. Without a version whatever is there is replaced; under leader election the version
        that this process knows is named then. Raises `ConflictError` when the object changed meanwhile,
        `IncompleteObjectError` for an object of which only a part was read.
        """
        from reconcile.objects.origin import replay

        self._require_own_kind(subresource)
        codec = await self._codec_of(obj)
        key = self._key_of_object(codec, obj, namespace)
        document = replay(obj)
        if seen_objects() is not None and not access.resource_version_of(obj):
            document = await self._versioned(codec.resource_type, key, document)
        body = await self.write(
            "update",
            codec.resource_type,
            key,
            document,
            query=self._options(field_manager, field_validation, dry_run),
            dry_run=dry_run,
            subresource=subresource,
        )
        return cast("T", codec.decode(body))

    async def update_status(
        self,
        obj: T,
        *,
        namespace: str | None = None,
        dry_run: bool = False,
        field_manager: str | None = None,
    ) -> T:
        """Replace an object's status; nothing else of the object is written."""
        return await self.update(
            obj, namespace=namespace, dry_run=dry_run, field_manager=field_manager, subresource="status"
        )

    @overload
    async def patch(
        self,
        target: type[T],
        key: Key,
        patch: Any,
        *,
        namespace: str | None = None,
        type: PatchType = "merge",
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str | None = None,
        field_validation: str | None = None,
    ) -> T: ...
    @overload
    async def patch(
        self,
        target: ResourceType | GroupVersionKind,
        key: Key,
        patch: Any,
        *,
        namespace: str | None = None,
        type: PatchType = "merge",
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str | None = None,
        field_validation: str | None = None,
    ) -> dict[str, Any]: ...
    @overload
    async def patch(
        self,
        target: T,
        key: Any,
        /,
        *,
        namespace: str | None = None,
        type: PatchType = "merge",
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str | None = None,
        field_validation: str | None = None,
    ) -> T: ...
    async def patch(
        self,
        target: Any,
        key: Any,
        patch: Any = None,
        *,
        namespace: str | None = None,
        type: PatchType = "merge",
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str | None = None,
        field_validation: str | None = None,
    ) -> Any:
        """Patch an object: `patch(kind, key, patch)`, or `patch(obj, patch)` for the object of its name.

        Args:
            patch: a mapping (merge, strategic), a list of operations (json), or JSON as bytes or text.
            type: `merge` (RFC 7386), `json` (RFC 6902) or `strategic` (built-in kinds only).

        Raises `NotFoundError`; `ConflictError` when the patch names a resource version or uid that is not
        the object's.
        """
        if isinstance(target, (ResourceType, GroupVersionKind, MetadataOnly, _CLASS)):
            codec = await self._codec(target)
            full_key = key_of(key, namespace, codec.resource_type)
        else:
            codec = await self._codec_of(target)
            full_key = self._key_of_object(codec, target, namespace)
            patch = key if patch is None else patch
        self._require_own_kind(subresource)
        body = await self.write(
            "patch",
            codec.resource_type,
            full_key,
            body_of(patch),
            query=self._options(field_manager, field_validation, dry_run),
            dry_run=dry_run,
            subresource=subresource,
            content=type,
            headers=self._one_headers(codec.kind),
        )
        return codec.decode(body)

    async def apply(
        self,
        obj: T,
        *,
        owner: Any = None,
        namespace: str | None = None,
        field_manager: str | None = None,
        force: bool = True,
        dry_run: bool = False,
        field_validation: str | None = None,
        subresource: str = "",
    ) -> T:
        """Server-side apply: the fields of `obj` become as they are here and owned by the field manager.

        A field left out is a field not owned: one that this manager applied before and leaves out now is
        removed. The object is created when there is none.

        Args:
            owner: an object that becomes the controlling owner; must live in the same namespace or in none.
            force: take over fields that other managers own; with False that is a `ConflictError`.
        """
        from reconcile.objects.owners import set_controller_reference

        self._require_own_kind(subresource)
        codec = await self._codec_of(obj)
        key = self._key_of_object(codec, obj, namespace)
        document = codec.to_plain(obj)
        metadata: dict[str, Any] = {**(document.get("metadata") or {})}
        # The server refuses an applied object that claims to know who owns what.
        metadata.pop("managedFields", None)
        document = {**document, "metadata": metadata}
        if codec.resource_type.namespaced:
            metadata["namespace"] = key.namespace
        if owner is not None:
            set_controller_reference(document, owner)
        body = await self.write(
            "apply",
            codec.resource_type,
            key,
            msgspec.json.encode(document),
            query=self._options(field_manager, field_validation, dry_run, force),
            dry_run=dry_run,
            subresource=subresource,
            content="apply",
        )
        return cast("T", codec.decode(body))

    async def apply_status(
        self,
        obj: T,
        status: Any,
        *,
        field_manager: str | None = None,
        force: bool = True,
        dry_run: bool = False,
    ) -> T:
        """Server-side apply of an object's whole status.

        Args:
            obj: the object, of which only kind, name and uid count; with a uid set, an object that was
                deleted and created anew meanwhile is not touched (`InvalidError` of `metadata.uid`).
            status: a struct, model or mapping; a field left out that was applied before is removed.
        """
        codec = await self._codec_of(obj)
        key = self._key_of_object(codec, obj, None)
        metadata = {"name": key.name}
        if key.namespace:
            metadata["namespace"] = key.namespace
        if uid := access.uid_of(obj):
            metadata["uid"] = uid
        document = {
            "apiVersion": codec.resource_type.api_version,
            "kind": codec.resource_type.kind,
            "metadata": metadata,
            "status": plain_of(status),
        }
        body = await self.write(
            "apply",
            codec.resource_type,
            key,
            msgspec.json.encode(document),
            query=self._options(field_manager, None, dry_run, force),
            dry_run=dry_run,
            subresource="status",
            content="apply",
        )
        return cast("T", codec.decode(body))

    @overload
    async def delete(
        self,
        target: type[T],
        key: Key,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation | None = None,
        grace_period_seconds: int | None = None,
        dry_run: bool = False,
    ) -> T | None: ...
    @overload
    async def delete(
        self,
        target: ResourceType | GroupVersionKind | MetadataOnly,
        key: Key,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation | None = None,
        grace_period_seconds: int | None = None,
        dry_run: bool = False,
    ) -> Any: ...
    @overload
    async def delete(
        self,
        target: T,
        key: None = None,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation | None = None,
        grace_period_seconds: int | None = None,
        dry_run: bool = False,
    ) -> T | None: ...
    async def delete(
        self,
        target: Any,
        key: Key | None = None,
        *,
        namespace: str | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation | None = None,
        grace_period_seconds: int | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Delete an object: `delete(kind, key)`, or `delete(obj)` for that very object.

        Args:
            uid: delete only the object of this uid. `delete(obj)` takes it from the object when set, so
                that an object created anew under the name is not deleted (`ConflictError`). Under leader
                election it is the uid that this process knows, unless one is given.
            resource_version: delete only at this resource version.
            propagation: what becomes of dependents: `Background`, `Foreground` or `Orphan`; None leaves
                it to the kind's default, which is `Background` for almost all.
            grace_period_seconds: None for the object's own; 0 deletes at once.

        Returns the object where the server answers with it (finalizers or a grace period keep it, or its
        last state), None where it answers that it is gone. Raises `NotFoundError`, `ConflictError`.
        """
        if isinstance(target, (ResourceType, GroupVersionKind, MetadataOnly, _CLASS)):
            if key is None:
                raise ConfigurationError("delete(kind) needs a key; delete_collection deletes many")
            codec = await self._codec(target)
            full_key = key_of(key, namespace, codec.resource_type)
        else:
            codec = await self._codec_of(target)
            full_key = self._key_of_object(codec, target, namespace)
            uid = uid or access.uid_of(target) or None
        if uid is None and seen_objects() is not None:
            present = await self._present(codec.resource_type, full_key)
            uid = present.uid if present is not None else None
        body = await self.write(
            "delete",
            codec.resource_type,
            full_key,
            _delete_options(uid, resource_version, propagation, grace_period_seconds, dry_run),
            dry_run=dry_run,
            headers=self._one_headers(codec.kind),
        )
        return None if is_status(body) else codec.decode(body)

    async def delete_collection(
        self,
        kind: Any,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        propagation: Propagation | None = None,
        grace_period_seconds: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete the selected objects of a kind in one namespace, or in all of a cluster-scoped kind.

        Each object is deleted by itself: when the call fails in between, some are deleted and some not.
        A namespaced kind needs `namespace=`; the server has no deletion across namespaces.
        """
        codec = await self._codec(kind)
        if codec.resource_type.namespaced and not namespace:
            raise ConfigurationError(f"delete_collection of {codec.resource_type.kind} needs namespace=")
        await self.write(
            "delete_collection",
            codec.resource_type,
            ObjectKey(namespace or "", ""),
            _delete_options(None, None, propagation, grace_period_seconds, dry_run),
            query=selection(labels=labels, fields=fields),
            dry_run=dry_run,
            returns_object=False,
        )

    async def write(
        self,
        verb: WriteVerb,
        resource_type: ResourceType,
        key: ObjectKey,
        body: bytes,
        *,
        query: Query = (),
        dry_run: bool = False,
        subresource: str = "",
        content: str = "object",
        returns_object: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """One guarded and observed write as bytes; what every writing verb ends in."""
        if (verb == "create" and not subresource) or verb == "delete_collection":
            path = collection_path(resource_type, key.namespace)
        else:
            path = object_path(resource_type, key, subresource)
        own = self._write_headers[content]
        if headers is not None:
            own = {**headers, "content-type": own["content-type"]}
        attribution = current_attribution()
        write = Write(
            verb,
            resource_type,
            key,
            subresource,
            body,
            dry_run,
            returns_object,
            attribution.controller,
            attribution.reconcile_key,
            attribution.reconcile_id,
            next((value for name, value in query if name == "fieldManager"), ""),
        )
        request = TransportRequest(_METHODS[verb], path, query, own, body or None, self._timeout)
        idempotent = verb != "create" and content != "json"
        return await self._exchange.write(request, write, idempotent=idempotent)

    async def _present(self, resource_type: ResourceType, key: ObjectKey) -> ObjectMetadata | None:
        """What is known of an object: by the cache of whoever writes, else by the server."""
        seen = seen_objects()
        found = seen(resource_type, key) if seen is not None else None
        if found is not None:
            return found
        kind = MetadataOnly(resource_type)
        try:
            request = self._get(object_path(resource_type, key), (), self._one_headers(kind))
            return codec_for(kind).decode(await self._exchange.read(request))
        except (NotFoundError, ForbiddenError):
            # The write itself says what is to be said. Not to be allowed to read is no reason to fail.
            return None

    async def _versioned(self, resource_type: ResourceType, key: ObjectKey, document: bytes) -> bytes:
        """The document of an update with the version that it replaces."""
        present = await self._present(resource_type, key)
        if present is None:
            return document
        plain = msgspec.json.decode(document)
        plain["metadata"]["resourceVersion"] = present.resource_version
        return msgspec.json.encode(plain)

    def _options(
        self,
        field_manager: str | None,
        field_validation: str | None,
        dry_run: bool,
        force: bool | None = None,
    ) -> Query:
        return write_options(
            field_manager=field_manager or self.field_manager,
            field_validation=field_validation,
            dry_run=dry_run,
            force=force,
        )

    def _key_of_object(self, codec: Codec[Any], obj: Any, namespace: str | None) -> ObjectKey:
        return key_of(access.key_of(obj), namespace, codec.resource_type)

    def _require_own_kind(self, subresource: str) -> None:
        if subresource not in OWN_KIND_SUBRESOURCES:
            raise ConfigurationError(
                f"the subresource {subresource} has a kind of its own; "
                f'use client.subresource(kind, key, "{subresource}")'
            )


_CLASS: Any = type


def _delete_options(
    uid: str | None,
    resource_version: str | None,
    propagation: str | None,
    grace_period_seconds: int | None,
    dry_run: bool,
) -> bytes:
    options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
    preconditions = {
        name: value for name, value in (("uid", uid), ("resourceVersion", resource_version)) if value
    }
    if preconditions:
        options["preconditions"] = preconditions
    if propagation:
        options["propagationPolicy"] = propagation
    if grace_period_seconds is not None:
        options["gracePeriodSeconds"] = grace_period_seconds
    if dry_run:
        options["dryRun"] = ["All"]
    return msgspec.json.encode(options) if len(options) > 2 else b""
