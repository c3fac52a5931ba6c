"""In which form a watch's events are sent: lines of JSON, or frames of protobuf."""

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
    """The form for an encoding that has streams: JSON or protobuf."""
    if encoding != "protobuf":
        return WatchForm("application/json", lambda raw: raw, frame, lambda view: view)
    from reconcile.apiserver.protobuf import STREAM_TYPE, watch_frame

    return WatchForm(STREAM_TYPE, _to_protobuf, watch_frame, _ProtobufView)


def _to_protobuf(raw: bytes) -> bytes:
    from reconcile.apiserver.protobuf import encode_object

    return encode_object(msgspec.json.decode(raw))


class _ProtobufView(View):
    """Another view's objects in protobuf; each form of an object is made once, whoever watches."""

    def __init__(self, view: View) -> None:
        # Tables have no protobuf form, so that no other view comes here.
        assert isinstance(view, ObjectView)
        self._view = view
        self._key = ("protobuf", *view.key)

    async def prepare(self, items: list[StoredObject]) -> None:
        await self._view.prepare(items)

    def render(self, item: StoredObject) -> bytes:
        found = item.views.get(self._key)
        if found is None:
            found = item.views[self._key] = _to_protobuf(self._view.render(item))
        return found
