"""The OpenAPI v2 document as protobuf, which kubectl asks for: gnostic's openapiv2/OpenAPIv2.proto.

Only what Kubernetes' documents have is known: no headers of responses, no examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

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
from reconcile.apiserver.protobuf.wire import BYTES, VARINT, tag

CONTENT_TYPE: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
NAMES: Final = (
    CONTENT_TYPE,
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.googleapis.gnostic.openapiv2+protobuf",
)
"""The names under which clients ask for it, the present one first."""


def encode_document(document: JSONObject) -> bytes:
    """The whole document. A field that is not known is left out."""
    return message(_DOCUMENT)(document)


def _schema(value: JSONObject) -> bytes:
    return _encode_schema(value)


def _additional(value: Any) -> bytes:
    if isinstance(value, bool):
        return tag(2, VARINT) + (b"\x01" if value else b"\x00")
    return one(1, _schema(value))


def _types(value: Any) -> bytes:
    names = cast("list[str]", value) if isinstance(value, list) else [value]
    return b"".join(tag(1, BYTES) + text(name) for name in names)


def _items(value: Any) -> bytes:
    schemas = cast("list[JSONObject]", value) if isinstance(value, list) else [value]
    return repeated(1, [_schema(schema) for schema in schemas])


_SCHEMA: Final[Fields] = {
    "$ref": string(1),
    "format": string(2),
    "title": string(3),
    "description": string(4),
    "default": inner(5, any_value),
    "multipleOf": double(6),
    "maximum": double(7),
    "exclusiveMaximum": boolean(8),
    "minimum": double(9),
    "exclusiveMinimum": boolean(10),
    "maxLength": integer(11),
    "minLength": integer(12),
    "pattern": string(13),
    "maxItems": integer(14),
    "minItems": integer(15),
    "uniqueItems": boolean(16),
    "maxProperties": integer(17),
    "minProperties": integer(18),
    "required": strings(19),
    "enum": several(20, any_value),
    "additionalProperties": inner(21, _additional),
    "type": inner(22, _types),
    "items": inner(23, _items),
    "allOf": several(24, _schema),
    "properties": mapped(25, 1, _schema),
    "readOnly": boolean(27),
    "example": inner(30, any_value),
}
_encode_schema = message(_SCHEMA, 31)

_BODY: Final[Fields] = {
    "description": string(1),
    "name": string(2),
    "in": string(3),
    "required": boolean(4),
    "schema": inner(5, _schema),
}
# The same for what is in the query, but that it has one field more from the fifth on.
_PATH: Final[Fields] = {
    "required": boolean(1),
    "in": string(2),
    "description": string(3),
    "name": string(4),
    "type": string(5),
    "format": string(6),
    "uniqueItems": boolean(19),
}
_QUERY: Final[Fields] = {
    **_PATH,
    "allowEmptyValue": boolean(5),
    "type": string(6),
    "format": string(7),
    "uniqueItems": boolean(20),
}
_encode_body = message(_BODY, 6)
_PLACES: Final[Mapping[str, tuple[int, Encoder]]] = {
    "header": (1, message(_PATH, 22)),
    "query": (3, message(_QUERY, 23)),
    "path": (4, message(_PATH, 22)),
}


def _parameter(value: JSONObject) -> bytes:
    if value.get("in") == "body":
        return one(1, _encode_body(value))
    number, encode = _PLACES[value["in"]]
    return one(2, one(number, encode(value)))


def _parameter_or_reference(value: JSONObject) -> bytes:
    if "$ref" in value:
        return one(2, string(1)(value["$ref"]))
    return one(1, _parameter(value))


_RESPONSE: Final[Fields] = {
    "description": string(1),
    "schema": inner(2, lambda value: one(1, _schema(value))),
}
_encode_response = message(_RESPONSE, 5)

_OPERATION: Final[Fields] = {
    "tags": strings(1),
    "summary": string(2),
    "description": string(3),
    "operationId": string(5),
    "produces": strings(6),
    "consumes": strings(7),
    "parameters": several(8, _parameter_or_reference),
    "responses": mapped(9, 1, lambda value: one(1, _encode_response(value))),
    "schemes": strings(10),
    "deprecated": boolean(11),
}
_encode_operation = message(_OPERATION, 13)

_PATH_ITEM: Final[Fields] = {
    **{
        method: inner(number, _encode_operation)
        for number, method in enumerate(("get", "put", "post", "delete", "options", "head", "patch"), 2)
    },
    "parameters": several(9, _parameter_or_reference),
}
_encode_path_item = message(_PATH_ITEM, 10)

_INFO: Final[Fields] = {"title": string(1), "version": string(2), "description": string(3)}


def _security(value: JSONObject) -> bytes:
    """The way of a bearer token, the only one that Kubernetes' documents define."""
    key = {"type": string(1), "name": string(2), "in": string(3), "description": string(4)}
    return one(2, message(key)(value))


def _requirement(value: JSONObject) -> bytes:
    return repeated(1, [named(name, strings(1)(scopes)) for name, scopes in value.items()])


_DOCUMENT: Final[Fields] = {
    "swagger": string(1),
    "info": inner(2, message(_INFO)),
    "paths": mapped(8, 2, _encode_path_item),
    "definitions": mapped(9, 1, _schema),
    "parameters": mapped(10, 1, _parameter),
    "security": several(12, _requirement),
    "securityDefinitions": mapped(13, 1, _security),
}
