"""The reading verbs: get, list, pages, stream, watch, and their raw forms for informers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar, overload

from reconcile.client.addressing import Query, collection_path, selection
from reconcile.client.list_splitter import ListMetadata, ListSplitter
from reconcile.client.raw import RawList, RawWatch
from reconcile.client.results import ObjectList, Watch
from reconcile.client.transport import TransportRequest
from reconcile.client.verbs import Key, Verbs
from reconcile.errors import NotFoundError, ObjectDecodeError
from reconcile.objects.codecs import Codec, codec_for
from reconcile.objects.identity import GroupVersionKind, ResourceType
from reconcile.objects.kinds import MetadataOnly, resource_type_of
from reconcile.objects.metadata import ObjectMetadata

T = TypeVar("T")

_SLICE = 1 << 17


class ReadingVerbs(Verbs):
    """Reads are live: they ask the API server, and are tried again as `RetryOptions` say."""

    @overload
    async def get(
        self,
        kind: type[T],
        key: Key,
        *,
        namespace: str | None = None,
        resource_version: str | None = None,
        subresource: str = "",
    ) -> T: ...
    @overload
    async def get(
        self,
        kind: ResourceType | GroupVersionKind,
        key: Key,
        *,
        namespace: str | None = None,
        resource_version: str | None = None,
        subresource: str = "",
    ) -> dict[str, Any]: ...
    @overload
    async def get(
        self,
        kind: MetadataOnly,
        key: Key,
        *,
        namespace: str | None = None,
        resource_version: str | None = None,
        subresource: str = "",
    ) -> ObjectMetadata: ...
    async def get(
        self,
        kind: Any,
        key: Key,
        *,
        namespace: str | None = None,
        resource_version: str | None = None,
        subresource: str = "",
    ) -> Any:
        """One object.

        Args:
            kind: which kind and in which form.
            key: an `ObjectKey`, `"namespace/name"`, or `"name"` with `namespace=` or cluster-scoped.
            namespace: overrides the key's.
            resource_version: None reads the newest state; `"0"` lets the server answer from its cache.
            subresource: `status` or another that holds the object itself; see `subresource` for the rest.

        Raises `NotFoundError`, `ObjectDecodeError` when it does not fit the class.
        """
        codec = await self._codec(kind)
        query: Query = () if resource_version is None else (("resourceVersion", resource_version),)
        return codec.decode(
            await self._exchange.read(self._object_request(codec, key, namespace, subresource, query))
        )

    @overload
    async def get_or_none(self, kind: type[T], key: Key, *, namespace: str | None = None) -> T | None: ...
    @overload
    async def get_or_none(
        self, kind: ResourceType | GroupVersionKind, key: Key, *, namespace: str | None = None
    ) -> dict[str, Any] | None: ...
    @overload
    async def get_or_none(
        self, kind: MetadataOnly, key: Key, *, namespace: str | None = None
    ) -> ObjectMetadata | None: ...
    async def get_or_none(self, kind: Any, key: Key, *, namespace: str | None = None) -> Any:
        """One object, or None when there is none of that name."""
        try:
            return await self.get(kind, key, namespace=namespace)
        except NotFoundError:
            return None

    @overload
    async def list(
        self,
        kind: type[T],
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        limit: int | None = None,
        continue_: str | None = None,
        resource_version: str | None = None,
        resource_version_match: str | None = None,
    ) -> ObjectList[T]: ...
    @overload
    async def list(
        self,
        kind: ResourceType | GroupVersionKind,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        limit: int | None = None,
        continue_: str | None = None,
        resource_version: str | None = None,
        resource_version_match: str | None = None,
    ) -> ObjectList[dict[str, Any]]: ...
    @overload
    async def list(
        self,
        kind: MetadataOnly,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        limit: int | None = None,
        continue_: str | None = None,
        resource_version: str | None = None,
        resource_version_match: str | None = None,
    ) -> ObjectList[ObjectMetadata]: ...
    async def list(
        self,
        kind: Any,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        limit: int | None = None,
        continue_: str | None = None,
        resource_version: str | None = None,
        resource_version_match: str | None = None,
    ) -> ObjectList[Any]:
        """The objects of a kind, decoded; those that do not decode are named in `.errors`.

        Args:
            kind: which kind and in which form.
            namespace: the one namespace to list; None for all.
            labels: label selector: a string, a mapping of equalities or a selector object.
            fields: field selector, in the same forms.
            limit: at most this many; the rest is behind `.continue_`.
            continue_: token of a former page; `GoneError` when it is too old.
            resource_version: None reads the newest state, at the cost that it has for the server.
            resource_version_match: `Exact` or `NotOlderThan`, with `resource_version`.
        """
        codec = await self._codec(kind)
        query = selection(
            labels=labels,
            fields=fields,
            limit=limit,
            continue_=continue_,
            resource_version=resource_version,
            resource_version_match=resource_version_match,
        )
        path = collection_path(codec.resource_type, namespace)
        body = await self._exchange.read(self._get(path, query, self._list_headers(kind)))
        splitter = ListSplitter()
        found: list[Any] = []
        errors: list[ObjectDecodeError] = []
        for start in range(0, len(body), _SLICE):
            if start:
                await asyncio.sleep(0)
            _decode_into(found, errors, codec, splitter.feed(body[start : start + _SLICE]))
        items, head = splitter.finish()
        _decode_into(found, errors, codec, items)
        metadata = head.metadata or ListMetadata()
        return ObjectList(
            found,
            resource_version=metadata.resource_version,
            continue_=metadata.continue_,
            remaining=metadata.remaining_item_count,
            errors=errors,
        )

    @overload
    def pages(
        self,
        kind: type[T],
        *,
        page_size: int = 500,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
    ) -> AsyncIterator[ObjectList[T]]: ...
    @overload
    def pages(
        self,
        kind: ResourceType | GroupVersionKind,
        *,
        page_size: int = 500,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
    ) -> AsyncIterator[ObjectList[dict[str, Any]]]: ...
    @overload
    def pages(
        self,
        kind: MetadataOnly,
        *,
        page_size: int = 500,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
    ) -> AsyncIterator[ObjectList[ObjectMetadata]]: ...
    async def pages(
        self,
        kind: Any,
        *,
        page_size: int = 500,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
    ) -> AsyncIterator[ObjectList[Any]]:
        """A list page by page, all of one resource version.

        Raises `GoneError` when the iteration takes so long that the server forgets that version.
        """
        token: str | None = None
        while token != "":
            page = await self.list(
                kind, namespace=namespace, labels=labels, fields=fields, limit=page_size, continue_=token
            )
            yield page
            token = page.continue_

    @overload
    def stream(
        self, kind: type[T], *, namespace: str | None = None, labels: Any = None, fields: Any = None
    ) -> AsyncIterator[T]: ...
    @overload
    def stream(
        self,
        kind: ResourceType | GroupVersionKind,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
    ) -> AsyncIterator[dict[str, Any]]: ...
    @overload
    def stream(
        self, kind: MetadataOnly, *, namespace: str | None = None, labels: Any = None, fields: Any = None
    ) -> AsyncIterator[ObjectMetadata]: ...
    async def stream(
        self, kind: Any, *, namespace: str | None = None, labels: Any = None, fields: Any = None
    ) -> AsyncIterator[Any]:
        """The objects of a kind one by one out of a single list, never more than a piece of it in memory.

        Not retried; raises `TransportError` in the middle when the connection breaks, and
        `ObjectDecodeError` at an object that does not decode.
        """
        codec = await self._codec(kind)
        query = selection(labels=labels, fields=fields)
        async with self._list_raw(kind, codec.resource_type, namespace, query) as raw:
            async for items in raw:
                for item in items:
                    yield codec.decode(item)

    @overload
    def watch(
        self,
        kind: type[T],
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        resource_version: str | None = None,
        timeout_seconds: int | None = None,
        bookmarks: bool = True,
        send_initial_events: bool = False,
        idle_timeout: float | None = None,
    ) -> Watch[T]: ...
    @overload
    def watch(
        self,
        kind: ResourceType,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        resource_version: str | None = None,
        timeout_seconds: int | None = None,
        bookmarks: bool = True,
        send_initial_events: bool = False,
        idle_timeout: float | None = None,
    ) -> Watch[dict[str, Any]]: ...
    @overload
    def watch(
        self,
        kind: MetadataOnly,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        resource_version: str | None = None,
        timeout_seconds: int | None = None,
        bookmarks: bool = True,
        send_initial_events: bool = False,
        idle_timeout: float | None = None,
    ) -> Watch[ObjectMetadata]: ...
    def watch(
        self,
        kind: Any,
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        resource_version: str | None = None,
        timeout_seconds: int | None = None,
        bookmarks: bool = True,
        send_initial_events: bool = False,
        idle_timeout: float | None = None,
    ) -> Watch[Any]:
        """A watch, to be entered with `async with` and iterated inside; parameters as in `watch_raw`.

        One watch is one connection: it ends when the server ends it. A kind known by its
        `GroupVersionKind` alone is resolved first, with `resource_type`.
        """
        codec: Codec[Any] = codec_for(kind)
        raw = self.watch_raw(
            kind,
            namespace=namespace,
            labels=labels,
            fields=fields,
            resource_version=resource_version,
            timeout_seconds=timeout_seconds,
            bookmarks=bookmarks,
            send_initial_events=send_initial_events,
            idle_timeout=idle_timeout,
        )
        return Watch(raw, codec.decode, resource_version or "")

    def list_raw(
        self,
        kind: ResourceType | MetadataOnly | type[Any],
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        limit: int | None = None,
        continue_: str | None = None,
        resource_version: str | None = None,
        resource_version_match: str | None = None,
        timeout: float | None = None,
        idle_timeout: float | None = 60.0,
    ) -> RawList:
        """A list as raw item bytes, for informers: see `RawList`. Not retried.

        Args:
            kind: which resource; `MetadataOnly(…)` asks the server for metadata alone.
            timeout: seconds for the whole list; None for no limit.
            idle_timeout: seconds without a byte after which the list fails; None for no limit.
        """
        query = selection(
            labels=labels,
            fields=fields,
            limit=limit,
            continue_=continue_,
            resource_version=resource_version,
            resource_version_match=resource_version_match,
        )
        return self._list_raw(
            kind, resource_type_of(kind), namespace, query, timeout=timeout, idle_timeout=idle_timeout
        )

    def _list_raw(
        self,
        kind: Any,
        resource_type: ResourceType,
        namespace: str | None,
        query: Query,
        *,
        timeout: float | None = None,
        idle_timeout: float | None = 60.0,
    ) -> RawList:
        path = collection_path(resource_type, namespace)
        headers = self._list_headers(kind)
        request = TransportRequest("GET", path, query, headers, None, timeout, idle_timeout, bulk=True)
        return RawList(self._exchange, request)

    def watch_raw(
        self,
        kind: ResourceType | MetadataOnly | type[Any],
        *,
        namespace: str | None = None,
        labels: Any = None,
        fields: Any = None,
        resource_version: str | None = None,
        timeout_seconds: int | None = None,
        bookmarks: bool = True,
        send_initial_events: bool = False,
        idle_timeout: float | None = None,
    ) -> RawWatch:
        """A watch as raw lines, for informers: see `RawWatch`. Not retried.

        Args:
            kind: which resource; `MetadataOnly(…)` asks the server for metadata alone.
            resource_version: watch what comes after it; None or `"0"` begin with the present objects.
            timeout_seconds: after which the server ends the watch; None leaves it to the server.
            bookmarks: ask for BOOKMARK events.
            send_initial_events: a list inside the watch (WatchList): the present objects as ADDED events,
                then a bookmark annotated `k8s.io/initial-events-end`.
            idle_timeout: seconds without a byte after which the watch fails; None for no limit.
        """
        selected = selection(labels=labels, fields=fields, resource_version=resource_version)
        query: Query = (("watch", "true"), *selected)
        if bookmarks:
            query += (("allowWatchBookmarks", "true"),)
        if send_initial_events:
            query += (("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan"))
        if timeout_seconds is not None:
            query += (("timeoutSeconds", str(timeout_seconds)),)
        request = TransportRequest(
            "GET",
            collection_path(resource_type_of(kind), namespace),
            query,
            self._one_headers(kind),
            None,
            None,
            idle_timeout,
        )
        return RawWatch(self._exchange, request)


def _decode_into(
    found: list[Any], errors: list[ObjectDecodeError], codec: Codec[Any], items: list[bytes]
) -> None:
    for item in items:
        try:
            found.append(codec.decode(item))
        except ObjectDecodeError as error:
            errors.append(error)
