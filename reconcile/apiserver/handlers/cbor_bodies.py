"""Bodies in CBOR to an object; what is wrong in the words of kube-apiserver."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from reconcile.apiserver import status
from reconcile.apiserver.cbor import CBORError, decode, index_of_unknown, text_in_bytes, type_of
from reconcile.apiserver.handlers.bodies import summary, unrecognized
from reconcile.apiserver.interfaces import JSONObject


def decode_cbor(raw: bytes, kind: str, api_version: str, *, custom: bool) -> JSONObject:
    """The object of a body. Raises 400."""
    try:
        found = decode(raw, times=custom)
    except CBORError as error:
        if not error.inside:
            detail = f"unable to determine group/version/kind: {error} ({summary(raw)})"
            raise unrecognized(kind, detail) from None
        version = api_version.rpartition("/")[2]
        raise status.bad_request(
            f'{kind} in version "{version}" cannot be handled as a {kind}: '
            + (str(error) if custom else error.in_struct(f"{version}.{kind}"))
        ) from None
    if found is None:
        return {}
    problem = "" if isinstance(found, dict) else no_cbor_map(type_of(raw))
    if isinstance(found, dict):
        obj = cast("JSONObject", found)
        for name in ("apiVersion", "kind"):
            if not isinstance(obj.get(name, ""), str | None):
                field = f"into Go struct field v1.TypeMeta.{name} of type string"
                problem = f"cbor: cannot unmarshal {_cbor_type(obj[name])} {field}"
        if not problem and not custom:
            place = text_in_bytes(raw, obj.get("apiVersion") or api_version, obj.get("kind") or kind)
            if place:
                version = api_version.rpartition("/")[2]
                raise status.bad_request(
                    f'{kind} in version "{version}" cannot be handled as a {kind}: cbor: cannot unmarshal '
                    f"UTF-8 text string into Go struct field {version}.{kind}.{place} of type []uint8"
                )
        if not problem:
            return obj
    raise unrecognized(kind, f"unable to determine group/version/kind: {problem} ({summary(raw)})")


def _cbor_type(value: object) -> str:
    """What CBOR calls the type of a JSON value; strings are byte strings there as a rule."""
    if isinstance(value, bool | float):
        return "primitives"
    if isinstance(value, int):
        return "positive integer" if value >= 0 else "negative integer"
    return {str: "byte string", list: "array"}.get(type(value), "map")


_JSON_MISMATCH: Final = re.compile(
    r"json: cannot unmarshal (\S+)(?: \S+)? into Go struct field \w+\.(\w+)\S* of type (\S+)"
)
_CBOR_TYPES: Final = {"string": "byte string", "bool": "primitives", "object": "map"}


def _first_number(value: Any) -> int | float:
    """The first of all numbers in a value; 0 where there is none."""
    todo: list[Any] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, int | float) and not isinstance(item, bool):
            return item
        if isinstance(item, dict):
            todo.extend(reversed(list(cast("JSONObject", item).values())))
        elif isinstance(item, list):
            todo.extend(reversed(cast("list[Any]", item)))
    return 0


def cbor_mismatch(error: status.StatusError, kind: str, version: str, raw: bytes) -> status.StatusError:
    """What is said of a value of the wrong type, in the words of upstream's decoder of CBOR."""
    text = error.message
    if found := _JSON_MISMATCH.search(text):
        what, field, wanted = found.groups()
        named = _CBOR_TYPES.get(what, what)
        if what == "number":
            named = _cbor_type(_first_number(decode(raw, times=False)[field]))
        told = (
            f"cbor: cannot unmarshal {named} into Go struct field {version}.{kind}.{field} of type {wanted}"
        )
        text = f"{text[: found.start()]}{told}"
    elif "illegal base64 data" in text:
        before, _, rest = text.partition("illegal base64 data")
        text = f"{before}cbor: failed to decode base64 from byte string: illegal base64 data{rest}"
    else:
        return error
    return status.bad_request(text)


def cbor_findings(raw: bytes, findings: list[str]) -> list[str]:
    """What a strict reader finds in a body: the first unknown field alone, by its place in its map."""
    index = index_of_unknown(decode(raw), findings[0])
    return [f"cbor: found unknown field at map element index {index}"]


def no_cbor_map(name: str, wanted: str = "v1.TypeMeta") -> str:
    """What upstream's decoder of CBOR says of something else in the place of a map."""
    hint = " (cannot decode CBOR array to struct without toarray option)"
    shown = hint if name == "array" and wanted == "v1.TypeMeta" else ""
    return f"cbor: cannot unmarshal {name} into Go value of type {wanted}{shown}"
