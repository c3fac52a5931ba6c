"""How published documents are answered for: which form, and only what is new to the client.

As Go's http.ServeContent does, which kube-apiserver publishes its OpenAPI documents with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from reconcile.apiserver.handlers.messages import Request, Response

_CACHE = "no-cache, private"


def chosen(accept: str, offered: Sequence[str]) -> str | None:
    """The media type of an Accept header that is offered: by quality, then by order; None: there is none."""
    if not accept:
        return offered[0]
    clauses: list[tuple[float, str]] = []
    for part in accept.split(","):
        media, *parameters = (each.strip() for each in part.split(";"))
        quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
        clauses.append((-_number(quality), media))
    for _, media in sorted(clauses, key=lambda each: each[0]):
        for each in offered:
            if media in (each, "*/*", f"{each.partition('/')[0]}/*"):
                return each
    return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def not_acceptable(vary: str) -> Response:
    """406 without a word, as upstream's."""
    return Response(406, {"cache-control": _CACHE, "vary": vary})


def moved(location: str, etag: str) -> Response:
    """To the document as it is now, where the address names an older one."""
    headers = {"cache-control": _CACHE, "content-type": "application/json", "etag": f'"{etag}"'}
    headers |= {"location": location, "vary": "Accept"}
    return Response(301, headers)


def forever(now: datetime | None) -> dict[str, str]:
    """Header fields of what never changes: its address says what it holds."""
    headers = {"cache-control": "public, immutable"}
    if now is not None:
        expires = (now + timedelta(days=365)).astimezone(UTC)
        headers["expires"] = format_datetime(expires, usegmt=True).replace("GMT", "UTC")
    return headers


def document(
    request: Request,
    body: bytes,
    *,
    media: str,
    etag: str = "",
    modified: datetime | None = None,
    vary: str = "",
    headers: dict[str, str] | None = None,
) -> Response:
    """The document, a part of it, or that the client has it already (304)."""
    shared = {"cache-control": _CACHE}
    if vary:
        shared["vary"] = vary
    if etag:
        shared["etag"] = f'"{etag}"'
    shared |= headers or {}
    stamp = (
        {} if modified is None else {"last-modified": format_datetime(modified.astimezone(UTC), usegmt=True)}
    )
    if _known(request, etag, modified):
        return Response(304, shared if etag else {**shared, **stamp})
    whole = {**shared, **stamp, "accept-ranges": "bytes", "content-type": media}
    wanted = request.headers.get("range", "")
    if not wanted:
        return Response(200, whole, body, sized=True)
    try:
        part = _part(wanted, len(body))
    except ValueError as error:
        refused = {**shared, "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
        refused.pop("content-length", None)
        refused["content-range"] = f"bytes */{len(body)}"
        return Response(416, refused, f"{error}\n".encode())
    if part is None:
        return Response(200, whole, body, sized=True)
    start, end = part
    whole["content-range"] = f"bytes {start}-{end - 1}/{len(body)}"
    whole.pop("content-length", None)
    return Response(206, whole, body[start:end], sized=True)


def _known(request: Request, etag: str, modified: datetime | None) -> bool:
    matches = request.headers.get("if-none-match", "")
    if matches:
        given = [each.strip().removeprefix("W/") for each in matches.split(",")]
        return "*" in given or (bool(etag) and f'"{etag}"' in given)
    since = request.headers.get("if-modified-since", "")
    if not since or modified is None or request.method not in ("GET", "HEAD"):
        return False
    try:
        return modified.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False


_RANGE = re.compile(r"(?:(\d+)-(\d*)|-(\d+))")


def _part(wanted: str, length: int) -> tuple[int, int] | None:
    """Where the one part begins and ends that is asked for; None: several are, and get the whole.

    Raises ValueError for no range, and for one beyond the end.
    """
    unit, _, listed = wanted.strip().partition("=")
    parts = [_RANGE.fullmatch(each.strip()) for each in listed.split(",") if each.strip()]
    if unit != "bytes" or None in parts:
        raise ValueError("invalid range")
    if len(parts) != 1 or (found := parts[0]) is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return max(0, length - int(suffix)), length
    start, end = int(first), int(last) + 1 if last else length
    if end <= start and last:
        raise ValueError("invalid range")
    if start >= length:
        raise ValueError("invalid range: failed to overlap")
    return start, min(end, length)
