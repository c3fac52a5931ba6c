"""A manager whose server cannot be reached says so soon, and names it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from helpers.managed import WIDGETS, World, settle, widget, widget_path
from helpers.object_server import ObjectServer

from reconcile import Manager, ManagerOptions, Reconciler, Request, TransportError
from reconcile.client.client import Client
from reconcile.client.credentials.connection import Connection
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.errors import CredentialsError, TLSError


class Noting(Reconciler[Any]):
    kind = WIDGETS

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def reconcile(self, request: Request, /) -> None:
        self.keys.append(request.key.name)


class Away(Transport):
    """A server that is not there until `seconds` of the loop's time."""

    def __init__(
        self, inner: ObjectServer, seconds: float, error: Exception | None = None, *, silent: bool = False
    ) -> None:
        self._inner = inner
        self._until = asyncio.get_running_loop().time() + seconds
        self._error = error or TransportError("connection refused")
        self._silent = silent

    async def send(self, request: TransportRequest) -> TransportResponse:
        await asyncio.sleep(0)
        if asyncio.get_running_loop().time() < self._until:
            if self._silent:
                await asyncio.sleep(3600)
            raise self._error
        return await self._inner.send(request)

    async def close(self) -> None:
        await self._inner.close()


def world_behind(transport: Transport, reconciler: Any, **options: Any) -> World:
    world = World(reconciler, options=ManagerOptions(**options))
    world.client.transport = transport
    return world


@pytest.mark.parametrize("silent", [False, True])
async def test_a_server_that_does_not_answer_ends_the_start_within_the_time(silent: bool) -> None:
    started = asyncio.get_running_loop().time()
    world = world_behind(Away(ObjectServer(), 1e9, silent=silent), Noting())
    with pytest.raises(TransportError, match=r"did not answer within 10 s.*connect_timeout"):
        await world.manager.start()
    assert asyncio.get_running_loop().time() - started == pytest.approx(10, abs=0.1)


async def test_a_server_that_comes_in_time_is_waited_for() -> None:
    server, reconciler = ObjectServer(), Noting()
    server.put(widget_path("a"), widget())
    async with world_behind(Away(server, 3), reconciler):
        assert reconciler.keys == ["a"]


@pytest.mark.parametrize("error", [TLSError("unknown authority"), CredentialsError("no token")])
async def test_what_trying_again_cannot_mend_is_said_at_once(error: Exception) -> None:
    started = asyncio.get_running_loop().time()
    with pytest.raises(type(error), match=str(error)):
        await world_behind(Away(ObjectServer(), 1e9, error), Noting()).manager.start()
    assert asyncio.get_running_loop().time() - started < 1


async def test_refused_credentials_are_named() -> None:
    world = World(Noting())
    world.server.refuse = lambda request: (401, "Unauthorized")
    with pytest.raises(CredentialsError, match="does not accept these credentials"):
        await world.manager.start()


async def test_any_other_answer_is_one() -> None:
    world = World(Noting())
    world.server.refuse = lambda request: (403, "Forbidden") if request.path == "/version" else None
    async with world:
        assert world.manager.controller("widget").synced.is_set()


async def test_a_stop_meanwhile_ends_the_wait() -> None:
    started = asyncio.get_running_loop().time()
    world = world_behind(Away(ObjectServer(), 1e9), Noting())
    asyncio.get_running_loop().call_later(2, world.manager.request_stop)
    await world.manager.start()
    await world.manager.stop()
    assert asyncio.get_running_loop().time() - started < 3


@pytest.mark.real_time
async def test_the_message_names_host_and_port() -> None:
    client = Client.from_connection(Connection("http://127.0.0.1:1"))
    manager = Manager(client, reconcilers=[Noting()], options=ManagerOptions(connect_timeout=0.3))
    with pytest.raises(TransportError, match=r"the API server 127\.0\.0\.1:1 did not answer within 0\.3 s"):
        await manager.start()
    await client.close()
    await settle()
