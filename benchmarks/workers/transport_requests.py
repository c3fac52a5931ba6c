"""A client whose CPU is measured: one connection of this project, or of aiohttp, and a watch beside it.

requests N   N creates of a ConfigMap with `dryRun=All`, one after the other, as bytes; {"event": "requests"}
creates N    the same through the client's verb, objects in and objects out; {"event": "creates"}
watch N      opens a watch, says {"event": "watching"}, reads N events; {"event": "watched"}

Each answer has `cpu`, the seconds of user and system time that it took.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.requests import COLLECTION, HEADERS, JSON
from reconcile.client import Client
from reconcile.client.credentials.connection import Connection
from reconcile.client.credentials.kubeconfig import kubeconfig_connection
from reconcile.client.http_transport import HTTPTransport
from reconcile.client.transport import TransportRequest

DRY_RUN = (("dryRun", "All"), ("fieldManager", "benchmark"))


def say(event: str, **more: Any) -> None:
    print(json.dumps({"event": event, **more}), flush=True)


def config_map(number: int, size: int = 1_700) -> dict[str, Any]:
    """About 2 KB as JSON; the answer, with managedFields, is about 3 KB."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"asked-{number}",
            "namespace": "default",
            "labels": {f"label-{index}": f"value-{index}" for index in range(5)},
        },
        "data": {f"key-{index}": "x" * (size // 12) for index in range(12)},
    }


class Own:
    """This project's transport."""

    def __init__(self, connection: Connection) -> None:
        self._transport = HTTPTransport(connection)
        self._client = Client(self._transport)

    async def post(self, body: bytes) -> bytes:
        headers = {**HEADERS, "content-type": JSON}
        request = TransportRequest("POST", COLLECTION, DRY_RUN, headers, body, 30.0)
        response = await self._transport.send(request)
        raw = await response.read()
        await response.close()
        assert response.status == 201, raw
        return raw

    async def create(self, number: int) -> None:
        await self._client.create(config_map(number), dry_run=True)

    async def watch(self, events: int) -> None:
        request = TransportRequest("GET", COLLECTION, (("watch", "true"),), HEADERS)
        async with await self._transport.send(request) as response:
            say("watching")
            async for chunk in response.chunks():
                events -= chunk.count(b"\n")
                if events <= 0:
                    return

    async def close(self) -> None:
        await self._transport.close()


class Aiohttp(Own):
    """aiohttp's session, with as little around it as there can be."""

    def __init__(self, connection: Connection) -> None:
        import aiohttp

        from reconcile.client.credentials.tls import TLSContexts

        super().__init__(connection)
        self._server = connection.server
        self._connection = connection
        self._tls = TLSContexts(connection.authority, verify=connection.verify)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def _options(self) -> dict[str, Any]:
        proof = await self._connection.credentials.proof()
        return {"ssl": self._tls.context(proof.certificate)}

    async def post(self, body: bytes) -> bytes:
        url = f"{self._server}{COLLECTION}?dryRun=All&fieldManager=benchmark"
        headers = {**HEADERS, "content-type": JSON}
        options = await self._options()
        async with self._session.post(url, data=body, headers=headers, **options) as response:
            raw = await response.read()
            assert response.status == 201, raw
            return raw

    async def watch(self, events: int) -> None:
        url = f"{self._server}{COLLECTION}?watch=true"
        async with self._session.get(url, headers=dict(HEADERS), **await self._options()) as response:
            say("watching")
            async for chunk in response.content.iter_any():
                events -= chunk.count(b"\n")
                if events <= 0:
                    return

    async def close(self) -> None:
        await self._session.close()
        await super().close()


async def serve(kind: type[Own], kubeconfig: Path) -> None:
    client = kind(kubeconfig_connection(kubeconfig))
    say("ready")
    while line := await asyncio.to_thread(sys.stdin.readline):
        command, _, argument = line.strip().partition(" ")
        count = int(argument)
        bodies = [json.dumps(config_map(number)).encode() for number in range(count)]
        began = time.process_time()
        if command == "requests":
            for body in bodies:
                await client.post(body)
        elif command == "creates":
            for number in range(count):
                await client.create(number)
        else:
            await client.watch(count)
        say({"watch": "watched"}.get(command, command), cpu=time.process_time() - began)
    await client.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--client", choices=("reconcile", "aiohttp"), default="reconcile")
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    options = parser.parse_args()
    kind = Own if options.client == "reconcile" else Aiohttp
    if options.loop == "uvloop":
        import uvloop

        uvloop.run(serve(kind, options.kubeconfig))
    else:
        asyncio.run(serve(kind, options.kubeconfig))


if __name__ == "__main__":
    main()
