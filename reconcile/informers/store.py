"""The objects of one stream by key, and their indexes. No clock, no I/O.

Two levels, namespace then name, so that a namespace is listed without an index of its own. A store is
written by one informer only; readers take snapshots and may keep them. A relist builds a fresh store beside
the live one and the informer swaps the two by pointer, so that nobody ever reads half a list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from reconcile.informers.cached_object import CachedObject, IndexValues
from reconcile.informers.indexes import Index, IndexSet
from reconcile.informers.pacing import Pacer
from reconcile.objects.identity import ObjectKey

Bucket = dict[str, CachedObject]


class Store:
    """Objects by key with secondary indexes.

    Attributes:
        resource_version: the version of the collection that the store reflects; empty before a first list.
        bytes: sum of the sizes of the objects held.
    """

    __slots__ = ("_buckets", "_count", "_indexes", "_spaces", "bytes", "resource_version")

    def __init__(self, indexes: IndexSet) -> None:
        self._spaces: dict[str, dict[str, CachedObject]] = {}
        self._indexes = indexes
        self._buckets: list[dict[str, Bucket]] = [{} for _ in indexes.indexes]
        self._count = 0
        self.bytes = 0
        self.resource_version = ""

    def __len__(self) -> int:
        return self._count

    @property
    def indexes(self) -> IndexSet:
        return self._indexes

    def get(self, key: ObjectKey) -> CachedObject | None:
        """The object of this key, or None."""
        space = self._spaces.get(key.namespace)
        return None if space is None else space.get(key.name)

    def same_place(self, obj: CachedObject) -> CachedObject | None:
        """What is held under the key of this object, or None."""
        space = self._spaces.get(obj.metadata.namespace)
        return None if space is None else space.get(obj.metadata.name)

    def put(self, obj: CachedObject) -> CachedObject | None:
        """Hold the object in place of one of its key, which is returned."""
        namespace, name = obj.metadata.namespace, obj.metadata.name
        space = self._spaces.get(namespace)
        if space is None:
            space = self._spaces[namespace] = {}
        old = space.get(name)
        if self._buckets:
            values = obj.index_values
            if values is None or len(values) != len(self._buckets):
                values = obj.index_values = self._indexes.values_of(obj)
            if old is not None:
                self._unfile(old, values)
            self._file(obj, values)
        space[name] = obj
        self.bytes += obj.size
        if old is None:
            self._count += 1
        else:
            self.bytes -= old.size
        return old

    def remove(self, key: ObjectKey) -> CachedObject | None:
        """Drop the object of this key and return it; None when there is none."""
        space = self._spaces.get(key.namespace)
        old = None if space is None else space.pop(key.name, None)
        if space is None or old is None:
            return None
        if not space:
            del self._spaces[key.namespace]
        if self._buckets:
            self._unfile(old, ())
        self._count -= 1
        self.bytes -= old.size
        return old

    def namespaces(self) -> list[str]:
        """Namespaces that hold at least one object."""
        return list(self._spaces)

    def snapshot(self, namespace: str | None = None) -> list[CachedObject]:
        """Every object, or those of one namespace, as a list of the caller's own."""
        if namespace is not None:
            space = self._spaces.get(namespace)
            return [] if space is None else list(space.values())
        objects: list[CachedObject] = []
        for space in list(self._spaces.values()):
            objects.extend(space.values())
        return objects

    def snapshot_over(
        self,
        namespace: str | None,
        amended: Collection[str],
        amend: Callable[[str, Bucket], None],
    ) -> list[CachedObject]:
        """As `snapshot`, with some namespaces amended: the whole cost is one copy of these.

        Args:
            amended: the namespaces to amend.
            amend: makes of a namespace's objects by name, which it may change, what is to be given.
        """
        if namespace is not None:
            space = self._spaces.get(namespace)
            if namespace not in amended:
                return [] if space is None else list(space.values())
            return self._amended(namespace, space, amend)
        objects: list[CachedObject] = []
        for name, space in list(self._spaces.items()):
            objects += self._amended(name, space, amend) if name in amended else space.values()
        for name in [name for name in list(amended) if name not in self._spaces]:
            objects += self._amended(name, None, amend)
        return objects

    @staticmethod
    def _amended(
        namespace: str,
        space: Bucket | None,
        amend: Callable[[str, Bucket], None],
    ) -> list[CachedObject]:
        copy = {} if space is None else dict(space)
        amend(namespace, copy)
        return list(copy.values())

    def by_index(self, name: str, value: str) -> list[CachedObject]:
        """The objects filed under a value of an index, in the order in which they came under it.

        Raises:
            KeyError: the store has no such index.
        """
        bucket = self._buckets[self._indexes.position(name)].get(value)
        return [] if bucket is None else list(bucket.values())

    def bucket(self, name: str, value: str) -> Bucket:
        """What is filed under a value of an index, by place; a copy. Raises `KeyError` as `by_index`."""
        bucket = self._buckets[self._indexes.position(name)].get(value)
        return {} if bucket is None else dict(bucket)

    def index_values(self, name: str) -> list[str]:
        """Every value that an index holds at least one object under. Raises `KeyError` as `by_index`."""
        return list(self._buckets[self._indexes.position(name)])

    async def discard(self, pacer: Pacer) -> None:
        """Empty a store that nobody reads any more, in slices."""
        for buckets in self._buckets:
            while buckets:
                _, bucket = buckets.popitem()
                while bucket:
                    bucket.popitem()
                    if pacer.due():
                        await pacer.rest()
        while self._spaces:
            _, space = self._spaces.popitem()
            while space:
                space.popitem()
                if pacer.due():
                    await pacer.rest()
        self._count = self.bytes = 0

    def _file(self, obj: CachedObject, values: IndexValues) -> None:
        place = obj.place
        for buckets, wanted in zip(self._buckets, values, strict=True):
            for value in wanted:
                bucket = buckets.get(value)
                if bucket is None:
                    buckets[value] = {place: obj}
                else:
                    bucket[place] = obj

    def _unfile(self, old: CachedObject, staying: IndexValues) -> None:
        """Take the old version out of every bucket that its successor is not going to overwrite."""
        place = old.place
        for at, wanted in enumerate(old.index_values or ()):
            keep = staying[at] if staying else ()
            if wanted == keep:
                continue
            buckets = self._buckets[at]
            for value in wanted:
                if value not in keep:
                    bucket = buckets[value]
                    del bucket[place]
                    if not bucket:
                        del buckets[value]


class IndexBuild:
    """A new index of a live store, made beside it: nothing is seen of it before `finish`.

    The store must not be written between the first `add` and `finish`: the informer holds its turn.
    """

    def __init__(self, store: Store, index: Index) -> None:
        self._store = store
        self._alone = IndexSet((index,))
        self._buckets: dict[str, Bucket] = {}
        self._values: list[tuple[CachedObject, tuple[str, ...]]] = []

    def objects(self) -> Iterator[CachedObject]:
        """What there is to `add`, in a fixed order."""
        return iter(self._store.snapshot())

    def add(self, obj: CachedObject) -> None:
        """File one object in the new index."""
        values = self._alone.values_of(obj)[0]
        self._values.append((obj, values))
        for value in values:
            self._buckets.setdefault(value, {})[obj.place] = obj

    def finish(self, indexes: IndexSet) -> Iterable[None]:
        """Attach the index, which makes the store's indexes `indexes`.

        Yields after each object noted, so that the caller can give up its slice.

        The index is readable when the iterator is exhausted, and not before.
        """
        store = self._store
        for obj, values in self._values:
            obj.index_values = (*(obj.index_values or ()), values)
            yield
        store._indexes = indexes  # pyright: ignore[reportPrivateUsage]
        store._buckets.append(self._buckets)  # pyright: ignore[reportPrivateUsage]
