"""Lists and watches as raw bytes: what informers are built on.

    async with client.list_raw(pods, namespace="web") as answer:
        async for items in answer:              # list[bytes], as many as each read completes
            ...
        answer.head.metadata.resource_version   # known once the items are read

    async with client.watch_raw(pods, resource_version="42", idle_timeout=60) as lines:
        async for line in lines:                # one JSON document: {"type": …, "object": …}
            event = decode_event(line)

Nothing here is retried: who resumes a stream decides how.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import Self

import msgspec

from reconcile.client.exchange import Exchange
from reconcile.client.line_splitter import LineSplitter
from reconcile.client.list_splitter import ListHead, ListSplitter
from reconcile.client.transport import TransportRequest, TransportResponse
from reconcile.errors import TransportError

# A piece of a body that is worked on without giving other tasks a turn; about a millisecond.
_SLICE = 1 << 17


class RawEvent(msgspec.Struct, frozen=True, gc=False):
    """One line of a watch.

    Attributes:
        type: `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
        object: the object's JSON; a Status for `ERROR`. A view of the line: `bytes(…)` makes it its own.
    """

    type: str
    object: msgspec.Raw


_decode_event = msgspec.json.Decoder(RawEvent).decode


def decode_event(line: bytes) -> RawEvent:
    """The event in one line of a watch. Raises `TransportError` when the line is no event."""
    try:
        return _decode_event(line)
    except msgspec.DecodeError as error:
        raise TransportError(f"a watch sent what is no event ({error}): {line[:200]!r}") from error


class _Stream:
    """An answer opened on entry and closed on exit."""

    def __init__(self, exchange: Exchange, request: TransportRequest) -> None:
        self._exchange = exchange
        self._request = request
        self._response: TransportResponse | None = None
        self._chunks: AsyncIterator[bytes] | None = None

    async def __aenter__(self) -> Self:
        self._response = await self._exchange.open(self._request)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Closed here, not by the garbage collector at some later time: a reader may stop anywhere.
        chunks, self._chunks = self._chunks, None
        response, self._response = self._response, None
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
        if response is not None:
            await response.close()

    async def _chunk(self) -> bytes | None:
        """The next piece of the body, or None at its end."""
        if self._chunks is None:
            if self._response is None:
                raise RuntimeError("read it inside `async with`")
            self._chunks = self._response.chunks()
        return await anext(self._chunks, None)


class RawList(_Stream):
    """A list as it streams in: batches of raw items, then the head.

    Iterate it once. A batch holds the items that one read of the connection completed, in the server's
    order; each is bytes of its own. Items of built-in kinds carry neither `apiVersion` nor `kind`: the
    list's `head` names them. The event loop gets a turn at least every 128 KiB. Raises `TransportError`
    when the connection breaks or the body is not a whole list.
    """

    head: ListHead = ListHead()

    def __init__(self, exchange: Exchange, request: TransportRequest) -> None:
        super().__init__(exchange, request)
        self._splitter = ListSplitter()
        self._rest = b""
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[bytes]:
        while not self._ended:
            piece = self._rest
            if piece:
                await asyncio.sleep(0)
            elif (chunk := await self._chunk()) is not None:
                piece = chunk
            else:
                self._ended = True
                items, self.head = self._splitter.finish()
                if items:
                    return items
                break
            self._rest = piece[_SLICE:]
            if items := self._splitter.feed(piece[:_SLICE] if self._rest else piece):
                return items
        raise StopAsyncIteration


class RawWatch(_Stream):
    """A watch as it streams in: iterate it for lines, or `batches()` for what each read brought.

    Ends when the server ends it at a line's end, as it does after the requested `timeoutSeconds`. Raises
    `TransportError` when the connection breaks, is cut inside a line, or is silent for too long.
    """

    def __init__(self, exchange: Exchange, request: TransportRequest) -> None:
        super().__init__(exchange, request)
        self._splitter = LineSplitter()
        # Lines that were read and not handed out yet, the next one last.
        self._waiting: list[bytes] = []

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._waiting:
            lines = await self.read_batch()
            if not lines:
                raise StopAsyncIteration
            lines.reverse()
            self._waiting = lines
        return self._waiting.pop()

    def batches(self) -> _Batches:
        """Iterate over complete lines, as many at a time as each read of the connection completed."""
        return _Batches(self)

    async def read_batch(self) -> list[bytes]:
        """The lines that the next read completes; empty once the watch has ended."""
        while (chunk := await self._chunk()) is not None:
            if lines := self._splitter.feed(chunk):
                return lines
        if pending := self._splitter.pending:
            raise TransportError(f"the watch was cut inside an event, after {pending[-80:]!r}")
        return []


class _Batches:
    def __init__(self, watch: RawWatch) -> None:
        self._watch = watch

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[bytes]:
        if lines := await self._watch.read_batch():
            return lines
        raise StopAsyncIteration
