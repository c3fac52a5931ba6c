"""The read side of all informers of a factory: what a reconciler calls `self.cache`."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from reconcile.client.addressing import key_of
from reconcile.informers.factory import InformerFactory
from reconcile.informers.indexes import Index
from reconcile.informers.lister import Lister
from reconcile.informers.view import ObjectView
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.kinds import MetadataOnly, resource_type_of
from reconcile.objects.metadata import ObjectMetadata

T = TypeVar("T")


class Cache:
    """Reads from memory, never from the server, and never waits.

    A read is answered by the informer of the kind that watches the wanted namespace without a selector;
    where there is none but exactly one with a selector, by that one, so that objects outside of its
    selection do not exist for the reader. Every object that a read returns is the caller's own.

    What a read promises: per key it never goes backwards, and it is never older than this process's own
    writes that were answered: a manager's caches have an overlay of them in front
    (`reconcile.informers.overlay`), which `bare=True` leaves out. Several keys are not a snapshot of one
    moment.

    Raises, from every read:
        NotCachedError: nobody watches the kind, or not in that namespace, or only its metadata.
        CacheNotSyncedError: the kind's first list is not complete yet.
    """

    def __init__(self, factory: InformerFactory) -> None:
        self._factory = factory
        self._listers: dict[Any, Lister[Any]] = {}
        self._generation = -1

    @property
    def sync(self) -> Cache:
        """The same reads for reconcilers that are plain functions: they never wait, in any thread."""
        return self

    @overload
    def get(
        self, kind: type[T], key: ObjectKey | str, *, namespace: str | None = None, bare: bool = False
    ) -> T | None: ...
    @overload
    def get(
        self, kind: ResourceType, key: ObjectKey | str, *, namespace: str | None = None, bare: bool = False
    ) -> dict[str, Any] | None: ...
    @overload
    def get(
        self, kind: MetadataOnly, key: ObjectKey | str, *, namespace: str | None = None, bare: bool = False
    ) -> ObjectMetadata | None: ...
    def get(
        self, kind: Any, key: ObjectKey | str, *, namespace: str | None = None, bare: bool = False
    ) -> Any:
        """One object, or None when there is none of that name.

        Args:
            kind: which kind, and in which form.
            key: an `ObjectKey`, or text as `namespace/name` or `name`.
            namespace: overrides the key's.
            bare: what the watch has brought, without this process's own writes.

        Raises:
            ObjectDecodeError: it does not fit the kind; the error names key and field.
        """
        key = _key(kind, key, namespace)
        return self._lister(kind, key.namespace, bare).get(key)

    def metadata(
        self,
        kind: type[Any] | ResourceType | MetadataOnly,
        key: ObjectKey | str,
        *,
        namespace: str | None = None,
        bare: bool = False,
    ) -> ObjectMetadata | None:
        """An object's metadata, shared and frozen, or None. Decodes nothing: under a microsecond."""
        key = _key(kind, key, namespace)
        return self._lister(kind, key.namespace, bare).metadata(key)

    @overload
    def list(
        self,
        kind: type[T],
        *,
        namespace: str | None = None,
        labels: Any = None,
        index: tuple[str, str] | None = None,
        bare: bool = False,
    ) -> ObjectView[T]: ...
    @overload
    def list(
        self,
        kind: ResourceType,
        *,
        namespace: str | None = None,
        labels: Any = None,
        index: tuple[str, str] | None = None,
        bare: bool = False,
    ) -> ObjectView[dict[str, Any]]: ...
    @overload
    def list(
        self,
        kind: MetadataOnly,
        *,
        namespace: str | None = None,
        labels: Any = None,
        index: tuple[str, str] | None = None,
        bare: bool = False,
    ) -> ObjectView[ObjectMetadata]: ...
    def list(
        self,
        kind: Any,
        *,
        namespace: str | None = None,
        labels: Any = None,
        index: tuple[str, str] | None = None,
        bare: bool = False,
    ) -> ObjectView[Any]:
        """The objects of a kind as a lazy sequence: see `ObjectView`.

        Args:
            kind: which kind, and in which form.
            namespace: one namespace, or None for all that are watched.
            labels: a selector: text, a mapping of equalities, a LabelSelector or a Selector.
            index: name of an index and a value: only the objects filed under it are looked at.
            bare: what the watch has brought, without this process's own writes.
        """
        return self._lister(kind, namespace or None, bare).list(
            namespace=namespace or None, labels=labels, index=index
        )

    @overload
    def index(
        self, kind: type[T], name: str, value: str, *, namespace: str | None = None, bare: bool = False
    ) -> ObjectView[T]: ...
    @overload
    def index(
        self, kind: ResourceType, name: str, value: str, *, namespace: str | None = None, bare: bool = False
    ) -> ObjectView[dict[str, Any]]: ...
    @overload
    def index(
        self, kind: MetadataOnly, name: str, value: str, *, namespace: str | None = None, bare: bool = False
    ) -> ObjectView[ObjectMetadata]: ...
    def index(
        self, kind: Any, name: str, value: str, *, namespace: str | None = None, bare: bool = False
    ) -> ObjectView[Any]:
        """The objects that an index files under a value; the short form of `list(…, index=(name, value))`."""
        return self.list(kind, namespace=namespace, index=(name, value), bare=bare)

    def add_index(self, kind: Any, *indexes: Index) -> None:
        """Have the objects of a kind found by more indexes; the kind is watched from now on.

        For runnables, and for indexes that are known only when the program runs (then in a reconciler's
        `setup`): a reconciler declares the others in `indexes` and `reads`. The same index again does
        nothing, so controllers that share a kind each declare what they need.

        Raises:
            ConfigurationError: another index of the kind has that name.
        """
        informer = self._factory.informer(kind)
        for index in indexes:
            informer.add_index(index)

    def bare(self, kind: Any, *, namespace: str | None = None) -> Lister[Any]:
        """Reads of the store itself, without this process's own writes; as `bare=True` of each read."""
        return self._lister(kind, namespace, True)

    def _lister(self, kind: Any, namespace: str | None, bare: bool) -> Lister[Any]:
        if self._generation != self._factory.generation:
            self._listers = {}
            self._generation = self._factory.generation
        place = (kind, namespace, bare)
        lister = self._listers.get(place)
        if lister is None:
            informer = self._factory.find(resource_type_of(kind), namespace=namespace)
            lister = Lister[Any](informer, kind, bare=bare)
            if len(self._listers) < _REMEMBERED:
                self._listers[place] = lister
        return lister


_REMEMBERED = 4096


def _key(kind: Any, key: ObjectKey | str, namespace: str | None) -> ObjectKey:
    if namespace is None and type(key) is ObjectKey:
        return key
    return key_of(key, namespace, resource_type_of(kind))
