"""Connections of the HTTP front end: whoever reads a request, plain or not, it gets the same answer."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from reconcile.apiserver import APIServer
from reconcile.apiserver.http import Address

MAPS = "/api/v1/namespaces/default/configmaps"
_VARYING = re.compile(rb'"(uid|resourceVersion|creationTimestamp|time)":"[^"]*"')


class Peer:
    """One client's connection, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(120):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            status = int(lines[0].split(" ")[1])
            fields = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines[1:] if line)
            }
            body = b""
            if "content-length" in fields:
                body = await self.reader.readexactly(int(fields["content-length"]))
            return status, fields, body

    async def whole_answer(self) -> tuple[dict[str, str], bytes]:
        """The fields and the body of an answer, in whichever form it comes."""
        status, fields, body = await self.answer()
        assert status in (200, 201)
        if "transfer-encoding" in fields:
            while part := await self.frame():
                body += part
        return fields, body

    async def frame(self) -> bytes:
        """One chunk of a stream; empty for its end."""
        async with asyncio.timeout(120):
            size = int(await self.reader.readline(), 16)
            chunk = await self.reader.readexactly(size + 2)
            return chunk[:-2]


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=1 << 22)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()


def request(method: str, path: str, body: bytes = b"", *fields: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *fields]
    if not any(field.lower().startswith("transfer-encoding") for field in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def config_map(name: str, size: int = 1) -> bytes:
    return json.dumps({"metadata": {"name": name}, "data": {"key": "x" * size}}).encode()


def comparable(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str, bytes]:
    status, fields, body = answer
    return status, fields.get("content-type", ""), _VARYING.sub(b"", body)


CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(config_map("c")), config_map("c"))
REQUESTS = {
    "get": request("GET", "/api/v1/namespaces/default"),
    "missing": request("GET", f"{MAPS}/none"),
    "create": request("POST", MAPS, config_map("one")),
    "wrong-body": request("POST", MAPS, b'{"metadata":'),
    "query": request("GET", f"{MAPS}?labelSelector=a%3Db&limit=5"),
    "unknown-path": request("GET", "/nothing/here"),
    "discovery": request("GET", "/apis/apps/v1"),
    "no-bearer": request("GET", "/version", b"", "Authorization: Basic eDp5"),
    "delete": request("DELETE", f"{MAPS}/none"),
}


@pytest.mark.parametrize("raw", REQUESTS.values(), ids=REQUESTS)
async def test_a_request_in_pieces_is_answered_as_a_whole_one_is(raw: bytes) -> None:
    answers: list[tuple[int, str, bytes]] = []
    for pieces in ([raw], [raw[:20], raw[20:]]):
        async with APIServer() as server, connected(await server.serve()) as peer:
            for piece in pieces:
                peer.writer.write(piece)
                await peer.writer.drain()
                # The other side has read one piece before the next one is sent.
                for _ in range(20):
                    await asyncio.sleep(0)
            answers.append(comparable(await peer.answer()))
    assert answers[0] == answers[1]


async def test_requests_that_come_together_are_answered_in_order() -> None:
    async with APIServer() as server, connected(await server.serve()) as peer:
        names = [f"m-{number}" for number in range(20)]
        raw = b"".join(request("POST", MAPS, config_map(name)) for name in names)
        peer.writer.write(raw + request("GET", f"{MAPS}/m-19"))
        made = [await peer.answer() for _ in names]
        assert [status for status, _, _ in made] == [201] * len(names)
        assert [json.loads(body)["metadata"]["name"] for _, _, body in made] == names
        assert (await peer.answer())[0] == 200


async def test_a_body_may_come_long_after_its_head() -> None:
    async with APIServer() as server, connected(await server.serve()) as peer:
        raw = request("POST", MAPS, config_map("late", 200_000))
        head, body = raw.split(b"\r\n\r\n", 1)
        peer.writer.write(head + b"\r\n\r\n")
        await peer.writer.drain()
        for start in range(0, len(body), 50_000):
            peer.writer.write(body[start : start + 50_000])
            await peer.writer.drain()
            await asyncio.sleep(0)
        assert (await peer.answer())[0] == 201


@pytest.mark.parametrize(
    "raw",
    [
        request("POST", MAPS, CHUNKED, "Transfer-Encoding: chunked"),
        request("POST", MAPS, config_map("c"), "X-Twice: a", "x-twice: b"),
        request("POST", MAPS, config_map("c"), "X-Odd: \xe4"),
        request("POST", MAPS, config_map("c"), "Connection: close"),
        request("POST", MAPS, config_map("c")).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["chunked", "repeated", "not-ascii", "close", "old-version"],
)  # fmt: skip
async def test_what_is_not_plain_is_answered_too(raw: bytes) -> None:
    async with APIServer() as server, connected(await server.serve()) as peer:
        peer.writer.write(request("GET", "/readyz"))
        assert (await peer.answer())[0] == 200
        peer.writer.write(raw)
        assert (await peer.answer())[0] == 201
        assert server.storage.get("configmaps", "default/c") is not None


@pytest.mark.parametrize(
    "raw",
    [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nNo colon\r\n\r\n",
     b"GET /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
     b"GET /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
     b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"],
)  # fmt: skip
async def test_what_is_no_request_is_refused(raw: bytes) -> None:
    async with APIServer() as server, connected(await server.serve()) as peer:
        peer.writer.write(raw)
        async with asyncio.timeout(120):
            assert b" 400 " in await peer.reader.readline()


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with APIServer() as server, connected(await server.serve()) as peer:
        peer.writer.write(request("POST", MAPS, config_map("large", 4 << 20)))
        assert (await peer.answer())[0] == 413


async def test_a_large_answer_is_compressed_for_who_takes_it() -> None:
    async with APIServer() as server, connected(await server.serve()) as peer:
        peer.writer.write(request("POST", MAPS, config_map("large", 300_000)))
        await peer.whole_answer()
        plain = request("GET", f"{MAPS}/large")
        peer.writer.write(plain + request("GET", f"{MAPS}/large", b"", "Accept-Encoding: gzip"))
        fields, body = await peer.whole_answer()
        assert "content-encoding" not in fields
        fields, packed = await peer.whole_answer()
        assert fields["content-encoding"] == "gzip" and len(packed) < len(body)
        assert zlib.decompress(packed, 31) == body


async def test_a_watch_streams_and_is_forgotten_when_its_client_leaves() -> None:
    async with APIServer() as server:
        address = await server.serve()
        async with connected(address) as watcher, connected(address) as writer:
            watcher.writer.write(request("GET", "/api/v1/namespaces/default/secrets?watch=true"))
            status, fields, _ = await watcher.answer()
            assert (status, fields["transfer-encoding"]) == (200, "chunked")
            secret = json.dumps({"metadata": {"name": "new"}}).encode()
            writer.writer.write(request("POST", "/api/v1/namespaces/default/secrets", secret))
            assert (await writer.answer())[0] == 201
            event = json.loads(await watcher.frame())
            assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "new")
            assert len(server.handler.reader.watches) == 1
        async with asyncio.timeout(120):
            while server.handler.reader.watches:
                await asyncio.sleep(0.01)


async def test_a_watch_that_ends_leaves_the_connection_to_the_next_request() -> None:
    async with APIServer() as server, connected(await server.serve()) as peer:
        peer.writer.write(request("GET", "/api/v1/secrets?watch=true&timeoutSeconds=1"))
        assert (await peer.answer())[0] == 200
        assert await peer.frame() == b""
        peer.writer.write(request("GET", "/readyz"))
        assert (await peer.answer())[0] == 200


async def test_a_server_that_stops_ends_its_watches_and_connections() -> None:
    async with APIServer() as server:
        address = await server.serve()
        async with connected(address) as watcher, connected(address) as idle:
            watcher.writer.write(request("GET", "/api/v1/secrets?watch=true"))
            assert (await watcher.answer())[0] == 200
            idle.writer.write(request("GET", "/readyz"))
            assert (await idle.answer())[0] == 200
            await server.stop()
            async with asyncio.timeout(120):
                assert await watcher.frame() == b""
                assert await watcher.reader.read() == b"" and await idle.reader.read() == b""
