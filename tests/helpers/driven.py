"""Reconcilers that do what a test says next, behind a connection that the test holds back.

    async with driving(session, pods := driven(Pod)) as operator:
        operator.transport.hold_events = True
        seen = await pods.run(key, lambda self: …)     inside a real reconcile of the key, in a real manager

What is asked to run is put on the controller's queue; what else reconciles the key is noted in `runs`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from helpers.held_transport import HeldTransport
from helpers.servers import Session

from reconcile import Client, Manager, ManagerOptions, Reconciler, Request
from reconcile.controllers.watch import Channel
from reconcile.objects.identity import ObjectKey

DEADLINE = 90.0
"""Seconds after which what a test waits for is taken to never happen: generous, for busy machines."""

Work = Callable[["Driven"], Any]


class Driven(Reconciler[Any]):
    """Runs the test's work inside its reconciles. Made by `driven`."""

    def __init__(self) -> None:
        self.runs: list[Request] = []
        self.channel = Channel(self.name)
        self.sources = (self.channel,)
        self._work: dict[ObjectKey, deque[tuple[Work, asyncio.Future[Any]]]] = {}
        self._began = asyncio.Event()

    async def reconcile(self, request: Request, /) -> None:
        self.runs.append(request)
        self._began.set()
        work = self._work.get(request.key)
        if not work:
            return
        function, done = work.popleft()
        try:
            result = function(self)
            if inspect.isawaitable(result):
                result = await result
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(result)

    def start(self, key: ObjectKey, work: Work) -> asyncio.Future[Any]:
        """Have a reconcile of the key do this; the future is what it returns or raises."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._work.setdefault(key, deque()).append((work, done))
        self.channel.send(key)
        return done

    async def run(self, key: ObjectKey, work: Work) -> Any:
        """Have a reconcile of the key do this, and return what it returns or raises."""
        async with asyncio.timeout(DEADLINE):
            return await self.start(key, work)

    def told(self, key: ObjectKey, *, since: int = 0, about: ObjectKey | None = None) -> list[Request]:
        """The runs of a key, of those from number `since` on, that an event caused: of any object, or one."""
        return [
            run
            for run in self.runs[since:]
            if run.key == key
            and any(
                cause.type in ("Added", "Updated", "Deleted") and about in (None, cause.object)
                for cause in run.causes
            )
        ]

    async def until_told(self, key: ObjectKey, *, since: int = 0, about: ObjectKey | None = None) -> Request:
        """Wait for such a run."""
        async with asyncio.timeout(DEADLINE):
            while not (found := self.told(key, since=since, about=about)):
                self._began.clear()
                await self._began.wait()
        return found[-1]


def driven(kind: Any, name: str = "driven", **attributes: Any) -> Driven:
    """A reconciler of this kind; further attributes are those of `Reconciler`."""
    made: Driven = type("Driven", (Driven,), {"kind": kind, "name": name, **attributes})()
    return made


@dataclass
class Operator:
    """A running manager and the connection that its test holds back."""

    manager: Manager
    client: Client
    transport: HeldTransport


@asynccontextmanager
async def driving(
    session: Session, *reconcilers: Reconciler[Any], options: ManagerOptions | None = None, **arguments: Any
) -> AsyncIterator[Operator]:
    """A manager over the test's namespace. In the end everything is let through."""
    client = await session.connected()
    transport = HeldTransport(client.transport)
    client.transport = transport
    arguments.setdefault("namespaces", [session.namespace])
    manager = Manager(
        client,
        reconcilers=reconcilers,
        options=options or ManagerOptions(log_level="error", connect_timeout=None),
        **arguments,
    )
    async with manager:
        try:
            yield Operator(manager, client, transport)
        finally:
            transport.open_all()
