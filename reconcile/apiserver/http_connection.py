"""One connection of the HTTP front end: requests are read and answered here, but for what stops to be HTTP.

    socket ──▶ head and body ──▶ upgrade? ──no──▶ answer ──▶ head and body, or chunks
                                    └────yes────▶ aiohttp's protocol, with the bytes that have come so far

What clients of an API server send nearly always (HTTP/1.1, each header field once, a body of known length)
is taken by one pattern. All else is read by `http_heads` and `http_chunks`, as Go's net/http reads it, and
refused in its words; so are the ends of connections: by whom, and after which answers.
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
from reconcile.apiserver.handlers.messages import Response
from reconcile.apiserver.http_chunks import BadChunks, Chunks
from reconcile.apiserver.http_heads import MAX_HEAD, Head, Refusal, check_line, end_of_head, read_head
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from datetime import datetime

_log = logging.getLogger(__name__)

# Longer heads are not for the pattern.
_PLAIN_HEAD: Final = 8190
# What a client may send ahead of the answer before it is read no further.
_AHEAD: Final = 64 * 1024
# Bodies from this size on are not copied behind their head, and from that one on compressed.
_APART: Final = 32 * 1024
_GZIP_FROM: Final = 128 * 1024
_BODILESS: Final = (204, 304)
# Go tells the length of a body that fits its buffer, and sends a longer one in chunks.
_WHOLE: Final = 2048
# What Go reads of a body that nobody wants, so that the connection can be used again.
_UNREAD: Final = 256 * 1024
# Seconds for which the rest of what a client sends is taken, so that it comes to read the last answer.
_LINGER: Final = 0.5

_head: Final = re.compile(
    r"(GET|POST|PUT|PATCH|DELETE) (/[\w/.~:@!$&'()*+,;=%?-]*) HTTP/1\.1"
    r"((?:\r\n[\w!#$%&'*+.^`|~-]++:[ -~\t]*+)+)",
    re.ASCII,
).fullmatch
_ELSEWHERE: Final = frozenset({"expect", "te", "trailer", "transfer-encoding", "upgrade"})
_bad_escape: Final = re.compile(r"%(?![0-9A-Fa-f]{2})").search
_plain_host: Final = re.compile(r"[\w.:\[\]-]*", re.ASCII).fullmatch
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
        pairs: the header fields one by one, where one comes twice; else empty.
        broken: what is wrong with the form in which the body came; empty for nothing.
    """

    method: str
    target: str
    fields: dict[str, str]
    body: bytes
    transport: asyncio.Transport
    pairs: tuple[tuple[str, str], ...] = ()
    broken: str = ""


class Connection(asyncio.Protocol):
    """Answers one request after the other, in the order in which they came.

    Arguments:
        answer: gives the answer to a request; cancelled when the client leaves.
        reads: whether a request of this method and target has a body that is looked at.
        take_over: makes the protocol for what stops to be HTTP.
        register: where the open connections are.
        runtime: its wall clock dates the answers.
        head_timeout: seconds for which it is kept before its first request.
        idle_timeout: seconds for which it is kept between two.
    """

    def __init__(
        self,
        answer: Callable[[PlainRequest], Awaitable[Response]],
        reads: Callable[[str, str], bool],
        take_over: Callable[[], asyncio.Protocol],
        register: set[Connection],
        runtime: Runtime,
        *,
        head_timeout: float = 32.0,
        idle_timeout: float = 90.0,
    ) -> None:
        self._answer = answer
        self._reads = reads
        self._patience = head_timeout
        self._idle_timeout = idle_timeout
        self._take_over = take_over
        self._register = register
        self._runtime = runtime
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._searched = 0
        self._expected: Head | None = None
        self._chunks: Chunks | None = None
        self._forgiving = False
        self._over = False
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
        if self._over:
            return
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
        transport = self._transport
        if transport is None or not self._buffer:
            return
        head = self._expected
        if head is None:
            try:
                head = self._take_head()
            except Refusal as refusal:
                self._refuse(transport, refusal)
                return
            if head is None:
                return
            if _is_upgrade(head):
                self._hand_over(transport)
                return
            del self._buffer[: self._searched]
            self._searched = 0
            if head.expects:
                if self._reads(head.method, head.target):
                    transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                else:
                    head = head._replace(length=0, last=True)
            self._chunks = Chunks(MAX_BODY + 1) if head.length < 0 else None
        self._expected = head
        if self._chunks is None:
            self._take_known(transport, head)
        else:
            self._take_chunks(transport, head, self._chunks)

    def _take_head(self) -> Head | None:
        """The next head, None while there is none. Raises Refusal."""
        buffer = self._buffer
        end = 0 if self._searched else buffer.find(b"\r\n\r\n", 0, _PLAIN_HEAD)
        if end > 0:
            head = self._parse(buffer[:end])
            if head is not None:
                self._searched = end + 4
                return head
        if self._forgiving:
            # Old clients end the body of a POST with an empty line that they do not count.
            del buffer[: len(buffer[:4]) - len(buffer[:4].lstrip(b"\r\n"))]
        end = end_of_head(buffer, self._searched)
        if not end and not self._searched and (line := buffer.find(b"\n")) >= 0:
            check_line(bytes(buffer[:line]))
        if (end or len(buffer)) > MAX_HEAD:
            raise Refusal("431 Request Header Fields Too Large")
        if not end:
            self._searched = len(buffer)
            return None
        self._searched = end
        return read_head(bytes(buffer[:end]).removesuffix(b"\n").removesuffix(b"\r"))

    def _take_known(self, transport: asyncio.Transport, head: Head) -> None:
        """Begin with a request whose length is known, when enough of it is there."""
        buffer, length = self._buffer, head.length
        if length > MAX_BODY or (length > _UNREAD and not self._reads(head.method, head.target)):
            # Little more than what is looked at is read to its end.
            looked_at = MAX_BODY if self._reads(head.method, head.target) else 0
            if length > looked_at + _UNREAD:
                length = looked_at and looked_at + 1
                head = head._replace(last=True)
        if len(buffer) < length:
            return
        self._begin(transport, head, bytes(buffer[:length]))
        del buffer[:length]

    def _take_chunks(self, transport: asyncio.Transport, head: Head, chunks: Chunks) -> None:
        """Begin with a request whose body comes in chunks, when enough of them are there."""
        broken = ""
        try:
            chunks.take(self._buffer)
        except BadChunks as error:
            broken, head = str(error), head._replace(last=True)
        looked_at = MAX_BODY if self._reads(head.method, head.target) else 0
        if chunks.size > looked_at + _UNREAD:
            head = head._replace(last=True)
        elif not chunks.done and not broken:
            return
        self._chunks = None
        self._begin(transport, head, bytes(chunks.body), broken)

    def _begin(self, transport: asyncio.Transport, head: Head, body: bytes, broken: str = "") -> None:
        self._expected = None
        self._forgiving = head.method == "POST"
        request = PlainRequest(head.method, head.target, head.fields, body, transport, head.pairs, broken)
        self.task = self._loop.create_task(self._serve(request, head))

    def _refuse(self, transport: asyncio.Transport, refusal: Refusal) -> None:
        transport.write(bytes(refusal))
        self._end(transport)

    def _end(self, transport: asyncio.Transport) -> None:
        """The last answer is given. Closing at once would tear it away from who still sends."""
        self._over = True
        self._buffer.clear()
        if transport.can_write_eof():
            transport.write_eof()
            self._loop.call_later(_LINGER, transport.close)
        else:
            transport.close()

    def _hand_over(self, transport: asyncio.Transport) -> None:
        data = bytes(self._buffer)
        self._leave()
        protocol = self._take_over()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def _parse(self, raw: bytearray) -> Head | None:
        """The head of a request, or None when it is none that is plain."""
        try:
            match = _head(raw.decode("ascii"))
        except UnicodeDecodeError:
            return None
        if match is None:
            return None
        method, target, block = match.groups()
        if "%" in target and _bad_escape(target.partition("?")[0]):
            return None
        known, fields = self._known
        if known != block:
            # A client says much the same each time.
            fields = _plain_fields(block)
            self._known = (block, fields)
        if fields is None:
            return None
        return Head(method, target, fields, int(fields.get("content-length", "0")))

    async def _serve(self, request: PlainRequest, head: Head) -> None:
        transport = request.transport
        last = True
        try:
            if head.unmet:
                response, head = Response(417), head._replace(last=True)
            elif head.method == "OPTIONS" and head.target == "*":
                response = Response(200)
            else:
                response = await self._answer(request)
            if response.stream is None:
                last = self._write(transport, request, head, response)
            else:
                last = await self._write_stream(transport, head, response)
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
        if transport.is_closing():
            return
        if last:
            self._end(transport)
        else:
            self._next()

    def _write(
        self, transport: asyncio.Transport, request: PlainRequest, head: Head, response: Response
    ) -> bool:
        """Write an answer that is whole. Returns whether it is the connection's last."""
        if response.status in _BODILESS:
            response.headers.pop("content-type", None)
            transport.write(self._head(response, head, [], last=head.last))
            return head.last
        body, more = compressed(response, request.fields.get("accept-encoding", ""))
        told, last = "content-length" in response.headers, head.last
        chunked = len(body) > _WHOLE and not told and not (response.sized and body is response.body)
        if chunked and head.old:
            # Nothing but the end of the connection can tell where the body ends.
            chunked, last = False, True
        elif chunked and head.method != "HEAD":
            more.append(("transfer-encoding", "chunked"))
        elif not chunked and not told:
            more = [("content-length", str(len(body))), *more]
            told = True
        if head.held and told:
            last = False
            more.append(("connection", "keep-alive"))
        start = self._head(response, head, more, last=last)
        if head.method == "HEAD":
            transport.write(start)
        elif chunked:
            _write_all(transport, start + b"%x\r\n" % len(body), body, b"\r\n0\r\n\r\n")
        else:
            _write_all(transport, start, body, b"")
        return last

    async def _write_stream(self, transport: asyncio.Transport, head: Head, response: Response) -> bool:
        """Write a stream. Returns whether it is the connection's last answer."""
        stream = response.stream
        assert stream is not None
        last = head.last or (head.old and response.length is None)
        try:
            chunked = response.length is None and not head.old
            framed: list[tuple[str, str]] = []
            if chunked:
                framed = [("transfer-encoding", "chunked")]
            elif response.length is not None:
                framed = [("content-length", str(response.length))]
            transport.write(self._head(response, head, framed, last=last))
            async for frame in stream:
                if frame:
                    transport.write(b"%x\r\n%b\r\n" % (len(frame), frame) if chunked else frame)
                if self._writable is not None:
                    await self._writable
            if chunked:
                transport.write(b"0\r\n\r\n")
        finally:
            stream.close()
        return last

    def _head(self, response: Response, head: Head, more: list[tuple[str, str]], *, last: bool) -> bytes:
        code = response.status
        lines = [f"HTTP/1.{0 if head.old else 1} {code} {_PHRASES.get(code, '')}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines += [f"{name}: {value}" for name, value in response.repeated]
        lines += [f"warning: {value}" for value in response.warnings]
        lines += [f"{name}: {value}" for name, value in more]
        if last and not head.old:
            lines.append("connection: close")
        lines.append(f"date: {_http_date(self._runtime.now())}\r\n\r\n")
        text = "\r\n".join(lines)
        if text.count("\n") != len(lines) + 1 or text.count("\r") != len(lines) + 1:
            raise ValueError("a header field of the answer has more than one line")
        return text.encode()


def _write_all(transport: asyncio.Transport, start: bytes, body: bytes, end: bytes) -> None:
    if len(body) < _APART:
        transport.write(b"%b%b%b" % (start, body, end))
    else:
        transport.write(start)
        transport.write(body)
        if end:
            transport.write(end)


def _is_upgrade(head: Head) -> bool:
    """Whether the connection may become something else than HTTP."""
    upgrade = head.fields.get("upgrade", "").lower()
    if not upgrade or "upgrade" not in head.fields.get("connection", "").lower():
        return False
    # What is proxied may speak what it likes.
    return upgrade == "websocket" or upgrade.startswith("spdy/") or "/proxy" in head.target


# Go's words where Python's are others.
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Request Entity Too Large",
    422: "Unprocessable Entity",
}


def compressed(response: Response, accepted: str) -> tuple[bytes, list[tuple[str, str]]]:
    """The body as it is sent to a client that accepts these encodings, and the header fields that say so."""
    body = response.body
    # What was proxied is sent as it came.
    proxied = response.repeated or "content-length" in response.headers
    if len(body) < _GZIP_FROM or proxied or not _takes_gzip(accepted):
        return body, []
    import zlib

    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    made = compressor.compress(body) + compressor.flush()
    more = [("content-encoding", "gzip")]
    if "Accept-Encoding" not in response.headers.get("vary", ""):
        more.append(("vary", "Accept-Encoding"))
    return made, more


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip; upstream reads no qualities."""
    return bool(accepted) and "gzip" in (each.strip() for each in accepted.split(","))


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
    if (
        _plain_host(fields.get("host", " ")) is None
        or fields.get("connection", "keep-alive").lower() != "keep-alive"
    ):
        return None
    return fields


def _http_date(now: datetime) -> str:
    return (
        f"{_DAYS[now.weekday()]}, {now.day:02} {_MONTHS[now.month - 1]} {now.year} "
        f"{now.hour:02}:{now.minute:02}:{now.second:02} GMT"
    )
