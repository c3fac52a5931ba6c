"""Writes event records to the API server from a bounded queue; its callers never wait."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from reconcile.controllers.events.correlation import CoreEventRecord, EventCorrelation
from reconcile.controllers.events.series import EventRecord, EventSeries, Reference
from reconcile.controllers.logs import Logger
from reconcile.errors import AlreadyExistsError, APIError, NotFoundError, ReconcileError
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.meta import KubernetesObject, ObjectMeta
from reconcile.objects.times import format_micro_time, format_time
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from reconcile.client.client import Client

EVENTS = ResourceType("events.k8s.io", "v1", "Event", "events")
CORE_EVENTS = ResourceType("", "v1", "Event", "events")

_TRIES = 12
_PAUSE = 10.0
_JITTER = 0.25
_TICK = 60.0
_NAME_LENGTH = 230


@dataclass(slots=True)
class EventStats:
    """Counts of a sink.

    Attributes:
        recorded: events that were reported, counted ones included.
        written: requests that succeeded.
        dropped: events lost because the queue was full or the sink had ended.
        failed: records that the server refused or that no try got through.
    """

    recorded: int = 0
    written: int = 0
    dropped: int = 0
    failed: int = 0


class EventSink:
    """One queue and one writer for all recorders of a manager.

    `submit` never blocks: when `capacity` records wait, further ones are dropped and counted. Network
    failures are tried twelve times, ten seconds apart; what the server refuses is logged and dropped.
    """

    def __init__(self, client: Client, runtime: Runtime, log: Logger, *, capacity: int = 1000) -> None:
        self.stats = EventStats()
        self.series = EventSeries()
        self.correlation = EventCorrelation()
        self._client = client
        self._runtime = runtime
        self._log = log
        self._capacity = capacity
        self._queue: deque[EventRecord | CoreEventRecord] = deque()
        self._wake = asyncio.Event()
        self._named = 0
        self._flushing = False
        self._ended = False

    def name_for(self, regarding: Reference, now: datetime) -> str:
        """A name for an Event object: the object's and the time in nanoseconds, no two of them the same."""
        self._named = max(int(now.timestamp() * 1_000_000) * 1000, self._named + 1)
        return f"{regarding.name[:_NAME_LENGTH]}.{self._named:x}"

    def submit(self, record: EventRecord | CoreEventRecord) -> None:
        """Have the record written soon."""
        if self._ended or len(self._queue) >= self._capacity:
            self.stats.dropped += 1
            self._forget(record)
            if self.stats.dropped & (self.stats.dropped - 1) == 0:
                # Logged at 1, 2, 4, 8, …: a flood of events must not become a flood of lines.
                self._log.warning("events dropped: the queue is full", dropped=self.stats.dropped)
            return
        self._queue.append(record)
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled; series are looked after once a minute."""
        loop = asyncio.get_running_loop()
        tick = loop.time() + _TICK
        while True:
            while self._queue:
                await self._record(self._queue.popleft())
            self._wake.clear()
            if loop.time() >= tick:
                self._queue.extend(self.series.due(self._runtime.now()))
                tick = loop.time() + _TICK
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout_at(tick):
                    await self._wake.wait()

    async def flush(self, seconds: float) -> None:
        """At the end: write what waits and the counts of open series, one try each, within this time."""
        self._flushing = True
        self._queue.extend(record for record in self.series.unwritten() if record not in self._queue)
        try:
            async with asyncio.timeout(seconds):
                while self._queue:
                    await self._record(self._queue.popleft())
        except TimeoutError:
            self.stats.dropped += len(self._queue)
            self._log.warning("events dropped: not written before the end", dropped=len(self._queue))
            self._queue.clear()
        finally:
            self._ended = True

    def _forget(self, record: EventRecord | CoreEventRecord) -> None:
        if isinstance(record, EventRecord):
            self.series.forget(record)
        else:
            self.correlation.forget(record)

    async def _record(self, record: EventRecord | CoreEventRecord) -> None:
        last: Exception = ReconcileError("not tried")
        for attempt in range(1 if self._flushing else _TRIES):
            if attempt:
                await asyncio.sleep(_PAUSE * (1 + _JITTER * self._runtime.random.random()))
            try:
                await self._write(record)
            except AlreadyExistsError:
                record.written = max(record.written, 1)
                return
            except APIError as error:
                # A namespace that is going takes no new objects: nothing is wrong.
                if not any(cause.reason == "NamespaceTerminating" for cause in error.causes):
                    self._failed(record, error)
                else:
                    self._forget(record)
                return
            except ReconcileError as error:
                last = error
            except Exception as error:
                # Whatever it is: one event must not end the sink for all others.
                self._failed(record, error)
                return
            else:
                self.stats.written += 1
                return
        self._failed(record, last)

    def _failed(self, record: EventRecord | CoreEventRecord, error: Exception) -> None:
        self.stats.failed += 1
        self._forget(record)
        self._log.warning(
            "an event could not be written",
            reason=record.key.reason,
            regarding=f"{record.key.regarding.kind} {record.key.regarding.name}",
            error=f"{type(error).__name__}: {error}",
        )

    async def _write(self, record: EventRecord | CoreEventRecord) -> None:
        if isinstance(record, CoreEventRecord):
            await self._write_core(record)
            return
        count = record.count
        if record.written:
            try:
                await self._client.patch(
                    EVENTS,
                    ObjectKey(record.namespace, record.name),
                    {"series": _series(record, count)},
                    type="merge",
                )
            except NotFoundError:
                # Events expire on the server: begin again with what is known.
                await self._create(record, count)
        else:
            await self._create(record, count)
        record.written = count
        record.refreshed = self._runtime.now()

    async def _write_core(self, record: CoreEventRecord) -> None:
        count = record.count
        if record.written == count:
            # Counted twice while it waited here: the first write told both.
            return
        if record.written:
            news = {"count": count, "lastTimestamp": format_time(record.last), "message": record.note}
            try:
                key = ObjectKey(record.namespace, record.name)
                await self._client.patch(CORE_EVENTS, key, news, type="merge")
            except NotFoundError:
                await self._client.create(_core_event(record, count))
        else:
            await self._client.create(_core_event(record, count))
        record.written = count

    async def _create(self, record: EventRecord, count: int) -> None:
        key = record.key
        event = _Event(
            metadata=ObjectMeta(name=record.name, namespace=record.namespace),
            event_time=format_micro_time(record.first),
            reporting_controller=key.controller,
            reporting_instance=key.instance,
            action=key.action,
            reason=key.reason,
            regarding=key.regarding.as_json(),
            related=None if key.related is None else key.related.as_json(),
            note=record.note,
            series=_series(record, count) if count > 1 else None,
            type=key.type,
        )
        await self._client.create(event)


class _Event(KubernetesObject, kw_only=True):
    """The part of events.k8s.io/v1 Event that is written; spares the import of the built-in kinds."""

    __resource_type__: ClassVar[ResourceType] = EVENTS

    event_time: str
    reporting_controller: str
    reporting_instance: str
    action: str
    reason: str
    regarding: dict[str, str]
    note: str
    type: str
    related: dict[str, str] | None = None
    series: dict[str, int | str] | None = None


class _CoreEvent(KubernetesObject, kw_only=True):
    """The part of core/v1 Event that is written."""

    __resource_type__: ClassVar[ResourceType] = CORE_EVENTS

    involved_object: dict[str, str]
    reason: str
    message: str
    source: dict[str, str]
    first_timestamp: str
    last_timestamp: str
    count: int
    type: str
    reporting_component: str


def _core_event(record: CoreEventRecord, count: int) -> _CoreEvent:
    key = record.key
    return _CoreEvent(
        metadata=ObjectMeta(name=record.name, namespace=record.namespace),
        involved_object=key.regarding.as_json(),
        reason=key.reason,
        message=record.note,
        source={"component": key.component},
        first_timestamp=format_time(record.first),
        last_timestamp=format_time(record.last),
        count=count,
        type=key.type,
        reporting_component=key.component,
    )


def _series(record: EventRecord, count: int) -> dict[str, int | str]:
    return {"count": count, "lastObservedTime": format_micro_time(record.last)}
