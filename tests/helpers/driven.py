"""Reconcilers that do what a test says next, behind a connection that the test holds back.

    async with driving(session, pods := driven(Pod)) as operator:
        operator.transport.hold_events = True
        seen = await pods.run(key, lambda self: …)     inside a real reconcile of the key, in a real manager

What is asked to run is put on the controller's queue; what else reconciles the key is noted in `runs`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from helpers.held_transport import HeldStream, HeldTransport
from helpers.overlay_world import overlay_size
from helpers.servers import Session

from reconcile import Client, Manager, ManagerOptions, Reconciler, Request
from reconcile.controllers.watch import Channel
from reconcile.informers import Informer
from reconcile.objects.identity import ObjectKey
from reconcile.objects.kinds import resource_type_of

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

    async def reconcile(self, request: Request, /) -> None:
        self.runs.append(request)
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

    def told(self, key: ObjectKey, *, about: ObjectKey | None = None, version: int = 0) -> list[Request]:
        """The runs of a key that an event caused: of its own object, or of one that it owns.

        Args:
            about: the object whose event it was; by default the key's own.
            version: the event was of this resource version or a later one. Of a deletion the version is not
                always known: it counts in any case.
        """
        return [
            run
            for run in self.runs
            if run.key == key
            and any(
                cause.object == (about or key)
                and (cause.type == "Deleted" or int(cause.resource_version or 0) >= version)
                for cause in run.causes
            )
        ]

    async def until_told(
        self, key: ObjectKey, *, about: ObjectKey | None = None, version: int = 0, deleted: bool = False
    ) -> None:
        """Wait for such a run; with `deleted` for one because of a deletion."""

        def found() -> bool:
            return any(
                not deleted or any(cause.type == "Deleted" for cause in run.causes)
                for run in self.told(key, about=about, version=version)
            )

        await until(found, f"a run of {key} because of {about or key} from version {version} on")


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

    def informer(self, kind: Any, labels: str = "") -> Informer:
        """The informer of a kind with this selector."""
        wanted = resource_type_of(kind)
        informers = self.manager.informers.informers
        return next(each for each in informers if each.resource == wanted and each.labels == labels)

    def stream(self, kind: Any, labels: str = "") -> HeldStream | None:
        """Its open watch."""
        informer = self.informer(kind, labels)
        path = informer.resource.path(informer.namespaces[0] if informer.namespaces else "")
        streams = self.transport.streams
        return next((each for each in streams if (each.path, each.labels) == (path, labels)), None)

    async def arrive(self, kind: Any, count: int = 1, labels: str = "") -> None:
        """Let so many events of a kind arrive, one after the other; returns when they are in the store.

        Events that the server has not sent yet are waited for; bookmarks do not count.
        """
        informer = self.informer(kind, labels)
        namespace = informer.namespaces[0] if informer.namespaces else None
        while count:
            await until(lambda: (stream := self.stream(kind, labels)) and stream.lines, "an event")
            stream = self.stream(kind, labels)
            assert stream is not None
            event = json.loads(stream.lines[0])
            version = int(event["object"]["metadata"]["resourceVersion"])
            stream.deliver(1)
            await until(
                lambda version=version: int(informer.last_resource_version(namespace)) >= version,
                f"{informer} reaches {version}",
            )
            count -= event["type"] != "BOOKMARK"

    async def arrive_all(self, kind: Any, check: Callable[[], Awaitable[None]]) -> None:
        """Let events of a kind arrive one by one until the overlay is empty; `check` after each of them."""
        while self.left():
            await self.arrive(kind)
            await check()

    async def nothing_left(self, touch: Callable[[], Awaitable[Any]]) -> None:
        """Let everything through; returns when the overlay is empty.

        Args:
            touch: one more write of the kind by somebody else. What was read live has the version of a list,
                which on a busy server is later than the kind's own last event.
        """
        self.transport.open_all()
        await touch()
        await until(lambda: self.left() == 0, "nothing is left in the overlay")

    async def expire(self, kind: Any, labels: str = "") -> None:
        """The watch of a kind expires with all that is on its way: the informer is going to list anew."""
        stream = self.stream(kind, labels)
        assert stream is not None
        stream.expire()
        await until(lambda: self.stream(kind, labels) is not stream, "the end of the watch")

    async def relist(self, kind: Any, labels: str = "") -> None:
        """The same; returns when the new list is in the store and watched from."""
        await self.expire(kind, labels)
        await until(lambda: self.stream(kind, labels) is not None, "a new watch")

    def left(self) -> int:
        """How many entries the overlays of all informers hold."""
        return sum(overlay_size(informer) for informer in self.manager.informers.informers)


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Return when the condition is true."""
    try:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {DEADLINE:g} s: {what or condition}") from None


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
