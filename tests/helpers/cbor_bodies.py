"""Bodies in CBOR, good and bad, written by hand: what two servers are to say the same of."""

from __future__ import annotations

from typing import Any, Final

from reconcile.apiserver.cbor import encode_object


def config_map(**fields: Any) -> bytes:
    return encode_object({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x1"}, **fields})


def with_field(name: str, item: str | bytes) -> bytes:
    """A ConfigMap without a name whose one more field is this item (in hexadecimal)."""
    raw = bytes.fromhex(item) if isinstance(item, str) else item
    head = b"\xa3\x4aapiVersion\x42v1\x44kind\x49ConfigMap"
    return head + bytes((0x40 + len(name),)) + name.encode() + raw


def data(item: str | bytes) -> bytes:
    return with_field("data", item)


_GOOD: Final = config_map(data={"a": "b"})

BODIES: Final[dict[str, bytes]] = {
    # What is no one well-formed item.
    "nothing": b"", "cut off": _GOOD[:-3], "more behind": _GOOD + b"\0", "a break": b"\xff",
    "reserved information": b"\x1c", "reserved simple value": bytes.fromhex("f810"),
    "a key without value": data("bf4161ff"), "chunks of two types": data("bf41615f6161ffff"),
    "chunks in chunks": data("bf41615f5f4161ffffff"),
    "an array that cannot be": bytes.fromhex("9b00000000ffffffff"),
    "an array longer than numbers": bytes.fromhex("9bffffffffffffffff"),
    "a map of too many": bytes.fromhex("bb0000000000ffffff"),
    "a map longer than numbers": bytes.fromhex("bbffffffffffffffff"),
    "a string longer than numbers": bytes.fromhex("5bffffffffffffffff"),
    "a string that is not there": bytes.fromhex("5a7fffffff"),
    "10,001 levels": b"\x81" * 10_001 + b"\0", "9,999 levels": b"\x81" * 9_999 + b"\0",
    "10,002 tags": b"\xc6" * 10_002 + b"\0",
    # What is no map.
    "an array": b"\x80", "a number": b"\x05", "a negative number": b"\x24", "text": b"\x61a",
    "bytes": b"\x41a", "null": b"\xf6", "true": b"\xf5", "a float": bytes.fromhex("f93c00"),
    "undefined": b"\xf7", "a simple value": bytes.fromhex("f8ff"), "an empty map": b"\xa0",
    # Values that are not taken.
    "NaN": data("a14161f97e00"), "infinity": data("a14161f97c00"), "a big number": data("a14161c24101"),
    "a key twice": data("a2416141624161 4162"), "an outer key twice": bytes.fromhex("a2416101416102"),
    "no UTF-8": data("a1416161ff"), "a key of no UTF-8": data("a161ff4161"),
    "an undefined value": data("a14161f7"), "a key that is a number": data("a1054161"),
    "a key that is an array": data("a1804161"), "a time of a number": data("a14161c001"),
    "a time of text": data("a14161c16161"),
    # Values that are taken, whatever comes of them.
    "a key that is null": data("a1f64161"), "a key with a tag": data("a1d641614161"),
    "an unknown tag": data("a14161d8644162"), "base64": data("a14161d64162"),
    "base64url": data("a14161d542fffe"), "hexadecimal": data("a14161d742fffe"),
    "a time": data(b"\xa1\x41a\xc0\x742020-01-02T03:04:05Z"), "no time": data("a14161c06161"),
    "a time as number": data("a14161c11a5f000000"), "a time as float": data("a14161c1f93c00"),
    "a map of unknown length": data("bf41615f41614162ffff"),
    "text of unknown length": data("bf41617f61616162ffff"),
    "text for keys": bytes.fromhex("a2646b696e6469436f6e6669674d61706a61706956657273696f6e627631"),
    # Fields of another type.
    "an integer for a string": data("a1416105"), "null for a string": data("a14161f6"),
    "a float for a string": data("a14161f93c00"), "a boolean for a string": data("a14161f5"),
    "an array for a map": data("80"), "an integer for a map": data("05"), "a string for a map": data("4161"),
    "levels for a map": data(b"\x81" * 400 + b"\0"),
    "an integer for the kind": bytes.fromhex("a1446b696e6405"),
    "an integer for metadata": with_field("metadata", "05"),
    "an integer for a time": with_field("metadata", b"\xa1\x51creationTimestamp\x05"),
    "text for a time": with_field("metadata", b"\xa1\x51creationTimestamp\x41a"),
    "an integer for a label": config_map(metadata={"name": "x1", "labels": {"a": 1}}),
    "a float for an integer": config_map(metadata={"name": "x1", "generation": 1.5}),
    "text for bytes": with_field("binaryData", b"\xa1\x41a\x64AAEC"),
    "bytes that are base64": with_field("binaryData", b"\xa1\x41a\x44AAEC"),
    "bytes that are no base64": with_field("binaryData", b"\xa1\x41a\x44A!EC"),
    "bytes as they are": with_field("binaryData", b"\xa1\x41a\xd6\x44AAEC"),
    # Kinds and fields.
    "another kind": encode_object({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}),
    "no kind there is": encode_object({"apiVersion": "v1", "kind": "Nope", "metadata": {"name": "a"}}),
    "no kind": encode_object({"metadata": {"name": "x1"}}), "without the mark": _GOOD[3:],
    "the mark twice": b"\xd9\xd9\xf7" + _GOOD, "all right": _GOOD,
    "an unknown field": config_map(foo=1, data={"a": "b"}), "unknown fields": config_map(zoo=1, bar=2),
    "an unknown field inside": config_map(metadata={"name": "x1", "labels": {}, "foo": 1}),
}  # fmt: skip
# An applied configuration is read without its types: what does not fit is told in the words of the merge.
SAID_OTHERWISE_WHEN_APPLIED: Final = frozenset((
    "no time", "an integer for a string", "a float for a string", "a boolean for a string",
    "text for a time", "an integer for a time", "an integer for a label", "a float for an integer",
    "bytes that are no base64",
    # Which of two is told first is the real server's dice.
    "unknown fields",
))  # fmt: skip
ACCEPTED: Final = (
    "application/cbor", "application/cbor-seq", "application/cbor;stream=watch",
    "application/cbor,application/json", "application/json,application/cbor", "text/html", "application/*",
    "application/cbor;as=Table;g=meta.k8s.io;v=v1",
    "application/cbor;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    "application/cbor;pretty=1", "application/vnd.kubernetes.protobuf;q=0.5,application/cbor",
)  # fmt: skip
