"""A document of OpenAPI v3 as protobuf, which kubectl asks for: gnostic's openapiv3/OpenAPIv3.proto.

Only what Kubernetes' documents have is known: no servers, links, callbacks, headers or examples.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from reconcile.apiserver.discovery.openapi_messages import (
    Encoder,
    Fields,
    any_value,
    boolean,
    double,
    inner,
    integer,
    mapped,
    message,
    named,
    one,
    repeated,
    several,
    string,
    strings,
    text,
)
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.protobuf.wire import BYTES, FIXED64, VARINT, tag

CONTENT_TYPE: Final = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
NAMES: Final = (CONTENT_TYPE, "application/com.github.proto-openapi.spec.v3@v1.0+protobuf")
"""The names under which clients ask for it, the present one first."""


def encode_document(document: JSONObject) -> bytes:
    """The whole document. A field that is not known is left out."""
    return message(_DOCUMENT)(document)


def _or_reference(encode: Encoder) -> Encoder:
    def encoded(value: JSONObject) -> bytes:
        return one(2, string(1)(value["$ref"])) if "$ref" in value else one(1, encode(value))

    return encoded


def _schema(value: JSONObject) -> bytes:
    return _schema_or_reference(value)


def _plain_schema(value: JSONObject) -> bytes:
    return _encode_schema(value)


def _additional(value: Any) -> bytes:
    if isinstance(value, bool):
        return tag(2, VARINT) + (b"\x01" if value else b"\x00")
    return one(1, _schema(value))


def _default(value: Any) -> bytes:
    """Of a default only numbers, booleans and texts have a form."""
    if isinstance(value, bool):
        return tag(2, VARINT) + (b"\x01" if value else b"\x00")
    if isinstance(value, (int, float)):
        return tag(1, FIXED64) + struct.pack("<d", value)
    if isinstance(value, str):
        return tag(3, BYTES) + text(value)
    return b""


_SCHEMA: Final[Fields] = {
    "nullable": boolean(1),
    "readOnly": boolean(3),
    "writeOnly": boolean(4),
    "example": inner(7, any_value),
    "deprecated": boolean(8),
    "title": string(9),
    "multipleOf": double(10),
    "maximum": double(11),
    "exclusiveMaximum": boolean(12),
    "minimum": double(13),
    "exclusiveMinimum": boolean(14),
    "maxLength": integer(15),
    "minLength": integer(16),
    "pattern": string(17),
    "maxItems": integer(18),
    "minItems": integer(19),
    "uniqueItems": boolean(20),
    "maxProperties": integer(21),
    "minProperties": integer(22),
    "required": strings(23),
    "enum": several(24, any_value),
    "type": string(25),
    "allOf": several(26, _schema),
    "oneOf": several(27, _schema),
    "anyOf": several(28, _schema),
    "not": inner(29, _plain_schema),
    "items": inner(30, lambda value: one(1, _schema(value))),
    "properties": mapped(31, 1, _schema),
    "additionalProperties": inner(32, _additional),
    "default": inner(33, _default),
    "description": string(34),
    "format": string(35),
}
_encode_schema = message(_SCHEMA, 36)
_schema_or_reference = _or_reference(_encode_schema)

_encode_media = message({"schema": inner(1, _schema)}, 5)
_PARAMETER: Final[Fields] = {
    "name": string(1),
    "in": string(2),
    "description": string(3),
    "required": boolean(4),
    "deprecated": boolean(5),
    "allowEmptyValue": boolean(6),
    "schema": inner(10, _schema),
}
_parameter = _or_reference(message(_PARAMETER, 14))
_BODY: Final[Fields] = {
    "description": string(1),
    "content": mapped(2, 1, _encode_media),
    "required": boolean(3),
}
_RESPONSE: Final[Fields] = {"description": string(1), "content": mapped(3, 1, _encode_media)}
_response = _or_reference(message(_RESPONSE, 5))


def _responses(value: JSONObject) -> bytes:
    default = one(1, _response(value["default"])) if "default" in value else b""
    codes = [named(code, _response(item)) for code, item in value.items() if code != "default"]
    return default + repeated(2, codes)


_OPERATION: Final[Fields] = {
    "tags": strings(1),
    "summary": string(2),
    "description": string(3),
    "operationId": string(5),
    "parameters": several(6, _parameter),
    "requestBody": inner(7, _or_reference(message(_BODY, 4))),
    "responses": inner(8, _responses),
    "deprecated": boolean(10),
}
_encode_operation = message(_OPERATION, 13)
_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PATH_ITEM: Final[Fields] = {
    **{method: inner(number, _encode_operation) for number, method in enumerate(_METHODS, 4)},
    "parameters": several(13, _parameter),
}
_INFO: Final[Fields] = {"title": string(1), "description": string(2), "version": string(6)}
_SECURITY: Final[Fields] = {
    "type": string(1),
    "description": string(2),
    "name": string(3),
    "in": string(4),
    "scheme": string(5),
}
_COMPONENTS: Final[Fields] = {
    "schemas": mapped(1, 1, _schema),
    "securitySchemes": mapped(7, 1, _or_reference(message(_SECURITY, 9))),
}


def _requirement(value: JSONObject) -> bytes:
    return repeated(1, [named(name, strings(1)(scopes)) for name, scopes in value.items()])


_DOCUMENT: Final[Fields] = {
    "openapi": string(1),
    "info": inner(2, message(_INFO, 7)),
    "paths": mapped(4, 1, message(_PATH_ITEM, 14)),
    "components": inner(5, message(_COMPONENTS, 10)),
    "security": several(6, _requirement),
}
