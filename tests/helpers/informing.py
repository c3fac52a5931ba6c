"""What informer tests share: a client over a scripted server, a recording handler, settling."""

from __future__ import annotations

import asyncio
from typing import Any

from helpers.scripted_server import PODS, ScriptedServer

from reconcile.client.client import Client
from reconcile.informers import CachedObject, Informer, InformerFactory, InformerOptions
from reconcile.objects.identity import ObjectKey
from reconcile.runtime import SimulatedRuntime


class Recorder:
    """Notes every delivery and checks the contract as it goes: `old` is what was seen last, no gaps."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.seen: dict[ObjectKey, CachedObject] = {}

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        assert obj.key not in self.seen, "added twice"
        self.seen[obj.key] = obj
        self.calls.append(("add", obj.key.name, obj.resource_version, initial))

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        assert self.seen[new.key].resource_version == old.resource_version, "old is not what was seen last"
        assert old.uid == new.uid
        self.seen[new.key] = new
        self.calls.append(("update", new.key.name, old.resource_version, new.resource_version))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        assert self.seen.pop(old.key).uid == old.uid
        self.calls.append(("delete", old.key.name, old.resource_version, final_state_unknown))

    def kinds(self) -> list[str]:
        return [call[0] for call in self.calls]


class World:
    """A scripted server, a client of it, and a factory."""

    def __init__(
        self,
        options: InformerOptions | None = None,
        *,
        seed: int = 0,
        server: ScriptedServer | None = None,
        **arguments: Any,
    ) -> None:
        self.server = server or ScriptedServer()
        self.runtime = SimulatedRuntime(seed)
        self.client = Client(self.server, runtime=self.runtime)
        self.factory = InformerFactory(self.client, self.runtime, options, **arguments)

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.factory.stop()
        await self.client.close()

    async def informer(self, kind: Any = PODS, **arguments: Any) -> Informer:
        """A started and synced informer."""
        informer = self.factory.informer(kind, **arguments)
        await self.factory.start()
        await informer.wait_synced(60)
        await settle()
        return informer


async def settle(seconds: float = 0.0) -> None:
    """Let everything that is ready run, after so many seconds."""
    await asyncio.sleep(seconds)
    for _ in range(50):
        await asyncio.sleep(0)


def held(informer: Informer) -> dict[str, str]:
    """Name → version of everything in the store."""
    return {obj.key.name: obj.resource_version for obj in informer.reader.list()}


def on_server(server: ScriptedServer) -> dict[str, str]:
    """The same of the server."""
    return {name: obj["metadata"]["resourceVersion"] for (_, name), obj in server.objects.items()}
