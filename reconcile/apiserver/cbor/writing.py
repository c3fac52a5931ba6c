"""JSON values to CBOR: deterministic (RFC 8949 4.2.1), strings as byte strings, floats as short as can be.

Upstream writes Go strings as byte strings, since it does not check that they are UTF-8.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

_encode_half = struct.Struct(">e")
_encode_single = struct.Struct(">f")
_encode_double = struct.Struct(">d")


def head(major: int, value: int) -> bytes:
    """The beginning of an item."""
    major <<= 5
    if value < 24:
        return bytes((major | value,))
    if value < 0x100:
        return bytes((major | 24, value))
    if value < 0x10000:
        return bytes((major | 25,)) + value.to_bytes(2, "big")
    if value < 0x100000000:
        return bytes((major | 26,)) + value.to_bytes(4, "big")
    return bytes((major | 27,)) + value.to_bytes(8, "big")


def encode(value: Any) -> bytes:
    """A value's item."""
    if isinstance(value, str):
        return encode_bytes(value.encode())
    if value is None:
        return b"\xf6"
    if value is True:
        return b"\xf5"
    if value is False:
        return b"\xf4"
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return head(0, value) if value >= 0 else head(1, -1 - value)
        return encode_float(float(value))
    if isinstance(value, float):
        return encode_float(value)
    if isinstance(value, dict):
        return encode_map(value.items(), lambda _, item: encode(item))
    return head(4, len(value)) + b"".join([encode(item) for item in value])


def encode_bytes(raw: bytes) -> bytes:
    return head(2, len(raw)) + raw


def encode_float(value: float) -> bytes:
    """In the shortest of the three widths that keeps the value."""
    for first, form in ((b"\xf9", _encode_half), (b"\xfa", _encode_single)):
        try:
            raw = form.pack(value)
        except OverflowError:
            continue
        if form.unpack(raw)[0] == value:
            return first + raw
    return b"\xfb" + _encode_double.pack(value)


def encode_map(pairs: Iterable[tuple[str, Any]], encode_value: Callable[[str, Any], bytes]) -> bytes:
    """A map, its keys in the order of their encoding."""
    entries = sorted([(encode_bytes(key.encode()), encode_value(key, value)) for key, value in pairs])
    return head(5, len(entries)) + b"".join([key + value for key, value in entries])
