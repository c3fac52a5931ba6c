"""Get, list and watch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from reconcile.apiserver import status
from reconcile.apiserver.handlers import continue_token, views
from reconcile.apiserver.handlers.messages import JSON_HEADERS, Response, Stream
from reconcile.apiserver.handlers.negotiation import Form
from reconcile.apiserver.handlers.options import ListOptions, parse_resource_version
from reconcile.apiserver.handlers.parts import Parts
from reconcile.apiserver.handlers.selection import Selection
from reconcile.apiserver.handlers.watch_forms import WatchForm, watch_form
from reconcile.apiserver.interfaces import JSONObject, RequestContext
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.storage import CompactedError, Page, StoredObject
from reconcile.apiserver.watch import FailedWatch, View, Watch

# Of no definitions there are no rows, of all others an empty list of them.
_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
_FRESH_WAIT = 3.0
_MIN_TIMEOUT = 1800
_encode = msgspec.json.Encoder().encode


class Reader:
    """Reads objects of any kind.

    Attributes:
        watches: the watches that run, in the order in which they began.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.watches: dict[Watch, str] = {}
        parts.store.storage.on_restore(self.close_watches)

    def close_watches(self) -> None:
        """End all watches at once."""
        for watch in list(self.watches):
            watch.close()

    def end_watches(self, storage_name: str) -> None:
        """End the watches of one collection, each after what happened until now."""
        for watch, name in list(self.watches.items()):
            if name == storage_name:
                watch.end()

    async def get(self, context: RequestContext, resource_version: str) -> StoredObject:
        """The object. Raises 404, or 504 when the version asked for does not come."""
        if resource_version:
            await self._until(parse_resource_version(resource_version, "watch"))
        held = self._parts.store.find(context.resource, context.namespace, context.name)
        if held is None:
            raise self.not_found(context)
        return held

    def not_found(self, context: RequestContext) -> status.StatusError:
        kind = context.resource.type
        return status.not_found(kind.group, kind.plural, context.name)

    async def _until(self, revision: int) -> None:
        """Wait until the storage has come to a revision; at most three seconds, as the watch cache does."""
        storage = self._parts.store.storage
        if revision <= storage.revision:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _FRESH_WAIT
        while storage.revision < revision and loop.time() < deadline:
            await asyncio.sleep(0.05)
        if storage.revision < revision:
            raise status.too_large_resource_version(revision, storage.revision)

    def selection(self, context: RequestContext, options: ListOptions) -> Selection:
        return Selection(options.labels, options.fields, context.resource, self._parts.store)

    async def page(self, context: RequestContext, options: ListOptions, selection: Selection) -> Page:
        """The part of a list that the options ask for."""
        storage = self._parts.store.storage
        start, revision, limit = "", None, options.limit
        scope = _scope(context, selection)
        # Upstream reads one key then, which has no next page (SelectionPredicate.MatchesSingle).
        one_key = not options.continue_token and (scope or not context.resource.type.namespaced)
        name = selection.name if one_key else ""
        if options.continue_token:
            if options.resource_version not in ("", "0"):
                raise status.bad_request("specifying resource version is not allowed when using continue")
            start, at = continue_token.decode(options.continue_token)
            revision = at if at > 0 else None
            if scope:
                start = f"{scope}/{start}"
        elif options.resource_version:
            wanted = parse_resource_version(options.resource_version, "list")
            await self._until(wanted)
            paged = options.limit and not name
            if options.match == "Exact" or (paged and not options.match and wanted):
                revision = wanted
        if options.resource_version == "0":
            # What any cache may answer comes whole.
            limit = 0
        try:
            return storage.page(
                context.resource.storage_name,
                namespace=scope,
                name=name,
                start=start,
                limit=limit,
                revision=revision,
                matches=selection.matches,
            )
        except CompactedError as error:
            if options.continue_token:
                raise continue_token.expired_page(start[len(scope) :]) from error
            raise status.expired(continue_token.EXPIRED_LIST) from error

    def list_metadata(
        self, context: RequestContext, options: ListOptions, selection: Selection, page: Page
    ) -> JSONObject:
        metadata: JSONObject = {"resourceVersion": str(page.revision)}
        if page.next_key is not None:
            start = page.next_key[len(_scope(context, selection)) :]
            metadata["continue"] = continue_token.encode(start, page.revision)
            if selection.matches is None:
                metadata["remainingItemCount"] = page.remaining
        return metadata

    async def list(self, context: RequestContext, options: ListOptions, form: Form, include: str) -> bytes:
        """The body of a list."""
        selection = self.selection(context, options)
        page = await self.page(context, options, selection)
        metadata = self.list_metadata(context, options, selection, page)
        return await self.list_body(context.resource, page.items, metadata, form, include)

    async def list_body(
        self, resource: Resource, items: list[StoredObject], metadata: JSONObject, form: Form, include: str
    ) -> bytes:
        parts = self._parts
        if form.shape == "PartialObjectMetadata":
            raise status.not_acceptable(
                "you requested PartialObjectMetadata, but the requested object is a list "
                f"({views.go_type(resource)}List)"
            )
        if form.shape == "Table":
            objects = views.ObjectView(parts, resource)
            await objects.prepare(items)
            now = parts.runtime.now()
            rows: list[JSONObject] | None = [
                views.table_row(parts, resource, objects.render(item), include, now, form.version)
                for item in items
            ]
            if not rows and resource.type.group_resource == _DEFINITIONS:
                rows = None
            return views.table(parts.tables.columns(resource), rows, metadata, form.version)
        if form.shape:
            view = views.ObjectView(parts, resource, metadata=True, meta=form.version)
            kind, api_version = form.shape, f"meta.k8s.io/{form.version}"
            prefix = b""
        else:
            view = views.ObjectView(parts, resource)
            kind, api_version = resource.list_kind, resource.type.api_version
            # Items of built-in lists don't repeat the kind; those of custom ones do.
            prefix = b"" if resource.custom else _prefix(resource)
            if resource.custom:
                metadata = {"continue": "", **metadata}
        await view.prepare(items)
        cut = len(prefix)
        if cut and view.stored:
            body = b"{" * bool(items) + b",{".join([item.raw[cut:] for item in items])
        elif cut:
            body = b",".join([b"{" + view.render(item)[cut:] for item in items])
        else:
            body = b",".join([view.render(item) for item in items])
        # No metadata is nothing, as upstream has it; no objects are an empty list.
        listed = b"null" if form.shape and not items else b"[%s]" % body
        return b'{"kind":%s,"apiVersion":%s,"metadata":%s,"items":%s}' % (
            _encode(kind),
            _encode(api_version),
            _encode(metadata),
            listed,
        )

    async def watch(
        self, context: RequestContext, options: ListOptions, form: Form, include: str
    ) -> Response:
        """The answer to a watch: status 200 and a stream, which may begin with an error."""
        parts, resource = self._parts, context.resource
        selection = self.selection(context, options)
        wanted = parse_resource_version(options.resource_version, "watch")
        view = views.view_for(parts, resource, form, include)
        written = watch_form(form.encoding)
        stream = await self._open(context, options, selection, wanted, view, written)
        return Response(200, {**JSON_HEADERS, "content-type": written.content_type}, stream=stream)

    async def _open(
        self,
        context: RequestContext,
        options: ListOptions,
        selection: Selection,
        wanted: int,
        view: View,
        written: WatchForm,
    ) -> Stream:
        parts, resource = self._parts, context.resource
        storage = parts.store.storage
        collection = storage.collection(resource.storage_name)
        send_all = options.send_initial_events
        if send_all is None and not options.match and options.resource_version in ("", "0"):
            send_all = True
        if send_all:
            try:
                await self._until(wanted)
            except status.StatusError as error:
                return FailedWatch(error, written.convert, written.framing)
        initial: list[StoredObject] | None = None
        if send_all:
            initial = storage.page(
                resource.storage_name, namespace=context.namespace, matches=selection.matches
            ).items
            position = collection.end
        elif wanted == 0:
            position = collection.end
        elif wanted < collection.compacted:
            error = status.expired(f"too old resource version: {wanted} ({collection.compacted})")
            return FailedWatch(error, written.convert, written.framing)
        else:
            position = collection.position_after(wanted)
        timeout = options.timeout_seconds
        if timeout is None:
            timeout = _MIN_TIMEOUT * (1 + parts.runtime.random.random())
        watch = Watch(
            collection,
            selection,
            context.namespace,
            written.view(view),
            position=position,
            revision=lambda: storage.revision,
            timeout=timeout,
            initial=initial,
            initial_revision=storage.revision,
            bookmark=self._bookmark(resource, view, written) if options.bookmarks else None,
            initial_end=bool(send_all),
            bookmark_interval=parts.bookmark_interval,
            skip_until=wanted,
            on_close=self._forget,
            framing=written.framing,
        )
        self.watches[watch] = resource.storage_name
        return watch

    def _forget(self, watch: Watch) -> None:
        self.watches.pop(watch, None)

    def _bookmark(self, resource: Resource, view: View, written: WatchForm) -> Callable[[int, bool], bytes]:
        kind, api_version = resource.type.kind, resource.type.api_version

        def make(revision: int, initial_end: bool) -> bytes:
            metadata: JSONObject = {"resourceVersion": str(revision)}
            if initial_end:
                metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
            # The rest is that of nothing at all.
            empty: JSONObject = getattr(resource.schema, "empty", {})
            body = _encode({**empty, "kind": kind, "apiVersion": api_version, "metadata": metadata})
            if isinstance(view, views.TableView):
                row: JSONObject = {"cells": [], "object": msgspec.Raw(views.metadata_only(body, view.meta))}
                return views.table(None, [row], {"resourceVersion": str(revision)}, view.meta)
            if isinstance(view, views.ObjectView) and view.metadata:
                body = views.metadata_only(body, view.meta)
            return written.convert(body)

        return make


def _scope(context: RequestContext, selection: Selection) -> str:
    """The namespace that is listed: that of the path, or the one that a field selector narrows to."""
    return context.namespace or (selection.namespace if context.resource.type.namespaced else "")


def _prefix(resource: Resource) -> bytes:
    kind = resource.type
    return b'{"kind":%s,"apiVersion":%s,' % (_encode(kind.kind), _encode(kind.api_version))
