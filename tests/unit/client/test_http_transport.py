"""The transport over a real socket: classification of failures, TLS, credentials, streams."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from helpers.scripted_connections import DAY, NOW, Authority, raw_server, serving

from reconcile.client import Client, RetryOptions, TransportRequest
from reconcile.client.credentials import CertificateSource, Connection, Credentials, Proof, StaticCredentials
from reconcile.client.http_transport import HTTPTransport
from reconcile.errors import (
    ConfigurationError,
    CredentialsError,
    IdleTimeoutError,
    OutcomeUnknownError,
    TLSError,
    TransportError,
    UnauthorizedError,
)
from reconcile.objects.identity import ResourceType

pytestmark = pytest.mark.real_time

PODS = ResourceType("", "v1", "Pod", "pods")


def get(path: str = "/x", **options: Any) -> TransportRequest:
    return TransportRequest("GET", path, **{"timeout": 5.0, **options})


def post(path: str = "/x", **options: Any) -> TransportRequest:
    return TransportRequest("POST", path, **{"timeout": 5.0, "body": b"{}", **options})


async def test_what_is_asked_is_what_arrives() -> None:
    seen: list[web.Request] = []
    bodies: list[bytes] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        bodies.append(await request.read())
        return web.Response(status=201, body=b"answer", headers={"Audit-Id": "1"})

    async with serving(handler) as url:
        transport = HTTPTransport(Connection(url + "/prefix/", StaticCredentials(token="t")))
        request = TransportRequest(
            "PUT",
            "/api/system%2Fx",
            (("labelSelector", "a in (b,c),d=é&"), ("x", "1"), ("x", "2")),
            {"accept": "application/json", "user-agent": "me"},
            b'{"a":1}',
            5.0,
        )
        async with await transport.send(request) as response:
            assert (response.status, response.headers["audit-id"]) == (201, "1")
            assert await response.read() == b"answer"
        await transport.close()
    (request_seen,) = seen
    assert request_seen.raw_path.startswith("/prefix/api/system%2Fx?")
    assert list(request_seen.query.items()) == [("labelSelector", "a in (b,c),d=é&"), ("x", "1"), ("x", "2")]
    assert request_seen.headers["Authorization"] == "Bearer t"
    assert request_seen.headers["User-Agent"] == "me"
    assert "Accept-Encoding" not in request_seen.headers
    assert bodies == [b'{"a":1}']


async def test_a_server_that_is_not_there_is_certain_not_to_have_done_anything() -> None:
    transport = HTTPTransport(Connection("http://127.0.0.1:1", origin='context "x" of file'))
    with pytest.raises(
        TransportError, match=r'cannot connect to http://127\.0\.0\.1:1 .context "x"'
    ) as caught:
        await transport.send(post())
    assert not isinstance(caught.value, OutcomeUnknownError)
    await transport.close()


async def test_a_host_without_an_address() -> None:
    transport = HTTPTransport(Connection("http://no-such-host.invalid"))
    with pytest.raises(
        TransportError, match=r"no address found for the host no-such-host\.invalid"
    ) as caught:
        await transport.send(post())
    assert not isinstance(caught.value, OutcomeUnknownError)
    await transport.close()


async def test_a_connection_cut_after_sending_leaves_the_outcome_unknown_and_is_not_sent_again() -> None:
    received: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))

    async with raw_server(behave) as url:
        transport = HTTPTransport(Connection(url))
        for request in (post(), TransportRequest("PUT", "/x", body=b"", timeout=5.0), get()):
            with pytest.raises(OutcomeUnknownError):
                await transport.send(request)
        await transport.close()
    assert len(received) == 3


async def test_a_kept_connection_that_the_server_closed_is_not_silently_used_twice() -> None:
    received: list[bytes] = []

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        received.append(await reader.readuntil(b"\r\n\r\n"))

    async with raw_server(behave) as url:
        transport = HTTPTransport(Connection(url))
        request = TransportRequest("DELETE", "/x", timeout=5.0)
        async with await transport.send(request) as response:
            await response.read()
        with pytest.raises(OutcomeUnknownError):
            await transport.send(request)
        await transport.close()
    assert len(received) == 2


async def test_no_answer_in_time_leaves_the_outcome_unknown() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(behave) as url:
        transport = HTTPTransport(Connection(url))
        with pytest.raises(OutcomeUnknownError, match=r"within 0\.2 s"):
            await transport.send(post(timeout=0.2))
        await transport.close()


@pytest.mark.parametrize("bulk", [False, True])
async def test_a_body_that_breaks_off(bulk: bool) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()

    async with raw_server(behave) as url:
        transport = HTTPTransport(Connection(url))
        response = await transport.send(get(bulk=bulk))
        got: list[bytes] = []
        with pytest.raises(TransportError, match="broke while the answer was read"):
            async for chunk in response.chunks():
                got.append(chunk)  # noqa: PERF401  (what came before the failure counts)
        assert got == [b"hello"]
        await response.close()
        await transport.close()


async def test_a_long_body_that_gathers_arrives_whole_and_leaves_its_connection_to_the_next_request() -> None:
    connections = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(300):
                piece = b"%d," % number * 500
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        await reader.read()

    async with raw_server(behave) as url:
        transport = HTTPTransport(Connection(url))
        for _ in range(2):
            async with await transport.send(get(bulk=True)) as response:
                got = b"".join([chunk async for chunk in response.chunks()])
            assert got == b"".join(b"%d," % number * 500 for number in range(300))
        assert connections == 1
        await transport.close()


async def test_a_long_body_that_falls_silent_fails_after_its_idle_time() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await reader.read()

    async with raw_server(behave) as url:
        transport = HTTPTransport(Connection(url))
        response = await transport.send(get(bulk=True, idle_timeout=0.2))
        with pytest.raises(IdleTimeoutError):
            async for _ in response.chunks():
                pass
        await response.close()
        await transport.close()


async def test_a_silent_watch_fails_after_its_idle_time_and_a_lively_one_does_not() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(4):
            writer.write(b'16\r\n{"type":"X","object":{\r\n')
            writer.write(b"3\r\n}}\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.1)
        await reader.read()

    async with raw_server(behave) as url:
        client = Client(HTTPTransport(Connection(url)))
        lines: list[bytes] = []
        with pytest.raises(IdleTimeoutError, match=r"nothing came .* for 0\.3 s"):
            async with client.watch_raw(PODS, idle_timeout=0.3) as watch:
                async for line in watch:
                    lines.append(line)  # noqa: PERF401
        assert len(lines) == 4
        await client.close()


async def test_closing_an_open_watch_ends_the_connection() -> None:
    ended = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        assert await reader.read() == b""
        ended.set()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        async with raw_server(behave) as url:
            client = Client(HTTPTransport(Connection(url)))
            async with client.watch_raw(PODS):
                pass
            await asyncio.wait_for(ended.wait(), 5)
            await client.close()
            with pytest.raises(TransportError, match="is closed"):
                await client.get(PODS, "n/a")


async def test_a_large_body_arrives() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=str(sum([len(chunk) async for chunk in request.content.iter_any()])))

    async with serving(handler) as url:
        transport = HTTPTransport(Connection(url))
        async with await transport.send(post(body=b"x" * 3_000_000)) as response:
            assert await response.read() == b"3000000"
        await transport.close()


class Renewable(Credentials):
    def __init__(self, *tokens: str) -> None:
        self.proofs = [Proof({"authorization": token}) for token in tokens]
        self.renewals = 0

    async def proof(self) -> Proof:
        return self.proofs[0]

    async def renew(self, refused: Proof) -> bool:
        self.renewals += 1
        if refused is self.proofs[0] and len(self.proofs) > 1:
            self.proofs.pop(0)
        return self.proofs[0] is not refused


async def unauthorized_unless_good(request: web.Request) -> web.Response:
    good = request.headers.get("Authorization") == "good"
    return web.Response(text="{}" if good else "Unauthorized", status=200 if good else 401)


async def test_a_401_renews_the_credentials_once() -> None:
    async with serving(unauthorized_unless_good) as url:
        credentials = Renewable("old", "good")
        client = Client(HTTPTransport(Connection(url, credentials)))
        assert await client.get(PODS, "n/a")
        assert credentials.renewals == 1
        await client.close()
        credentials = Renewable("bad", "worse", "worst")
        client = Client(HTTPTransport(Connection(url, credentials)))
        with pytest.raises(UnauthorizedError):
            await client.get(PODS, "n/a")
        assert credentials.renewals == 1
        await client.close()


async def test_groups_are_repeated_headers() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text=",".join(request.headers.getall("Impersonate-Group")))

    async with serving(handler) as url:
        from reconcile.client.credentials import Impersonation

        connection = Connection(url).acting_as(Impersonation("jane", ("a", "b")))
        transport = HTTPTransport(connection)
        async with await transport.send(get()) as response:
            assert await response.read() == b"a,b"
        await transport.close()


async def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def proxy(request: web.Request) -> web.Response:
        return web.Response(text=f"proxied {request.url}")

    async with serving(proxy) as url:
        for connection, environment in (
            (Connection("http://api.invalid", proxy=url), {}),
            (Connection("http://api.invalid"), {"http_proxy": url}),
        ):
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            transport = HTTPTransport(connection)
            async with await transport.send(get()) as response:
                assert await response.read() == b"proxied http://api.invalid/x"
            await transport.close()


async def test_no_proxy_may_name_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "10.0.0.0/8, 127.0.0.0/8")
    async with serving(unauthorized_unless_good) as url:
        transport = HTTPTransport(Connection(url))
        async with await transport.send(get()) as response:
            assert response.status == 401
        await transport.close()


async def hello(request: web.Request) -> web.Response:
    certificate = request.transport.get_extra_info("peercert") if request.transport else None
    return web.Response(text="with certificate" if certificate else "hello")


async def ask(connection: Connection) -> bytes:
    transport = HTTPTransport(connection)
    try:
        async with await transport.send(get()) as response:
            return await response.read()
    finally:
        await transport.close()


async def test_tls_with_the_right_authority(tmp_path: Path) -> None:
    authority = Authority()
    async with serving(hello, authority.server(tmp_path, "127.0.0.1")) as url:
        assert await ask(Connection(url, authority=authority.pem)) == b"hello"
        assert await ask(Connection(url, verify=False)) == b"hello"


async def test_tls_failures_say_what_to_try(tmp_path: Path) -> None:
    authority = Authority()
    async with serving(hello, authority.server(tmp_path, "127.0.0.1")) as url:
        with pytest.raises(TLSError, match="may belong to another cluster"):
            await ask(Connection(url, authority=Authority("other").pem))
        with pytest.raises(TLSError, match="set certificate-authority"):
            await ask(Connection(url))
        with pytest.raises(TLSError, match="for another name"):
            await ask(Connection(url, authority=authority.pem, server_name="other"))
        with pytest.raises(TransportError):
            await ask(Connection(url.replace("https", "http")))
    async with serving(hello, authority.server(tmp_path, "127.0.0.1", end=NOW - DAY)) as url:
        with pytest.raises(TLSError, match="certificate has expired"):
            await ask(Connection(url, authority=authority.pem))
    async with serving(hello) as url:
        with pytest.raises(TLSError, match="http://"):
            await ask(Connection(url.replace("http", "https")))


async def test_a_server_name_of_its_own(tmp_path: Path) -> None:
    authority = Authority()
    async with serving(hello, authority.server(tmp_path, "kubernetes")) as url:
        assert await ask(Connection(url, authority=authority.pem, server_name="kubernetes")) == b"hello"


async def test_a_client_certificate_is_presented(tmp_path: Path) -> None:
    authority = Authority()
    context = authority.server(tmp_path, "127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem.decode())
    credentials = StaticCredentials(certificate=CertificateSource(*authority.issue()))
    async with serving(hello, context) as url:
        assert await ask(Connection(url, credentials, authority=authority.pem)) == b"with certificate"


async def test_a_401_with_an_expired_client_certificate_says_so(tmp_path: Path) -> None:
    authority = Authority()
    certificate = CertificateSource(*authority.issue(end=NOW - DAY))
    credentials = StaticCredentials(certificate=certificate, user="admin")
    async with serving(unauthorized_unless_good, authority.server(tmp_path, "127.0.0.1")) as url:
        with pytest.raises(CredentialsError, match='client certificate of user "admin", which expired at'):
            await ask(Connection(url, credentials, authority=authority.pem))


async def test_an_authority_that_rotates_is_trusted_for_new_connections(tmp_path: Path) -> None:
    from reconcile.client.credentials import RotatingFile

    old, new = Authority("old"), Authority("new")
    (tmp_path / "ca.crt").write_bytes(old.pem)
    authority = RotatingFile(tmp_path / "ca.crt", interval=0)
    async with serving(hello, new.server(tmp_path, "127.0.0.1")) as url:
        transport = HTTPTransport(Connection(url, authority=authority))
        with pytest.raises(TLSError):
            await transport.send(get())
        (tmp_path / "ca.crt").write_bytes(old.pem + new.pem)
        async with await transport.send(get()) as response:
            assert await response.read() == b"hello"
        await transport.close()


async def test_a_read_of_an_unreachable_cluster_gives_up_in_the_end() -> None:
    client = Client(
        HTTPTransport(Connection("http://127.0.0.1:1")),
        retries=RetryOptions(attempts=3, initial_delay=0.01),
    )
    with pytest.raises(TransportError, match="is the API server running"):
        await client.get(PODS, "n/a")
    await client.close()


@asynccontextmanager
async def socks_proxy(asked: list[tuple[str, str]], *, refuse: bool = False) -> AsyncIterator[str]:
    """SOCKS5 (RFC 1928, 1929) with a user and a password; every name is at 127.0.0.1."""
    tasks: list[asyncio.Task[None]] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        assert 2 in await reader.readexactly(methods)
        writer.write(b"\x05\x02")
        _, length = await reader.readexactly(2)
        user = await reader.readexactly(length)
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x01\x00")
        _, command, _, kind = await reader.readexactly(4)
        assert (command, kind) == (1, 3), "a connection to a name"
        name = await reader.readexactly((await reader.readexactly(1))[0])
        port = int.from_bytes(await reader.readexactly(2), "big")
        asked.append((user.decode(), name.decode()))
        writer.write((b"\x05\x05" if refuse else b"\x05\x00") + b"\x00\x01" + bytes(6))
        if refuse:
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", port)
        tasks.append(asyncio.create_task(pipe(there, writer)))
        await pipe(reader, back)

    async with raw_server(behave) as url:
        yield url.replace("http://", "socks5://jane:secret@")
        await asyncio.gather(*tasks)


async def test_a_socks_proxy_looks_names_up(tmp_path: Path) -> None:
    authority = Authority()
    asked: list[tuple[str, str]] = []
    async with socks_proxy(asked) as proxy:
        async with serving(hello) as url:
            server = url.replace("127.0.0.1", "api.invalid")
            assert await ask(Connection(server, proxy=proxy)) == b"hello"
        async with serving(hello, authority.server(tmp_path, "kubernetes")) as url:
            server = url.replace("127.0.0.1", "api.invalid")
            connection = Connection(server, authority=authority.pem, proxy=proxy)
            with pytest.raises(TLSError, match="for another name"):
                await ask(connection)
            assert await ask(dataclasses.replace(connection, server_name="kubernetes")) == b"hello"
    assert asked == [("jane", "api.invalid")] * 3


async def test_a_socks_proxy_that_refuses_is_named_without_its_password() -> None:
    async with socks_proxy([], refuse=True) as proxy:
        with pytest.raises(
            TransportError, match=r"the proxy socks5://127\.0\.0\.1:\d+: .*proxy-url"
        ) as refused:
            await ask(Connection("http://api.invalid", proxy=proxy))
    assert "secret" not in str(refused.value)
    assert not isinstance(refused.value, OutcomeUnknownError)
    with pytest.raises(TransportError, match=r"the proxy socks5://127\.0\.0\.1:1"):
        await ask(Connection("http://api.invalid", proxy="socks5://127.0.0.1:1"))


def test_a_socks_proxy_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconcile.client.proxies.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"reconcile\[socks\]"):
        HTTPTransport(Connection("http://api.invalid", proxy="socks5://127.0.0.1:1"))
