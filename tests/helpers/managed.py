"""What tests of controllers and manager share: kinds, a manager over a small server, settling."""

from __future__ import annotations

import asyncio
import io
from typing import Any

from helpers.object_server import ObjectServer

from reconcile.client.client import Client
from reconcile.manager import Manager, ManagerOptions
from reconcile.manager.logs import make_logger
from reconcile.objects.identity import ResourceType
from reconcile.runtime import SimulatedRuntime

WIDGETS = ResourceType("example.com", "v1", "Widget", "widgets")
PODS = ResourceType("", "v1", "Pod", "pods")
NODES = ResourceType("", "v1", "Node", "nodes", namespaced=False)


def widget_path(name: str, namespace: str = "default") -> str:
    return WIDGETS.path(namespace, name)


def widget(name: str = "", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {}, "spec": spec}


class World:
    """A manager over a small server; log lines are in `log`."""

    def __init__(self, *reconcilers: Any, **arguments: Any) -> None:
        self.server = ObjectServer()
        self.runtime = SimulatedRuntime(1)
        self.client = Client(self.server, runtime=self.runtime)
        self.log = io.StringIO()
        arguments.setdefault("options", ManagerOptions(graceful_shutdown_timeout=5))
        self.manager = Manager(
            self.client,
            reconcilers=reconcilers,
            runtime=self.runtime,
            log=make_logger(self.runtime, format="json", level="debug", stream=self.log),
            identity="host",
            **arguments,
        )

    async def __aenter__(self) -> World:
        await self.manager.start()
        await settle()
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.manager.stop()
        await self.client.close()


async def settle(seconds: float = 0.0) -> None:
    """Let everything that is ready run, after so many seconds."""
    await asyncio.sleep(seconds)
    for _ in range(50):
        await asyncio.sleep(0)
