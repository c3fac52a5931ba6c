"""One connection of the HTTP front end: plain requests are read and answered here, the rest is aiohttp's.

    socket ──▶ head and body ──▶ plain? ──yes──▶ answer ──▶ head and body, or chunks
                                    └────no────▶ aiohttp's protocol, with the bytes that have come so far

A plain request is what clients of an API server send nearly always: HTTP/1.1, each header field once, a body
of known length. Upgrades, chunked bodies, old versions, and whatever is malformed or comes in pieces go to
aiohttp, which has the connection from then on: it knows the protocol's corners, and is imported for these.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from reconcile.apiserver.handlers.bodies import MAX_BODY
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from datetime import datetime

    from reconcile.apiserver.handlers.messages import Response

_log = logging.getLogger(__name__)

_MAX_HEAD: Final = 8190
# What a client may send ahead of the answer before it is read no further.
_AHEAD: Final = 64 * 1024
# Bodies from this size on are not copied behind their head, and from that one on compressed.
_APART: Final = 32 * 1024
_GZIP_FROM: Final = 128 * 1024
_BODILESS: Final = (204, 304)

_head: Final = re.compile(
    r"(GET|POST|PUT|PATCH|DELETE) (/[\w/.~:@!$&'()*+,;=%?-]*) HTTP/1\.1"
    r"((?:\r\n[\w!#$%&'*+.^`|~-]++:[ -~\t]*+)+)",
    re.ASCII,
).fullmatch
# Connections to pods become something else than HTTP.
_upgraded: Final = re.compile(r"/(?:exec|attach|portforward|proxy)\b").search
_ELSEWHERE: Final = frozenset(
    {"content-encoding", "expect", "http2-settings", "te", "trailer", "transfer-encoding", "upgrade"}
)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class PlainRequest(NamedTuple):
    """A request as it came.

    Attributes:
        method: the method.
        target: path and query.
        fields: the header fields, names in lower case.
        body: the bytes.
        transport: the connection.
    """

    method: str
    target: str
    fields: dict[str, str]
    body: bytes
    transport: asyncio.Transport


class _Head(NamedTuple):
    method: str
    target: str
    fields: dict[str, str]
    length: int


class Connection(asyncio.Protocol):
    """Answers one request after the other, in the order in which they came.

    Arguments:
        answer: gives the answer to a request; cancelled when the client leaves.
        take_over: makes the protocol for what is not plain.
        register: where the open connections are.
        runtime: its wall clock dates the answers.
        head_timeout: seconds for which it is kept before its first request.
        idle_timeout: seconds for which it is kept between two.
    """

    def __init__(
        self,
        answer: Callable[[PlainRequest], Awaitable[Response]],
        take_over: Callable[[], asyncio.Protocol],
        register: set[Connection],
        runtime: Runtime,
        *,
        head_timeout: float = 32.0,
        idle_timeout: float = 90.0,
    ) -> None:
        self._answer = answer
        self._patience = head_timeout
        self._idle_timeout = idle_timeout
        self._take_over = take_over
        self._register = register
        self._runtime = runtime
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._expected: _Head | None = None
        self._known: tuple[str, dict[str, str] | None] = ("", None)
        self._writable: asyncio.Future[None] | None = None
        self._reading = True
        self._last = 0.0
        self._idle: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None

    # What the event loop says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._register.add(self)
        raw: socket.socket | None = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._last = self._loop.time()
        self._idle = self._loop.call_later(self._patience, self._close_idle)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self.task is None:
            self._next()
        elif len(self._buffer) > _AHEAD and self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self.resume_writing()
        if self.task is not None:
            self.task.cancel()

    def close(self) -> None:
        """Cut the connection, whatever is going on."""
        if self.task is not None:
            self.task.cancel()
        if self._transport is not None:
            self._transport.close()

    # The requests.

    def _leave(self) -> None:
        self._transport = None
        self._register.discard(self)
        if self._idle is not None:
            self._idle.cancel()

    def _close_idle(self) -> None:
        # A body may take its time, as on a real server.
        busy = self.task is not None or self._expected is not None
        left = self._patience if busy else self._last + self._patience - self._loop.time()
        if left <= 0:
            self.close()
        else:
            self._idle = self._loop.call_later(left, self._close_idle)

    def _next(self) -> None:
        """Begin with the next request, when all of it is there."""
        transport, buffer = self._transport, self._buffer
        if transport is None or not buffer:
            return
        head = self._expected
        if head is None:
            end = buffer.find(b"\r\n\r\n", 0, _MAX_HEAD)
            head = None if end < 0 else self._parse(buffer[:end])
            if head is None:
                self._hand_over(transport)
                return
            del buffer[: end + 4]
        if len(buffer) < head.length:
            self._expected = head
            return
        self._expected = None
        body = bytes(buffer[: head.length])
        del buffer[: head.length]
        request = PlainRequest(head.method, head.target, head.fields, body, transport)
        self.task = self._loop.create_task(self._serve(request))

    def _hand_over(self, transport: asyncio.Transport) -> None:
        data = bytes(self._buffer)
        self._leave()
        protocol = self._take_over()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def _parse(self, raw: bytearray) -> _Head | None:
        """The head of a request, or None when it is none that is plain."""
        try:
            match = _head(raw.decode("ascii"))
        except UnicodeDecodeError:
            return None
        if match is None:
            return None
        method, target, block = match.groups()
        known, fields = self._known
        if known != block:
            # A client says much the same each time.
            fields = _plain_fields(block)
            self._known = (block, fields)
        if fields is None or _upgraded(target):
            return None
        return _Head(method, target, fields, int(fields.get("content-length", "0")))

    async def _serve(self, request: PlainRequest) -> None:
        transport = request.transport
        try:
            response = await self._answer(request)
            if response.stream is None:
                self._write(transport, request, response)
            else:
                await self._write_stream(transport, response)
            if self._writable is not None:
                await self._writable
        except (ConnectionError, OSError):
            # The client left; there is nobody to tell.
            transport.close()
        except Exception:
            _log.exception("%s %s could not be answered", request.method, request.target)
            transport.close()
        finally:
            self.task = None
            self._last, self._patience = self._loop.time(), self._idle_timeout
            if not self._reading and not transport.is_closing():
                self._reading = True
                transport.resume_reading()
        if not transport.is_closing():
            self._next()

    def _write(self, transport: asyncio.Transport, request: PlainRequest, response: Response) -> None:
        if response.status in _BODILESS:
            transport.write(self._head(response, []))
            return
        body, more = compressed(response, request.fields.get("accept-encoding", ""))
        if "content-length" not in response.headers:
            more = [("content-length", str(len(body))), *more]
        head = self._head(response, more)
        if len(body) < _APART:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)

    async def _write_stream(self, transport: asyncio.Transport, response: Response) -> None:
        stream = response.stream
        assert stream is not None
        try:
            chunked = response.length is None
            framed = ("transfer-encoding", "chunked") if chunked else ("content-length", str(response.length))
            transport.write(self._head(response, [framed]))
            async for frame in stream:
                if frame:
                    transport.write(b"%x\r\n%b\r\n" % (len(frame), frame) if chunked else frame)
                if self._writable is not None:
                    await self._writable
            if chunked:
                transport.write(b"0\r\n\r\n")
        finally:
            stream.close()

    def _head(self, response: Response, more: list[tuple[str, str]]) -> bytes:
        code = response.status
        lines = [f"HTTP/1.1 {code} {_PHRASES.get(code, '')}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines += [f"{name}: {value}" for name, value in response.repeated]
        lines += [f"warning: {value}" for value in response.warnings]
        lines += [f"{name}: {value}" for name, value in more]
        lines.append(f"date: {_http_date(self._runtime.now())}\r\n\r\n")
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1:
            raise ValueError("a header field of the answer has more than one line")
        return text.encode()


_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}


def compressed(response: Response, accepted: str) -> tuple[bytes, list[tuple[str, str]]]:
    """The body as it is sent to a client that accepts these encodings, and the header fields that say so."""
    body = response.body
    # What was proxied is sent as it came.
    proxied = response.repeated or "content-length" in response.headers
    if len(body) < _GZIP_FROM or proxied or "gzip" not in accepted:
        return body, []
    import zlib

    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    made = compressor.compress(body) + compressor.flush()
    return made, [("content-encoding", "gzip"), ("vary", "Accept-Encoding")]


def _plain_fields(block: str) -> dict[str, str] | None:
    """Header fields by name; None when they are not those of a plain request."""
    fields: dict[str, str] = {}
    for line in block.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        name = name.lower()
        if name in fields or name in _ELSEWHERE:
            return None
        fields[name] = value.strip(" \t")
    length = fields.get("content-length", "0")
    if not length.isdigit() or len(length) > 9 or int(length) > MAX_BODY:
        return None
    if "host" not in fields or fields.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    return fields


def _http_date(now: datetime) -> str:
    return (
        f"{_DAYS[now.weekday()]}, {now.day:02} {_MONTHS[now.month - 1]} {now.year} "
        f"{now.hour:02}:{now.minute:02}:{now.second:02} GMT"
    )
