"""What the protobuf forms of OpenAPI documents are made of: gnostic's messages, field by field.

Values of any type (defaults, enumerations, `x-` extensions) are YAML text in them. Fields come in the order
of their numbers, and what is empty, zero or false is left out, as Go's encoder does it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.protobuf.wire import BYTES, FIXED64, VARINT, delimited, tag, varint

Encoder = Callable[[Any], bytes]
"""A value → the bytes of its message, or of its field without the tag."""
Fields = Mapping[str, Encoder]
"""The fields of a message by their JSON names, in the order of their numbers: each gives bytes with tags."""

# Text that would be read as something else without marks around it.
_ambiguous: Final = re.compile(
    r"|[yn~=]|<<|yes|no|on|off|true|false|null|[-+]?\.(?:inf|nan)"
    r"|[-+]?[0-9.][0-9_.,:eExXa-fA-FoO+-]*(?:[Tt ].*)?",
    re.IGNORECASE,
).fullmatch
_plain: Final = re.compile(
    r"(?:[^\x00- \-?:,\[\]{}#&*!|>'\"%@`\x7f]|[-?:](?=[^ ]))"
    r"(?:[^\x00-\x1f\x7f:# ]|:(?=[^ ])|(?<! )#| (?=[^ #]))*"
).fullmatch
_INDENT: Final = 4


def text(value: Any) -> bytes:
    return delimited(str(value).encode())


def any_value(value: Any) -> bytes:
    """`Any`: the value as YAML."""
    return tag(2, BYTES) + delimited("".join(f"{line}\n" for line in _lines(value, 0)).encode())


def _lines(value: Any, column: int) -> list[str]:
    """The value as lines that will stand at this column."""
    if isinstance(value, dict) and value:
        found: list[str] = []
        for key, item in cast("JSONObject", value).items():
            found += _entry(_scalar(key), item, column)
        return found
    if isinstance(value, list) and value:
        found = []
        for item in cast("list[Any]", value):
            first, *rest = _lines(item, column + 2)
            found += [f"- {first}", *(f"  {line}" for line in rest)]
        return found
    return [_scalar(value)]


def _entry(key: str, value: Any, column: int) -> list[str]:
    if not isinstance(value, (dict, list)) or not value:
        return [f"{key}: {_scalar(value)}"]
    inside = _INDENT * (column // _INDENT + 1)
    return [f"{key}:", *(" " * (inside - column) + line for line in _lines(value, inside))]


def _scalar(value: Any) -> str:
    if not isinstance(value, str) or _ambiguous(value) or not value.isprintable():
        return json.dumps(value, ensure_ascii=False)
    return value if _plain(value) else "'" + value.replace("'", "''") + "'"


def named(name: str, value: bytes) -> bytes:
    """An entry of a map."""
    return tag(1, BYTES) + text(name) + tag(2, BYTES) + delimited(value)


def repeated(number: int, parts: list[bytes]) -> bytes:
    head = tag(number, BYTES)
    return b"".join([head + delimited(part) for part in parts])


def one(number: int, value: bytes) -> bytes:
    return tag(number, BYTES) + delimited(value)


def message(known: Fields, extension: int = 0) -> Encoder:
    """`extension`: the number of the field for `x-` names, the last one; 0: there is none."""

    def encode(value: JSONObject) -> bytes:
        made = [write(value[key]) for key, write in known.items() if key in value]
        if extension:
            made += [
                one(extension, named(key, any_value(item)))
                for key, item in value.items()
                if key.startswith("x-")
            ]
        return b"".join(made)

    return encode


def string(number: int) -> Encoder:
    head = tag(number, BYTES)
    return lambda value: head + text(value) if value else b""


def strings(number: int) -> Encoder:
    return lambda value: b"".join(tag(number, BYTES) + text(item) for item in value)


def boolean(number: int) -> Encoder:
    return lambda value: tag(number, VARINT) + b"\x01" if value else b""


def integer(number: int) -> Encoder:
    return lambda value: tag(number, VARINT) + varint(int(value)) if value else b""


def double(number: int) -> Encoder:
    return lambda value: tag(number, FIXED64) + struct.pack("<d", value) if value else b""


def inner(number: int, encode: Encoder) -> Encoder:
    return lambda value: one(number, encode(value))


def several(number: int, encode: Encoder) -> Encoder:
    return lambda value: repeated(number, [encode(item) for item in value])


def mapped(number: int, entry: int, encode: Encoder) -> Encoder:
    """A field whose message holds named values in its field `entry`."""

    def encoded(value: JSONObject) -> bytes:
        return one(number, repeated(entry, [named(name, encode(item)) for name, item in value.items()]))

    return encoded
