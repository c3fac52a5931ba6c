"""The wire format itself: varints, tags, lengths. Errors in the words of the generated Go decoders."""

from __future__ import annotations

from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
_END_GROUP: Final = 4
FIXED32: Final = 5

_SMALL: Final = tuple(bytes((value,)) for value in range(128))


class ProtobufError(ValueError):
    """Bytes that are no message; the text is what Go's decoder says."""


def varint(value: int) -> bytes:
    """An unsigned integer, or a negative one as the 64 bits of its two's complement."""
    if 0 <= value < 128:
        return _SMALL[value]
    value &= 0xFFFF_FFFF_FFFF_FFFF
    made = bytearray()
    while value >= 128:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def delimited(data: bytes) -> bytes:
    """Bytes after their length."""
    return varint(len(data)) + data


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The unsigned value and where it ends. Raises ProtobufError."""
    value = shift = 0
    try:
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 128:
                return value & 0xFFFF_FFFF_FFFF_FFFF, at
            shift += 7
            if shift >= 64:
                raise ProtobufError("proto: integer overflow")
    except IndexError:
        raise ProtobufError("unexpected EOF") from None


def read_delimited(data: bytes, at: int) -> tuple[bytes, int]:
    """The bytes behind a length and where they end. Raises ProtobufError."""
    length, at = read_varint(data, at)
    if length >= 1 << 63:
        raise ProtobufError("proto: negative length found during unmarshaling")
    end = at + length
    if end > len(data):
        raise ProtobufError("unexpected EOF")
    return data[at:end], end


def read_fixed(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    end = at + size
    if end > len(data):
        raise ProtobufError("unexpected EOF")
    return data[at:end], end


def skip(data: bytes, at: int, wire: int) -> int:
    """Where a field that nobody knows ends; groups are skipped whole. Raises ProtobufError."""
    if wire == VARINT:
        return read_varint(data, at)[1]
    if wire == BYTES:
        return read_delimited(data, at)[1]
    if wire == FIXED64:
        return read_fixed(data, at, 8)[1]
    if wire == FIXED32:
        return read_fixed(data, at, 4)[1]
    if wire != 3:
        raise ProtobufError(f"proto: illegal wireType {wire}")
    depth = 1
    while depth:
        inner, at = read_varint(data, at)
        wire = inner & 7
        if wire == _END_GROUP:
            depth -= 1
        elif wire == 3:
            depth += 1
        else:
            at = skip(data, at, wire)
    return at
