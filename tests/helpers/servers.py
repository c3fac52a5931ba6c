"""The API servers that one integration suite is put before, and a test's place on them."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar

from reconcile import Client, ObjectMeta
from reconcile.api.core.v1 import ConfigMap, Namespace, Pod
from reconcile.apiserver import APIServer
from reconcile.apiserver.http import HTTPOptions
from reconcile.client.waiting import exists
from reconcile.objects.identity import ResourceType
from reconcile.testing.control_plane import ControlPlane

T = TypeVar("T")

CONFIG_MAPS = ConfigMap.__resource_type__
PODS = Pod.__resource_type__
SERVICE_ACCOUNTS = ResourceType("", "v1", "ServiceAccount", "serviceaccounts")

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """A server under test.

    Attributes:
        name: `embedded` (in this process), `embedded-http` (the same behind HTTPS) or `real`.
        plane: the real control plane, or None.
        directory: where a kubeconfig may be written.
    """

    name: str
    plane: ControlPlane | None
    directory: Path


class Session:
    """A client of the server under test, and a namespace for the test's objects.

    The embedded server lives as long as the session; the real one is shared, so that a test looks at
    nothing but its own namespace.

    Attributes:
        server: the server under test.
        client: an administrator's client.
        namespace: a namespace that holds no objects of others, but what controllers put into each, and that
            is there already: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`.
        kubeconfig: the administrator's kubeconfig; None where the server is met in the process.
        unique: a word that no other test has, for the names of cluster-scoped objects.
    """

    client: Client

    def __init__(self, server: Server) -> None:
        self.server = server
        self.unique = f"test-{next(_numbers)}"
        self.namespace = self.unique
        self._embedded: APIServer | None = None
        self.kubeconfig: Path | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        if self.server.plane is not None:
            self.kubeconfig = self.server.plane.kubeconfig
        else:
            self._embedded = await self._stack.enter_async_context(APIServer())
            if self.server.name == "embedded-http":
                address = await self._embedded.serve(options=HTTPOptions(tls=True))
                self.kubeconfig = address.write_kubeconfig(self.server.directory / "kubeconfig")
        self.client = await self.connected()
        await self._create_namespace(self.namespace)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def embedded(self) -> APIServer | None:
        """The embedded server itself; None where the server is a real one."""
        return self._embedded

    async def connected(self, **options: Any) -> Client:
        """Another client of the same server; closed with the session."""
        if self.kubeconfig is None:
            assert self._embedded is not None
            client = Client(self._embedded.transport(), **options)
        else:
            client = Client.from_kubeconfig(self.kubeconfig, **options)
        return await self._stack.enter_async_context(client)

    async def another_namespace(self) -> str:
        """One more namespace of this test."""
        name = f"{self.unique}-{next(_numbers)}"
        await self._create_namespace(name)
        return name

    async def _create_namespace(self, name: str) -> None:
        """Returns when the controllers have put into it what they put into each.

        What they create later would be an event that no test expects.
        """
        await self.client.create(Namespace(metadata=ObjectMeta(name=name)))
        async with asyncio.TaskGroup() as group:
            for kind, expected in ((SERVICE_ACCOUNTS, "default"), (CONFIG_MAPS, "kube-root-ca.crt")):
                group.create_task(self.client.wait_for(kind, f"{name}/{expected}", exists))

    async def forget_history(self) -> None:
        """Make the server's storage forget what was before now.

        The real server's watch cache still knows it, but for PodTemplates, of which it keeps none.
        """
        if self.server.plane is not None:
            await asyncio.to_thread(self.server.plane.compact_etcd)
        else:
            assert self._embedded is not None
            self._embedded.storage.compact(self._embedded.storage.revision)

    def config_map(self, name: str, data: dict[str, str] | None = None, **metadata: Any) -> ConfigMap:
        """A ConfigMap of the test's namespace, not created yet."""
        return ConfigMap(
            metadata=ObjectMeta(**{"name": name, "namespace": self.namespace, **metadata}), data=data or {}
        )

    def random(self, number: int) -> Random:
        """Dice that fall the same way in each run of the test."""
        return Random(number)

    def pod(self, name: str, **spec: Any) -> dict[str, Any]:
        """A Pod of the test's namespace as a dict, not created yet."""
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"containers": [{"name": "main", "image": "app:1"}], **spec},
        }


async def eventually(ask: Callable[[], Any], what: str = "", seconds: float = 20.0) -> Any:
    """What `ask` (plain or async) returns as soon as that is true; fails after `seconds`."""
    answer: Any = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                answer = ask()
                if inspect.isawaitable(answer):
                    answer = await answer
                if answer:
                    return answer
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s: {what or ask}; last: {answer!r}") from None
