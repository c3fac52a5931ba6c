"""Messages to JSON-shaped dicts and back: one encoder and one decoder a message, compiled when first used.

Decoding gives what Go's JSON encoder would write of the struct: zero values that are marked `omitempty` are
left out, those that are not appear. Encoding gives what the generated Go marshalers write: fields by number,
zero values of whatever is no pointer, maps by key.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.protobuf.tables import Tables, WireField, tables
from reconcile.apiserver.protobuf.values import VALUES, Value, numbers
from reconcile.apiserver.protobuf.wire import (
    BYTES,
    FIXED64,
    VARINT,
    ProtobufError,
    delimited,
    read_delimited,
    read_fixed,
    read_varint,
    skip,
    tag,
)

_Writer = Callable[[JSONObject], bytes]
"""An object → the bytes of one of its fields, tags included."""
_Finisher = Callable[[JSONObject, Any], None]
"""Puts what was collected of a field (None: nothing) into the object."""
_SCHEMA = "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaProps"


class Codec:
    """Encodes and decodes the messages of the tables. Has no state but what it has compiled."""

    def __init__(self, source: Tables) -> None:
        self._tables = source
        self._messages: dict[int, _Message] = {}

    def encode(self, index: int, obj: JSONObject) -> bytes:
        """The message's bytes. Fields that it does not have are passed over."""
        return self.message(index).encode(obj)

    def decode(self, index: int, data: bytes) -> JSONObject:
        """The JSON form. Unknown fields are passed over. Raises ProtobufError."""
        try:
            return self.message(index).decode(data)
        except RecursionError:
            raise ProtobufError("proto: the message is nested too deeply") from None

    def message(self, index: int) -> _Message:
        found = self._messages.get(index)
        if found is None:
            found = self._messages[index] = _Message(self._tables.messages[index].fields, self)
        return found

    def value(self, type: str) -> Value:
        """How a type that is no list and no map is written."""
        if type.startswith("@"):
            return self._struct(int(type[1:]))
        if type.startswith("schema"):
            return self._schema_or_other(type)
        return VALUES[type]

    def _struct(self, index: int) -> Value:
        # Looked up late: messages contain themselves.
        return Value(
            BYTES,
            lambda value: delimited(self.message(index).encode(value)),
            lambda data: self.message(index).decode(data),
        )

    def _schema_or_other(self, type: str) -> Value:
        """The three places of a definition's schema that hold a schema, or a boolean or a list."""
        schema = self.message(self._tables.index_named(_SCHEMA))

        def encode_or_bool(value: Any) -> bytes:
            if isinstance(value, dict):
                return delimited(b"\x08\x01\x12" + delimited(schema.encode(cast("JSONObject", value))))
            return b"\x02\x08\x01" if value else b"\x02\x08\x00"

        def decode_or_bool(data: bytes) -> Any:
            found = numbers(data)
            inner = found.get(2)
            return schema.decode(inner) if isinstance(inner, bytes) else bool(found.get(1))

        def encode_or_array(value: Any) -> bytes:
            if isinstance(value, dict):
                return delimited(b"\x0a" + delimited(schema.encode(cast("JSONObject", value))))
            if type == "schemaorarray":
                items = [schema.encode(item) for item in value]
            else:
                items = [item.encode() for item in value]
            return delimited(b"".join([b"\x12" + delimited(item) for item in items]))

        def decode_or_array(data: bytes) -> Any:
            items: list[Any] = []
            at = 0
            while at < len(data):
                head, at = read_varint(data, at)
                if head not in (0x0A, 0x12):
                    at = skip(data, at, head & 7)
                    continue
                item, at = read_delimited(data, at)
                if head == 0x0A:
                    return schema.decode(item)
                items.append(schema.decode(item) if type == "schemaorarray" else item.decode())
            return items or None

        if type == "schemaorbool":
            return Value(BYTES, encode_or_bool, decode_or_bool)
        return Value(BYTES, encode_or_array, decode_or_array)


class _Message:
    """One message, compiled."""

    def __init__(self, fields: tuple[WireField, ...], codec: Codec) -> None:
        self._fields = fields
        self._codec = codec
        self._writers: list[_Writer] | None = None
        self._wanted: dict[int, tuple[str, bool]] = {}
        self._kinds: dict[int, int] = {}
        self._finishers: list[tuple[int, _Finisher]] | None = None

    def encode(self, obj: JSONObject) -> bytes:
        writers = self._writers
        if writers is None:
            ordered = sorted(self._fields, key=lambda field: field.number)
            writers = self._writers = [_writer(field, self._codec) for field in ordered]
        return b"".join([write(obj) for write in writers])

    def decode(self, data: bytes) -> JSONObject:
        finishers = self._finishers
        if finishers is None:
            finishers = self._finishers = [
                (field.number, _finisher(field, self._codec)) for field in self._fields
            ]
            self._kinds = {field.number: _wire_of(field, self._codec) for field in self._fields}
        collected = self._collect(data)
        result: JSONObject = {}
        for number, finish in finishers:
            finish(result, collected.get(number))
        return result

    def _collect(self, data: bytes) -> dict[int, list[Any]]:
        """By field number what stands behind each of its tags."""
        found: dict[int, list[Any]] = {}
        kinds = self._kinds
        at, end = 0, len(data)
        while at < end:
            head, at = read_varint(data, at)
            number, wire = head >> 3, head & 7
            wanted = kinds.get(number)
            if wanted is None:
                if wire == 4:
                    raise ProtobufError("proto: wiretype end group for non-group")
                if not number:
                    raise ProtobufError(f"proto: illegal tag {number} (wire type {head})")
                at = skip(data, at, wire)
                continue
            held = found.setdefault(number, [])
            if wire == BYTES:
                item, at = read_delimited(data, at)
                if wanted == BYTES:
                    held.append(item)
                else:
                    held.extend(_packed(item, wanted))
            elif wire != wanted:
                # Go's name of the field, where it is the JSON name with a capital.
                name = next(field.name for field in self._fields if field.number == number)
                raise ProtobufError(f"proto: wrong wireType = {wire} for field {name[:1].upper()}{name[1:]}")
            elif wire == VARINT:
                value, at = read_varint(data, at)
                held.append(value)
            else:
                value, at = read_fixed(data, at, 8)
                held.append(value)
        return found


def _packed(data: bytes, wire: int) -> list[Any]:
    """The items of a packed list."""
    found: list[Any] = []
    at = 0
    while at < len(data):
        item, at = read_varint(data, at) if wire == VARINT else read_fixed(data, at, 8)
        found.append(item)
    return found


def _element(type: str) -> tuple[str, str]:
    """`[]`, `map[]` or nothing, and the type of what is inside."""
    for prefix in ("[]", "map[]"):
        if type.startswith(prefix):
            return prefix, type[len(prefix) :]
    return "", type


def _wire_of(field: WireField, codec: Codec) -> int:
    prefix, type = _element(field.type)
    return BYTES if prefix == "map[]" else codec.value(type).wire


def _writer(field: WireField, codec: Codec) -> _Writer:
    name, number = field.name, field.number
    prefix, type = _element(field.type)
    value = codec.value(type)
    encode = value.encode
    head = tag(number, BYTES if prefix == "map[]" else value.wire)
    if field.inline:
        return lambda obj: head + encode(obj)
    if prefix == "[]":
        empty: Any = {} if type.startswith("@") else value.zero

        def write_list(obj: JSONObject) -> bytes:
            items = obj.get(name)
            if not items:
                return b""
            return b"".join([head + encode(empty if item is None else item) for item in items])

        return write_list
    if prefix == "map[]":
        inner = tag(2, value.wire)

        def write_map(obj: JSONObject) -> bytes:
            entries: dict[str, Any] | None = obj.get(name)
            if not entries:
                return b""
            parts: list[bytes] = []
            for key in sorted(entries, key=str.encode):
                item = entries[key]
                entry = b"\x0a" + delimited(key.encode())
                if item is not None:
                    entry += inner + encode(item)
                elif type.startswith("@") or type == "strings":
                    entry += inner + encode({})
                elif value.unset is not None:
                    entry += inner + value.unset
                parts.append(head + delimited(entry))
            return b"".join(parts)

        return write_map
    struct = type.startswith("@")
    unset = b"" if field.pointer or value.unset is None else head + value.unset

    def write(obj: JSONObject) -> bytes:
        item = obj.get(name)
        if item is not None:
            return head + encode(item)
        return head + encode({}) if struct and unset else unset

    return write


def _finisher(field: WireField, codec: Codec) -> _Finisher:
    name, omitted = field.name, field.omitted
    prefix, type = _element(field.type)
    value = codec.value(type)
    decode, zero = value.decode, value.zero
    if field.inline:

        def finish_inline(result: JSONObject, found: list[bytes] | None) -> None:
            result.update(decode(b"".join(found or ())))

        return finish_inline
    if prefix == "[]":

        def finish_list(result: JSONObject, found: list[Any] | None) -> None:
            if found:
                result[name] = [decode(item) for item in found]
            elif not omitted:
                result[name] = None

        return finish_list
    if prefix == "map[]":
        read_entry = _entry_reader(value, struct=type.startswith("@"))

        def finish_map(result: JSONObject, found: list[bytes] | None) -> None:
            if found:
                result[name] = dict(map(read_entry, found))
            elif not omitted:
                result[name] = None

        return finish_map
    # Go decodes into the same struct again when a message's field comes twice: one after the other.
    merged = value.wire == BYTES and type not in ("string", "bytes")
    struct = type.startswith("@")
    # An empty struct is no empty value to `omitempty`; a nil slice is.
    omits_zero = not field.pointer and (field.omit_zero or (omitted and type in _CAN_BE_EMPTY))

    def finish(result: JSONObject, found: list[Any] | None) -> None:
        if found:
            item = decode(b"".join(found) if merged and len(found) > 1 else found[-1])
        elif field.pointer:
            if not omitted:
                result[name] = None
            return
        else:
            item = decode(b"") if struct else zero
        if omits_zero and (item == zero or item is None or (type == "bytes" and not item)):
            return
        result[name] = item

    return finish


_CAN_BE_EMPTY = frozenset(("string", "bool", "int32", "int64", "float64", "bytes", "strings"))


def _entry_reader(value: Value, *, struct: bool) -> Callable[[bytes], tuple[str, Any]]:
    """Reads one entry of a map."""
    if struct or value.wire == BYTES:
        missing: Any = b""
    else:
        missing = 0 if value.wire == VARINT else bytes(8)

    def read(data: bytes) -> tuple[str, Any]:
        key, item = b"", missing
        at = 0
        while at < len(data):
            head, at = read_varint(data, at)
            if head == 0x0A:
                key, at = read_delimited(data, at)
            elif head >> 3 == 2 and head & 7 == value.wire:
                if value.wire == BYTES:
                    item, at = read_delimited(data, at)
                elif value.wire == FIXED64:
                    item, at = read_fixed(data, at, 8)
                else:
                    item, at = read_varint(data, at)
            else:
                at = skip(data, at, head & 7)
        return key.decode("utf-8", "replace"), value.decode(item)

    return read


@cache
def codec() -> Codec:
    """The codec of the data file; one instance a process is enough."""
    return Codec(tables())
