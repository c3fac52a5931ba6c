"""Continue tokens, as `k8s.io/apiserver/pkg/storage/continue.go` has them: a start key and a revision."""

from __future__ import annotations

import base64
import json
import posixpath
from typing import Any, cast

from reconcile.apiserver import status
from reconcile.apiserver.field_errors import go_quote

INCONSISTENT = -1
"""The revision of a token that goes on at the present revision instead of the list's."""

EXPIRED_PAGE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter, or use the continue token in this response to retrieve the "
    "remainder of the results. Continuing with the provided token results in an inconsistent list - "
    "objects that were created, modified, or deleted between the time the first chunk was returned and now "
    "may show up in the list."
)
EXPIRED_LIST = "The resourceVersion for the provided list is too old."


def encode(start: str, revision: int) -> str:
    body = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(body.encode()).rstrip(b"=").decode()


def decode(token: str) -> tuple[str, int]:
    """Start key and revision. Raises 400."""
    raw = _raw(token)
    try:
        body = json.loads(raw)
    except ValueError:
        raise _invalid(_problem(raw)) from None
    if not isinstance(body, dict):
        if body is None:
            body = {}
        else:
            raise _invalid(
                f"json: cannot unmarshal {_go_name(body)} into Go value of type storage.continueToken"
            )
    fields = cast("dict[str, Any]", body)
    for name, wanted, go_type in (("v", str, "string"), ("rv", int, "int64"), ("start", str, "string")):
        found = fields.get(name)
        if found is not None and (not isinstance(found, wanted) or isinstance(found, bool)):
            raise _invalid(
                f"json: cannot unmarshal {_go_name(found)} into Go struct field continueToken.{name} "
                f"of type {go_type}"
            )
    if fields.get("v") != "meta.k8s.io/v1":
        raise _invalid(f"server does not recognize this encoded version {fields.get('v') or ''}")
    revision, start = fields.get("rv") or 0, fields.get("start") or ""
    if not revision:
        raise _invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start:
        raise _invalid("encoded start key empty (version meta.k8s.io/v1)")
    key = start if start.startswith("/") else f"/{start}"
    if posixpath.normpath(key) != key or key.startswith("//"):
        raise _invalid(start)
    return key[1:], revision


def _raw(token: str) -> bytes:
    for index, char in enumerate(token):
        if not (char.isascii() and (char.isalnum() or char in "-_")):
            raise _invalid(f"illegal base64 data at input byte {index}")
    if len(token) % 4 == 1:
        raise _invalid(f"illegal base64 data at input byte {len(token) - 1}")
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def _go_name(value: object) -> str:
    names = {bool: "bool", list: "array", dict: "object", str: "string"}
    return names.get(type(value), "number")


def _problem(raw: bytes) -> str:
    if not raw:
        return "unexpected end of JSON input"
    first = chr(raw[0])
    shown = "\\'" if first == "'" else go_quote(first)[1:-1]
    return f"invalid character '{first if first == chr(34) else shown}' looking for beginning of value"


def _invalid(detail: str) -> status.StatusError:
    return status.bad_request(f"invalid continue token: continue key is not valid: {detail}")


def expired_page(start: str) -> status.StatusError:
    """The revision of a token was compacted: 410 with a token for going on inconsistently."""
    error = status.expired(EXPIRED_PAGE)
    error.continue_token = encode(start.removeprefix("/"), INCONSISTENT)
    return error
