"""Connections that end, stall, lie or speak out of turn, with TLS and proxies around them; on both loops."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import gzip
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop
from helpers.scripted_connections import Authority, raw_server

from reconcile.client import TransportRequest, http_transport
from reconcile.client.credentials import CertificateSource, Connection, Credentials, Proof, StaticCredentials
from reconcile.client.http_transport import HTTPTransport
from reconcile.errors import OutcomeUnknownError, TLSError, TransportError

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
PATIENCE = 60.0
LENGTH_2 = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def on_both_loops(test: Callable[[Path], Awaitable[None]]) -> Callable[..., None]:
    @pytest.mark.parametrize(
        "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
    )
    def run(loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(240):
                await test(tmp_path)

        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(bounded())

    functools.update_wrapper(run, test, assigned=("__name__", "__qualname__", "__module__", "__doc__"))
    del run.__wrapped__  # type: ignore[attr-defined]
    return run


def get(**options: Any) -> TransportRequest:
    return TransportRequest("GET", "/x", **{"timeout": PATIENCE, **options})


def post(body: bytes = b"{}", **options: Any) -> TransportRequest:
    return TransportRequest("POST", "/x", body=body, **{"timeout": PATIENCE, **options})


@asynccontextmanager
async def transport_to(url: str, **options: Any) -> AsyncIterator[HTTPTransport]:
    transport = HTTPTransport(Connection(url, **{"proxy": "none", **options}))
    try:
        yield transport
    finally:
        await transport.close()


async def asked(transport: HTTPTransport, request: TransportRequest) -> bytes:
    async with await transport.send(request) as response:
        return await response.read()


class Script:
    """Answers the requests of each connection with these bytes, in turn, and then hangs up.

    Attributes:
        connections: how many there were.
    """

    def __init__(self, *answers: bytes, stays: bool = False) -> None:
        self._answers = answers
        self._stays = stays
        self.connections = 0
        self.heads: list[bytes] = []

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        self.connections += 1
        for answer in self._answers:
            head = await request_of(reader)
            if head is None:
                return
            self.heads.append(head)
            writer.write(answer)
            await writer.drain()
        if self._stays:
            await reader.read()


async def request_of(reader: Reader) -> bytes | None:
    """The head of the next request, its body left out; None when the connection ends."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length: "):
            await reader.readexactly(int(line[16:]))
    return head


@on_both_loops
async def test_a_malformed_answer_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ):
        script = Script(answer, stays=True)
        async with raw_server(script) as url, transport_to(url) as transport:
            with pytest.raises(OutcomeUnknownError, match="broke before the answer"):
                await asked(transport, post())
            with pytest.raises(OutcomeUnknownError):
                await asked(transport, post())
            assert script.connections == 2


@on_both_loops
async def test_a_body_that_is_cut_off_or_malformed_is_no_answer(tmp_path: Path) -> None:
    for answer in (LENGTH_2 + b"{", CHUNKED + b"5\r\nhel", CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n"):
        async with raw_server(Script(answer)) as url, transport_to(url) as transport:
            response = await transport.send(get())
            with pytest.raises(TransportError, match="broke while the answer was read"):
                await response.read()
            await response.close()


@on_both_loops
async def test_connections_are_kept_for_the_next_request_unless_something_speaks_against_it(
    tmp_path: Path,
) -> None:
    chunked = CHUNKED + b"2\r\n{}\r\n0\r\nX: 1\r\n\r\n"
    kept = (LENGTH_2 + b"{}", chunked, b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH_2 + b"{}")
    script = Script(*kept, *kept, stays=True)
    async with raw_server(script) as url, transport_to(url) as transport:
        for _ in range(6):
            assert await asked(transport, post()) == b"{}"
    assert script.connections == 1
    for answer in (
        LENGTH_2 + b"{}surplus",
        chunked + b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ):
        script = Script(answer, answer, stays=True)
        async with raw_server(script) as url, transport_to(url) as transport:
            for _ in range(2):
                assert await asked(transport, post()) == b"{}"
        assert script.connections == 2, answer


@on_both_loops
async def test_what_a_server_says_unasked_answers_nothing(tmp_path: Path) -> None:
    connections = 0
    said = asyncio.Event()

    async def behave(reader: Reader, writer: Writer) -> None:
        nonlocal connections
        connections += 1
        assert await request_of(reader)
        writer.write(LENGTH_2 + b"%d " % connections)
        await writer.drain()
        if connections == 1:
            await said.wait()
            writer.write(LENGTH_2 + b"no")
        await reader.read()

    async with raw_server(behave) as url, transport_to(url) as transport:
        assert await asked(transport, get()) == b"1 "
        said.set()
        while transport._wires:
            await asyncio.sleep(0.01)
        assert await asked(transport, get()) == b"2 "


@on_both_loops
async def test_a_kept_connection_that_the_server_ends_is_not_used_again(tmp_path: Path) -> None:
    script = Script(LENGTH_2 + b"{}")
    async with raw_server(script) as url, transport_to(url) as transport:
        for _ in range(3):
            assert await asked(transport, post()) == b"{}"
            while transport._wires:
                await asyncio.sleep(0.01)
    assert script.connections == 3


@on_both_loops
async def test_a_connection_that_nobody_uses_ends(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def behave(reader: Reader, writer: Writer) -> None:
        await request_of(reader)
        writer.write(LENGTH_2 + b"{}")
        assert await reader.read() == b""
        ended.set()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(http_transport, "_KEEP_ALIVE", 0.05)
        async with raw_server(behave) as url, transport_to(url) as transport:
            assert await asked(transport, get()) == b"{}"
            await ended.wait()


@on_both_loops
async def test_many_requests_at_once_share_connections_and_find_their_own_answers(tmp_path: Path) -> None:
    async def behave(reader: Reader, writer: Writer) -> None:
        while head := await request_of(reader):
            name = head.split(b" ")[1]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(name) + name)

    async with raw_server(behave) as url, transport_to(url) as transport:

        async def ask(number: int) -> None:
            for again in range(20):
                request = replace(get(), path=f"/{number}/{again}")
                assert await asked(transport, request) == request.path.encode()

        await asyncio.gather(*(ask(number) for number in range(12)))
        assert len(transport._wires) <= 12


@on_both_loops
async def test_one_who_gives_up_as_the_answer_comes_takes_nobody_elses_connection(tmp_path: Path) -> None:
    async def behave(reader: Reader, writer: Writer) -> None:
        while await request_of(reader):
            writer.write(LENGTH_2 + b"{}")

    async with raw_server(behave) as url, transport_to(url) as transport:
        assert await asked(transport, get()) == b"{}"
        (wire,) = transport._wires
        for _ in range(20):
            first = asyncio.create_task(asked(transport, post(before_sending=lambda: None)))
            second: asyncio.Task[bytes] | None = None
            keep = wire.free

            def freed(it: Any, first: asyncio.Task[bytes] = first, keep: Any = keep) -> None:
                # Its last byte has come, and before it is told so it is cancelled; another request follows.
                nonlocal second
                wire.free = keep
                keep(it)
                first.cancel()
                second = asyncio.create_task(asked(transport, get()))

            wire.free = freed
            with contextlib.suppress(asyncio.CancelledError):
                await first
            assert second is not None and await second == b"{}"
        assert transport._wires == {wire}


@on_both_loops
async def test_a_large_body_of_which_the_server_has_seen_enough(tmp_path: Path) -> None:
    connections = 0

    async def behave(reader: Reader, writer: Writer) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 16):
                pass

    async with raw_server(behave) as url, transport_to(url) as transport:
        for _ in range(2):
            async with await transport.send(post(bytes(50_000_000))) as response:
                assert response.status == 413 and await response.read() == b"no"
    assert connections == 2


@on_both_loops
async def test_a_large_body_into_a_connection_that_ends(tmp_path: Path) -> None:
    async def behave(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with raw_server(behave) as url, transport_to(url) as transport:
        with pytest.raises(OutcomeUnknownError):
            await transport.send(post(bytes(50_000_000)))


@on_both_loops
async def test_time_is_up_while_the_server_takes_no_more_of_a_body(tmp_path: Path) -> None:
    done = asyncio.Event()

    async def behave(reader: Reader, writer: Writer) -> None:
        await request_of(reader)
        writer.write(LENGTH_2 + b"{}")
        await done.wait()

    async with raw_server(behave) as url, transport_to(url) as transport:
        assert await asked(transport, get()) == b"{}"
        with pytest.raises(OutcomeUnknownError, match=r"within 0\.5 s"):
            await transport.send(post(bytes(50_000_000), timeout=0.5))
        done.set()


@on_both_loops
async def test_time_is_up_while_an_answer_trickles_in(tmp_path: Path) -> None:
    async def behave(reader: Reader, writer: Writer) -> None:
        await request_of(reader)
        writer.write(CHUNKED)
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"1\r\nx\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)

    async with raw_server(behave) as url, transport_to(url) as transport:

        async def read(whole: bool) -> None:
            response = await transport.send(get(timeout=3.0, idle_timeout=60.0))
            with pytest.raises(TransportError, match=r"not answered to the end within 3 s"):
                if whole:
                    await response.read()
                else:
                    async for _ in response.chunks():
                        pass
            await response.close()

        await asyncio.gather(read(True), read(False))


@on_both_loops
async def test_who_reads_slowly_receives_slowly(tmp_path: Path) -> None:
    total = 40_000_000

    async def behave(reader: Reader, writer: Writer) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        for _ in range(total // 100_000):
            writer.write(bytes(100_000))
            await writer.drain()
        await reader.read()

    async with raw_server(behave) as url, transport_to(url) as transport:
        response = await transport.send(get(idle_timeout=30.0))
        (wire,) = transport._wires
        while not wire._paused:
            await asyncio.sleep(0.01)
        for _ in range(50):
            await asyncio.sleep(0)
        assert response._answer.size < 2_000_000  # type: ignore[attr-defined]
        assert sum([len(chunk) async for chunk in response.chunks()]) == total
        await response.close()
        assert transport._kept == [wire]


@on_both_loops
async def test_closing_tells_those_who_wait(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def behave(reader: Reader, writer: Writer) -> None:
        if await request_of(reader):
            arrived.set()
            await reader.read()

    async with raw_server(behave) as url:
        transport = HTTPTransport(Connection(url, proxy="none"))
        waiting = asyncio.create_task(transport.send(get()))
        await arrived.wait()
        await transport.close()
        with pytest.raises(TransportError, match="the client is closed"):
            await waiting
        with pytest.raises(TransportError, match="the client is closed"):
            await transport.send(get())


@on_both_loops
async def test_what_cannot_be_said_in_a_head_is_not_sent(tmp_path: Path) -> None:
    script = Script(LENGTH_2 + b"{}", stays=True)
    async with raw_server(script) as url, transport_to(url) as transport:
        for bad in (
            get(headers={"x": "a\r\nevil: yes"}),
            get(headers={"x": "a\nevil: yes"}),
            get(headers={"x\r\nevil": "a"}),
            get(headers={"x": "a\0"}),
            replace(get(), path="/a b"),
            replace(get(), path="/a\r\nevil: yes"),
            replace(get(), path="/ü"),
        ):
            with pytest.raises(TransportError) as refused:
                await transport.send(bad)
            assert not isinstance(refused.value, OutcomeUnknownError)
        assert await asked(transport, get(headers={"x": "schön"})) == b"{}"
    (head,) = script.heads
    assert "x: schön".encode() in head


@on_both_loops
async def test_answers_without_a_body(tmp_path: Path) -> None:
    script = Script(
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
        LENGTH_2 + b"{}",
        stays=True,
    )
    async with raw_server(script) as url, transport_to(url) as transport:
        assert await asked(transport, replace(get(), method="HEAD")) == b""
        assert await asked(transport, get()) == b""
        assert await asked(transport, get()) == b""
        assert await asked(transport, post()) == b"{}"
    assert script.connections == 1


@on_both_loops
async def test_compressed_answers_are_asked_for_and_read(tmp_path: Path) -> None:
    text = b"hello world" * 100_000
    packed = gzip.compress(text)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    script = Script(head + packed, head + packed, head[:-4] + b"0\r\n\r\n" + packed, stays=True)
    async with raw_server(script) as url:
        transport = HTTPTransport(Connection(url, proxy="none"), compression=True)
        assert await asked(transport, get()) == text
        async with await transport.send(get()) as response:
            assert b"".join([chunk async for chunk in response.chunks()]) == text
        await transport.close()
    assert all(b"accept-encoding: gzip" in head for head in script.heads)
    async with raw_server(Script(head + packed[:-1] + b"\1")) as url, transport_to(url) as transport:
        with pytest.raises(TransportError, match="broke while the answer was read"):
            await asked(transport, get())


@on_both_loops
async def test_a_name_with_several_addresses_of_which_one_answers(tmp_path: Path) -> None:
    async with (
        raw_server(Script(LENGTH_2 + b"{}", stays=True)) as url,
        transport_to(url.replace("127.0.0.1", "localhost")) as transport,
    ):
        assert await asked(transport, get()) == b"{}"


@on_both_loops
async def test_long_bodies_through_tls_both_ways(tmp_path: Path) -> None:
    async def behave(reader: Reader, writer: Writer) -> None:
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            writer.write(CHUNKED)
            while length:
                piece = await reader.read(100_000)
                length -= len(piece)
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        await reader.read()

    authority = Authority()
    body = b"".join(b"%d" % number for number in range(500_000))
    async with (
        raw_server(behave, authority.server(tmp_path, "127.0.0.1")) as url,
        transport_to(url, authority=authority.pem) as transport,
    ):
        # The server says back what it hears, and stops hearing while nobody listens: so the answer's head
        # may end the sending. What came until then is the beginning of the body.
        small = body[:400_000]
        for bulk in (False, True):
            async with await transport.send(post(small, bulk=bulk)) as response:
                assert b"".join([chunk async for chunk in response.chunks()]) == small
        assert len(transport._kept) == 1


@on_both_loops
async def test_a_body_that_only_the_end_of_the_connection_ends_needs_a_farewell_in_tls(
    tmp_path: Path,
) -> None:
    cut = False

    async def behave(reader: Reader, writer: Writer) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await writer.drain()
        if cut:
            # Below TLS: as whoever is in between might.
            with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as below:
                below.shutdown(socket.SHUT_WR)
            await reader.read()

    authority = Authority()
    context = authority.server(tmp_path, "127.0.0.1")
    async with raw_server(behave) as url, transport_to(url) as transport:
        assert await asked(transport, get()) == b"hello"
    async with (
        raw_server(behave, context) as url,
        transport_to(url, authority=authority.pem) as transport,
    ):
        assert await asked(transport, get()) == b"hello"
        cut = True
        with pytest.raises(TransportError, match="broke while the answer was read"):
            await asked(transport, get())


def refuse(listening: socket.socket, context: ssl.SSLContext) -> None:
    """One connection, with an alert where it is due, which servers of asyncio leave out."""
    accepted, _ = listening.accept()
    with socket.socket(fileno=os.dup(accepted.fileno())) as below:
        secured = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        with secured, contextlib.suppress(ssl.SSLError, ConnectionError):
            secured.do_handshake()
        # What the client has sent must be read, or the alert is lost in a reset.
        with contextlib.suppress(ConnectionError):
            while below.recv(1 << 16):
                pass


@on_both_loops
async def test_a_server_that_refuses_the_certificate_has_not_read_the_request(tmp_path: Path) -> None:
    authority, other = Authority(), Authority("other")
    context = authority.server(tmp_path, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem.decode())
    for credentials in (
        StaticCredentials(certificate=CertificateSource(*other.issue())),
        StaticCredentials(),
    ):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = asyncio.get_running_loop().run_in_executor(None, refuse, listening, context)
            url = f"https://127.0.0.1:{listening.getsockname()[1]}"
            async with transport_to(url, credentials=credentials, authority=authority.pem) as transport:
                with pytest.raises(TLSError, match="no TLS connection with"):
                    await asked(transport, post())
            await serving


class Rotating(Credentials):
    """Shows another certificate from now on."""

    def __init__(self, *sources: CertificateSource) -> None:
        self.sources = list(sources)

    async def proof(self) -> Proof:
        return Proof({}, self.sources[0].read())


@on_both_loops
async def test_a_certificate_that_rotates_is_shown_on_new_connections(tmp_path: Path) -> None:
    script = Script(LENGTH_2 + b"{}", LENGTH_2 + b"{}", stays=True)
    authority = Authority()
    credentials = Rotating(*[CertificateSource(*authority.issue()) for _ in range(2)])
    async with (
        raw_server(script, authority.server(tmp_path, "127.0.0.1")) as url,
        transport_to(url, credentials=credentials, authority=authority.pem) as transport,
    ):
        for connections in (1, 1, 2):
            if connections == 2:
                credentials.sources.pop(0)
            assert await asked(transport, post()) == b"{}"
            assert script.connections == connections


class Sessions:
    """Answers a request a connection and hangs up; notes whether TLS went on with an earlier session.

    Attributes:
        resumed: of each connection.
        serials: of the certificate that each connection's client showed.
    """

    def __init__(self) -> None:
        self.resumed: list[bool] = []
        self.serials: list[object] = []

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        layer = writer.get_extra_info("ssl_object")
        self.resumed.append(bool(layer.session_reused))
        self.serials.append((layer.getpeercert() or {}).get("serialNumber"))
        if await request_of(reader) is not None:
            writer.write(LENGTH_2 + b"{}")
            await writer.drain()


@on_both_loops
async def test_a_later_connection_goes_on_with_the_tls_session_of_an_earlier_one(tmp_path: Path) -> None:
    authority, seen = Authority(), Sessions()
    async with (
        raw_server(seen, authority.server(tmp_path, "127.0.0.1")) as url,
        transport_to(url, authority=authority.pem) as transport,
    ):
        await asked(transport, get())
        await asyncio.gather(*[asked(transport, get()) for _ in range(3)])
    assert seen.resumed == [False, True, True, True]


@on_both_loops
async def test_a_server_that_has_forgotten_the_session_is_met_with_a_new_one(tmp_path: Path) -> None:
    authority, seen = Authority(), Sessions()
    async with raw_server(seen, authority.server(tmp_path, "127.0.0.1")) as url:
        transport = HTTPTransport(Connection(url, proxy="none", authority=authority.pem))
        await asked(transport, get())
    restarted = authority.server(tmp_path, "127.0.0.1")
    async with raw_server(seen, restarted, port=int(url.rpartition(":")[2])):
        for _ in range(2):
            await asked(transport, get())
    await transport.close()
    assert seen.resumed == [False, False, True]


@on_both_loops
async def test_a_client_with_another_certificate_begins_a_session_of_its_own(tmp_path: Path) -> None:
    authority, seen = Authority(), Sessions()
    tls = authority.server(tmp_path, "127.0.0.1")
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(cadata=authority.pem.decode())
    credentials = Rotating(*[CertificateSource(*authority.issue()) for _ in range(2)])
    async with (
        raw_server(seen, tls) as url,
        transport_to(url, authority=authority.pem, credentials=credentials) as transport,
    ):
        for _ in range(2):
            await asked(transport, get())
        credentials.sources.pop(0)
        for _ in range(2):
            await asked(transport, get())
    assert seen.resumed == [False, True, False, True]
    assert seen.serials[0] == seen.serials[1] != seen.serials[2] == seen.serials[3]


@on_both_loops
async def test_a_server_that_hangs_up_or_is_silent_in_the_handshake(tmp_path: Path) -> None:
    async def hangs_up(reader: Reader, writer: Writer) -> None:
        await reader.read(1)

    async def silent(reader: Reader, writer: Writer) -> None:
        await reader.read()

    for behave, limit, words in ((hangs_up, 60.0, "is the API server running"), (silent, 0.3, "in time")):
        async with raw_server(behave) as url:
            transport = HTTPTransport(
                Connection(url.replace("http", "https"), proxy="none"), connect_timeout=limit
            )
            with pytest.raises(TransportError, match=words) as caught:
                await transport.send(post())
            assert not isinstance(caught.value, OutcomeUnknownError)
            await transport.close()


@asynccontextmanager
async def connect_proxy(seen: list[bytes], tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """An HTTP proxy that leads to 127.0.0.1, whatever the name, for jane."""
    tasks: list[asyncio.Task[None]] = []
    allowed = b"proxy-authorization: Basic " + base64.b64encode(b"jane:se:cret")

    async def pipe(reader: Reader, writer: Writer) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def behave(reader: Reader, writer: Writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].split(b" ")
        seen.append(method + b" " + target)
        if allowed not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nwho?")
            return
        if method != b"CONNECT":
            writer.write(LENGTH_2 + b"{}")
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\nContent-Length: 0\r\n\r\n")
        there, back = await asyncio.open_connection("127.0.0.1", int(target.rpartition(b":")[2]))
        tasks.append(asyncio.create_task(pipe(there, writer)))
        await pipe(reader, back)

    async with raw_server(behave, tls) as url:
        yield url.replace("://", "://jane:se%3Acret@")
        await asyncio.gather(*tasks)


@on_both_loops
async def test_a_proxy_leads_to_the_server_and_tls_goes_through_it(tmp_path: Path) -> None:
    seen: list[bytes] = []
    authority = Authority()
    context = authority.server(tmp_path, "kubernetes", "127.0.0.1")
    for secure in (None, context):
        script = Script(LENGTH_2 + b"{}", LENGTH_2 + b"{}", stays=True)
        async with connect_proxy(seen, secure) as proxy:
            async with raw_server(script, context) as url:
                server = url.replace("127.0.0.1", "kubernetes")
                async with transport_to(server, authority=authority.pem, proxy=proxy) as transport:
                    for _ in range(2):
                        assert await asked(transport, post(bytes(1_000_000))) == b"{}"
                assert script.connections == 1
                assert seen.pop() == b"CONNECT " + server.removeprefix("https://").encode()
            if secure is None:
                async with transport_to("http://api.invalid/base", proxy=proxy) as transport:
                    assert await asked(transport, get()) == b"{}"
                assert seen.pop() == b"GET http://api.invalid/base/x"
            assert seen == []


@on_both_loops
async def test_a_proxy_that_refuses_is_named_as_the_reason(tmp_path: Path) -> None:
    async with connect_proxy([]) as proxy:
        nobody = proxy.replace("jane:se%3Acret@", "")
        async with transport_to("https://api.invalid", proxy=nobody) as transport:
            with pytest.raises(
                TransportError, match=r"refused the connection: .*407.*check proxy-url"
            ) as refused:
                await transport.send(post())
            assert not isinstance(refused.value, OutcomeUnknownError)
    async with transport_to("https://api.invalid", proxy="http://127.0.0.1:1") as transport:
        with pytest.raises(TransportError, match="check proxy-url"):
            await transport.send(post())
