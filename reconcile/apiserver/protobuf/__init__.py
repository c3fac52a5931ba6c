"""The built-in kinds as `application/vnd.kubernetes.protobuf`.

Everything inside the server is JSON-shaped; protobuf is a form of bodies at its edge, as YAML is:

    body ──▶ envelope.py (which kind) ──▶ codec.py (fields to JSON names and values) ──▶ dict, and back

    tables.py     the data file that `tools/generate_protobuf_tables.py` makes from the Go types, read when
                  the first protobuf body comes
    wire.py       varints, tags, lengths
    values.py     scalars and types whose JSON form is not that of their fields (times, quantities, …)
    codec.py      one encoder and one decoder a message, compiled when first used
    envelope.py   `k8s\\0` and runtime.Unknown around an object; frames of a watch

Encoding what a kube-apiserver answered as JSON gives its protobuf answer to the byte, and decoding gives the
JSON back. Custom resources have no protobuf form.
"""

from reconcile.apiserver.protobuf.envelope import (
    CONTENT_TYPE,
    STREAM_TYPE,
    EnvelopeError,
    decode_object,
    encode_object,
    watch_frame,
)
from reconcile.apiserver.protobuf.wire import ProtobufError

__all__ = [
    "CONTENT_TYPE",
    "STREAM_TYPE",
    "EnvelopeError",
    "ProtobufError",
    "decode_object",
    "encode_object",
    "watch_frame",
]
