"""How informers list, watch, wait and deliver."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ListMode(Enum):
    """How a stream gets the whole collection.

    Attributes:
        STREAM: one LIST without a limit, read as it arrives; the cheapest for servers that stream it.
        PAGES: LISTs of `page_size`, for servers that would buffer the whole answer.
        WATCH_LIST: the watch sends the collection first; falls back to STREAM where that does not work.
    """

    STREAM = "stream"
    PAGES = "pages"
    WATCH_LIST = "watch-list"


@dataclass(frozen=True, slots=True)
class InformerOptions:
    """Times are seconds.

    Attributes:
        list_mode: how the collection is listed.
        page_size: objects a page, in `PAGES` mode.
        list_idle_timeout: silence after which a list's connection is taken for dead.
        watch_list_timeout: longest wait for the next event or the end of the initial events in
            `WATCH_LIST` mode; then the stream falls back to LIST for good.
        watch_timeout: the server is asked to end each watch after a time drawn uniformly from this range.
        watch_idle_timeout: silence after which a watch's connection is taken for dead. The server sends a
            bookmark about once a minute, so this must be well above 60; a quiet watch of a server that
            sends none is merely resumed this often.
        initial_backoff, max_backoff: pauses between attempts that fail: doubled from the first to the second,
            each with up to as much again at random.
        backoff_reset: time without a failure after which pauses begin at `initial_backoff` again.
        absent_retry: pause between attempts while the server does not serve the resource at all.
        refused_retry: pause between attempts while the server forbids to list or watch.
        strip_managed_fields: drop `metadata.managedFields` on arrival: less memory; the objects then
            cannot be written back by a PUT (IncompleteObjectError), only patched or applied.
        resync_period: how often handlers see every object again, or None for never.
        forbidden_holds_sync: whether a namespace that RBAC forbids keeps an informer of several namespaces
            from being synced. By default the others go on and reads of the forbidden one are errors.
        compress: keep objects zstd-compressed (needs the `zstandard` package): a fraction of the
            memory for 5 to 20 µs more on arrival and on each decoding read.
    """

    list_mode: ListMode = ListMode.STREAM
    page_size: int = 500
    list_idle_timeout: float = 60.0
    watch_list_timeout: float = 30.0
    watch_timeout: tuple[float, float] = (300.0, 600.0)
    watch_idle_timeout: float = 150.0
    initial_backoff: float = 0.8
    max_backoff: float = 30.0
    backoff_reset: float = 120.0
    absent_retry: float = 10.0
    refused_retry: float = 30.0
    strip_managed_fields: bool = False
    resync_period: float | None = None
    forbidden_holds_sync: bool = False
    compress: bool = False
