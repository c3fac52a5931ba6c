"""Values that are no messages to JSON: scalars, and types with a JSON form of their own.

A `Value` converts between a JSON value and the bytes (or the varint) that stand behind a field's tag.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from reconcile.apiserver.protobuf.wire import (
    BYTES,
    FIXED64,
    VARINT,
    ProtobufError,
    delimited,
    read_delimited,
    read_varint,
    skip,
    varint,
)


class Value(NamedTuple):
    """How one type is written.

    Attributes:
        wire: the wire type.
        encode: JSON value → what follows the tag, a length included.
        decode: varint, or the bytes without their length → JSON value.
        zero: the JSON value of Go's zero value.
        unset: what follows the tag when JSON has no such field and Go no pointer; None: nothing is written.
    """

    wire: int
    encode: Callable[[Any], bytes]
    decode: Callable[[Any], Any]
    zero: Any = None
    unset: bytes | None = b"\x00"


def _signed(bits: int) -> Callable[[int], int]:
    mask, half = (1 << bits) - 1, 1 << bits - 1

    def decode(value: int) -> int:
        value &= mask
        return value - mask - 1 if value >= half else value

    return decode


def _text(data: bytes) -> str:
    # Go keeps any bytes in a string and replaces what is no UTF-8 on its way into JSON.
    return data.decode("utf-8", "replace")


def _encode_text(value: str) -> bytes:
    return delimited(value.encode())


def _encode_base64(value: str) -> bytes:
    return delimited(base64.b64decode(value))


def _decode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO_TIME = -62135596800  # 0001-01-01T00:00:00Z, Go's zero time


def numbers(data: bytes) -> dict[int, int | bytes]:
    """The fields of a small message of scalars, the last of each number."""
    found: dict[int, int | bytes] = {}
    at = 0
    while at < len(data):
        head, at = read_varint(data, at)
        if head & 7 == VARINT:
            found[head >> 3], at = read_varint(data, at)
        elif head & 7 == BYTES:
            found[head >> 3], at = read_delimited(data, at)
        else:
            at = skip(data, at, head & 7)
    return found


def _integer(found: dict[int, int | bytes], number: int, bits: int) -> int:
    value = found.get(number, 0)
    return _signed(bits)(value) if isinstance(value, int) else 0


def _moment(data: bytes) -> tuple[datetime, int]:
    """Of a Timestamp: the second, and the nanoseconds beyond it."""
    found = numbers(data)
    try:
        return _EPOCH + timedelta(seconds=_integer(found, 1, 64)), _integer(found, 2, 32)
    except OverflowError:
        raise ProtobufError("Time.MarshalJSON: year outside of range [0,9999]") from None


def _seconds(value: str) -> tuple[int, int]:
    moment = datetime.fromisoformat(value)
    past = moment - _EPOCH
    return past.days * 86400 + past.seconds, moment.microsecond


def _timestamp(seconds: int, nanos: int) -> bytes:
    if seconds == _ZERO_TIME and not nanos:
        return b"\x00"
    return delimited(b"\x08" + varint(seconds) + b"\x10" + varint(nanos))


def _encode_time(value: str) -> bytes:
    return _timestamp(_seconds(value)[0], 0)


def _decode_time(data: bytes) -> str | None:
    if not data:
        return None
    return f"{_moment(data)[0]:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")


def _encode_micro_time(value: str) -> bytes:
    seconds, micros = _seconds(value)
    return _timestamp(seconds, micros * 1000)


def _decode_micro_time(data: bytes) -> str | None:
    if not data:
        return None
    moment, nanos = _moment(data)
    return f"{moment + timedelta(microseconds=nanos // 1000):%Y-%m-%dT%H:%M:%S.%fZ}".rjust(27, "0")


def _encode_quantity(value: Any) -> bytes:
    return delimited(b"\x0a" + _encode_text(str(value)))


def _decode_quantity(data: bytes) -> str:
    found = numbers(data).get(1, b"")
    return _text(found) if isinstance(found, bytes) and found else "0"


def _encode_int_or_string(value: Any) -> bytes:
    if isinstance(value, str):
        return delimited(b"\x08\x01\x10\x00\x1a" + _encode_text(value))
    return delimited(b"\x08\x00\x10" + varint(value) + b"\x1a\x00")


def _decode_int_or_string(data: bytes) -> int | str:
    found = numbers(data)
    if found.get(1):
        text = found.get(3, b"")
        return _text(text) if isinstance(text, bytes) else ""
    return _integer(found, 2, 32)


def _encode_raw(value: Any) -> bytes:
    if value is None:
        return b"\x00"
    return delimited(b"\x0a" + delimited(msgspec.json.encode(value)))


def _decode_raw(data: bytes) -> Any:
    """JSON inside protobuf: RawExtension, FieldsV1, the JSON of a definition's schema."""
    raw = numbers(data).get(1)
    if not isinstance(raw, bytes) or not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise ProtobufError(f"json: error calling MarshalJSON for raw JSON: {error}") from None


def _encode_strings(value: list[str]) -> bytes:
    return delimited(b"".join([b"\x0a" + _encode_text(item) for item in value]))


def _decode_strings(data: bytes) -> list[str]:
    """A message around a list of strings."""
    found: list[str] = []
    at = 0
    while at < len(data):
        head, at = read_varint(data, at)
        if head == 0x0A:
            item, at = read_delimited(data, at)
            found.append(_text(item))
        else:
            at = skip(data, at, head & 7)
    return found


def _encode_double(value: float) -> bytes:
    return struct.pack("<d", value)


def _decode_double(data: bytes) -> float | int:
    value: float = struct.unpack("<d", data)[0]
    # Go writes a whole number without a point.
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


VALUES: dict[str, Value] = {
    "string": Value(BYTES, _encode_text, _text, ""),
    "bool": Value(VARINT, lambda value: b"\x01" if value else b"\x00", bool, False),
    "int32": Value(VARINT, varint, _signed(32), 0),
    "int64": Value(VARINT, varint, _signed(64), 0),
    "float64": Value(FIXED64, _encode_double, _decode_double, 0, bytes(8)),
    "bytes": Value(BYTES, _encode_base64, _decode_base64, None, None),
    "time": Value(BYTES, _encode_time, _decode_time),
    "microtime": Value(BYTES, _encode_micro_time, _decode_micro_time),
    "quantity": Value(BYTES, _encode_quantity, _decode_quantity, "0", b"\x03\x0a\x010"),
    "intorstring": Value(
        BYTES, _encode_int_or_string, _decode_int_or_string, 0, b"\x06\x08\x00\x10\x00\x1a\x00"
    ),
    "raw": Value(BYTES, _encode_raw, _decode_raw),
    "strings": Value(BYTES, _encode_strings, _decode_strings, None, None),
}
