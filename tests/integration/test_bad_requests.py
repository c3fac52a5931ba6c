"""What no well-behaved client sends: the embedded server says to it what the real one says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import tracemalloc
from pathlib import Path

import aiohttp
import pytest
from helpers.bad_requests import JSON, NAMESPACE, REQUESTS, Bad, Connection, config_map, post
from helpers.serving import embedded_in_thread

from reconcile.apiserver import APIServer, ServerOptions
from reconcile.apiserver.http import HTTPOptions
from reconcile.client.transport import TransportRequest
from reconcile.testing.control_plane import ControlPlane

_VARYING = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z")


def outcome(connection: Connection, bad: Bad) -> tuple[int, str, str]:
    status, media, text = connection.ask(bad)
    return status, media, _VARYING.sub("…", text)


@pytest.mark.timeout(1200)
def test_each_is_answered_as_the_real_server_answers_it(real_plane: ControlPlane, tmp_path: Path) -> None:
    with embedded_in_thread(tmp_path) as kubeconfig:
        ours, theirs = Connection(kubeconfig), Connection(real_plane.kubeconfig)
        namespace = json.dumps({"metadata": {"name": NAMESPACE}}).encode()
        for each in (ours, theirs):
            assert each.ask(Bad("POST", "/api/v1/namespaces", namespace, {"Content-Type": JSON}))[0] == 201
            assert each.ask(post(config_map("held", data={"k": "v"})))[0] == 201
        different = [
            f"{bad}\n  ours   {mine}\n  theirs {other}"
            for bad in REQUESTS
            if (mine := outcome(ours, bad)) != (other := outcome(theirs, bad))
        ]
    assert not different, f"{len(different)} of {len(REQUESTS)} differ:\n" + "\n".join(different)


@pytest.mark.parametrize("depth", [900, 9_990, 100_000])
async def test_depth_is_refused_or_taken_and_never_an_internal_error(depth: int) -> None:
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    definition = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"deep","x":%b}}' % nested
    maps = "/api/v1/namespaces/default/configmaps"
    async with APIServer() as server:
        address = await server.serve()
        reader, writer = await asyncio.open_connection(address.host, address.port)
        for method, path, media in (
            ("POST", maps, "application/json"),
            ("POST", maps, "application/yaml"),
            ("PATCH", f"{maps}/deep", "application/merge-patch+json"),
            (
                "PATCH",
                f"{maps}/deep?fieldManager=f",
                "application/apply-patch+yaml",
            ),
            ("DELETE", f"{maps}/deep", "application/json"),
        ):
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\n"
            writer.write(f"{head}Content-Length: {len(definition)}\r\n\r\n".encode() + definition)
            async with asyncio.timeout(120):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
                body = await reader.readexactly(length)
            # An applied field that the schema does not know has status 500 on the real server, too.
            assert b"Internal error" not in body and b"Traceback" not in body, body
        writer.close()


async def test_slow_and_half_closed_connections_hold_no_one_else_up() -> None:
    async with APIServer() as server:
        address = await server.serve()
        slow = [await asyncio.open_connection(address.host, address.port) for _ in range(50)]
        for _, writer in slow:
            writer.write(b"POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\nContent-Le")
        watches = [await asyncio.open_connection(address.host, address.port) for _ in range(20)]
        for reader, writer in watches:
            writer.write(b"GET /api/v1/configmaps?watch=true HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(120):
                assert b"200" in await reader.readline()
        for _, writer in watches[:10]:
            raw = writer.get_extra_info("socket")
            raw.shutdown(socket.SHUT_WR)
        for _, writer in watches[10:]:
            writer.transport.abort()
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(120):
            assert b"200" in await reader.readline()
            # A watch that nobody reads any more is forgotten.
            while len(server.handler.reader.watches) > 10:
                await asyncio.sleep(0.05)
        for _, each in (*slow, *watches, (reader, writer)):
            each.close()


async def test_who_sends_no_whole_head_in_time_is_cut_off_and_nobody_else() -> None:
    async with APIServer() as server:
        address = await server.serve(options=HTTPOptions(head_timeout=3.0))
        opened = [await asyncio.open_connection(address.host, address.port) for _ in range(30)]
        good_reader, good = opened.pop()
        good.write(b"GET /api/v1/configmaps?watch=true HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(120):
            assert b"200" in await good_reader.readline()
            for number, (_, writer) in enumerate(opened):
                writer.write((b"", b"GET /ap", b"GET /api HTTP/1.1\r\nHost: x\r\nA: ")[number % 3])
            for reader, writer in opened:
                with contextlib.suppress(ConnectionError):
                    assert await reader.read() == b""
                writer.close()
        # What has begun goes on.
        assert len(server.handler.reader.watches) == 1
        good.close()


async def test_connections_that_wait_are_cut_off_when_they_have_waited_long_enough() -> None:
    async with APIServer() as server:
        address = await server.serve(options=HTTPOptions(head_timeout=3.0, idle_timeout=0.5))
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(120):
            assert (await reader.read()).endswith(b"ok")
        writer.close()


async def test_a_long_address_is_answered_and_one_without_end_is_not() -> None:
    async with APIServer() as server:
        address = await server.serve()
        for length, code in ((100_000, b"200"), (2_000_000, b"431")):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            path = b"/api/v1/configmaps?labelSelector=a+in+(" + b"b," * (length // 2) + b"b)"
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(120):
                assert code in await reader.readline()
            writer.close()


async def test_watchers_that_do_not_read_cost_bounded_memory() -> None:
    async with APIServer(ServerOptions(history=20)) as server:
        address = await server.serve()
        watches = [await asyncio.open_connection(address.host, address.port, limit=1024) for _ in range(20)]
        for reader, writer in watches:
            writer.write(b"GET /api/v1/configmaps?watch=true HTTP/1.1\r\nHost: x\r\n\r\n")
            async with asyncio.timeout(120):
                assert b"200" in await reader.readline()
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        transport = server.transport()
        headers = {"content-type": "application/json"}
        maps = "/api/v1/namespaces/default/configmaps"

        async def write(method: str, path: str, number: int) -> None:
            metadata = {"name": "large"}
            made = {"metadata": metadata, "data": {"a": f"{number:06}" * 50_000}}
            body = json.dumps(made).encode()
            answer = await transport.send(TransportRequest(method, path, (), headers, body))
            async with answer:
                assert answer.status in (200, 201), await answer.read()
                await answer.read()

        await write("POST", maps, 0)
        tracemalloc.start()
        try:
            for number in range(100):
                await write("PUT", f"{maps}/large", number)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await transport.close()
        # 30 MB went by each of 20 watchers; the history is 6 MB, and a write or two wait for each.
        assert held < 100_000_000, held
        for _, writer in watches:
            writer.transport.abort()


async def test_a_document_that_stands_for_more_than_it_says_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    bomb = "\n".join(lines).encode()
    async with APIServer() as server, aiohttp.ClientSession() as session:
        address = await server.serve()
        maps = f"{address.url}/api/v1/namespaces/default/configmaps"
        made = await session.post(maps, data=bomb, headers={"content-type": "application/yaml"})
        assert made.status == 400 and "excessive aliasing" in await made.text()
        headers = {"content-type": "application/apply-patch+yaml"}
        applied = await session.patch(f"{maps}/a?fieldManager=f", data=bomb, headers=headers)
        assert applied.status == 400 and "excessive aliasing" in await applied.text()
