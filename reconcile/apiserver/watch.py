"""Watches: a position in a collection's log, turned into frames when someone reads.

A watch holds no events. It remembers how far it has read; a write wakes it; reading turns the changes
since then into frames, each object encoded once whoever watches. A reader that is slower than the log's
window loses its place, and the watch ends: its client comes back with the last resourceVersion that it
has seen, and is told 410 when that is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from reconcile.apiserver.handlers.selection import Selection
from reconcile.apiserver.status import StatusError
from reconcile.apiserver.storage import Change, Collection, StoredObject

_BATCH: Final = 64 * 1024
_READ: Final = 256
# Seconds before the end of a watch at which it gets its last bookmark.
_LAST_BOOKMARK: Final = 2.0
INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"


class View:
    """How the objects of a watch are encoded: `prepare` may suspend (conversion), `render` does not."""

    async def prepare(self, items: list[StoredObject]) -> None:
        """Get ready what `render` needs for these."""

    def render(self, item: StoredObject) -> bytes:
        """The object as JSON."""
        return item.raw


Framing = Callable[[str, bytes], bytes]
"""The type of an event and its object as the view renders it → one frame."""


class Watch:
    """The stream of one watch. An async iterator of frames; ends by `close`, time, or by losing its place.

    Arguments:
        collection: what is watched.
        selection: which objects.
        namespace: only of this namespace; empty for all.
        view: in which form.
        initial: objects that are sent as ADDED first; None for none.
        position: the first change that is sent.
        bookmark: makes the object of a bookmark: (revision, annotated as end of the initial events).
            None for no bookmarks.
        initial_end: a bookmark follows the initial objects.
        revision: gives the revision of the whole storage at present.
        timeout: seconds until the watch ends.
        bookmark_interval: seconds between bookmarks.
        skip_until: changes up to this revision are left out.
        on_close: called once at the end.
        framing: how frames are written; lines of JSON when it is not given.
    """

    def __init__(
        self,
        collection: Collection,
        selection: Selection,
        namespace: str,
        view: View,
        *,
        position: int,
        revision: Callable[[], int],
        timeout: float,
        initial: list[StoredObject] | None = None,
        initial_revision: int = 0,
        bookmark: Callable[[int, bool], bytes] | None = None,
        initial_end: bool = False,
        bookmark_interval: float = 60.0,
        skip_until: int = 0,
        on_close: Callable[[Watch], None] | None = None,
        framing: Framing | None = None,
    ) -> None:
        self._collection = collection
        self._matches = selection.matches
        self._namespace = namespace
        self._view = view
        self._initial = initial
        self._initial_sent = 0
        self._initial_revision = initial_revision
        self._position = position
        self._revision = revision
        self._bookmark = bookmark
        self._initial_end = initial_end
        self._skip_until = skip_until
        self._on_close = on_close
        self._frame = framing or frame
        self._closed = False
        self._ending = False
        self._waiter: asyncio.Future[None] | None = None
        self._unsubscribe = collection.subscribe(self._wake)
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._timeout = loop.call_later(timeout, self.close)
        self._interval = bookmark_interval
        # No bookmark says what the watcher knew when it began.
        self._known = max(skip_until, initial_revision if initial is not None else 0)
        self._ends = loop.time() + timeout
        self._bookmark_due = False
        self._bookmark_timer = self._next_bookmark() if bookmark is not None else None

    def close(self) -> None:
        """End the watch; a reader gets what it is reading and then the end. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        self._timeout.cancel()
        if self._bookmark_timer is not None:
            self._bookmark_timer.cancel()
        self._wake()
        if self._on_close is not None:
            self._on_close(self)

    def end(self) -> None:
        """End the watch once its reader has got everything that happened until now."""
        self._ending = True
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _next_bookmark(self) -> asyncio.TimerHandle | None:
        """Bookmarks come at an interval, and shortly before the end, so that its client can go on there."""
        left = self._ends - _LAST_BOOKMARK - self._loop.time()
        # A timer may run a rounding error early: without some margin it would be set anew for ever.
        if left < 0.001:
            return None
        return self._loop.call_later(min(self._interval, left), self._want_bookmark)

    def _want_bookmark(self) -> None:
        self._bookmark_due = True
        self._bookmark_timer = self._next_bookmark()
        self._wake()

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> bytes:
        try:
            found = await self._next()
        except BaseException:
            self.close()
            raise
        if found is None:
            self.close()
            raise StopAsyncIteration
        return found

    async def _next(self) -> bytes | None:
        """The next frames, when there are some; None at the end."""
        if self._initial is not None:
            found = await self._next_initial(self._initial)
            if found is not None:
                return found
        while not self._closed:
            changes = self._collection.changes(self._position, _READ)
            if changes is None:
                return None
            if changes:
                batch = await self._encode(changes)
                if batch:
                    return batch
            elif self._ending:
                return None
            elif self._bookmark_due and self._bookmark is not None:
                self._bookmark_due = False
                revision = self._revision()
                if revision > self._known:
                    return self._frame("BOOKMARK", self._bookmark(revision, False))
            else:
                self._waiter = self._loop.create_future()
                try:
                    await self._waiter
                finally:
                    self._waiter = None
        return None

    async def _next_initial(self, initial: list[StoredObject]) -> bytes | None:
        items = initial[self._initial_sent : self._initial_sent + _READ]
        if items:
            self._initial_sent += len(items)
            await self._view.prepare(items)
            return b"".join([self._frame("ADDED", self._view.render(item)) for item in items])
        self._initial = None
        if self._initial_end and self._bookmark is not None:
            return self._frame("BOOKMARK", self._bookmark(self._initial_revision, True))
        return None

    async def _encode(self, changes: list[Change]) -> bytes:
        """The frames of some of the changes, up to a size; moves the position behind them."""
        parts: list[bytes] = []
        size = 0
        for change in changes:
            self._position += 1
            event = self._event(change)
            if event is None:
                continue
            name, item = event
            await self._view.prepare([item])
            part = self._frame(name, self._view.render(item))
            parts.append(part)
            size += len(part)
            if size >= _BATCH:
                break
        return b"".join(parts)

    def _event(self, change: Change) -> tuple[str, StoredObject] | None:
        """What a change is to this watcher: an object that leaves the selection is deleted for it."""
        item = change.object
        if self._namespace and item.namespace != self._namespace:
            return None
        if change.revision <= self._skip_until:
            return None
        matches = self._matches
        if matches is None:
            return change.type, item
        now = change.type != "DELETED" and matches(item)
        before = change.previous is not None and matches(change.previous)
        if now:
            return ("MODIFIED" if before else "ADDED"), item
        if not before:
            return None
        if change.type == "DELETED":
            return "DELETED", item
        return "DELETED", _last_selected(change)


def _last_selected(change: Change) -> StoredObject:
    """The version before the change, under the revision of the change: as the watcher knew it."""
    previous = change.previous
    assert previous is not None
    views = change.object.views
    raw = views.get("last selected")
    if raw is None:
        obj = msgspec.json.decode(previous.raw)
        obj["metadata"]["resourceVersion"] = str(change.revision)
        raw = views["last selected"] = msgspec.json.encode(obj)
    return StoredObject(
        previous.namespace,
        previous.name,
        previous.uid,
        change.revision,
        raw,
        previous.labels,
        previous.fields,
    )


def frame(name: str, raw: bytes) -> bytes:
    """One event of a watch as its line."""
    return b'{"type":"%s","object":%s}\n' % (name.encode(), raw)


class FailedWatch:
    """A watch that has nothing to say but an error: status 200, one ERROR event, the end.

    Arguments:
        error: the error.
        render: brings its JSON into the form of the watch's objects.
        framing: as in `Watch`.
    """

    def __init__(self, error: StatusError, render: Callable[[bytes], bytes], framing: Framing) -> None:
        self._error: StatusError | None = error
        self._render = render
        self._frame = framing

    def __aiter__(self) -> FailedWatch:
        return self

    async def __anext__(self) -> bytes:
        error, self._error = self._error, None
        if error is None:
            raise StopAsyncIteration
        return self._frame("ERROR", self._render(msgspec.json.encode(error.status())))

    def close(self) -> None:
        """Nothing is open."""
