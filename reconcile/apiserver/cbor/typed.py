"""Where built-in kinds differ from their JSON: bytes are bytes and not base64, floats are floats.

What is what is known from the tables of protobuf, which name the Go type of each field.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import Any, cast

from reconcile.apiserver.cbor.reading import Text, decode
from reconcile.apiserver.cbor.writing import encode, encode_bytes, encode_float, encode_map, head
from reconcile.apiserver.interfaces import JSONObject
from reconcile.apiserver.protobuf.tables import tables

_LATER_BASE64 = b"\xd6"
# What a schema is in, or something else.
_SCHEMAS = {"schemaorbool", "schemaorarray", "schemaorstrings"}
_SCHEMA = "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaProps"


def encode_kind(obj: JSONObject) -> bytes:
    """An object of a built-in kind, or of one that is nowhere typed."""
    index = tables().index_of(obj.get("apiVersion") or "", obj.get("kind") or "")
    if index is None or not _special_fields(index):
        return encode(obj)
    return _encode_struct(obj, index)


def text_in_bytes(raw: bytes, api_version: str, kind: str) -> str:
    """The outermost field in which text stands for bytes of a built-in kind, which is refused; or empty.

    Bytes may come as such, their content in base64 or below a tag that says what it is.
    """
    index = tables().index_of(api_version, kind)
    if index is None or not (special := _special_fields(index)):
        return ""
    obj = decode(raw, times=False, marked=True)
    return next((name for name, type in special.items() if _has_text(obj.get(name), type)), "")


def _has_text(value: Any, type: str) -> bool:
    if isinstance(value, list) and type.startswith("[]"):
        return any(_has_text(item, type[2:]) for item in cast("list[Any]", value))
    if isinstance(value, dict) and type.startswith("map[]"):
        return any(_has_text(item, type[5:]) for item in cast("JSONObject", value).values())
    if isinstance(value, dict) and type.startswith("@"):
        fields = cast("JSONObject", value)
        return any(
            _has_text(fields.get(name), inner) for name, inner in _special_fields(int(type[1:])).items()
        )
    return type == "bytes" and isinstance(value, Text)


def _encode_struct(obj: JSONObject, index: int) -> bytes:
    special = _special_fields(index)

    def encode_field(name: str, value: Any) -> bytes:
        type = special.get(name)
        return encode(value) if type is None or value is None else _encode_typed(value, type)

    return encode_map(obj.items(), encode_field)


def _encode_typed(value: Any, type: str) -> bytes:
    if value is None:
        return encode(value)
    if type.startswith("[]"):
        return head(4, len(value)) + b"".join([_encode_typed(item, type[2:]) for item in value])
    if type.startswith("map[]"):
        return encode_map(value.items(), lambda _, item: _encode_typed(item, type[5:]))
    if type == "bytes":
        return _LATER_BASE64 + encode_bytes(base64.b64decode(value))
    if type == "float64":
        return encode_float(float(value))
    if type.startswith("@"):
        return _encode_struct(value, int(type[1:]))
    if isinstance(value, dict):
        return _encode_struct(cast("JSONObject", value), tables().index_named(_SCHEMA))
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return head(4, len(items)) + b"".join([_encode_typed(item, type) for item in items])
    return encode(value)


@cache
def _special_fields(index: int) -> dict[str, str]:
    """The fields of a message in which, at any depth, a value is not written as its JSON is: name to type."""
    found: dict[str, str] = {}
    for field in tables().messages[index].fields:
        if field.inline and field.type.startswith("@"):
            found.update(_special_fields(int(field.type[1:])))
        elif _reaches(field.type):
            found[field.name] = field.type
    return found


def _inner(type: str) -> str:
    while type.startswith(("[]", "map[]")):
        type = type.partition("]")[2]
    return type


def _reaches(type: str) -> bool:
    """Whether there are bytes or floats in a type."""
    todo, seen = [_inner(type)], set[str]()
    while todo:
        name = todo.pop()
        if name in ("bytes", "float64") or name in _SCHEMAS:
            return True
        if name.startswith("@") and name not in seen:
            seen.add(name)
            todo.extend(_inner(field.type) for field in tables().messages[int(name[1:])].fields)
    return False
