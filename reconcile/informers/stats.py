"""What an informer counts, in plain integers; exported when somebody scrapes, never on the hot path."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class InformerStats:
    """Counters and gauges of one informer, all its streams together.

    Attributes:
        objects: objects in the store.
        bytes: bytes of JSON kept for them.
        lists: collections read to their end.
        relists: lists after the first of a stream, by reason (`expired`, `upgrade`, …).
        watches: watches accepted by the server.
        events: watch events applied to the store.
        bookmarks: bookmarks received.
        duplicates: events dropped because the store, or the stream, had seen them or newer ones.
        unchanged: objects of relists that kept their old bytes.
        undecodable: objects left out because their metadata cannot be read.
        metadata_decodes: metadata decoded: one for every object listed and every event.
        index_decodes: objects decoded once more, for indexes: none where paths are read together with the
            metadata, at most one for every change.
        failures: lists and watches that failed, by kind of trouble.
        deliveries: handler calls made.
        handler_errors: handler calls that raised.
        coalesced: updates that were merged into one that still waited.
        dropped_incarnations: objects that came and went before a standing handler saw them, in a storm.
        backlog: keys that wait for handlers, all handlers together.
        last_resource_version: of the stream that moved last.
        last_event_at: loop time of the last event or bookmark; None before any.
        watching_since: loop time since which all streams have been watched without a failure; None while
            one is not.
    """

    objects: int = 0
    bytes: int = 0
    lists: int = 0
    relists: dict[str, int] = field(default_factory=dict[str, int])
    watches: int = 0
    events: int = 0
    bookmarks: int = 0
    duplicates: int = 0
    unchanged: int = 0
    undecodable: int = 0
    metadata_decodes: int = 0
    index_decodes: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    deliveries: int = 0
    handler_errors: int = 0
    coalesced: int = 0
    dropped_incarnations: int = 0
    backlog: int = 0
    last_resource_version: str = ""
    last_event_at: float | None = None
    watching_since: float | None = None
