"""What is proxied to: a small HTTP server on an address that both servers reach, and what leads there."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from reconcile.apiserver.kubelet import Kubelet
from reconcile.apiserver.kubelet.backend import Connection, Unreachable

PAGE = """<!DOCTYPE html>
<html><head><title>a &amp; b</title><link href="/style.css" rel=stylesheet></head>
<body><!-- kept --><a href="/root/">x</a> <a href='relative'>y</a> <img src="/i.png"/> <p class="q">&copy;</p>
<a href="http://elsewhere.example.com/x">z</a><script>if (1 < 2) { go("/never"); }</script></body></html>
"""


def address() -> str:
    """An address of this machine that is not its loopback; empty when it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return ""
        found: str = probe.getsockname()[0]
        return "" if found.startswith("127.") else found


async def answer(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/redirect":
            return web.Response(status=302, headers={"Location": request.query["to"]})
        case "/page":
            return web.Response(text=PAGE, content_type="text/html")
        case "/chunks":
            made = web.StreamResponse()
            await made.prepare(request)
            for number in range(5):
                await made.write(b"%d" % number * 10_000)
            return made
        case "/headers":
            headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Access-Control-Allow-Origin", "*")]
            made = web.Response(status=418, text="tea", headers={"X-Own": "1"})
            for name, value in headers:
                made.headers.add(name, value)
            return made
        case "/nothing":
            return web.Response(status=204)
        case "/talk":
            talk = web.WebSocketResponse()
            await talk.prepare(request)
            async for message in talk:
                await talk.send_str(f"said {message.data}")
            return talk
    names = ("x-forwarded-uri", "x-own", "content-type", "authorization", "content-length")
    said = {
        "method": request.method,
        "target": request.raw_path,
        "headers": {name: request.headers.get(name) for name in names},
        "body": (await request.read()).decode(),
    }
    return web.Response(text=json.dumps(said), content_type="application/json")


@contextmanager
def backend(host: str) -> Iterator[int]:
    """Serves as long as the `with` statement; gives its port."""
    ready, done = threading.Event(), threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        runner = web.ServerRunner(web.Server(answer, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, host, 0).start()
        ports.append(runner.addresses[0][1])
        ready.set()
        await asyncio.to_thread(done.wait)
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="proxied to")
    thread.start()
    try:
        assert ready.wait(60)
        yield ports[0]
    finally:
        done.set()
        thread.join(60)


class Dialed(Kubelet):
    """Pods and nodes are where their addresses say."""

    async def port_forward(self, pod: dict[str, Any], port: int, connection: Connection) -> None:
        await dialed(pod["status"]["podIP"], port, connection)

    async def node_port(self, node: dict[str, Any], port: int, connection: Connection) -> None:
        await dialed(node["status"]["addresses"][0]["address"], port, connection)


async def dialed(host: str, port: int, connection: Connection) -> None:
    """Carries the bytes of a connection to an address and back."""
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        raise Unreachable from None

    async def there() -> None:
        async for part in connection.read():
            writer.write(part)
            await writer.drain()

    sending = asyncio.ensure_future(there())
    try:
        while part := await reader.read(65536):
            await connection.write(part)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
