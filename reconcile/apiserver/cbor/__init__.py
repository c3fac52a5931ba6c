"""Objects as `application/cbor`, where the feature gate CBORServingAndStorage is on.

Everything inside the server is JSON-shaped; CBOR is a form of bodies at its edge, as YAML and protobuf are:

    scanning.py   where each item begins, and whether all of it is well formed
    reading.py    bytes to JSON values, with the rules that upstream's decoder is configured to
    writing.py    JSON values to bytes: deterministic (RFC 8949 4.2.1), strings as byte strings
    typed.py      which values of built-in kinds are bytes or floats, which JSON does not tell
    envelope.py   the tag that says "this is CBOR" around an object; events of a watch
"""

from reconcile.apiserver.cbor.envelope import (
    APPLY_TYPE,
    CONTENT_TYPE,
    STREAM_TYPE,
    encode_object,
    index_of_unknown,
    watch_frame,
)
from reconcile.apiserver.cbor.reading import decode, type_of
from reconcile.apiserver.cbor.scanning import CBORError
from reconcile.apiserver.cbor.typed import text_in_bytes

__all__ = [
    "APPLY_TYPE",
    "CONTENT_TYPE",
    "STREAM_TYPE",
    "CBORError",
    "decode",
    "encode_object",
    "index_of_unknown",
    "text_in_bytes",
    "type_of",
    "watch_frame",
]
