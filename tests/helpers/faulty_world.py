"""What the tests of informers under faults share: a breakable way to a real server, and a judged informer.

    Client ──TLS──▶ FaultProxy ──▶ kube-apiserver ──▶ etcd ──▶ EtcdHistory
       └─ InformerFactory ─▶ RecordingHandler, GapObserver          │
                    └──────── assert_deliveries_match ◀─────────────┘

Writes go to the server by another client, past the proxy, so that a fault never hits them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from helpers.delivery_contract import Change, assert_deliveries_match
from helpers.etcd_history import EtcdHistory
from helpers.fault_proxy import FaultProxy
from helpers.recording_handler import GapObserver, RecordingHandler

from reconcile.api.apiextensions.v1 import CustomResourceDefinition
from reconcile.client.client import Client
from reconcile.client.waiting import crd_established
from reconcile.errors import APIError, TransportError
from reconcile.informers import Cache, Informer, InformerFactory, InformerOptions
from reconcile.objects.identity import ResourceType
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps")
SECRETS = ResourceType("", "v1", "Secret", "secrets")
"""Secrets are not in the test servers' watch cache: lists and watches of them ask etcd itself."""

QUICK = InformerOptions(
    initial_backoff=0.05,
    max_backoff=0.4,
    absent_retry=0.1,
    refused_retry=0.1,
    watch_idle_timeout=60.0,
    watch_timeout=(100.0, 200.0),
)

DEADLINE = 30.0
"""Seconds after which what a test waits for is taken to never happen."""

_POLL = 0.01


@contextmanager
def faulty_control_plane() -> Iterator[tuple[ControlPlane, EtcdHistory]]:
    """A control plane whose storage can be read and crafted as JSON, and its history."""
    flags = (
        "--storage-media-type=application/json",
        "--watch-cache-sizes=secrets#0",
        # Without it a server in orderly shutdown waits a minute for watches to end by themselves.
        "--shutdown-watch-termination-grace-period=1s",
    )
    with ControlPlane(ControlPlaneOptions(apiserver_flags=flags)) as plane, EtcdHistory(plane) as history:
        yield plane, history


async def until(condition: Callable[[], object], *, seconds: float = DEADLINE, what: str = "") -> None:
    """Return when the condition is true; fail when it is not in time."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s: {what or 'what the test waits for'}") from None


async def until_async(ask: Callable[[], Awaitable[object]], *, seconds: float = DEADLINE) -> None:
    """Return when what is asked is true; fail when it is not in time."""
    try:
        async with asyncio.timeout(seconds):
            while not await ask():
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s") from None


async def install_definition(client: Client, definition: dict[str, Any]) -> None:
    """Apply a CustomResourceDefinition; return when its kind is served, and discovery says so."""
    await client.apply(definition)
    name, spec = definition["metadata"]["name"], definition["spec"]
    await client.wait_for(CustomResourceDefinition, name, crd_established)
    (version,) = spec["versions"]
    resource = ResourceType(spec["group"], version["name"], spec["names"]["kind"], spec["names"]["plural"])

    async def discovered() -> bool:
        client.discovery.forget()
        return resource in await client.discovery.resource_types()

    await until_async(discovered)


class FaultyWorld:
    """An informer of one namespace behind a proxy, a handler of it, and the truth.

    Attributes:
        namespace: made for this world alone.
        proxy: between the informer's client and the server.
        direct: a client past the proxy, for writes.
        client: the informer's client.
        factory, informer, handler: what is judged.
    """

    def __init__(
        self,
        plane: ControlPlane,
        history: EtcdHistory,
        directory: Path,
        namespace: str,
        *,
        kind: Any = CONFIG_MAPS,
        storage: str = "",
        options: InformerOptions = QUICK,
        handler: RecordingHandler | None = None,
    ) -> None:
        self.plane = plane
        self.namespace = namespace
        self.resource: ResourceType = getattr(kind, "__resource_type__", kind)
        self.handler = handler or RecordingHandler()
        self._kind = kind
        self._history = history
        self._directory = directory
        self._options = options
        self._prefix = f"/registry/{storage or self.resource.plural}/{namespace}/"
        self.proxy = FaultProxy(urlsplit(plane.url).port or 0)

    async def __aenter__(self) -> Self:
        await self.proxy.__aenter__()
        self.direct = Client.from_kubeconfig(self.plane.kubeconfig)
        self.client = Client.from_kubeconfig(self._kubeconfig_through_proxy())
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        await self.direct.create(namespace)
        self.factory = InformerFactory(self.client, options=self._options, namespaces=[self.namespace])
        self.cache = Cache(self.factory)
        self.informer: Informer = self.factory.informer(self._kind)
        self.observer = GapObserver(self.informer)
        self.registration = self.informer.add_handler(self.handler)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.factory.stop()
        await self.client.close()
        await self.direct.close()
        await self.proxy.__aexit__(kind, error, trace)

    def _kubeconfig_through_proxy(self) -> Path:
        text = self.plane.kubeconfig.read_text()
        assert self.plane.url in text
        path = self._directory / "through-proxy.kubeconfig"
        path.write_text(text.replace(self.plane.url, self.proxy.url))
        return path

    async def start(self) -> None:
        """Start the informer; wait until it watches and the handler has been told the first list."""
        await self.factory.start()
        await self.informer.wait_synced(DEADLINE)
        await self.registration.wait_synced()
        await until(lambda: self.stats.watches, what="a watch is opened")

    @property
    def stats(self) -> Any:
        return self.informer.stats()

    async def history(self) -> list[Change]:
        """What the server stored of this world's objects, so far."""
        return await asyncio.to_thread(self._history.changes, self._prefix)

    # ---- writing

    def object(self, name: str, data: str = "") -> dict[str, Any]:
        """A manifest; `data` ends up where the kind keeps data."""
        resource = self.resource
        member = {"secrets": "stringData", "configmaps": "data"}.get(resource.plural, "spec")
        return {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "namespace": self.namespace},
            member: {"x": data},
        }

    async def put(self, name: str, data: str = "") -> dict[str, Any]:
        """Create it, or change it."""
        manifest = self.object(name, data)
        place = f"{self.namespace}/{name}"
        if await self.direct.get_or_none(self.resource, place) is None:
            return await self.direct.create(manifest)
        return await self.direct.patch(self.resource, place, manifest)

    async def delete(self, name: str) -> None:
        await self.direct.delete(self.resource, f"{self.namespace}/{name}")

    async def churn(self, seed: int, operations: int = 40) -> None:
        """Create, change, delete and create anew, at random; what fails has failed."""
        dice = random.Random(seed)
        for number in range(operations):
            name = f"churned-{dice.randrange(5)}"
            try:
                if dice.random() < 0.3:
                    await self.delete(name)
                else:
                    await self.put(name, f"{seed}.{number}")
            except (APIError, TransportError):
                continue

    # ---- judging

    async def settled(self) -> list[Change]:
        """Wait until the handler has been told the server's state; returns the history to that point."""
        history: list[Change] = []

        async def arrived() -> bool:
            nonlocal history
            history = await self.history()
            return self.handler.held() == final_state(history)

        try:
            await until_async(arrived)
        except AssertionError:
            # What is missing says more than that something is.
            self._judge(history)
            raise
        return history

    async def assert_contract(self) -> None:
        """Wait for the end of the story; compare it with the server's, and the store with both."""
        history = await self.settled()
        self._judge(history)
        stored = {obj.place: int(obj.resource_version) for obj in self.informer.reader.list()}
        assert stored == final_state(history)

    def _judge(self, history: Sequence[Change]) -> None:
        assert_deliveries_match(history, self.handler.calls, gaps=self.observer.gaps(self.namespace))


def final_state(history: Sequence[Change]) -> dict[str, int]:
    """Place → version of what there is in the end."""
    state: dict[str, int] = {}
    for change in history:
        if change.object is None:
            state.pop(change.place, None)
        elif change.readable:
            state[change.place] = change.revision
    return state


def quick(**changes: Any) -> InformerOptions:
    """The quick options with changes."""
    return replace(QUICK, **changes)
