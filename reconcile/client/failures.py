"""Error answers of the API server as members of the exception tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from reconcile.errors import APIError, api_error

# What proxies and the server's own filters answer in plain text is quoted up to here.
_QUOTED = 300


def error_of(status: int, headers: Mapping[str, str], body: bytes, *, asked: str) -> APIError:
    """The error for an answer with an error status.

    `asked` names the request, such as `GET /api/v1/pods`; it stands in the text where the body is no
    Status document and so does not say what was asked.
    """
    document = _status_of(body)
    if document is None:
        text = body[:_QUOTED].decode("utf-8", "replace").strip()
        document = {"message": f"{asked}: {text}" if text else f"{asked}: answered with status {status}"}
    return api_error(status, document, headers=headers, retry_after=retry_after_of(headers))


def error_of_status(document: Mapping[str, Any]) -> APIError:
    """The error for a Status document inside a stream, such as the object of an ERROR event."""
    code = document.get("code")
    return api_error(code if isinstance(code, int) else 500, document)


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header; None without one, or for a date (the server sends none)."""
    text = headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None


class _Kind(msgspec.Struct):
    kind: str = ""


_decode_kind = msgspec.json.Decoder(_Kind).decode


def is_status(body: bytes) -> bool:
    """Whether a successful answer is a Status instead of an object."""
    try:
        return _decode_kind(body).kind == "Status"
    except msgspec.DecodeError:
        return False


def uid_in_status(body: bytes) -> str:
    """The uid of the object that a Status is about; empty where it does not say."""
    details = (_status_of(body) or {}).get("details")
    uid: object = cast("Mapping[str, Any]", details).get("uid") if isinstance(details, dict) else None
    return uid if isinstance(uid, str) else ""


def _status_of(body: bytes) -> Mapping[str, Any] | None:
    try:
        document: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    status = cast("dict[str, Any]", document)
    return status if status.get("kind") == "Status" else None
