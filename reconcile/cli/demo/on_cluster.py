"""The part of the story that is safe on a cluster with controllers of its own.

The Database operator alone, in a namespace made for it, with nothing but that namespace watched. The
namespace is removed at the end, whatever happened, and the CustomResourceDefinition if it was not there
before.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from reconcile.api.core.v1 import Namespace, Pod
from reconcile.cli.demo.scene import DATABASES, Scene
from reconcile.cli.demo.story import FIELD_MANAGER, Step, tell
from reconcile.cli.demo.summary import summary_of
from reconcile.cli.demo.trace import Trace
from reconcile.cli.demo.view import View
from reconcile.cli.locate import examples_directory, load_setup
from reconcile.cli.reachable import require_reachable
from reconcile.client.client import Client
from reconcile.crd.install import CRD, install_crds
from reconcile.errors import NotFoundError
from reconcile.manager import Manager, ManagerOptions
from reconcile.objects.meta import ObjectMeta
from reconcile.runtime import SystemRuntime

_DEFINITION = "databases.example.com"


async def tell_on_cluster(context: str, *, timeout: float, view: View) -> None:
    runtime = SystemRuntime()
    async with Client.from_kubeconfig(context=context) as client:
        await require_reachable(client)
        namespace = f"reconcile-demo-{runtime.uuid()[:8]}"
        had_definition = await client.get_or_none(CRD, _DEFINITION) is not None
        await client.create(Namespace(metadata=ObjectMeta(name=namespace)))
        try:
            async with view:
                await _tell(client, runtime, namespace, timeout, view)
        finally:
            await _remove(client, namespace, with_definition=not had_definition)


async def _tell(client: Client, runtime: SystemRuntime, namespace: str, timeout: float, view: View) -> None:
    manager = Manager(
        client,
        namespaces=[namespace],
        crd_installer=install_crds,
        options=ManagerOptions(log_level="error", graceful_shutdown_timeout=5.0),
        runtime=runtime,
    )
    load_setup(str(examples_directory() / "operators" / "database"))(manager)
    async with manager:
        async with Scene(
            client, runtime, kinds=(Pod, DATABASES), namespaces=[namespace], on_change=Trace(view.line)
        ) as scene:
            view.watch(scene)
            story = DatabaseStory(client, namespace)
            told = await tell(scene, story.steps(timeout), view, timeout=timeout)
            summary = summary_of(scene, manager, told)
        view.finish(summary)


class DatabaseStory:
    """A database comes, grows and goes."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    def steps(self, timeout: float) -> list[Step]:
        return [
            Step(
                "create",
                f"Creating a small Database in namespace {self._namespace}",
                lambda: self._apply("small"),
                lambda scene: _observed(scene, generation=1),
                timeout,
            ),
            Step(
                "resize",
                "Making it medium",
                lambda: self._apply("medium"),
                lambda scene: _observed(scene, generation=2),
                timeout,
            ),
            Step("delete", "Deleting it", self._delete, lambda scene: not scene.databases, timeout),
        ]

    async def _apply(self, size: str) -> None:
        await self._client.apply(
            {
                "apiVersion": "example.com/v1",
                "kind": "Database",
                "metadata": {"name": "orders", "namespace": self._namespace},
                "spec": {"size": size, "version": "17", "backup": False},
            },
            field_manager=FIELD_MANAGER,
        )

    async def _delete(self) -> None:
        await self._client.delete(DATABASES, f"{self._namespace}/orders")


def _observed(scene: Scene, *, generation: int) -> bool:
    """The operator has answered to this generation. Whether its pods run is the cluster's business."""
    if len(scene.databases) != 1:
        return False
    status: dict[str, Any] = scene.databases[0].get("status") or {}
    return (status.get("observedGeneration") or 0) >= generation and bool(status.get("conditions"))


async def _remove(client: Client, namespace: str, *, with_definition: bool) -> None:
    """Shielded: an interrupted story cleans up too."""

    async def remove() -> None:
        with suppress(NotFoundError):
            await client.delete(Namespace, namespace)
        if with_definition:
            with suppress(NotFoundError):
                await client.delete(CRD, _DEFINITION)

    await asyncio.shield(asyncio.create_task(remove()))
