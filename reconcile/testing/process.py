"""One operator process of a test: a manager that can be stopped, killed and started again."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable
from typing import Any, cast

from reconcile.client.client import Client
from reconcile.client.transport import Transport
from reconcile.errors import ConfigurationError
from reconcile.manager import Manager
from reconcile.runtime import Runtime
from reconcile.testing.changes import ChangeCounter
from reconcile.testing.faults import FaultyTransport, Refusal

ManagerFactory = Callable[[Client], Manager]


class Process:
    """A manager with a connection of its own to the cluster of a test.

    Faults are planned on a running process, or before its next start.

    Attributes:
        name: what the process is called in errors.
        changes: what this process has changed on the server.
        deaths: how often the process was killed or died.
        returns_at: the loop's time at which a process that died is started again; None when it is not.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Transport],
        make_manager: ManagerFactory,
        parts: Iterable[Any],
        runtime: Runtime,
    ) -> None:
        self.name = name
        self.changes = ChangeCounter()
        self.deaths = 0
        self.returns_at: float | None = None
        self._connect = connect
        self._make_manager = make_manager
        self._parts = tuple(parts)
        self._runtime = runtime
        self._transport: FaultyTransport | None = None
        self._planned: FaultyTransport | None = None
        self._client: Client | None = None
        self._manager: Manager | None = None
        self._starting: asyncio.Task[None] | None = None
        self._ending: list[asyncio.Task[None]] = []
        self._return: asyncio.Task[None] | None = None

    @property
    def manager(self) -> Manager:
        """The running manager; raises `ConfigurationError` when the process does not run."""
        if self._manager is None:
            raise ConfigurationError(f"the process {self.name!r} is not running; start() it first")
        return self._manager

    @property
    def running(self) -> bool:
        return self._manager is not None

    @property
    def starting(self) -> bool:
        """Whether it is starting: its watches are not synced yet."""
        return self._starting is not None

    @property
    def writes(self) -> int:
        """Writes sent by the incarnation that runs, or that ran last."""
        return 0 if self._transport is None else self._transport.writes

    @property
    def transport(self) -> FaultyTransport:
        """The connection of the running incarnation, or else of the next one: faults are planned on it."""
        if self._manager is not None and self._transport is not None:
            return self._transport
        if self._planned is None:
            self._planned = FaultyTransport(self._connect())
        return self._planned

    async def start(self) -> None:
        """Start with empty memory: a new connection, a new manager, new reconcilers.

        Returns when the watches are synced, or when the process died before that.
        """
        if self._manager is not None:
            raise ConfigurationError(f"the process {self.name!r} is running already")
        self._transport, self._planned = self.transport, None
        client = self._client = Client(self._transport, runtime=self._runtime, observers=(self.changes,))
        manager = self._manager = self._make_manager(client)
        try:
            for part in self._parts:
                _add(manager, part, self.name, again=self.deaths > 0)
            starting = self._starting = asyncio.create_task(manager.start(), name=f"{self.name}: start")
            await asyncio.wait([starting])
            failure = None if starting.cancelled() else starting.exception()
            if failure is not None and self._manager is manager:
                raise failure
        except BaseException:
            self._manager = None
            await _end(self._starting)
            await client.close()
            raise
        finally:
            self._starting = None

    async def stop(self) -> None:
        """End in order, as after SIGTERM. Does nothing when the process does not run."""
        await self.stay_down()
        await self.join()
        manager, self._manager = self._manager, None
        if manager is not None:
            await manager.stop()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def kill(self, *, restart_after: float | None = None) -> None:
        """End at once, as after SIGKILL: nothing that the process still does reaches the server.

        Args:
            restart_after: seconds after which it is started again, as a kubelet does; None for never.
        """
        manager, client = self._manager, self._client
        if manager is None or client is None:
            return
        self.transport.sever()
        self._manager = self._client = None
        self.deaths += 1
        loop = asyncio.get_running_loop()
        burial = loop.create_task(_bury(manager, client, self._starting), name=f"{self.name}: end")
        self._ending.append(burial)
        if restart_after is not None:
            self.returns_at = loop.time() + restart_after
            self._return = loop.create_task(self._come_back(restart_after), name=f"{self.name}: restart")

    async def join(self) -> None:
        """Wait until what is left of killed incarnations is gone."""
        ending, self._ending = self._ending, []
        if ending:
            await asyncio.gather(*ending)

    def raise_failure(self) -> None:
        """Raise what ended the manager, or what kept the process from coming back."""
        if self._return is not None and self._return.done() and not self._return.cancelled():
            task, self._return = self._return, None
            task.result()
        if self._manager is not None:
            self._manager.raise_failure()

    def refuse_write(self, nth: int = 1, refusal: Refusal | None = None) -> None:
        """The server refuses the process's nth write from now on; 1 is the next."""
        self.transport.refuse(nth, refusal)

    def die_after_write(self, nth: int = 1, *, restart_after: float | None = None) -> None:
        """The process dies when its nth write from now on has been carried out, before the answer.

        Args:
            restart_after: seconds after which it is started again with empty memory; None for never.
        """
        self.transport.die_after(nth, lambda: self.kill(restart_after=restart_after))

    def lose_answer(self, nth: int = 1) -> None:
        """The process's nth write from now on is carried out, but the connection breaks before the answer.

        The process cannot know whether it was: see `OutcomeUnknownError`.
        """
        self.transport.lose_answer(nth)

    def lag_answers(self, seconds: float | Callable[[], float]) -> None:
        """From now on the server's answers reach the process so much later; 0 ends that.

        What is late is the answer and not what the server does: a write is made at once, a list shows the
        state of the moment in which it was asked for. Watches have a lag of their own.

        Args:
            seconds: a number, or a function that gives one for each request: answers to writes that were
                made together then come in another order, and after the events that tell of them.
        """
        if callable(seconds):
            self.transport.answer_lag = seconds
        else:
            self.transport.answer_lag = (lambda: seconds) if seconds else None

    def lag_watches(self, seconds: float, resource: str = "") -> None:
        """From now on what the server sends on watches reaches the process so much later; 0 ends that.

        Args:
            seconds: of lag.
            resource: only of this one: `pods`, `deployments.apps`; empty for all, which ends what was
                said of single ones.

        An event on its way is work to be done, so a cluster in which something is written more often than
        the lag is long (heartbeats, say) does not settle before the lag is ended.
        """
        self.transport.lag_watches(seconds, resource)

    def cut_watches(self, resource: str = "") -> None:
        """Every open watch of the process breaks off now, as when a load balancer forgets connections.

        Args:
            resource: only those of this one: `pods`, `deployments.apps`; empty for all.
        """
        self.transport.cut_watches(resource)

    async def _come_back(self, after: float) -> None:
        try:
            await asyncio.sleep(after)
            await self.join()
        finally:
            self.returns_at = None
        await self.start()

    async def stay_down(self) -> None:
        """Give up a planned return."""
        task, self._return = self._return, None
        await _end(task)


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])


async def _bury(manager: Manager, client: Client, starting: asyncio.Task[None] | None) -> None:
    """Free what a killed process held; it can no longer reach the server."""
    manager.options = _at_once(manager)
    try:
        await _end(starting)
        await manager.stop()
    finally:
        await client.close()


def _at_once(manager: Manager) -> Any:
    from dataclasses import replace

    return replace(manager.options, graceful_shutdown_timeout=0, event_flush_timeout=0)


def _add(manager: Manager, part: Any, process: str, *, again: bool) -> None:
    if inspect.isclass(part):
        manager.add(cast("Any", part)())
    elif inspect.isfunction(part) or inspect.ismethod(part):
        part(manager)
    elif again:
        raise ConfigurationError(
            f"the process {process!r} died, and {part!r} would keep its memory: give the cluster a class "
            "or a setup(manager) function instead of an instance"
        )
    else:
        manager.add(part)
