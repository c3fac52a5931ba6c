"""The shell around the watch state machine: does what it says, tells it how that went.

    WatchMachine ──List──▶ client.list_raw ──items──▶ kept aside ──Replace──▶ partition.fifo ──▶ process
                 ──Watch─▶ client.watch_raw ──lines──▶ events ──────Emit────▶ partition.fifo ──▶ process

One task, one activity at a time. What a read of the connection brought is processed before the next is read:
a slow process pushes back on the server instead of filling memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from reconcile.errors import APIError, ReconcileError
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.informers.decoding import projection_of
from reconcile.informers.options import InformerOptions
from reconcile.informers.pacing import Pacer
from reconcile.informers.partition import Partition
from reconcile.informers.stats import InformerStats
from reconcile.informers.watch_events import EventType, UndecodableEventError, WatchEvent, read_event
from reconcile.informers.watch_state import (
    Collect,
    Elapsed,
    Emit,
    Event,
    Failed,
    List,
    Listed,
    ListFailed,
    Output,
    Received,
    Replace,
    Start,
    Wait,
    Watch,
    WatchEnded,
    WatchMachine,
    WatchOpened,
)
from reconcile.objects.identity import ResourceType
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from reconcile.informers.source import RawClient

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StreamScope:
    """What one stream asks the server for.

    Attributes:
        resource: the resource.
        namespace: one namespace, or None for all (and for cluster-scoped resources).
        labels: label selector text; empty for everything.
        fields: field selector text; empty for everything.
    """

    resource: ResourceType
    namespace: str | None
    labels: str = ""
    fields: str = ""

    def __str__(self) -> str:
        return f"{self.resource.group_resource}" + (f" in {self.namespace!r}" if self.namespace else "")


class Reflector:
    """Keeps one partition up to date with the server, for as long as `run` runs.

    Args:
        on_working: called when a list or watch has been accepted.
        on_failed: called with each failure.
        on_synced: called after each list was processed.
    """

    def __init__(
        self,
        client: RawClient,
        scope: StreamScope,
        partition: Partition,
        *,
        detail: Detail,
        options: InformerOptions,
        runtime: Runtime,
        stats: InformerStats,
        log: Any,
        on_working: Callable[[], None],
        on_failed: Callable[[Failed], None],
        on_synced: Callable[[], None],
    ) -> None:
        self._client = client
        self._scope = scope
        self._partition = partition
        self._detail = detail
        self._options = options
        self._stats = stats
        self._log = log
        self._on_working = on_working
        self._on_failed = on_failed
        self._on_synced = on_synced
        self._machine = WatchMachine(options, runtime.random.random)
        self._state = self._machine.initial()
        self._activity: List | Watch | Wait = Wait(0.0)
        self._aside: list[CachedObject] = []
        self._wake = asyncio.Event()

    @property
    def detail(self) -> Detail:
        """How much of each object this stream brings."""
        return self._detail

    def retry_now(self) -> None:
        """Cut a wait short: there is reason to believe that what failed would work now."""
        self._wake.set()

    async def run(self, reason: str = "initial") -> None:
        """List and watch until cancelled. Cancel it with the informer's turn held: never inside `process`."""
        event: Event = Start(reason)
        while True:
            try:
                await self._step(event)
                match self._activity:
                    case List() as order:
                        event = await self._list(order)
                    case Watch() as order:
                        event = await self._watch(order)
                    case Wait() as order:
                        await self._wait(order.seconds)
                        event = Elapsed()
            except Exception:
                # A defect of ours, or of a transform: the store may have missed something, so list anew.
                self._log.exception("a stream failed unexpectedly and lists again", stream=str(self._scope))
                self._partition.fifo.clear()
                await self._wait(self._options.max_backoff)
                event = Start("internal_error")

    async def _step(self, event: Event) -> None:
        now = asyncio.get_running_loop().time()
        self._state, outputs = self._machine.step(self._state, event, now)
        for output in outputs:
            await self._do(output)

    async def _do(self, output: Output) -> None:
        match output:
            case Emit():
                await self._emit(output)
            case List() | Watch() | Wait():
                self._activity = output
                await self._forget_aside()
            case Collect():
                self._aside.extend(event.object for event in output.events if event.object is not None)
            case Replace():
                await self._replace(output)
            case Failed():
                counts = self._stats.failures
                counts[output.trouble.value] = counts.get(output.trouble.value, 0) + 1
                self._on_failed(output)

    # ---- activities

    async def _wait(self, seconds: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _list(self, order: List) -> Event:
        scope, continue_ = self._scope, ""
        try:
            while True:
                answer = self._client.list_raw(
                    projection_of(scope.resource, self._detail),
                    namespace=scope.namespace,
                    labels=scope.labels or None,
                    fields=scope.fields or None,
                    limit=order.page_size,
                    continue_=continue_ or None,
                    idle_timeout=self._options.list_idle_timeout,
                )
                async with answer, _closing(aiter(answer)) as batches:
                    pacer = Pacer()
                    async for items in batches:
                        for raw in items:
                            if (obj := self._partition.take_listed(raw, self._detail)) is not None:
                                self._aside.append(obj)
                            if pacer.due():
                                await pacer.rest()
                    metadata = answer.head.metadata
                if metadata is None or not metadata.resource_version:
                    return ListFailed(ReconcileError(f"the list of {scope} has no resourceVersion"))
                continue_ = metadata.continue_
                if not continue_:
                    return Listed(metadata.resource_version)
        except (ReconcileError, TimeoutError, OSError) as error:
            return ListFailed(error, bool(continue_))

    async def _watch(self, order: Watch) -> Event:
        scope = self._scope
        watch = self._client.watch_raw(
            projection_of(scope.resource, self._detail),
            namespace=scope.namespace,
            labels=scope.labels or None,
            fields=scope.fields or None,
            resource_version=order.resource_version or None,
            timeout_seconds=order.timeout_seconds,
            send_initial_events=order.initial_events,
            idle_timeout=order.idle_timeout,
        )
        try:
            async with watch, _closing(watch.batches()) as batches:
                self._stats.watches += 1
                await self._step(WatchOpened())
                if not order.initial_events:
                    self._on_working()
                while True:
                    # Initial events have a deadline of their own; a steady watch has its transport's.
                    async with asyncio.timeout(order.initial_timeout if self._state.initial_events else None):
                        lines = await anext(batches, None)
                    if lines is None:
                        return WatchEnded()
                    await self._take(lines)
        except (ReconcileError, TimeoutError, OSError) as error:
            return WatchEnded(error)

    async def _take(self, lines: Sequence[bytes]) -> None:
        """Read lines and process their events; those before a broken or ERROR line count as well."""
        events: list[WatchEvent] = []
        broken: ReconcileError | None = None
        pacer = Pacer()
        for line in lines:
            try:
                events.append(read_event(line, self._make))
            except UndecodableEventError as error:
                self._stats.undecodable += 1
                self._log.error("left out a watch event: its object cannot be read", error=str(error))
            except ReconcileError as error:
                broken = error
                break
            if pacer.due():
                await pacer.rest()
        if events:
            await self._step(Received(events))
        if broken is not None:
            raise broken

    def _make(self, raw: bytes) -> CachedObject:
        return self._partition.make(raw, self._detail)

    # ---- results

    async def _emit(self, output: Emit) -> None:
        stats, fifo = self._stats, self._partition.fifo
        stats.duplicates += output.dropped
        for event in output.events:
            obj = event.object
            if obj is None:
                stats.bookmarks += 1
                fifo.bookmark(event.resource_version)
            elif event.type is EventType.DELETED:
                fifo.delete(obj)
            elif event.type is EventType.ADDED:
                fifo.add(obj)
            else:
                fifo.update(obj)
        stats.last_resource_version = self._state.resource_version
        stats.last_event_at = asyncio.get_running_loop().time()
        if len(fifo):
            await self._partition.process()

    async def _replace(self, output: Replace) -> None:
        stats = self._stats
        stats.lists += 1
        if self._partition.synced:
            stats.relists[output.reason] = stats.relists.get(output.reason, 0) + 1
        objects, self._aside = self._aside, []
        self._partition.expect(self._detail)
        self._partition.fifo.replace(objects, output.resource_version, reason=output.reason)
        del objects
        stats.last_resource_version = output.resource_version
        await self._partition.process()
        self._on_synced()

    async def _forget_aside(self) -> None:
        """Drop what an unfinished list brought, in slices: freeing many objects at once holds up the loop."""
        pacer = Pacer()
        while self._aside:
            self._aside.pop()
            if pacer.due():
                await pacer.rest()


@asynccontextmanager
async def _closing(stream: AsyncIterator[T]) -> AsyncGenerator[AsyncIterator[T], None]:
    """The stream; a generator left before its end is closed here and not by the collector, later."""
    try:
        yield stream
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def api_message(error: Exception) -> str:
    """The server's own words where there are any."""
    return error.message if isinstance(error, APIError) else str(error) or type(error).__name__
