"""The API server behind a network: `Transport` over HTTP/1.1.

    TransportRequest ──▶ proof (credentials) ──▶ TLS context ──▶ kept or new Wire ──▶ guard ──▶ socket
                            ▲                                       │
                            └── renew, once ◀──────── 401 ◀─────────┴──▶ TransportResponse

What goes out is what the layer above decided: nothing is sent twice, followed elsewhere or read from the
environment, but for proxies.

Between the guard's first answer and the socket lie a credential plugin, a look-up, a handshake; a process
may be stopped there for a minute. So the guard is asked again when the connection is there, in the turn of
the loop in which the bytes go out. A request that is given up afterwards takes its connection along by a
reset: what the kernel still holds of it is dropped and not delivered when a network comes back.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote_plus, urlsplit

from reconcile.client.addressing import Query, server_timeout
from reconcile.client.answer_parser import AnswerParser, MalformedAnswer
from reconcile.client.connection_errors import broken, certificate_end, unanswered
from reconcile.client.connector import Connector
from reconcile.client.content_coding import decoder_for
from reconcile.client.credentials.base import Proof
from reconcile.client.credentials.connection import Connection
from reconcile.client.credentials.tls import TLSContexts
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.client.wire import MOST_UNREAD, Wire
from reconcile.errors import CredentialsError, OutcomeUnknownError, TransportError
from reconcile.runtime import Runtime, SystemRuntime

# Seconds for which a long body gathers before it is read on: less than a server takes to fill a window.
_GATHER = 0.002
# Seconds between two looks at a stream: one that is busy, such as the watch of a rollout's pods, is read no
# oftener than that, and one that is not is read at once.
_BETWEEN = 0.004
# Idle connections are closed before the server (90 s) or a load balancer (60 s) does, since a request
# sent into a closing connection has an unknown outcome.
_KEEP_ALIVE = 50.0
# A limit that has shrunk by less than this since the request was made is not worth saying anew.
_TOLERANCE = 0.01
_WITH_BODY = ("POST", "PUT", "PATCH")

_plain = re.compile(r"[\w.~-]*", re.ASCII).fullmatch
_target = re.compile(r"[!-~]+").fullmatch


class HTTPTransport(Transport):
    """One API server over HTTP/1.1, with as many connections as there are requests at once.

    Args:
        connection: where it is, whom to trust, who asks.
        connect_timeout: seconds for name look-up, TCP and TLS together.
        compression: ask for gzip: worth it on slow networks only, dear on fast ones.
        runtime: the wall clock, to tell when a client certificate has expired.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        connect_timeout: float = 10.0,
        compression: bool = False,
        runtime: Runtime | None = None,
    ) -> None:
        self.connection = connection
        self._runtime = runtime or SystemRuntime()
        self._server = connection.server.rstrip("/")
        self._credentials = connection.credentials
        self._secure = self._server.startswith("https:")
        self._tls = TLSContexts(connection.authority, verify=connection.verify)
        self._connector = Connector(connection)
        self._path = self._connector.absolute + urlsplit(self._server).path
        fields = {"host": self._connector.host, **self._connector.headers}
        if compression:
            fields["accept-encoding"] = "gzip"
        self._own_fields = "".join([f"\r\n{name}: {value}" for name, value in fields.items()])
        self._connect_timeout = connect_timeout
        self._closed = False
        # All connections, and those that are kept for the next request, the latest last.
        self._wires: set[Wire] = set()
        self._kept: list[Wire] = []

    async def send(self, request: TransportRequest) -> TransportResponse:
        proof = await self._credentials.proof()
        try:
            response = await self._send(request, proof)
        except OutcomeUnknownError as error:
            # Some servers answer such a certificate by hanging up, after the client believes it has a
            # connection.
            if expired := self._expired(proof):
                raise OutcomeUnknownError(f"{error}; {self._credentials.describes} {expired}") from error
            raise
        if response.status == 401:
            if await self._credentials.renew(proof):
                await response.close()
                return await self._send(request, await self._credentials.proof())
            if expired := self._expired(proof):
                await response.close()
                raise CredentialsError(
                    f"{self._server} refused {self._credentials.describes}, which {expired}"
                )
        return response

    def _expired(self, proof: Proof) -> str:
        """That the client's certificate has expired, and what to do; empty when it has not."""
        certificate = proof.certificate
        until = certificate_end(certificate.certificate) if certificate is not None else None
        if until is None or until >= self._runtime.now():
            return ""
        return (
            f"expired at {until}; get a new one (kubeadm: `kubeadm certs renew`, a cloud: fetch the "
            "kubeconfig again)"
        )

    async def _send(self, request: TransportRequest, proof: Proof) -> TransportResponse:
        loop = asyncio.get_running_loop()
        deadline = float("inf") if request.timeout is None else loop.time() + request.timeout
        context = self._tls.context(proof.certificate) if self._secure else None
        wire = self._kept_wire(context) or await self._new_wire(context, request)
        # From here to the socket nothing is waited for.
        try:
            left = None if request.before_sending is None else request.before_sending()
            head = self._head(request, proof, left)
        except BaseException:
            self._keep(wire)
            raise
        try:
            answer = await wire.exchange(
                head,
                request.body,
                bodiless=request.method == "HEAD",
                deadline=deadline,
                silence=request.idle_timeout,
                reset=request.before_sending is not None,
            )
        except (OSError, MalformedAnswer) as error:
            if self._closed:
                raise TransportError(f"{self._server}: the client is closed") from error
            raise unanswered(error, self.connection, request, greeted=wire.answered) from error
        return HTTPResponse(wire, answer, self.connection, request)

    def _kept_wire(self, context: ssl.SSLContext | None) -> Wire | None:
        kept = self._kept
        while kept:
            wire = kept.pop()
            if wire.context is context and wire.is_usable():
                return wire
            # Made with what has been rotated since.
            wire.close()
        return None

    async def _new_wire(self, context: ssl.SSLContext | None, request: TransportRequest) -> Wire:
        if self._closed:
            raise TransportError(f"{self._server}: the client is closed")
        limit = self._connect_timeout
        if request.timeout is not None:
            # Shorter than the whole, so that it is known which one passed: before or after sending.
            limit = min(limit, 0.9 * request.timeout)
        wire = await self._connector.connect(context, limit)
        if self._closed:
            wire.abort()
            raise TransportError(f"{self._server}: the client is closed")
        self._wires.add(wire)
        wire.free, wire.gone = self._keep, self._wires.discard
        return wire

    def _keep(self, wire: Wire) -> None:
        wire.keep(_KEEP_ALIVE)
        self._kept.append(wire)
        if wire.context is not None:
            self._connector.remember(wire)

    def _head(self, request: TransportRequest, proof: Proof, left: float | None) -> bytes:
        """The head to send now. `left` are the seconds that the server may take."""
        query = request.query
        limit = request.timeout
        if left is not None and limit is not None and left < limit - _TOLERANCE:
            before = "timeout", server_timeout(limit)
            query = tuple([("timeout", server_timeout(left)) if each == before else each for each in query])
        target = self._path + request.path
        if query:
            target = f"{target}?{_encoded(query)}"
        if not _target(target):
            raise TransportError(
                f"{request.method} {request.path} makes no valid URL with the server {self._server}"
            )
        lines = [f"{request.method} {target} HTTP/1.1{self._own_fields}"]
        fields: Mapping[str, str | tuple[str, ...]] = request.headers
        if proof.headers:
            fields = {**fields, **proof.headers}
        for name, value in fields.items():
            if isinstance(value, str):
                lines.append(f"{name}: {value}")
            else:
                lines += [f"{name}: {each}" for each in value]
        body = request.body
        if body is not None:
            lines.append(f"content-length: {len(body)}")
        elif request.method in _WITH_BODY:
            lines.append("content-length: 0")
        text = "\r\n".join(lines)
        breaks = len(lines) - 1 + self._own_fields.count("\n")
        if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
            raise TransportError(f"{request.method} {request.path}: a header holds the end of a line")
        return f"{text}\r\n\r\n".encode()

    async def close(self) -> None:
        self._closed = True
        self._kept.clear()
        for wire in tuple(self._wires):
            wire.close()
        # The sockets are closed in the loop's next turn.
        await asyncio.sleep(0)


class HTTPResponse(TransportResponse):
    """An answer that comes on a connection."""

    def __init__(
        self, wire: Wire, answer: AnswerParser, connection: Connection, request: TransportRequest
    ) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._wire = wire
        self._answer = answer
        self._connection = connection
        self._request = request
        self._closed = False

    async def chunks(self) -> AsyncIterator[bytes]:
        if self._closed:
            raise TransportError(f"{self._request.path}: the answer was closed before it was read")
        wire, answer = self._wire, self._answer
        try:
            decoder, clock = decoder_for(self.headers), asyncio.get_running_loop().time
            next_look = clock()
            while True:
                if answer.size:
                    early = next_look - clock()
                    if early > 0 and not answer.complete and not self._request.bulk:
                        await self._gather(early)
                    next_look = clock() + _BETWEEN
                    piece = answer.take()
                    wire.resume(answer)
                    if decoder is None:
                        yield piece
                    else:
                        for plain in decoder.feed(piece):
                            yield plain
                    if self._request.bulk and not answer.complete and len(piece) < MOST_UNREAD:
                        await self._gather(_GATHER)
                elif answer.complete:
                    break
                elif wire.error is not None:
                    raise wire.error
                else:
                    await wire.wait()
            if decoder is not None:
                decoder.end()
        except (OSError, MalformedAnswer) as error:
            raise broken(error, self._connection, self._request) from error

    async def _gather(self, seconds: float) -> None:
        """Leave a long body to the kernel for a moment, so that it comes in fewer and larger pieces: each
        costs a wake-up, a decryption and a parser's round, whatever its size."""
        self._wire.pause(self._answer)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._wire.resume(self._answer)

    async def read(self) -> bytes:
        try:
            body = await self._wire.rest(self._answer)
            if (decoder := decoder_for(self.headers)) is not None:
                body = b"".join(decoder.feed(body))
                decoder.end()
        except (OSError, MalformedAnswer) as error:
            raise broken(error, self._connection, self._request) from error
        return body

    async def close(self) -> None:
        # An answer that came to its end has given its connection back; any other takes it along.
        self._closed = True
        self._wire.leave(self._answer)


def _encoded(query: Query) -> str:
    return "&".join([f"{name}={value if _plain(value) else quote_plus(value)}" for name, value in query])
