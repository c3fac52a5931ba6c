"""The API server as request and stream: the seam between the library and a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class TransportRequest:
    """One HTTP request, before credentials are added.

    Attributes:
        method: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
        path: the URL path, percent-encoded, without host or query.
        query: query parameters in order, not encoded; a name may repeat.
        headers: header fields; names in lower case.
        body: the body, or None.
        timeout: seconds until the whole answer must be read; None for no limit (watches).
        idle_timeout: seconds without any byte after which a read fails; None for no limit.
        before_sending: asked when the connection is there, immediately before the first byte is written;
            returns the seconds that are left for the request, or None, and raises to have nothing sent.
            A transport that writes at once need not ask: the caller has just done so.
        bulk: the body is long, and its reader would rather have it in large pieces than at once: a network
            may let some milliseconds of it gather before it is read on.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None
    timeout: float | None = None
    idle_timeout: float | None = None
    before_sending: Callable[[], float | None] | None = None
    bulk: bool = False


class TransportResponse(ABC):
    """An answer whose status and headers have arrived and whose body is read on demand.

    Must be closed; `async with` does it. Closing before the body is read ends the exchange at once, which
    is how a watch is stopped.

    Attributes:
        status: the HTTP status code.
        headers: header fields; names in lower case.
    """

    status: int
    headers: Mapping[str, str]

    @abstractmethod
    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, in pieces of any size, cut anywhere.

        Raises `TransportError` when the connection breaks, an idle or total time-out passes, or the body
        ends before its announced length. Back-pressure: what is not read is not received.
        """

    @abstractmethod
    async def read(self) -> bytes:
        """The whole rest of the body."""

    @abstractmethod
    async def close(self) -> None:
        """End the exchange; may be called at any time and more than once."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class Transport(ABC):
    """Carries requests to one API server.

    Implementations: `HTTPTransport` (a network), the embedded server's in-process transport, and the
    simulator's. All are always bytes, and suspend at least once a request, so that code tested on one
    meets the same scheduling on the others.
    """

    @abstractmethod
    async def send(self, request: TransportRequest) -> TransportResponse:
        """Send a request and wait for status and headers.

        Raises `TransportError` when the request certainly was not carried out (refused, unreachable, TLS),
        `OutcomeUnknownError` when the connection failed after the request may have arrived. An error
        status is not an exception at this layer.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close every connection; open answers end with `TransportError`."""
