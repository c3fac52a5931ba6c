"""The types that expressions of mutating policies can make: `Object`, `Object.spec`, …, and `JSONPatch`.

As k8s.io/apiserver's pkg/cel/mutation: an object's fields may have any name and type; a patch has four.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconcile.cel import types
from reconcile.cel.declarations import Function, Overload
from reconcile.cel.failure import Failure, no_such_overload
from reconcile.cel.types import Kind, Type
from reconcile.cel.values import Opaque, type_name

OBJECT: Final = Type(Kind.STRUCT, "Object")
JSON_PATCH: Final = Type(Kind.STRUCT, "JSONPatch")
STRUCT_COST: Final = 40
"""What making a struct costs beside its fields."""
_PATCH_FIELDS: Final[Mapping[str, Type]] = {
    "op": types.STRING,
    "path": types.STRING,
    "from": types.STRING,
    "value": types.DYN,
}


def struct_type(name: str) -> Type | None:
    """The type of that name, when it is one of these."""
    if name == JSON_PATCH.name:
        return JSON_PATCH
    return Type(Kind.STRUCT, name) if name == OBJECT.name or name.startswith("Object.") else None


def field_type(struct: Type, field: str) -> Type | None:
    """The type of a field; None where there is none of that name."""
    if struct == JSON_PATCH:
        return _PATCH_FIELDS.get(field)
    return types.DYN if struct_type(struct.name) is not None else None


def make(struct: Type, fields: dict[str, Any]) -> Opaque:
    """A value of the type. Raises Failure."""
    if struct == JSON_PATCH:
        for name, value in fields.items():
            if name != "value" and not isinstance(value, str):
                raise Failure(f"unexpected type {type_name(value)} for JSONPatchType '{name}' field")
    return Opaque(struct, fields, struct.name)


def functions() -> dict[str, Function]:
    """The functions that come with these types."""
    overload = Overload("string_jsonpatch_escapeKey_string", (types.STRING,), types.STRING, _escape_key)
    return {"jsonpatch.escapeKey": Function("jsonpatch.escapeKey", [overload])}


def _escape_key(key: Any) -> str:
    if not isinstance(key, str):
        raise no_such_overload()
    return key.replace("~", "~0").replace("/", "~1")
