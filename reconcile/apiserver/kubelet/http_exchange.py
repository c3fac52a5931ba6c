"""One HTTP/1.1 request on a connection to a pod's port, and its answer: head first, body as it comes.

who asks ──▶ bytes ──▶ Exchange.read() ──▶ what serves the port ──▶ Exchange.write() ──▶ head, body
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from reconcile.apiserver.kubelet.backend import Connection
from reconcile.apiserver.kubelet.channels import Inbox

# Bytes of an answer's head, and of one line that says how long a chunk is.
_HEAD: Final = 64 * 1024
_LINE: Final = 1024


class BadAnswerError(Exception):
    """What came back is no HTTP, or ended too early."""


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of an answer, names of header fields in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The first field with this name; empty for none."""
        return next((value for key, value in self.headers if key == name), "")


class _Connection:
    """`Connection` of the port: what is sent there, and what comes back."""

    def __init__(self) -> None:
        self.sent = Inbox()
        self.came = Inbox()

    def read(self) -> AsyncIterator[bytes]:
        return self.sent.read()

    async def write(self, data: bytes) -> None:
        if data:
            await self.came.put(data)


class Exchange:
    """A connection to a port, as the one that asks has it.

    Arguments:
        serve: serves the port's end of it; when it returns, the connection ends. What it raises comes out of
            `head`, when nothing came before.
    """

    def __init__(self, serve: Callable[[Connection], Awaitable[None]]) -> None:
        self._connection = _Connection()
        self._came = self._connection.came.read()
        self._held = b""
        self._method = ""
        self._failure: BaseException | None = None
        self._task = asyncio.ensure_future(self._serve(serve))

    async def _serve(self, serve: Callable[[Connection], Awaitable[None]]) -> None:
        try:
            await serve(self._connection)
        except Exception as error:
            self._failure = error
        finally:
            await self._connection.came.close()
            await self._connection.sent.drop()

    async def close(self) -> None:
        """End the connection, whatever goes on."""
        self._task.cancel()
        await self._connection.came.drop()
        await asyncio.gather(self._task, return_exceptions=True)

    async def ask(self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        self._method = method
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        await self._connection.sent.put("\r\n".join(lines).encode("latin-1", "replace") + body)

    async def head(self) -> Head:
        """The head of the answer. Raises what serving the port raised, and BadAnswerError."""
        while True:
            while (end := self._held.find(b"\r\n\r\n")) < 0:
                if len(self._held) > _HEAD:
                    raise BadAnswerError("the head of the answer has no end")
                await self._more()
            raw, self._held = self._held[:end], self._held[end + 4 :]
            head = _parsed(raw)
            # What comes before the answer (100 Continue) is nothing that is asked for.
            if head.status >= 200 or head.status == 101:
                return head

    async def body(self, head: Head) -> AsyncIterator[bytes]:
        """The body of the answer, as it comes."""
        if self._method == "HEAD" or head.status in (204, 304):
            return
        if head.get("transfer-encoding").lower() == "chunked":
            async for part in self._chunks():
                yield part
        elif length := head.get("content-length"):
            left = int(length) if length.isdecimal() else 0
            async for part in self._exactly(left):
                yield part
        else:
            async for part in self.rest():
                yield part

    async def rest(self) -> AsyncIterator[bytes]:
        """All that comes from now on."""
        if self._held:
            yield self._held
            self._held = b""
        async for part in self._came:
            yield part

    async def send(self, data: bytes) -> None:
        """More to the port, after an upgrade."""
        await self._connection.sent.put(data)

    async def _more(self) -> None:
        try:
            self._held += await anext(self._came)
        except StopAsyncIteration:
            if self._failure is not None:
                raise self._failure from None
            raise BadAnswerError("unexpected EOF" if self._held else "EOF") from None

    async def _exactly(self, left: int) -> AsyncIterator[bytes]:
        while left:
            if not self._held:
                await self._more()
            part, self._held = self._held[:left], self._held[left:]
            left -= len(part)
            yield part

    async def _line(self) -> bytes:
        while (end := self._held.find(b"\r\n")) < 0:
            if len(self._held) > _LINE:
                raise BadAnswerError("a chunk without length")
            await self._more()
        line, self._held = self._held[:end], self._held[end + 2 :]
        return line

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            line = (await self._line()).partition(b";")[0].strip()
            try:
                size = int(line, 16)
            except ValueError:
                raise BadAnswerError("a chunk without length") from None
            if not size:
                while await self._line():
                    pass
                return
            async for part in self._exactly(size):
                yield part
            await self._line()


def _parsed(raw: bytes) -> Head:
    first, *lines = raw.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code = rest.partition(" ")[0]
    if not version.startswith("HTTP/1.") or not code.isdecimal():
        raise BadAnswerError(f'malformed HTTP response "{first}"')
    fields: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadAnswerError(f'malformed MIME header line: "{line}"')
        fields.append((name.strip().lower(), value.strip()))
    return Head(int(code), tuple(fields))
