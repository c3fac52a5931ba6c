"""The OpenAPI v2 document as protobuf, which kubectl asks for: gnostic's openapiv2/OpenAPIv2.proto.

Only what Kubernetes' documents have is known: no security definitions, no headers of responses, no examples.
Values of any type (defaults, enumerations, `x-` extensions) are YAML there; JSON is YAML.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec

from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.protobuf.wire import BYTES, FIXED64, VARINT, delimited, tag, varint

Encoder = Callable[[Any], bytes]
"""A value → the bytes of its message, or of its field without the tag."""

CONTENT_TYPE: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
NAMES: Final = (
    CONTENT_TYPE,
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.googleapis.gnostic.openapiv2+protobuf",
)
"""The names under which clients ask for it, the present one first."""


def encode_document(document: JSONObject) -> bytes:
    """The whole document. A field that is not known is left out."""
    return _message(_DOCUMENT)(document)


def _text(value: Any) -> bytes:
    return delimited(str(value).encode())


def _any(value: Any) -> bytes:
    return tag(2, BYTES) + delimited(msgspec.json.encode(value))


def _named(name: str, value: bytes) -> bytes:
    return tag(1, BYTES) + _text(name) + tag(2, BYTES) + delimited(value)


def _repeated(number: int, parts: list[bytes]) -> bytes:
    head = tag(number, BYTES)
    return b"".join([head + delimited(part) for part in parts])


def _one(number: int, value: bytes) -> bytes:
    return tag(number, BYTES) + delimited(value)


_Fields = Mapping[str, Callable[[Any], bytes]]
"""The fields of a message by their JSON names: each gives its bytes with tags."""


def _message(known: _Fields, extension: int = 0) -> Encoder:
    """`extension`: the number of the field for `x-` names; 0: there is none."""

    def encode(value: JSONObject) -> bytes:
        made = [known[key](item) for key, item in value.items() if key in known]
        if extension:
            made += [
                _one(extension, _named(key, _any(item)))
                for key, item in value.items()
                if key.startswith("x-")
            ]
        return b"".join(made)

    return encode


def _string(number: int) -> Encoder:
    head = tag(number, BYTES)
    return lambda value: head + _text(value)


def _strings(number: int) -> Encoder:
    return lambda value: b"".join(tag(number, BYTES) + _text(item) for item in value)


def _boolean(number: int) -> Encoder:
    return lambda value: tag(number, VARINT) + b"\x01" if value else b""


def _integer(number: int) -> Encoder:
    return lambda value: tag(number, VARINT) + varint(int(value))


def _double(number: int) -> Encoder:
    return lambda value: tag(number, FIXED64) + struct.pack("<d", value)


def _inner(number: int, encode: Encoder) -> Encoder:
    return lambda value: _one(number, encode(value))


def _list(number: int, encode: Encoder) -> Encoder:
    return lambda value: _repeated(number, [encode(item) for item in value])


def _map(number: int, entry: int, encode: Encoder) -> Encoder:
    """A field whose message holds named values in its field `entry`."""

    def encoded(value: JSONObject) -> bytes:
        return _one(number, _repeated(entry, [_named(name, encode(item)) for name, item in value.items()]))

    return encoded


def _schema(value: JSONObject) -> bytes:
    return _encode_schema(value)


def _additional(value: Any) -> bytes:
    if isinstance(value, bool):
        return tag(2, VARINT) + (b"\x01" if value else b"\x00")
    return _one(1, _schema(value))


def _types(value: Any) -> bytes:
    names = cast("list[str]", value) if isinstance(value, list) else [value]
    return b"".join(tag(1, BYTES) + _text(name) for name in names)


def _items(value: Any) -> bytes:
    schemas = cast("list[JSONObject]", value) if isinstance(value, list) else [value]
    return _repeated(1, [_schema(schema) for schema in schemas])


_SCHEMA: Final[_Fields] = {
    "$ref": _string(1),
    "format": _string(2),
    "title": _string(3),
    "description": _string(4),
    "default": _inner(5, _any),
    "multipleOf": _double(6),
    "maximum": _double(7),
    "exclusiveMaximum": _boolean(8),
    "minimum": _double(9),
    "exclusiveMinimum": _boolean(10),
    "maxLength": _integer(11),
    "minLength": _integer(12),
    "pattern": _string(13),
    "maxItems": _integer(14),
    "minItems": _integer(15),
    "uniqueItems": _boolean(16),
    "maxProperties": _integer(17),
    "minProperties": _integer(18),
    "required": _strings(19),
    "enum": _list(20, _any),
    "additionalProperties": _inner(21, _additional),
    "type": _inner(22, _types),
    "items": _inner(23, _items),
    "allOf": _list(24, _schema),
    "properties": _map(25, 1, _schema),
    "readOnly": _boolean(27),
    "example": _inner(30, _any),
}
_encode_schema = _message(_SCHEMA, 31)

_BODY: Final[_Fields] = {
    "description": _string(1),
    "name": _string(2),
    "in": _string(3),
    "required": _boolean(4),
    "schema": _inner(5, _schema),
}
# The same for what is in the query, but that it has one field more from the fifth on.
_PATH: Final[_Fields] = {
    "required": _boolean(1),
    "in": _string(2),
    "description": _string(3),
    "name": _string(4),
    "type": _string(5),
    "format": _string(6),
    "uniqueItems": _boolean(18),
}
_QUERY: Final[_Fields] = {
    **_PATH,
    "allowEmptyValue": _boolean(5),
    "type": _string(6),
    "format": _string(7),
    "uniqueItems": _boolean(19),
}
_encode_body = _message(_BODY, 6)
_PLACES: Final[Mapping[str, tuple[int, Encoder]]] = {
    "header": (1, _message(_PATH, 22)),
    "query": (3, _message(_QUERY, 23)),
    "path": (4, _message(_PATH, 22)),
}


def _parameter(value: JSONObject) -> bytes:
    if value.get("in") == "body":
        return _one(1, _encode_body(value))
    number, encode = _PLACES[value["in"]]
    return _one(2, _one(number, encode(value)))


def _parameter_or_reference(value: JSONObject) -> bytes:
    if "$ref" in value:
        return _one(2, _string(1)(value["$ref"]))
    return _one(1, _parameter(value))


_RESPONSE: Final[_Fields] = {
    "description": _string(1),
    "schema": _inner(2, lambda value: _one(1, _schema(value))),
}
_encode_response = _message(_RESPONSE, 5)

_OPERATION: Final[_Fields] = {
    "tags": _strings(1),
    "summary": _string(2),
    "description": _string(3),
    "operationId": _string(5),
    "produces": _strings(6),
    "consumes": _strings(7),
    "parameters": _list(8, _parameter_or_reference),
    "responses": _map(9, 1, lambda value: _one(1, _encode_response(value))),
    "schemes": _strings(10),
    "deprecated": _boolean(11),
}
_encode_operation = _message(_OPERATION, 13)

_PATH_ITEM: Final[_Fields] = {
    **{
        method: _inner(number, _encode_operation)
        for number, method in enumerate(("get", "put", "post", "delete", "options", "head", "patch"), 2)
    },
    "parameters": _list(9, _parameter_or_reference),
}
_encode_path_item = _message(_PATH_ITEM, 10)

_INFO: Final[_Fields] = {"title": _string(1), "version": _string(2), "description": _string(3)}


def _security(value: JSONObject) -> bytes:
    """The way of a bearer token, the only one that Kubernetes' documents define."""
    key = {"type": _string(1), "name": _string(2), "in": _string(3), "description": _string(4)}
    return _one(2, _message(key)(value))


def _requirement(value: JSONObject) -> bytes:
    return _repeated(1, [_named(name, _strings(1)(scopes)) for name, scopes in value.items()])


_DOCUMENT: Final[_Fields] = {
    "swagger": _string(1),
    "info": _inner(2, _message(_INFO)),
    "paths": _map(8, 2, _encode_path_item),
    "definitions": _map(9, 1, _schema),
    "parameters": _map(10, 1, _parameter),
    "security": _list(12, _requirement),
    "securityDefinitions": _map(13, 1, _security),
}
