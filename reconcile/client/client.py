"""`Client`: everything that can be asked of one API server."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from reconcile.client.composed import ComposedVerbs
from reconcile.client.credentials.connection import Connection
from reconcile.client.credentials.impersonation import Impersonation
from reconcile.client.options import RetryOptions
from reconcile.client.seams import WriteGuard, WriteObserver
from reconcile.client.transport import Transport
from reconcile.runtime import Runtime, SystemRuntime

if TYPE_CHECKING:
    from reconcile.client.sync import SyncClient


class Client(ComposedVerbs):
    """One API server, through one transport.

        async with Client.connect() as client:
            pod = await client.get(Pod, "default/web-0")
            pod.metadata.labels["seen"] = "true"
            await client.update(pod)

    May be used by any number of tasks of one event loop at once; other threads use `client.sync`. There is
    no client-side limit on requests a second.

    Args:
        transport: carries the requests; closed with the client.
        runtime: dice for retries, threads for the sync facade; the machine's own by default.
        field_manager: the name under which written fields are owned.
        user_agent: sent with every request; by default names this library.
        observers: told of every write.
        guard: asked before every write.
        default_timeout: seconds that a request may take, each attempt by itself; None for no limit. Watches
            and streamed lists have their own.
        retries: see `RetryOptions`.
        on_warning: called with the text of every warning that the server sends.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        runtime: Runtime | None = None,
        field_manager: str = "reconcile",
        user_agent: str = "",
        observers: Sequence[WriteObserver] = (),
        guard: WriteGuard | None = None,
        default_timeout: float | None = 30.0,
        retries: RetryOptions = RetryOptions(),  # noqa: B008  (frozen)
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(
            transport,
            runtime or SystemRuntime(),
            field_manager=field_manager,
            user_agent=user_agent or f"reconcile (python {platform.python_version()})",
            observers=observers,
            guard=guard,
            default_timeout=default_timeout,
            retries=retries,
            on_warning=on_warning,
        )
        self._sync: SyncClient | None = None

    @classmethod
    def from_connection(cls, connection: Connection, **options: Any) -> Self:
        """A client of a server over HTTP; further options are those of the constructor."""
        from reconcile.client.http_transport import HTTPTransport

        return cls(HTTPTransport(connection, runtime=options.get("runtime")), **options)

    @classmethod
    def from_kubeconfig(
        cls,
        path: str | Path | None = None,
        context: str | None = None,
        *,
        impersonate: Impersonation | str | None = None,
        **options: Any,
    ) -> Self:
        """A client of a kubeconfig's context.

        Args:
            path: the file; None for those that `KUBECONFIG` lists, else `~/.kube/config`.
            context: name of the context; None for the current one.
            impersonate: a user to act as, over whom the configuration may name.
            options: those of the constructor.

        Raises `ConfigurationError`, naming file and entry, for whatever cannot be used in it.
        """
        from reconcile.client.credentials.kubeconfig import kubeconfig_connection

        connection = kubeconfig_connection(path, context, runtime=options.get("runtime"))
        if impersonate is not None:
            connection = connection.acting_as(impersonate)
        return cls.from_connection(connection, **options)

    @classmethod
    def in_cluster(cls, *, impersonate: Impersonation | str | None = None, **options: Any) -> Self:
        """A client with the service account of the pod that this process runs in."""
        from reconcile.client.credentials.in_cluster import in_cluster_connection

        connection = in_cluster_connection()
        if impersonate is not None:
            connection = connection.acting_as(impersonate)
        return cls.from_connection(connection, **options)

    @classmethod
    def connect(
        cls,
        context: str | None = None,
        *,
        kubeconfig: str | Path | None = None,
        impersonate: Impersonation | str | None = None,
        **options: Any,
    ) -> Self:
        """A client found in the usual order.

        What is given here; else `KUBECONFIG`; else the pod's service account; else `~/.kube/config`. A
        `context` means a kubeconfig, also in a pod.
        """
        from reconcile.client.credentials.in_cluster import is_in_cluster

        named = context is not None or kubeconfig is not None or os.environ.get("KUBECONFIG")
        if not named and is_in_cluster():
            return cls.in_cluster(impersonate=impersonate, **options)
        return cls.from_kubeconfig(kubeconfig, context, impersonate=impersonate, **options)

    @classmethod
    def from_configuration(cls, configuration: Any, **options: Any) -> Self:
        """A client with the `Configuration` of the official `kubernetes` package, sync or asyncio."""
        from reconcile.client.interop import connection_of_configuration

        return cls.from_connection(connection_of_configuration(configuration), **options)

    @property
    def sync(self) -> SyncClient:
        """The same verbs for worker threads of the event loop that this client is used on."""
        if self._sync is None:
            from reconcile.client.sync import SyncClient

            self._sync = SyncClient(self, self._loop())
        return self._sync

    def _loop(self) -> asyncio.AbstractEventLoop:
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            loop = self._exchange.loop
        if loop is None:
            raise RuntimeError(
                "client.sync was used before its client was ever used on an event loop: make a first "
                "request there, or read client.sync there once"
            )
        return loop

    @property
    def transport(self) -> Transport:
        """What carries the requests; may be set at any time, to one that wraps it."""
        return self._exchange.transport

    @transport.setter
    def transport(self, transport: Transport) -> None:
        self._exchange.transport = transport

    def add_observer(self, observer: WriteObserver) -> None:
        """Tell this observer of every write from now on, after those added before."""
        self._exchange.observers.append(observer)

    def remove_observer(self, observer: WriteObserver) -> None:
        """Stop telling an observer; writes that it saw start are not finished to it."""
        self._exchange.observers.remove(observer)

    @property
    def guard(self) -> WriteGuard | None:
        """What is asked before every write; may be set at any time."""
        return self._exchange.guard

    @guard.setter
    def guard(self, guard: WriteGuard | None) -> None:
        self._exchange.guard = guard

    async def close(self) -> None:
        """Close the transport; requests under way fail."""
        await self.transport.close()

    async def __aenter__(self) -> Self:
        self._exchange.loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
