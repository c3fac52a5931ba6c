"""Continue tokens, as `k8s.io/apiserver/pkg/storage/continue.go` has them: a start key and a revision."""

from __future__ import annotations

import base64
import binascii
import json
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
    try:
        body = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (binascii.Error, ValueError):
        raise _invalid(_problem(token)) from None
    if not isinstance(body, dict):
        raise _invalid("json: cannot unmarshal into Go value of type storage.continueToken")
    fields = cast("dict[str, Any]", body)
    if fields.get("v") != "meta.k8s.io/v1":
        version = go_quote(str(fields.get("v", "")))
        raise _invalid(f"server does not recognize this encoded version {version}")
    revision, start = fields.get("rv"), fields.get("start")
    if not isinstance(revision, int) or not revision:
        raise _invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not isinstance(start, str) or not start:
        raise _invalid("encoded start key empty (version meta.k8s.io/v1)")
    return start.lstrip("/"), revision


def _problem(token: str) -> str:
    for index, char in enumerate(token):
        if not (char.isascii() and (char.isalnum() or char in "-_")):
            return f"illegal base64 data at input byte {index}"
    raw = base64.urlsafe_b64decode(token[: len(token) // 4 * 4] + token[len(token) // 4 * 4 :].ljust(4, "A"))
    first = chr(raw[0]) if raw else "\0"
    return f"invalid character '{first}' looking for beginning of value"


def _invalid(detail: str) -> status.StatusError:
    return status.bad_request(f"invalid continue token: continue key is not valid: {detail}")


def expired_page(start: str) -> status.StatusError:
    """The revision of a token was compacted: 410 with a token for going on inconsistently."""
    error = status.expired(EXPIRED_PAGE)
    error.continue_token = encode(start, INCONSISTENT)
    return error
