"""An object as a body: the tag that says "this is CBOR", then its map; events of a watch in a row."""

from __future__ import annotations

from typing import Any, Final

from reconcile.apiserver.cbor.scanning import SELF_DESCRIBED
from reconcile.apiserver.cbor.typed import encode_kind
from reconcile.apiserver.cbor.writing import encode_bytes, encode_map, head
from reconcile.apiserver.interfaces import JSONObject

CONTENT_TYPE: Final = "application/cbor"
STREAM_TYPE: Final = "application/cbor-seq"
APPLY_TYPE: Final = "application/apply-patch+cbor"
_MARK: Final = head(6, SELF_DESCRIBED)


def encode_object(obj: JSONObject) -> bytes:
    """The body of an object of any kind."""
    return _MARK + encode_kind(obj)


def watch_frame(name: str, body: bytes) -> bytes:
    """One event of a watch around an object's body."""
    fields = {"object": body, "type": encode_bytes(name.encode())}
    return _MARK + encode_map(fields.items(), lambda _, value: value)


def index_of_unknown(obj: JSONObject, finding: str) -> int:
    """The place in its map of what a strict reader does not know: `unknown field "spec.containers[0].foo"`.

    Upstream's decoder of CBOR tells nothing else of it.
    """
    _, _, path = finding.partition('"')
    at: Any = obj
    rest = path.rstrip('"')
    while True:
        if isinstance(at, list):
            index, _, rest = rest.lstrip("[").partition("]")
            at, rest = at[int(index)], rest.lstrip(".")
            continue
        # Keys may have dots in them: the longest that fits is meant.
        fitting = [key for key in at if rest == key or rest.startswith((f"{key}.", f"{key}["))]
        key = max(fitting, key=len)
        if rest == key:
            return list(at).index(key)
        at, rest = at[key], rest[len(key) :].lstrip(".")
