"""Metadata of an object, decoded from its bytes and shared by everyone who reads it.

An informer decodes this for every event and keeps it for every object, so it is one frozen struct,
not tracked by the cyclic collector, and holds no more than is read often:

- `managedFields` is skipped.
- Labels are decoded: selectors, predicates and indexes read them all the time.
- Annotations are not. They are large (kubectl's last-applied configuration is a second copy of the
  object) and seldom read, so the struct keeps a view of their bytes inside the object's own bytes, and
  `annotations` decodes them at each read. The view keeps the object's bytes alive, which a cache keeps
  anyway; who does not, decodes with `detached=True`, which copies the annotations' bytes out.
- API version, kind and namespace are interned: every object of a kind shares them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from reconcile.errors import ObjectDecodeError
from reconcile.objects.identity import GroupVersionKind, ObjectKey
from reconcile.objects.nulls import decode_with_nulls

_NOTHING: Final = msgspec.Raw(b"")
_EMPTY: Final[Mapping[str, str]] = MappingProxyType({})
_decode_text_map: Final = msgspec.json.Decoder(dict[str, str]).decode
_intern: Final = sys.intern
_set: Final = msgspec.structs.force_setattr


class OwnerRef(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """An owner reference as read from the server; `OwnerReference` in `meta` is the one to write."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False

    @property
    def gvk(self) -> GroupVersionKind:
        return GroupVersionKind.of(self.api_version, self.kind)


class ObjectMetadata(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The metadata of an object as the server sent it; immutable, its mappings read-only.

    Attributes:
        api_version, kind: of the object; empty where the server left them out (items of a list).
        name, namespace, uid, resource_version, generate_name: empty when absent.
        generation: 0 when absent.
        creation_timestamp, deletion_timestamp: RFC 3339; empty and None when absent.
        deletion_grace_period_seconds: seconds, or None.
        owner_references, finalizers: in the server's order.
    """

    api_version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    generate_name: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    owner_references: tuple[OwnerRef, ...] = ()
    finalizers: tuple[str, ...] = ()
    labels_: dict[str, str] | None = msgspec.field(default=None, name="labels")
    annotations_: msgspec.Raw = msgspec.field(default=_NOTHING, name="annotations")

    @property
    def key(self) -> ObjectKey:
        """Namespace and name; the namespace of a cluster-scoped object is empty."""
        return ObjectKey(self.namespace, self.name)

    @property
    def gvk(self) -> GroupVersionKind:
        return GroupVersionKind.of(self.api_version, self.kind)

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels, read-only; not a copy."""
        return MappingProxyType(self.labels_) if self.labels_ else _EMPTY

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations, read-only; decoded anew at each read, so keep it for several look-ups."""
        raw = bytes(self.annotations_)
        if not raw or raw == b"null":
            return _EMPTY
        return MappingProxyType(_decode_text_map(raw))

    @property
    def deleting(self) -> bool:
        """Whether deletion has begun and waits for finalizers or a grace period."""
        return self.deletion_timestamp is not None

    @property
    def controller(self) -> OwnerRef | None:
        """The owner that controls the object, if one does."""
        for owner in self.owner_references:
            if owner.controller:
                return owner
        return None


class Envelope(msgspec.Struct, gc=False, rename="camel"):
    """What every object has. A subclass decodes more of it in the same pass; see `metadata_in`."""

    metadata: ObjectMetadata
    api_version: str = ""
    kind: str = ""


_decode_envelope: Final = msgspec.json.Decoder(Envelope).decode


def decode_metadata(raw: bytes | memoryview, *, detached: bool = False) -> ObjectMetadata:
    """Read an object's metadata from its JSON bytes, skipping everything else.

    Args:
        raw: one whole object. The result keeps these bytes alive (a memoryview: what it is a view of)
            when the object has annotations, unless `detached`.
        detached: copy the annotations' bytes out instead.

    Raises:
        ObjectDecodeError: the bytes are no JSON object with a `metadata` of the right types.
    """
    try:
        envelope = _decode_envelope(raw)
    except msgspec.MsgspecError as first_error:
        try:
            envelope = decode_with_nulls(raw, Envelope, first_error)
        except msgspec.MsgspecError as error:
            raise _undecodable(raw, error) from error
    metadata = metadata_in(envelope)
    if detached:
        detach(metadata)
    return metadata


def metadata_in(envelope: Envelope) -> ObjectMetadata:
    """The metadata of an envelope that was just decoded; to be called once, before anyone else sees it."""
    metadata = envelope.metadata
    _set(metadata, "api_version", _intern(envelope.api_version))
    _set(metadata, "kind", _intern(envelope.kind))
    _set(metadata, "namespace", _intern(metadata.namespace))
    return metadata


def detach(metadata: ObjectMetadata) -> None:
    """Let go of the bytes that the metadata was decoded from; before anyone else sees it."""
    if metadata.annotations_:
        _set(metadata, "annotations_", metadata.annotations_.copy())


class _Name(msgspec.Struct, gc=False):
    name: Any = ""
    namespace: Any = ""


class _Named(msgspec.Struct, gc=False):
    metadata: _Name = msgspec.field(default_factory=_Name)


_decode_named: Final = msgspec.json.Decoder(_Named).decode


def key_in(raw: bytes | memoryview) -> str:
    """The key of an object whose other fields may be broken, as text; empty when it cannot be read."""
    try:
        found = _decode_named(raw).metadata
    except msgspec.MsgspecError:
        return ""
    return str(ObjectKey(str(found.namespace or ""), str(found.name or "")))


def _undecodable(raw: bytes | memoryview, error: msgspec.MsgspecError) -> ObjectDecodeError:
    _, _, field = str(error).partition(" - at ")
    field = field.strip("`")
    key = key_in(raw)
    what = f"metadata of {key}" if key else "metadata"
    return ObjectDecodeError(f"cannot decode the {what}: {error}", key=key, field=field)
