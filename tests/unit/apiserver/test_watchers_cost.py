"""What watchers cost: an event is encoded once, however many watch."""

from __future__ import annotations

import asyncio

import pytest

from reconcile import Client, ObjectMeta
from reconcile.api.core.v1 import ConfigMap
from reconcile.apiserver import APIServer
from reconcile.apiserver.handlers import views, watch_forms
from reconcile.client.transport import TransportRequest, TransportResponse
from reconcile.runtime import SimulatedRuntime

WATCHERS = 100
EVENTS = 20
PROTOBUF = "application/vnd.kubernetes.protobuf"


async def events_of(response: TransportResponse, wanted: bytes) -> bytes:
    """What a watch brings until the last object is in it."""
    seen = b""
    async for chunk in response.chunks():
        seen += chunk
        if wanted in seen:
            return seen
    raise AssertionError(seen)


@pytest.mark.parametrize(
    ("accept", "module", "function"),
    [
        ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", views, "metadata_only"),
        (PROTOBUF, watch_forms, "_to_protobuf"),
    ],
    ids=["metadata", "protobuf"],
)
async def test_a_hundred_watchers_of_a_kind_cost_one_encoding_an_event(
    monkeypatch: pytest.MonkeyPatch, accept: str, module: object, function: str
) -> None:
    encode = getattr(module, function)
    encoded = 0

    def counting(*form: object) -> bytes:
        nonlocal encoded
        encoded += 1
        return encode(*form)

    monkeypatch.setattr(module, function, counting)
    async with APIServer(runtime=SimulatedRuntime()) as server, Client(server.transport()) as client:
        query = (("watch", "true"), ("resourceVersion", str(server.storage.revision)))
        request = TransportRequest("GET", "/api/v1/configmaps", query, {"accept": accept})
        watches = [await server.transport().send(request) for _ in range(WATCHERS)]
        readers = [asyncio.create_task(events_of(watch, f"m-{EVENTS - 1}".encode())) for watch in watches]
        for number in range(EVENTS):
            await client.create(ConfigMap(metadata=ObjectMeta(name=f"m-{number}", namespace="default")))
        brought = await asyncio.gather(*readers)
        assert len(set(brought)) == 1
        # Two more: the controllers' own ConfigMap may be among the events.
        assert EVENTS <= encoded <= EVENTS + 2
        for watch in watches:
            await watch.close()


async def test_plain_watchers_get_the_stored_bytes_themselves() -> None:
    async with APIServer(runtime=SimulatedRuntime()) as server, Client(server.transport()) as client:
        query = (("watch", "true"), ("resourceVersion", str(server.storage.revision)))
        request = TransportRequest("GET", "/api/v1/configmaps", query)
        watches = [await server.transport().send(request) for _ in range(WATCHERS)]
        await client.create(ConfigMap(metadata=ObjectMeta(name="one", namespace="default")))
        stored = server.storage.get("configmaps", "default/one")
        assert stored is not None
        for watch in watches:
            assert stored.raw in await events_of(watch, b'"one"')
            await watch.close()
