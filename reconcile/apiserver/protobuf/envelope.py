"""An object as a body: `k8s\\0`, then a runtime.Unknown with the kind and the message; watches in frames."""

from __future__ import annotations

from typing import Final

from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.protobuf.codec import codec
from reconcile.apiserver.protobuf.tables import tables
from reconcile.apiserver.protobuf.values import numbers
from reconcile.apiserver.protobuf.wire import ProtobufError, delimited

CONTENT_TYPE: Final = "application/vnd.kubernetes.protobuf"
STREAM_TYPE: Final = f"{CONTENT_TYPE};stream=watch"
_MAGIC: Final = b"k8s\x00"


class EnvelopeError(ProtobufError):
    """The bytes are no object of any kind."""


def encode_object(obj: JSONObject) -> bytes:
    """The body of an object; `apiVersion` and `kind` say what it is.

    Raises ProtobufError for a kind that has no protobuf form.
    """
    api_version: str = obj.get("apiVersion") or ""
    kind: str = obj.get("kind") or ""
    index = tables().index_of(api_version, kind)
    if index is None:
        raise ProtobufError(
            f"object {kind} of {api_version} does not implement the protobuf marshalling interface and "
            "cannot be encoded to a protobuf message"
        )
    meta = b"\x0a" + delimited(api_version.encode()) + b"\x12" + delimited(kind.encode())
    raw = codec().encode(index, obj)
    return _MAGIC + b"\x0a" + delimited(meta) + b"\x12" + delimited(raw) + b"\x1a\x00\x22\x00"


def decode_object(data: bytes, api_version: str = "", kind: str = "") -> JSONObject:
    """The object of a body.

    `api_version` and `kind` are taken where the body does not say its own. Of a kind that is not known only
    `apiVersion` and `kind` are returned. Raises EnvelopeError, and ProtobufError for what is inside.
    """
    if not data:
        raise EnvelopeError("empty data")
    if not data.startswith(_MAGIC):
        raise EnvelopeError(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    if len(data) == len(_MAGIC):
        raise EnvelopeError("empty body")
    try:
        unknown = numbers(data[len(_MAGIC) :])
        meta = numbers(_bytes(unknown, 1))
    except ProtobufError as error:
        raise EnvelopeError(str(error)) from None
    api_version = _bytes(meta, 1).decode("utf-8", "replace") or api_version
    kind = _bytes(meta, 2).decode("utf-8", "replace") or kind
    obj: JSONObject = {"kind": kind, "apiVersion": api_version}
    index = tables().index_of(api_version, kind)
    if index is not None:
        obj.update(codec().decode(index, _bytes(unknown, 2)))
    return obj


def _bytes(found: dict[int, int | bytes], number: int) -> bytes:
    value = found.get(number, b"")
    return value if isinstance(value, bytes) else b""


def watch_frame(name: str, body: bytes) -> bytes:
    """One event of a watch: a WatchEvent around an object's body, behind its length in four bytes."""
    event = b"\x0a" + delimited(name.encode()) + b"\x12" + delimited(b"\x0a" + delimited(body))
    return len(event).to_bytes(4, "big") + event
