"""Asks an embedded server as any client would: method, path, JSON; and reads watches line by line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from reconcile.apiserver.server import APIServer, ServerOptions
from reconcile.client.transport import Transport, TransportRequest
from reconcile.runtime import SimulatedRuntime

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = {"content-type": "application/merge-patch+json"}


def config_map(name: str = "", **metadata: Any) -> dict[str, Any]:
    if name:
        metadata["name"] = name
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


class Answer:
    def __init__(self, status: int, headers: Any, raw: bytes) -> None:
        self.status = status
        self.headers = headers
        self.raw = raw

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def message(self) -> str:
        return self.body["message"]

    @property
    def events(self) -> list[tuple[str, Any]]:
        found = [json.loads(line) for line in self.raw.splitlines()]
        return [(event["type"], event["object"]) for event in found]

    @property
    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.body["items"]]


class Asker:
    def __init__(self, server: APIServer, transport: Transport) -> None:
        self.server = server
        self.transport = transport

    async def send(self, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        path, _, query = path.partition("?")
        raw = None
        if body is not None:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = TransportRequest(
            method, path, tuple(parse_qsl(query, keep_blank_values=True)), headers or {}, raw
        )
        return await self.transport.send(request)

    async def __call__(self, method: str, path: str, body: Any = None, headers: Any = None) -> Answer:
        async with await self.send(method, path, body, headers) as response:
            return Answer(response.status, response.headers, await response.read())

    async def made(self, obj: Any, path: str = CONFIG_MAPS) -> Any:
        answer = await self("POST", path, obj)
        assert answer.status == 201, answer.raw
        return answer.body

    async def names(self, path: str = CONFIG_MAPS) -> list[str]:
        return [name for name in (await self("GET", path)).names if name != "kube-root-ca.crt"]


@asynccontextmanager
async def asking(seed: int = 1, **options: Any) -> AsyncIterator[Asker]:
    async with APIServer(ServerOptions(**options), runtime=SimulatedRuntime(seed)) as server:
        transport = server.transport()
        yield Asker(server, transport)
        await transport.close()
