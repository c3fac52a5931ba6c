"""Bodies in the form that was agreed on, and Warning headers."""

from __future__ import annotations

import json
from collections.abc import Iterable

import msgspec

from reconcile.apiserver import status
from reconcile.apiserver.handlers.messages import Response, error_response
from reconcile.apiserver.handlers.negotiation import Form


def in_form(response: Response, form: Form) -> Response:
    """The answer with its JSON body in the agreed encoding; streams come in theirs already."""
    if response.stream is not None or response.headers.get("content-type") != "application/json":
        return response
    if form.encoding == "yaml":
        response.body = to_yaml(response.body)
        response.headers["content-type"] = "application/yaml"
    elif form.encoding == "protobuf":
        return _in_protobuf(response)
    elif form.encoding == "cbor":
        from reconcile.apiserver.cbor import CONTENT_TYPE, encode_object

        response.body = encode_object(msgspec.json.decode(response.body))
        response.headers["content-type"] = CONTENT_TYPE
    elif form.pretty:
        response.body = pretty_json(response.body)
    return response


def _in_protobuf(response: Response) -> Response:
    from reconcile.apiserver.protobuf import CONTENT_TYPE, ProtobufError, encode_object

    try:
        response.body = encode_object(msgspec.json.decode(response.body))
    except ProtobufError as error:
        return error_response(status.not_acceptable(str(error)))
    response.headers["content-type"] = CONTENT_TYPE
    return response


def to_yaml(body: bytes) -> bytes:
    """A JSON body as YAML, keys sorted."""
    from reconcile.apiserver.handlers.yaml_answers import dump_yaml

    return dump_yaml(msgspec.json.decode(body))


def pretty_json(body: bytes) -> bytes:
    """A JSON body indented by two."""
    try:
        return json.dumps(msgspec.json.decode(body), indent=2, ensure_ascii=False).encode()
    except msgspec.DecodeError:
        return body


# Characters of all warnings of an answer, and of one when there are more.
_WARNINGS = 4096
_WARNING = 256


def warning_headers(texts: Iterable[str]) -> tuple[str, ...]:
    """The values of `Warning` header fields: each text once, and shortened where they are many."""
    kept = [text for text in dict.fromkeys(texts) if text]
    if sum(map(len, kept)) <= _WARNINGS:
        return tuple(map(_warning_header, kept))
    found: list[str] = []
    written, total, shortened = 0, 0, False
    for text in kept:
        total += len(text)
        if shortened and written >= _WARNINGS:
            break
        shortened = shortened or total > _WARNINGS
        written += min(len(text), _WARNING)
        found.append(text)
    return tuple(_warning_header(text[:_WARNING]) for text in found)


def _warning_header(text: str) -> str:
    """The value of a `Warning` header field (RFC 7234 5.5)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'
