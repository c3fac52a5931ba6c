"""An embedded cluster in virtual time, driven by plain calls: the fixture `cluster` of the pytest plugin.

    def test_a_database_gets_a_stateful_set(cluster):
        cluster.run(DatabaseReconciler)
        cluster.create(Database(metadata=ObjectMeta(name="db", namespace="default"), spec=…))
        cluster.settle()
        assert cluster.get(StatefulSet, "default/db").spec.replicas == 1

API server, watches, queues and reconcilers are the real ones, on one event loop whose clock jumps. Between
two calls the world stands still; during a call it moves on, as far as it can without time passing, so a
fault is planned before the call that meets it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import structlog

from reconcile.apiserver import APIServer, ServerOptions
from reconcile.apiserver.interfaces import User
from reconcile.apiserver.local_webhooks import LocalWebhooks
from reconcile.apiserver.storage import Snapshot
from reconcile.client.client import Client
from reconcile.client.transport import Transport
from reconcile.controllers.reconciler import Reconciler
from reconcile.controllers.request import Result
from reconcile.crd import install_crds
from reconcile.errors import ConfigurationError
from reconcile.manager import Manager, ManagerOptions
from reconcile.objects.identity import ObjectKey
from reconcile.runtime import SimulatedRuntime, VirtualTimeLoop
from reconcile.testing.history import History, Probes, ServerWrite
from reconcile.testing.process import Process
from reconcile.testing.settling import Settling

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """A cluster as it was at one moment. Never changes; any number of clusters may start from it.

    Attributes:
        server: what the API server held.
        now: the wall clock.
        dice: the state of dice and uuids.
    """

    server: Snapshot
    now: datetime
    dice: object


class Cluster:
    """One embedded API server, a client of it, and the processes that a test runs against it.

    Close it when done; `with` does. Everything in it is deterministic: the same seed and the same calls
    give the same history, resource versions, uids and times included.

    Args:
        seed: of dice and uuids; by default 0, or with a snapshot the dice go on where they were.
        options: of the API server.
        snapshot: what the cluster begins with, in place of nothing: from `snapshot` of another one. Its wall
            clock goes on there, and `time` begins at 0.

    Attributes:
        server: the API server.
        client: a client for `call`; the verbs of this class use it.
        runtime: wall clock and dice of everything in the cluster.
        loop: the event loop.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        options: ServerOptions | None = None,
        snapshot: ClusterSnapshot | None = None,
    ) -> None:
        self.loop = VirtualTimeLoop()
        if snapshot is None:
            self.runtime = SimulatedRuntime(seed or 0)
        else:
            self.runtime = SimulatedRuntime(start=snapshot.now)
        options = options or ServerOptions()
        # Webhooks of the processes below are called as if a service led to them.
        handlers = LocalWebhooks(self._running_managers, options.webhooks.handlers)
        options = replace(options, webhooks=replace(options.webhooks, handlers=handlers))
        self.server = APIServer(options, runtime=self.runtime)
        self._probes = Probes(self.server.storage, self.loop.time)
        self._settling = Settling(self.loop)
        self._processes: list[Process] = []
        self._closed = False
        self.call(self.server.start())
        if snapshot is not None:
            self.call(self.server.restore(snapshot.server))
            self.runtime.random.setstate(cast("Any", snapshot.dice))
            if seed is not None:
                # Not what the seed alone would give: its uuids may be in the snapshot already.
                self.runtime.random.seed(f"{seed} {self.runtime.random.getrandbits(64)}")
        self.client = Client(self.server.transport(), runtime=self.runtime)

    def _running_managers(self) -> Iterable[Manager]:
        return (process.manager for process in self._processes if process.running)

    # -- time --------------------------------------------------------------------------------------

    @property
    def time(self) -> float:
        """Seconds of virtual time since the cluster was made."""
        return self.loop.time()

    def settle(self, *, within: float = 600.0) -> None:
        """Let time pass until nothing is left to do: see `reconcile.testing.settling` for what that means.

        Raises `NotSettledError`, naming what still moves, after `within` seconds of virtual time, and the
        error of a manager that failed.
        """
        self._settling.settle(self._processes, within=within)
        self._probes.raise_failure()

    def advance(self, *, seconds: float = 0.0, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Let this much time pass, and everything in it happen."""
        self.loop.run_until_idle(until=self.time + seconds + 60 * minutes + 3600 * hours)
        self._probes.raise_failure()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run any coroutine on the cluster's loop; time passes only as far as the coroutine waits for it."""
        result = self.loop.run_until_complete(coroutine)
        self._probes.raise_failure()
        return result

    # -- what is written ---------------------------------------------------------------------------

    def on_write(self, probe: Callable[[ServerWrite], object]) -> Callable[[], None]:
        """Have `probe` called at every write that the server carries out; returns what ends that.

        It sees each state of the world, before anyone else does: the place for what must hold at all
        times. It must not write itself. What it raises is raised by the call that lets the world move on
        (`settle`, `advance`, `call`, a verb), once that is over.
        """
        return self._probes.add(probe)

    def record(self) -> History:
        """The history of every write that the server carries out from now on."""
        history = History()
        self._probes.add(history.writes.append)
        return history

    def snapshot(self) -> ClusterSnapshot:
        """The cluster's objects, clock and dice as they are now; takes the same time for any number.

        Processes are not part of it.
        """

        async def take() -> ClusterSnapshot:
            return ClusterSnapshot(self.server.snapshot(), self.runtime.now(), self.runtime.random.getstate())

        return self.call(take())

    def restore(self, snapshot: ClusterSnapshot) -> None:
        """Go back to the snapshot's objects; `APIServer.restore` says what watchers notice.

        Processes go on running and list anew. Time and dice go on: neither goes back, so that no timer fires
        twice and no uuid comes again.
        """
        self.call(self.server.restore(snapshot.server))

    # -- processes ---------------------------------------------------------------------------------

    def run(
        self,
        *parts: type[Reconciler[Any]] | Reconciler[Any] | Callable[[Manager], None] | Any,
        name: str = "",
        namespaces: Iterable[str] | None = None,
        options: ManagerOptions | None = None,
        user: User | None = None,
    ) -> Process:
        """Start an operator process and return when its watches are synced.

        Args:
            parts: reconciler classes (made anew each time the process starts), `setup(manager)` functions,
                or instances, which are kept and so make the process one that cannot be killed and started.
            name: of the process; by default `operator`, `operator-2`, …
            namespaces: what the manager watches; None for everything.
            options: of the manager.
            user: for whom it asks, such as `service_account("default", "operator")`; None: the administrator.
                What a user may do counts when the cluster's server has `ServerOptions.access`.

        The definitions of custom kinds are installed first, unless a user is given: installing is an
        administrator's work (`install_crds`).
        """
        process = self.prepare(*parts, name=name, namespaces=namespaces, options=options, user=user)
        self.start(process)
        return process

    def prepare(
        self,
        *parts: type[Reconciler[Any]] | Reconciler[Any] | Callable[[Manager], None] | Any,
        name: str = "",
        namespaces: Iterable[str] | None = None,
        options: ManagerOptions | None = None,
        user: User | None = None,
    ) -> Process:
        """An operator process that does not run yet, to plan faults of its start; arguments as for `run`."""
        if not parts:
            raise ConfigurationError("run: give at least one reconciler or setup(manager) function")
        name = name or ("operator" if not self._processes else f"operator-{len(self._processes) + 1}")
        watched = None if namespaces is None else tuple(namespaces)

        def make_manager(client: Client) -> Manager:
            return Manager(
                client,
                namespaces=watched,
                options=options,
                runtime=self.runtime,
                log=_quiet_logger(),
                identity=name,
                crd_installer=install_crds if user is None else None,
            )

        def connect() -> Transport:
            return self.server.transport() if user is None else self.server.transport(user)

        process = Process(name, connect, make_manager, parts, self.runtime)
        self._processes.append(process)
        return process

    def start(self, process: Process) -> None:
        """Start a process that was prepared, killed, died or was stopped."""

        async def start() -> None:
            await process.stay_down()
            await process.join()
            await process.start()

        self.call(start())

    def kill(self, process: Process) -> None:
        """End a process at once, as SIGKILL does."""

        async def kill() -> None:
            process.kill()
            await process.join()

        self.call(kill())

    def reconcile_once(
        self, reconciler: Reconciler[Any] | type[Reconciler[Any]], key: ObjectKey | str
    ) -> Result | None:
        """Run one reconcile of one key against the present state and return its result.

        The reconciler's watches are synced first and gone afterwards; no queue is involved, so nothing is
        retried: the reconcile's exception is raised as it is.
        """
        from reconcile.testing.single import reconcile_once

        one = reconciler() if isinstance(reconciler, type) else reconciler
        wanted = ObjectKey.parse(key) if isinstance(key, str) else key
        return self.call(reconcile_once(one, wanted, self.client, self.runtime, _quiet_logger()))

    # -- the API, one call at a time ---------------------------------------------------------------

    def get(self, kind: Any, key: ObjectKey | str, **options: Any) -> Any:
        """`Client.get`."""
        return self.call(self.client.get(kind, key, **options))

    def get_or_none(self, kind: Any, key: ObjectKey | str, **options: Any) -> Any:
        """`Client.get_or_none`."""
        return self.call(self.client.get_or_none(kind, key, **options))

    def list(self, kind: Any, **options: Any) -> Any:
        """`Client.list`."""
        return self.call(self.client.list(kind, **options))

    def create(self, obj: Any, **options: Any) -> Any:
        """`Client.create`."""
        return self.call(self.client.create(obj, **options))

    def update(self, obj: Any, **options: Any) -> Any:
        """`Client.update`."""
        return self.call(self.client.update(obj, **options))

    def update_status(self, obj: Any, **options: Any) -> Any:
        """`Client.update_status`."""
        return self.call(self.client.update_status(obj, **options))

    def patch(self, *arguments: Any, **options: Any) -> Any:
        """`Client.patch`."""
        return self.call(self.client.patch(*arguments, **options))

    def apply(self, obj: Any, **options: Any) -> Any:
        """`Client.apply`."""
        return self.call(self.client.apply(obj, **options))

    def delete(self, *arguments: Any, **options: Any) -> Any:
        """`Client.delete`."""
        return self.call(self.client.delete(*arguments, **options))

    def install_crds(self, *kinds: Any) -> None:
        """Install the definitions of custom kinds; `run` does it for those of its reconcilers."""
        self.call(install_crds(self.client, kinds))

    def apply_manifests(self, path: str | Path) -> None:
        """Apply the manifests of a file or folder: see `APIServer.load`."""
        from reconcile.apiserver.loading import load_documents, read_documents

        self.call(load_documents(self.client, read_documents(Path(path)), field_manager="manifests"))

    # -- the end -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop every process and the server. May be called more than once."""
        if self._closed:
            return
        self._closed = True
        self.call(self._shut_down())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    async def _shut_down(self) -> None:
        for process in reversed(self._processes):
            await process.stop()
        await self.client.close()
        await self.server.stop()
        # What was cancelled above ends in its own turn.
        await asyncio.sleep(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _quiet_logger() -> Any:
    """A logger whose lines go to the standard `logging`, where pytest catches them for failing tests."""
    import logging

    return structlog.wrap_logger(
        logging.getLogger("reconcile"),
        processors=[structlog.stdlib.add_log_level, structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
