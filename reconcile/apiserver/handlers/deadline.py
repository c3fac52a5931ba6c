"""The `timeout` parameter of requests. Only its form is looked at: here no request takes so long."""

from __future__ import annotations

import re

from reconcile.apiserver import status
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.handlers.messages import Request

_PART = re.compile(r"(\d+\.?\d*|\.\d+)([^\d.]*)")
_UNITS = frozenset({"ns", "us", "µs", "μs", "ms", "s", "m", "h"})


# A request to one of these goes on for as long as its client likes.
_STREAMS = ("/log", "/exec", "/attach", "/portforward", "/proxy")


def check_timeout(request: Request) -> None:
    """Raises 400 in the words of the real server's filter, those of Go's `time.ParseDuration` within."""
    text = next((value for name, value in request.query if name == "timeout"), "")
    if not text or _is_long_running(request):
        return
    problem = _problem(text)
    if problem:
        raise status.bad_request(f"invalid timeout specified in the request URL - time: {problem}")


def _is_long_running(request: Request) -> bool:
    if any(name == "watch" and value not in ("false", "0") for name, value in request.query):
        return True
    path = request.path.rstrip("/")
    return path.endswith(_STREAMS) or "/proxy/" in path or "/watch/" in path


def _problem(text: str) -> str:
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return ""
    invalid = f"invalid duration {go_quote(text)}"
    if not rest:
        return invalid
    while rest:
        part = _PART.match(rest)
        if part is None:
            return invalid
        unit = part.group(2)
        if not unit:
            return f"missing unit in duration {go_quote(text)}"
        if unit not in _UNITS:
            return f"unknown unit {go_quote(unit)} in duration {go_quote(text)}"
        rest = rest[part.end() :]
    return ""
