"""Bodies of requests: JSON, YAML, protobuf or CBOR to an object; what is wrong as kube-apiserver words it."""

from __future__ import annotations

import json
from typing import Any, Final, cast

import msgspec

from reconcile.apiserver import status
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.handlers.negotiation import accepted_types
from reconcile.apiserver.handlers.nesting import TooDeepError, check_depth
from reconcile.apiserver.handlers.yaml_bodies import load_yaml
from reconcile.apiserver.interfaces import JSONObject

MAX_BODY = 3 * 1024 * 1024
_decode = msgspec.json.Decoder().decode


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def decode_body(
    raw: bytes,
    content_type: str,
    kind: str,
    api_version: str = "v1",
    *,
    custom: bool = False,
    cbor: bool = False,
) -> tuple[JSONObject, list[str]]:
    """The object of a body, and which of its fields came twice, in the words of the format's reader.

    `kind` and `api_version` are what is expected, for messages and for protobuf that does not name its kind.
    `custom`: of a custom resource, which has no protobuf form; kube-apiserver breaks off such a request
    without an answer. `cbor`: the server speaks it. Raises 400, 413, 415.
    """
    media = media_type(content_type) if content_type else "application/json"
    if len(raw) > MAX_BODY:
        raise status.too_large(f"Request entity too large: limit is {MAX_BODY}")
    if media == "application/json":
        return _decode_json(raw, kind)
    if media == "application/vnd.kubernetes.protobuf" and not custom:
        return _decode_protobuf(raw, kind, api_version), []
    if media == "application/cbor" and cbor:
        from reconcile.apiserver.handlers.cbor_bodies import decode_cbor

        return decode_cbor(raw, kind, api_version, custom=custom), []
    if media == "application/yaml":
        try:
            found, duplicates = load_yaml(raw)
        except ValueError as error:
            raise unrecognized(kind, f"{error} ({summary(raw)})") from None
        if not isinstance(found, dict):
            detail = f"couldn't get version/kind; json parse error: {_no_object(found)} ({summary(raw)})"
            raise unrecognized(kind, detail)
        return cast("JSONObject", found), duplicates
    raise status.unsupported_media_type(
        "the body of the request was in an unknown format - accepted media types include: "
        + accepted_types(cbor=cbor)
    )


def _decode_protobuf(raw: bytes, kind: str, api_version: str) -> JSONObject:
    from reconcile.apiserver.protobuf import EnvelopeError, ProtobufError, decode_object

    try:
        return decode_object(raw, api_version, kind)
    except EnvelopeError as error:
        if kind == "DeleteOptions":
            raise status.bad_request(str(error)) from None
        raise unrecognized(kind, f"{error} ({summary(raw)})") from None
    except ProtobufError as error:
        version = api_version.rpartition("/")[2]
        raise status.bad_request(
            f'{kind} in version "{version}" cannot be handled as a {kind}: {error}'
        ) from None


def _decode_json(raw: bytes, kind: str) -> tuple[JSONObject, list[str]]:
    try:
        found: Any = _decode(raw)
    except msgspec.DecodeError:
        detail = f"couldn't get version/kind; json parse error: {go_json_error(raw)} ({summary(raw)})"
        raise unrecognized(kind, detail) from None
    except RecursionError:
        try:
            check_depth(raw)
        except TooDeepError as error:
            detail = f"couldn't get version/kind; json parse error: {error} ({summary(raw)})"
            raise unrecognized(kind, detail) from None
        raise
    if found is None:
        return {}, []
    if not isinstance(found, dict):
        detail = f"couldn't get version/kind; json parse error: {_no_object(found)} ({summary(raw)})"
        raise unrecognized(kind, detail)
    # Two passes only where one shows that a key may be repeated: canonical encoding is shorter then.
    obj = cast("JSONObject", found)
    return merged_repeats(raw) if may_repeat(raw, obj) else (obj, [])


def may_repeat(raw: bytes, found: object) -> bool:
    """Whether a JSON text may have a field twice in one object, judged by what it was decoded to."""
    # Every key is followed by a colon; colons elsewhere are in strings and survive decoding.
    return raw.count(b":") != msgspec.json.encode(found).count(b":")


def merged_repeats(raw: bytes) -> tuple[Any, list[str]]:
    """The value of a JSON text as Go reads it, objects under one key become one; and `duplicate field "a.b"`
    for each field that comes twice in one object."""
    repeated: list[str] = []

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, _Pairs):
            made: dict[str, Any] = {}
            told: set[str] = set()
            for key, item in value:
                if key in made and key not in told:
                    told.add(key)
                    repeated.append(_repeated(path + key))
                read = walk(item, f"{path}{key}.")
                held = made.get(key)
                made[key] = {**held, **read} if isinstance(held, dict) and isinstance(read, dict) else read
            return made
        if isinstance(value, list):
            return [
                walk(item, f"{path[:-1]}[{index}].") for index, item in enumerate(cast("list[Any]", value))
            ]
        return value

    return walk(json.loads(raw, object_pairs_hook=_Pairs), ""), repeated


def as_met(raw: bytes, findings: list[str]) -> list[str]:
    """Findings about the JSON of a built-in kind, in the order in which Go's reader meets the fields.

    It skips what it does not know, so nothing is said of what is in there, nor that it comes twice.
    """
    if all(finding.startswith("unknown") for finding in findings):
        return findings
    known = frozenset(findings)
    met: list[str] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, _Pairs):
            seen: set[str] = set()
            for key, item in value:
                unknown = f'unknown field "{path}{key}"'
                if unknown in known:
                    met.append(unknown)
                    continue
                if key in seen:
                    met.append(_repeated(path + key))
                seen.add(key)
                walk(item, f"{path}{key}.")
        elif isinstance(value, list):
            for index, item in enumerate(cast("list[Any]", value)):
                walk(item, f"{path[:-1]}[{index}].")

    walk(json.loads(raw, object_pairs_hook=_Pairs), "")
    told = dict.fromkeys(met)
    return [*told, *(each for each in findings if not each.startswith("duplicate") and each not in told)]


def strict_error(findings: list[str]) -> str:
    """What a strict reader says of findings; those of go-yaml are one error."""
    of_yaml = [finding for finding in findings if finding.endswith("already set in map")]
    rest = [finding for finding in findings if finding not in of_yaml]
    first = ["\n  ".join(("yaml: unmarshal errors:", *of_yaml))] if of_yaml else []
    return ", ".join(first + rest)


class _Pairs(list[tuple[str, Any]]):
    """An object's fields as written."""


def _repeated(path: str) -> str:
    return f'duplicate field "{path}"'


_OPTION_TYPES: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "gracePeriodSeconds": ((int,), "int64"),
    "orphanDependents": ((bool,), "bool"),
    "propagationPolicy": ((str,), "v1.DeletionPropagation"),
    "dryRun": ((list,), "[]string"),
    "preconditions": ((dict,), "v1.Preconditions"),
}


def decode_delete_options(raw: bytes, content_type: str, *, cbor: bool = False) -> JSONObject:
    """The DeleteOptions of a body. Raises 400 in the words of the decoder behind, which names no kind."""
    try:
        body, _ = decode_body(raw, content_type, "DeleteOptions", cbor=cbor)
    except status.StatusError as error:
        _, found, detail = error.message.partition("(must be of type DeleteOptions): ")
        if found:
            raise status.bad_request(detail.rpartition(" (")[0]) from None
        _, found, detail = error.message.partition("cannot be handled as a DeleteOptions: ")
        raise (status.bad_request(detail) if found else error) from None
    kind, version = body.get("kind") or "DeleteOptions", body.get("apiVersion") or "v1"
    if kind == "Status":
        raise status.bad_request(f"converting ({version}.Status) to (v1.DeleteOptions): unknown conversion")
    if kind != "DeleteOptions":
        raise status.bad_request(
            f"no kind {go_quote(str(kind))} is registered for version {go_quote(str(version))} "
            'in scheme "pkg/runtime/scheme.go:111"'
        )
    for name, (types, go_type) in _OPTION_TYPES.items():
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise status.bad_request(
                f"json: cannot unmarshal {_GO_NAMES.get(type(value), 'object')} into Go struct field "
                f"DeleteOptions.{name} of type {go_type}"
            )
    return body


def unrecognized(kind: str, detail: str) -> status.StatusError:
    """The 400 of a body that is of no kind."""
    return status.bad_request(f"the object provided is unrecognized (must be of type {kind}): {detail}")


_GO_NAMES: Final[dict[type, str]] = {
    list: "array",
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
}


def _no_object(found: object) -> str:
    name = _GO_NAMES.get(type(found), "null")
    target = (
        'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
        'Kind string "json:\\"kind,omitempty\\"" }'
    )
    return f"json: cannot unmarshal {name} into Go value of type {target}"


def summary(raw: bytes) -> str:
    """The body as messages show it: what begins as an object does, as text; all else in hexadecimal."""
    if not raw:
        return "<empty>"
    shown = raw[:30].decode(errors="replace") if raw[:1] == b"{" else raw[:30].hex()
    return shown if len(raw) <= 30 else f"{shown} ..."


def _go_character(char: str) -> str:
    return "'\\''" if char == "'" else f"'{char}'"


def go_json_error(raw: bytes) -> str:
    """What Go's encoding/json says of this text, for the usual mistakes."""
    text = raw.strip()
    if not text:
        return "unexpected end of JSON input"
    for literal in (b"null", b"true", b"false"):
        if text[:1] == literal[:1] and not text.startswith(literal):
            for index, (found, wanted) in enumerate(zip(text, literal, strict=False)):
                if found != wanted and index:
                    return (
                        f"invalid character {_go_character(chr(found))} in literal {literal.decode()} "
                        f"(expecting '{chr(wanted)}')"
                    )
            return "unexpected end of JSON input"
    if text[:1] not in b'{["-0123456789ntf':
        return f"invalid character {_go_character(chr(text[0]))} looking for beginning of value"
    try:
        json.loads(raw)
    except json.JSONDecodeError as error:
        if error.pos >= len(error.doc) or error.msg.startswith("Unterminated"):
            return "unexpected end of JSON input"
        quoted = _go_character(error.doc[error.pos])
        where = {
            "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
            "Expecting value": "looking for beginning of value",
            "Expecting ',' delimiter": "after object key:value pair",
            "Expecting ':' delimiter": "after object key",
            "Extra data": "after top-level value",
            "Illegal trailing comma before end of object": "looking for beginning of object key string",
            "Illegal trailing comma before end of array": "looking for beginning of value",
        }.get(error.msg, "looking for beginning of value")
        return f"invalid character {quoted} {where}"
    except RecursionError:
        # Go goes down to 10,000 levels; how far Python goes depends on where it stands.
        return f"invalid character {_go_character(chr(raw.lstrip()[0]))} exceeded max depth"
    except (UnicodeDecodeError, ValueError):
        pass
    return "invalid character in string literal"
