"""Faults between a process and its API server, at the seam where a process's requests leave it.

    process ──requests──▶ FaultyTransport ──requests──▶ server
                              │ counts writes; refuses the nth; lets the process die after the nth
            ◀─────answers──── │ loses the answer to the nth; lets answers come late
            ◀──watch events── │ lets them come late, of all kinds or of one; breaks watches off

A death is a severed transport: the write is carried out, its answer never arrives, and nothing that the
dying process still tries reaches the server. That is what a power cut looks like from the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import OutcomeUnknownError, TransportError
from reconcile.testing.watch_faults import FaultyStream

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEAD = "the process died: nothing passes between it and the server any more"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer of a server that refuses a write; nothing is carried out.

    Attributes:
        code: the HTTP status code.
        reason: the reason in the Status, such as `Conflict`, `Forbidden` or `InternalError`.
        message: the message in the Status.
        retry_after: seconds in a `Retry-After` header; None for no such header.
    """

    code: int = 500
    reason: str = "InternalError"
    message: str = "refused by a fault of this test"
    retry_after: int | None = None


class FaultyTransport(Transport):
    """Passes everything on to another transport, save for the faults it was told of.

    Writes are counted from 1 in the order they are sent; dry runs count too.

    Attributes:
        writes: how many writes were sent so far, refused ones included.
        answer_lag: gives for each request but a watch the seconds by which its answer, given at once by the
            server, arrives later; None for at once.
    """

    def __init__(self, inner: Transport) -> None:
        self.writes = 0
        self.answer_lag: Callable[[], float] | None = None
        self._inner = inner
        self._lag = 0.0
        self._lags: dict[str, float] = {}
        self._refusals: dict[int, Refusal] = {}
        self._lost_answers: set[int] = set()
        self._deaths: dict[int, Callable[[], None]] = {}
        self._severed = False
        self._streams: dict[FaultyStream, None] = {}
        self._lost: dict[str, None] = {}

    def refuse(self, nth: int, refusal: Refusal | None = None) -> None:
        """The server refuses the nth write from now on: 1 is the next one."""
        self._refusals[self.writes + nth] = refusal or Refusal()

    def die_after(self, nth: int, on_death: Callable[[], None]) -> None:
        """The nth write from now on is the last: it is carried out, then `on_death` is called."""
        self._deaths[self.writes + nth] = on_death

    def lose_answer(self, nth: int) -> None:
        """The nth write from now on is carried out, and the connection breaks before the answer."""
        self._lost_answers.add(self.writes + nth)

    def lag_watches(self, seconds: float, resource: str = "") -> None:
        """What the server sends on watches arrives so much later from now on: of one resource, or of all."""
        if resource:
            self._lags[resource] = seconds
            return
        self._lag = seconds
        self._lags.clear()

    def lag_of(self, resource: str, /) -> float:
        return self._lags.get(resource, self._lag)

    def cut_watches(self, resource: str = "") -> None:
        """Every open watch, or that of one resource, breaks off now; what was on its way is lost."""
        streams = [stream for stream in self._streams if resource in ("", stream.resource)]
        self._lost.update((stream.path, None) for stream in streams)
        _break_off(streams, "the connection was cut by a fault of this test")

    def sever(self) -> None:
        """From now on nothing reaches the server, and no open answer goes on."""
        self._severed = True
        _break_off(self._streams, _DEAD)

    @property
    def severed(self) -> bool:
        return self._severed

    @property
    def recovering(self) -> bool:
        """Whether a watch that was cut, or that the server ended as too old, was not opened again yet."""
        return bool(self._lost)

    @property
    def next_arrival(self) -> float | None:
        """The loop's time at which the next late chunk of a watch arrives; None when none is on its way."""
        times = [at for stream in self._streams if (at := stream.next_arrival) is not None]
        return min(times, default=None)

    async def send(self, request: TransportRequest) -> TransportResponse:
        self._check()
        if request.method in _READS:
            return await self._read(request)
        self.writes += 1
        if refusal := self._refusals.pop(self.writes, None):
            await asyncio.sleep(0)
            return _Answer(refusal)
        on_death = self._deaths.pop(self.writes, None)
        is_lost = self.writes in self._lost_answers
        response = await self._inner.send(request)
        if is_lost:
            await response.close()
            raise OutcomeUnknownError("the answer was lost by a fault of this test")
        if on_death is None and self.answer_lag is not None:
            await asyncio.sleep(self.answer_lag())
        if on_death is not None:
            await response.read()
            self.sever()
            on_death()
        if self._severed:
            await response.close()
            self._check()
        return response

    async def close(self) -> None:
        await self._inner.close()

    def stream_closed(self, stream: FaultyStream, /) -> None:
        self._streams.pop(stream, None)

    def stream_expired(self, stream: FaultyStream, /) -> None:
        self._lost[stream.path] = None

    async def _read(self, request: TransportRequest) -> TransportResponse:
        response = await self._inner.send(request)
        if self._severed:
            await response.close()
            self._check()
        if not any(name == "watch" and value in ("1", "true") for name, value in request.query):
            if self.answer_lag is not None:
                await asyncio.sleep(self.answer_lag())
                self._check()
            return response
        stream = FaultyStream(response, self, request.path, _resource_in(request.path))
        self._streams[stream] = None
        if response.status < 300:
            self._lost.pop(request.path, None)
        return stream

    def _check(self) -> None:
        if self._severed:
            raise TransportError(_DEAD)


def _break_off(streams: Iterable[FaultyStream], why: str) -> None:
    for stream in list(streams):
        stream.break_off(TransportError(why))


def _resource_in(path: str) -> str:
    """`pods`, `deployments.apps`: what the path of a collection names."""
    parts = path.strip("/").split("/")
    group = parts[1] if parts[0] == "apis" else ""
    return f"{parts[-1]}.{group}" if group else parts[-1]


class _Answer(TransportResponse):
    def __init__(self, refusal: Refusal) -> None:
        self.status = refusal.code
        headers: dict[str, str] = {"content-type": "application/json"}
        if refusal.retry_after is not None:
            headers["retry-after"] = str(refusal.retry_after)
        self.headers: Mapping[str, str] = headers
        self._body = msgspec.json.encode(
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": refusal.message,
                "reason": refusal.reason,
                "code": refusal.code,
            }
        )

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body

    async def read(self) -> bytes:
        return self._body

    async def close(self) -> None:
        return
