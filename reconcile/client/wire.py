"""One connection to an API server: requests out, answers in, one at a time.

Connector ──▶ Wire ──exchange──▶ head and body in one write ──▶ socket
               │ ▲                                               │
               │ └── kept for the next request ◀── answer ◀── TLSLayer ◀── bytes
               └── time is up, cut off, given up: the connection ends, and with it what was asked on it
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from reconcile.client.answer_parser import AnswerParser, MalformedAnswer
from reconcile.client.tls_layer import TLSLayer

# Bytes that wait for a reader that is behind, before nothing more is received.
MOST_UNREAD: Final = 1 << 19
# Bodies from this size on are written in pieces of this size, between which others have their turns.
_LARGE: Final = 1 << 19
_PIECE: Final = 1 << 18
_NEVER: Final = float("inf")
# A loop's timer may ring so much too early.
_TICK: Final = 0.001
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Silence(TimeoutError):
    """Nothing came for as long as a request is willing to wait for a byte."""


class Wire(asyncio.Protocol):
    """A connection on which one request is made at a time.

    Args:
        loop: the loop that it lives on.
        names: names of header fields, for all answers of a server.

    Attributes:
        free: called when another request may be made; before it is set none is kept for another.
        gone: called when the connection has ended.
        context: the TLS context that it was made with.
        error: why nothing more comes; None while something may.
        answered: whether the peer has answered anything.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, names: dict[str, str]) -> None:
        self.free: Callable[[Wire], None] | None = None
        self.gone: Callable[[Wire], None] | None = None
        self.context: ssl.SSLContext | None = None
        self.error: Exception | None = None
        self.answered = False
        self._loop = loop
        self._names = names
        self._tls: TLSLayer | None = None
        self._transport = cast("asyncio.Transport", None)
        self._made = False
        # The answer that is awaited or read; None while the connection is idle.
        self._answer: AnswerParser | None = None
        self._waiter: asyncio.Future[None] | None = None
        # Whoever reads the body wants all of it, at its end.
        self._whole = False
        self._paused = False
        self._full = False
        self._sending = False
        # When time is up; one timer that is set anew when it rings too early costs a request nothing.
        self._deadline = _NEVER
        self._silence: float | None = None
        self._heard = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    # What the event loop says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._made = True
        raw: socket.socket | None = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        if self._silence is not None:
            self._heard = self._loop.time()
        tls = self._tls
        if tls is not None:
            try:
                data = tls.received(data)
            except ssl.SSLError as error:
                self._fail(error, last_words=tls.to_send())
                return
            if words := tls.to_send():
                self._transport.write(words)
        if data:
            self._read(data)
        if tls is not None:
            if tls.ended:
                self._peer_ended(cleanly=True)
            elif self._answer is None:
                # The handshake goes on, or is done.
                self._wake()

    def eof_received(self) -> None:
        # Without a farewell whoever is between could have cut the body short.
        self._peer_ended(cleanly=self._tls is None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._peer_ended(cleanly=False, error=exc)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gone, self.gone = self.gone, None
        if gone is not None:
            gone(self)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    # What is done with it.

    async def secure(
        self, context: ssl.SSLContext, server_name: str, session: ssl.SSLSession | None = None
    ) -> None:
        """A TLS handshake; on a connection that has one, inside of it. Raises what went wrong."""
        self._tls = tls = TLSLayer(context, server_name, self._tls, session)
        self._transport.write(tls.begin())
        while not tls.ready:
            if self.error is not None:
                raise self.error
            await self.wait()

    @property
    def session(self) -> ssl.SSLSession | None:
        """The TLS session that another connection may go on with, once there is one."""
        return None if self._tls is None else self._tls.session

    @property
    def resumed(self) -> bool:
        """Whether TLS went on with the session of another connection."""
        return self._tls is not None and self._tls.resumed

    async def exchange(
        self,
        head: bytes,
        body: bytes | None,
        *,
        bodiless: bool = False,
        deadline: float = _NEVER,
        silence: float | None = None,
        reset: bool = False,
    ) -> AnswerParser:
        """Send a request and wait for the head of its answer; what is written is so before any waiting.

        Raises what ended the connection instead; the connection ends when it raises, or is cancelled.

        Args:
            head: the request's head.
            body: what follows it.
            bodiless: nothing follows the answer's head.
            deadline: when the whole answer must have come, by the loop's clock.
            silence: seconds without a byte for which is waited; None for no limit.
            reset: whether a request that is given up is cut off by a reset.
        """
        answer = self._answer = AnswerParser(self._names, bodiless=bodiless)
        self._whole = False
        self._deadline = deadline
        self._silence = silence
        if silence is not None:
            self._heard = self._loop.time()
            deadline = min(deadline, self._heard + silence)
        if deadline < _NEVER:
            self._ring(deadline)
        try:
            if body is None or len(body) < _LARGE:
                self._write(head + body if body else head)
            else:
                await self._write_large(head, body, answer)
            while not answer.status:
                if self.error is not None:
                    raise self.error
                await self.wait()
        except BaseException:
            # An answer that is complete has given the connection to the next request.
            if not answer.complete:
                self.abort(reset=reset)
            raise
        return answer

    async def wait(self) -> None:
        """Until something has come, could be written, or has ended."""
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            # Whoever was woken by the last byte may find somebody else waiting on the connection.
            if self._waiter is waiter:
                self._waiter = None

    async def rest(self, answer: AnswerParser) -> bytes:
        """What is left of the body. Raises what ended the connection before it was complete."""
        if not answer.complete:
            self._whole = True
            self.resume(answer)
            while not answer.complete:
                if self.error is not None:
                    raise self.error
                await self.wait()
        return answer.take()

    def pause(self, answer: AnswerParser) -> None:
        """Receive nothing more of this answer for now."""
        if answer is self._answer and not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self, answer: AnswerParser) -> None:
        """Receive again."""
        if self._paused and answer is self._answer:
            self._paused = False
            if self._silence is not None:
                # It was not the peer who was silent.
                self._heard = self._loop.time()
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def is_usable(self) -> bool:
        """Whether a request may be sent on a connection that was kept."""
        return self.error is None and not self._transport.is_closing() and self._loop.time() < self._deadline

    def keep(self, seconds: float) -> None:
        """Nothing is asked for now; unless something is within these seconds, the connection ends."""
        self._deadline = self._loop.time() + seconds
        self._ring(self._deadline)

    def leave(self, answer: AnswerParser) -> None:
        """Nobody reads this answer any more: unless it has come to its end, the connection ends."""
        if not answer.complete:
            self.close()

    def close(self) -> None:
        """End the connection."""
        if self._transport.is_closing():
            return
        if self._sending or self._transport.get_write_buffer_size():
            self.abort()
            return
        if self._tls is not None and self._tls.ready:
            self._transport.write(self._tls.farewell())
        self._end(ConnectionAbortedError("it was closed"))
        self._transport.close()

    def abort(self, *, reset: bool = False) -> None:
        """End the connection at once.

        A `reset` takes along what the kernel holds of a request: nothing more of it leaves this machine.
        """
        self._end(ConnectionAbortedError("it was closed"))
        if not self._made:
            return
        sock = self._transport.get_extra_info("socket") if reset else None
        if sock is not None:
            with suppress(OSError, AttributeError, TypeError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    # What follows from it.

    def _read(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            # Whatever is said without a question is not the answer to the next one.
            self._fail(MalformedAnswer("the server spoke without being asked"))
            return
        try:
            answer.feed(data)
        except MalformedAnswer as error:
            self._fail(error)
            return
        if answer.complete:
            self._complete(answer)
        elif not self._whole:
            if answer.size > MOST_UNREAD:
                self.pause(answer)
            self._wake()

    def _complete(self, answer: AnswerParser) -> None:
        self.resume(answer)
        self._answer = None
        self.answered = True
        self._deadline, self._silence = _NEVER, None
        self._wake()
        if not answer.keeps_alive or self._sending:
            if self.free is not None:
                self.close()
        elif self.free is not None:
            self.free(self)

    def _peer_ended(self, *, cleanly: bool, error: Exception | None = None) -> None:
        if self.error is not None:
            return
        answer = self._answer
        if answer is not None and error is None:
            try:
                if cleanly or not answer.status:
                    answer.end()
                    self._complete(answer)
                else:
                    error = ConnectionResetError("the connection ended before the answer did")
            except MalformedAnswer as cut:
                error = cut
        self._end(error or ConnectionResetError("the server hung up"))
        self._transport.close()

    def _fail(self, error: Exception, *, last_words: bytes = b"") -> None:
        self._end(error)
        if last_words:
            # An alert, so that the peer knows why.
            self._transport.write(last_words)
            self._transport.close()
        else:
            self._transport.abort()

    def _end(self, error: Exception) -> None:
        if self.error is None:
            self.error = error
        self._answer = None
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _write(self, data: bytes) -> None:
        self._transport.write(data if self._tls is None else self._tls.encrypted(data))

    async def _write_large(self, head: bytes, body: bytes, answer: AnswerParser) -> None:
        """A body in pieces, for as long as the peer has not answered: it may have seen enough."""
        self._sending = True
        at = 0
        piece = head
        while True:
            stop = at + _PIECE
            self._write(piece + body[at:stop])
            piece, at = b"", stop
            if at >= len(body):
                break
            await asyncio.sleep(0)
            while self._full and self.error is None and not answer.status:
                await self.wait()
            if self.error is not None or answer.status:
                return
        self._sending = False

    def _ring(self, when: float) -> None:
        if self._timer is not None:
            if self._rings_at <= when:
                return
            self._timer.cancel()
        self._rings_at = when
        self._timer = self._loop.call_at(when, self._rings)

    def _rings(self) -> None:
        self._timer = None
        now = self._loop.time() + _TICK
        if self._deadline <= now:
            if self._answer is None:
                self.close()
            else:
                self._fail(TimeoutError())
            return
        due = self._deadline
        if self._silence is not None:
            last = now if self._paused else self._heard
            if last + self._silence <= now:
                self._fail(Silence())
                return
            due = min(due, last + self._silence)
        if due < _NEVER:
            self._ring(due)
