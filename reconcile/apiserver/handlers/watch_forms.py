"""In which form a watch's events are sent: lines of JSON, frames of protobuf, a sequence of CBOR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from reconcile.apiserver.handlers.negotiation import Encoding
from reconcile.apiserver.handlers.views import ObjectView
from reconcile.apiserver.storage import StoredObject
from reconcile.apiserver.watch import Framing, View, frame


@dataclass(frozen=True, slots=True)
class WatchForm:
    """How the events of one watch are written.

    Attributes:
        content_type: of the answer.
        convert: an object's JSON → what stands in the frame.
        framing: event type and object → frame.
        view: the view that renders objects so, around one that renders JSON.
    """

    content_type: str
    convert: Callable[[bytes], bytes]
    framing: Framing
    view: Callable[[View], View]


def watch_form(encoding: Encoding) -> WatchForm:
    """The form for an encoding that has streams: JSON, protobuf or CBOR."""
    if encoding == "cbor":
        from reconcile.apiserver import cbor

        return WatchForm(
            cbor.STREAM_TYPE, _to_cbor, cbor.watch_frame, lambda view: _EncodedView(view, "cbor", _to_cbor)
        )
    if encoding != "protobuf":
        return WatchForm("application/json", lambda raw: raw, frame, lambda view: view)
    from reconcile.apiserver.protobuf import STREAM_TYPE, watch_frame

    return WatchForm(
        STREAM_TYPE, _to_protobuf, watch_frame, lambda view: _EncodedView(view, "protobuf", _to_protobuf)
    )


def _to_protobuf(raw: bytes) -> bytes:
    from reconcile.apiserver.protobuf import encode_object

    return encode_object(msgspec.json.decode(raw))


def _to_cbor(raw: bytes) -> bytes:
    from reconcile.apiserver.cbor import encode_object

    return encode_object(msgspec.json.decode(raw))


class _EncodedView(View):
    """Another view's objects in another encoding; each form of an object is made once, whoever watches."""

    def __init__(self, view: View, encoding: str, convert: Callable[[bytes], bytes]) -> None:
        self._view = view
        self._convert = convert
        # A table's rows are told by the hour: they are made for each watcher.
        self._key = (encoding, *view.key) if isinstance(view, ObjectView) else None

    async def prepare(self, items: list[StoredObject]) -> None:
        await self._view.prepare(items)

    def render(self, item: StoredObject) -> bytes:
        if self._key is None:
            return self._convert(self._view.render(item))
        found = item.views.get(self._key)
        if found is None:
            found = item.views[self._key] = self._convert(self._view.render(item))
        return found
