"""One object as the cache keeps it: the server's bytes, and its metadata decoded once.

Nothing here can be changed by a reader: the bytes are immutable, the metadata is a frozen struct, and every
`decode` makes a fresh object that is the caller's own, or gives a frozen part that everyone shares.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, TypeVar, cast

import msgspec

from reconcile.errors import IncompleteObjectError
from reconcile.objects.codecs import PartialCodec, codec_for
from reconcile.objects.identity import ObjectKey
from reconcile.objects.kinds import MetadataOnly, resource_type_of
from reconcile.objects.metadata import ObjectMetadata, decode_metadata
from reconcile.objects.partial import PartialObject

T = TypeVar("T")


class Detail(IntEnum):
    """How much of each object a stream brings, from least to most.

    Attributes:
        METADATA: the server sends PartialObjectMetadata.
        STRIPPED: whole objects, less what a transform of this process took out (managedFields).
        FULL: every byte that the server sends.
    """

    METADATA = 0
    STRIPPED = 1
    FULL = 2


IndexValues = tuple[tuple[str, ...], ...]
"""For each index of a store, in its order, the values under which one object is filed."""


class CachedObject(msgspec.Struct, gc=False, eq=False):
    """An object in the cache. Shared by everyone; treat it as immutable.

    Outside the cyclic collector's sight: it holds bytes, strings and other such structs, never a cycle.

    Attributes:
        metadata: decoded metadata, shared and frozen.
        place: `namespace/name`, or the name alone: what dictionaries of objects are keyed by. Text, because
            the collector would visit every tuple of a cache again and again.
        detail: how much of the object `raw` is.
        index_values: what the store's indexes filed it under; the store's own business.
        parts: of each `PartialObject` class that was asked for, what the object is as one.
    """

    stored: bytes
    metadata: ObjectMetadata
    place: str
    detail: Detail = Detail.FULL
    index_values: IndexValues | None = None
    parts: tuple[PartialObject, ...] = ()

    @classmethod
    def of(
        cls, raw: bytes, detail: Detail = Detail.FULL, metadata: ObjectMetadata | None = None
    ) -> CachedObject:
        """The cached form of an object's bytes, of which `metadata` may be decoded already.

        Raises `ObjectDecodeError` for unreadable metadata.
        """
        if metadata is None:
            metadata = decode_metadata(raw)
        namespace = metadata.namespace
        place = f"{namespace}/{metadata.name}" if namespace else metadata.name
        return cls(raw, metadata, place, detail)

    @property
    def key(self) -> ObjectKey:
        """Namespace and name."""
        return self.metadata.key

    @property
    def raw(self) -> bytes:
        """The object's JSON, as the server sent it (less what a transform took out)."""
        return self.stored

    @property
    def resource_version(self) -> str:
        return self.metadata.resource_version

    @property
    def uid(self) -> str:
        return self.metadata.uid

    @property
    def complete(self) -> bool:
        """Whether `raw` is all that the server holds, so that a replacing write of it loses nothing."""
        return self.detail is Detail.FULL

    @property
    def size(self) -> int:
        """Bytes kept for the object's JSON."""
        return len(self.stored)

    def decode(self, kind: Any) -> Any:
        """A fresh object of this kind argument, private to the caller.

        For `MetadataOnly` the metadata, for a `PartialObject` class the part: frozen, and everyone's.

        An object of which the stream brought only a part is marked, so that a replacing write is refused.

        Raises:
            IncompleteObjectError: more than metadata is asked of an object of a metadata-only stream.
            ObjectDecodeError: the bytes do not fit the kind; the error names key and field.
        """
        if isinstance(kind, MetadataOnly):
            return self.metadata
        if self.detail is Detail.METADATA:
            raise IncompleteObjectError(
                f"{resource_type_of(kind)} {self.key} is cached as metadata only; ask for MetadataOnly(…), "
                "or have an informer of the whole kind"
            )
        codec = codec_for(kind)
        if isinstance(codec, PartialCodec):
            return self.part(codec)
        return codec.decode(self.raw, complete=self.complete)

    def part(self, codec: PartialCodec[T]) -> T:
        """What the object is as a `PartialObject`: decoded at the first call, and the same one each time.

        Raises `ObjectDecodeError`.
        """
        for part in self.parts:
            if type(part) is codec.kind:
                return cast("T", part)
        made = codec.decode(self.raw)
        # One metadata for all that hold the object; that of the part goes.
        msgspec.structs.force_setattr(cast("PartialObject", made), "metadata", self.metadata)
        # Two threads may do this at the same time: then one of two equal parts is kept.
        self.parts = (*self.parts, cast("PartialObject", made))
        return made

    def __repr__(self) -> str:
        return f"CachedObject({self.key}, resource_version={self.resource_version!r}, {self.size} bytes)"
