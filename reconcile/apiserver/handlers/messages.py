"""Request and response, as front ends and handlers pass them to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from reconcile.apiserver.interfaces import ADMIN, User
from reconcile.apiserver.status import StatusError

if TYPE_CHECKING:
    from reconcile.apiserver.kubelet.sessions import Session, Takeover


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        method: the HTTP method, in capitals.
        path: the path, decoded segment by segment on routing: percent-encoded here.
        query: the query parameters in order, decoded.
        headers: header fields, names in lower case.
        body: the whole body.
        user: who asks; None: access control finds out, from the certificate or the headers.
        certified: whom the connection's client certificate names; None without one.
        impersonation: the `Impersonate-…` header fields one by one, where they may repeat; else `headers`
            has them.
        raw_query: the query as it came, where it is handed on.
        remote: the address of the client; empty where there is none.
        broken: what is wrong with the form in which the body came; empty for nothing.
        cut: the body was nested too deeply for Python, and is cut below some levels.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    user: User | None = ADMIN
    certified: User | None = None
    impersonation: tuple[tuple[str, str], ...] = ()
    raw_query: str = ""
    remote: str = ""
    broken: str = ""
    cut: bool = False


class Stream(Protocol):
    """The body of a watch: complete frames, until the watch ends."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    def close(self) -> None:
        """End the watch now; a waiting reader gets the end. Idempotent."""
        ...


@dataclass(slots=True)
class Response:
    """One answer: a whole body, or a stream.

    Attributes:
        status: HTTP status code.
        headers: header fields, names in lower case.
        body: the body; empty when `stream` is set.
        stream: the body in frames.
        warnings: values of `Warning` header fields.
        repeated: header fields of which there may be several.
        length: bytes of `stream`, where they are known.
        sized: the length of `body` is told however long it is, if it is sent as it is.
        session: what goes on once the connection is a WebSocket; status is 101 then.
        takeover: what goes on once the connection is of another protocol; status is 101 then.
        user: who asked; None where that was not asked, or did not come out.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    stream: Stream | None = None
    warnings: tuple[str, ...] = ()
    repeated: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    sized: bool = False
    session: Session | None = None
    takeover: Takeover | None = None
    user: User | None = None


JSON_HEADERS = {"cache-control": "no-cache, private", "content-type": "application/json"}
_TEXT_HEADERS = {
    "cache-control": "no-cache, private",
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
}


def json_response(body: Any, status: int = 200) -> Response:
    """A JSON body; bytes are sent as they are."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(status, dict(JSON_HEADERS), raw + b"\n")


def text_response(text: str, status: int = 200) -> Response:
    return Response(status, dict(_TEXT_HEADERS), text.encode())


def page_not_found() -> Response:
    """The answer for a path of no API group: not a Status, but Go's own page."""
    return text_response("404 page not found\n", 404)


def without_kind(request: Request) -> Response:
    """The answer where a path ends after `watch` or `proxy`: it is given before there is a Status."""
    address = f"{request.path}?{request.raw_query}" if request.raw_query else request.path
    text = (
        f'Internal Server Error: "{address}": failed to create RequestInfo: unable to determine kind and '
        f"namespace from url, {address}\n"
    )
    response = text_response(text, 500)
    del response.headers["cache-control"]
    return response


def error_response(error: StatusError) -> Response:
    response = json_response(error.status(), error.code)
    if error.retry_after:
        response.headers["retry-after"] = str(int(error.retry_after))
    return response
