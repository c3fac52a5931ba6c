"""Reads of one kind from one informer."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from reconcile.errors import CacheNotSyncedError, NotCachedError
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.informers.informer import Informer
from reconcile.informers.view import Matches, ObjectView
from reconcile.objects.codecs import PartialCodec, codec_for
from reconcile.objects.identity import ObjectKey
from reconcile.objects.kinds import MetadataOnly
from reconcile.objects.metadata import ObjectMetadata
from reconcile.objects.selectors import label_selector

T = TypeVar("T")


class Lister(Generic[T]):
    """Reads one informer's objects in the form that a kind argument asks for.

    Every read sees the store as it is at that moment and returns at once. Any thread may read.

    Args:
        informer: where to read.
        kind: which form the objects are wanted in.
        bare: read the informer's store itself and not through its `reader`, which may have an overlay.
    """

    def __init__(self, informer: Informer, kind: Any, *, bare: bool = False) -> None:
        self.informer = informer
        self.kind = kind
        self._reader = informer.bare_reader if bare else informer.reader
        self._metadata_only = isinstance(kind, MetadataOnly)
        self._codec = codec_for(kind)
        self._partial = self._codec if isinstance(self._codec, PartialCodec) else None
        self._as_wanted = self._decode if self._partial is None else self._part

    def get(self, key: ObjectKey) -> T | None:
        """The object of a key, decoded for the caller alone; None when there is none.

        Raises:
            ObjectDecodeError: it does not fit the kind.
            CacheNotSyncedError: the first list is not complete.
            NotCachedError: the key's namespace is not watched, or only metadata is.
        """
        found = self._reader.get(key)
        return None if found is None else self._as_wanted(found)

    def metadata(self, key: ObjectKey) -> ObjectMetadata | None:
        """The shared, frozen metadata of a key's object; None when there is none. Decodes nothing."""
        found = self._reader.get(key)
        return None if found is None else found.metadata

    def list(
        self,
        *,
        namespace: str | None = None,
        labels: Any = None,
        index: tuple[str, str] | None = None,
    ) -> ObjectView[T]:
        """The objects of a namespace (or all), under an index's value, whose labels match.

        Args:
            namespace: one namespace, or None for all that are watched.
            labels: a selector: text, a mapping of equalities, a LabelSelector or a Selector.
            index: name and value.
        """
        if index is not None:
            candidates = self._reader.by_index(index[0], index[1], namespace)
        else:
            candidates = self._reader.list(namespace)
        return ObjectView(candidates, self._as_wanted, _matcher(labels))

    def _part(self, found: CachedObject) -> Any:
        """What was decoded before, without more ado: many are looked at again and again."""
        for part in found.parts:
            if type(part) is self.kind:
                return part
        return self._decode(found)

    def _decode(self, found: CachedObject) -> Any:
        if self._metadata_only:
            return found.metadata
        if found.detail is Detail.METADATA:
            resource = self.informer.resource.group_resource
            if self.informer.detail is Detail.METADATA:
                raise NotCachedError(
                    f"{resource} is cached as metadata only; read MetadataOnly(…), "
                    "or have an informer of the kind"
                )
            raise CacheNotSyncedError(
                f"{resource} is being listed anew, with more than metadata; wait_synced()"
            )
        if self._partial is not None:
            return found.part(self._partial)
        return self._codec.decode(found.raw, complete=found.detail is Detail.FULL)


def _matcher(labels: Any) -> Matches | None:
    if labels is None:
        return None
    selector = label_selector(labels)
    if selector.selects_everything:
        return None
    matches = selector.matches
    return lambda obj: matches(obj.metadata.labels)
