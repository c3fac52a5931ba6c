"""One line of a watch, as the stream needs it: type, object with its metadata, version. Pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final

import msgspec

from reconcile.client.failures import error_of_status
from reconcile.client.raw import decode_event
from reconcile.errors import APIError, ObjectDecodeError, TransportError
from reconcile.informers.cached_object import CachedObject

INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"


class EventType(Enum):
    """The types of a watch event that reach the state machine; an ERROR becomes an exception."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class WatchEvent(msgspec.Struct, frozen=True, gc=False):
    """One event of a watch.

    Attributes:
        type: what happened.
        object: the object; None for a bookmark.
        resource_version: the version the stream has reached with it.
        initial_end: a bookmark that closes the initial events.
    """

    type: EventType
    object: CachedObject | None
    resource_version: str
    initial_end: bool = False


class UndecodableEventError(ObjectDecodeError):
    """An event whose object has no readable metadata; the stream goes on without it."""


class _BookmarkMeta(msgspec.Struct, gc=False, rename="camel"):
    resource_version: str = ""
    annotations: dict[str, str] | None = None


class _Bookmark(msgspec.Struct, gc=False):
    metadata: _BookmarkMeta


_decode_bookmark: Final = msgspec.json.Decoder(_Bookmark).decode
_decode_status: Final = msgspec.json.Decoder(dict[str, Any]).decode

# How every Kubernetes server writes an event's envelope; anything else goes through the JSON decoder.
_HEADS: Final = (
    (b'{"type":"MODIFIED","object":', EventType.MODIFIED),
    (b'{"type":"ADDED","object":', EventType.ADDED),
    (b'{"type":"DELETED","object":', EventType.DELETED),
)

MakeObject = Callable[[bytes], CachedObject]


def read_event(line: bytes, make: MakeObject) -> WatchEvent:
    """The event in one line.

    Args:
        line: a whole line of a watch.
        make: builds the cached object from its bytes; raises `ObjectDecodeError`.

    Raises:
        APIError: the line is an ERROR event; the error is the one its Status means.
        UndecodableEventError: the object's metadata cannot be read; the event is to be left out.
        TransportError: the line is no event: the stream is broken.
    """
    for head, kind in _HEADS:
        if line.startswith(head):
            end = len(line) - 1
            if line[end] == 0x0D:  # a carriage return before the newline
                end -= 1
            if line[end] == 0x7D:
                try:
                    obj = make(line[len(head) : end])
                except ObjectDecodeError:
                    # Another member after the object, or a bad object: the full way tells which.
                    break
                return WatchEvent(kind, obj, obj.metadata.resource_version)
    return _read_any(line, make)


def _read_any(line: bytes, make: MakeObject) -> WatchEvent:
    event = decode_event(line)
    match event.type:
        case "ADDED" | "MODIFIED" | "DELETED":
            try:
                obj = make(bytes(event.object))
            except ObjectDecodeError as error:
                raise UndecodableEventError(str(error), key=error.key, field=error.field) from error
            return WatchEvent(EventType(event.type), obj, obj.metadata.resource_version)
        case "BOOKMARK":
            try:
                metadata = _decode_bookmark(event.object).metadata
            except msgspec.MsgspecError as error:
                raise UndecodableEventError(f"cannot read a bookmark: {error}") from error
            end = (metadata.annotations or {}).get(INITIAL_EVENTS_END) == "true"
            return WatchEvent(EventType.BOOKMARK, None, metadata.resource_version, end)
        case "ERROR":
            raise status_error(bytes(event.object))
        case unknown:
            raise TransportError(f"a watch sent an event of unknown type {unknown!r}")


def status_error(raw: bytes) -> APIError:
    """The exception that the Status of an ERROR event means."""
    try:
        status = _decode_status(raw)
    except msgspec.MsgspecError:
        status = {}
    return error_of_status(status)
