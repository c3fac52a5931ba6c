"""One resource, scope and selection, watched once and shared by everyone who asks for it.

    reflector (a task each namespace) ──▶ partition (FIFO, store) ──▶ handlers
                                             ▲
                              readers ── StoreReader (the seam) ── Cache, listers

An informer of several namespaces has one stream and one partition for each of them and is one informer to its
users: reads merge, and it is synced when all are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from reconcile.errors import CacheNotSyncedError, ConfigurationError, NotCachedError
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.informers.compression import Compressor
from reconcile.informers.indexes import Index, IndexSet
from reconcile.informers.options import InformerOptions
from reconcile.informers.partition import Partition
from reconcile.informers.reading import StoreObserver, StoreReader, retried
from reconcile.informers.reflector import Reflector, StreamScope
from reconcile.informers.registration import Handler, Registration
from reconcile.informers.stats import InformerStats
from reconcile.informers.status import Condition, StreamStatus, condition_of, explain
from reconcile.informers.transforms import strip_managed_fields
from reconcile.informers.watch_state import Failed
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from reconcile.informers.source import RawClient

Transform = Callable[[bytes], bytes]
"""Takes an object's JSON on arrival and returns what to keep; must be pure and idempotent."""

_QUIET_FAILURES: Final = 2
"""Failures in a row from which on a stream that merely lost its connection is worth a warning."""


class Informer:
    """A shared cache of one resource, and its handlers. Made by `InformerFactory.informer`.

    Belongs to the event loop's thread, except reads through `reader`, which any thread may do.

    Attributes:
        resource: the resource.
        namespaces: the namespaces watched; None for all, or for a cluster-scoped resource.
        labels: label selector text; empty for everything.
        fields: field selector text; empty for everything.
        reader: what every read of this informer's objects goes through.
        observers: told of each change of the store before any handler.
        on_stop: called when it has been stopped.
    """

    def __init__(
        self,
        client: RawClient,
        resource: ResourceType,
        *,
        runtime: Runtime,
        log: Any,
        namespaces: tuple[str, ...] | None = None,
        labels: str = "",
        fields: str = "",
        detail: Detail = Detail.FULL,
        options: InformerOptions | None = None,
        transform: Transform | None = None,
        reader: Callable[[Informer, StoreReader], StoreReader] | None = None,
        on_status: Callable[[Informer, StreamStatus], None] | None = None,
    ) -> None:
        self.resource = resource
        self.namespaces = namespaces if resource.namespaced else None
        self.labels = labels
        self.fields = fields
        self.observers: list[StoreObserver] = []
        self._client = client
        self._runtime = runtime
        self._options = options or InformerOptions()
        self._transform = transform
        self._on_status = on_status
        self._compressor = Compressor() if self._options.compress else None
        self._log = log.bind(resource=resource.group_resource)
        self._wanted = detail
        self._stats = InformerStats()
        self._turn = asyncio.Lock()
        self._indexes = IndexSet(on_error=self._index_failed)
        self._building: dict[str, Index] = {}
        self._streams = [self._new_stream(namespace) for namespace in self.namespaces or (None,)]
        self._registrations: list[Registration] = []
        self._chores: set[asyncio.Task[None]] = set()
        self._started = self._stopped = False
        self._upgrading = asyncio.Lock()
        self._synced = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.on_stop: list[Callable[[], None]] = []
        bare = InformerReader(self)
        self.reader: StoreReader = reader(self, bare) if reader is not None else bare
        self.bare_reader: StoreReader = bare

    def __repr__(self) -> str:
        where = f" in {', '.join(self.namespaces)}" if self.namespaces else ""
        which = "".join(f" where {text}" for text in (self.labels, self.fields) if text)
        return f"<Informer {self.resource.group_resource}{where}{which}, {self._wanted.name.lower()}>"

    # ---- state

    @property
    def detail(self) -> Detail:
        """How much of each object is wanted; while an upgrade is under way the store still holds less."""
        return self._wanted

    @property
    def started(self) -> bool:
        return self._started

    @property
    def stopped(self) -> bool:
        """Whether it was stopped, for good."""
        return self._stopped

    @property
    def has_synced(self) -> bool:
        """Whether the first list of every stream is stored and offered to handlers, in the wanted detail.

        Namespaces that RBAC forbids do not count among several, unless `forbidden_holds_sync` says so.
        """
        return self._synced.is_set()

    def status(self) -> tuple[StreamStatus, ...]:
        """How each stream is doing."""
        return tuple(stream.status for stream in self._streams)

    def stats(self) -> InformerStats:
        """The counters, with the gauges brought up to date; the same object each time."""
        stats = self._stats
        stats.objects = sum(len(stream.partition.store) for stream in self._streams)
        stats.bytes = sum(stream.partition.store.bytes for stream in self._streams)
        stats.index_decodes = self._indexes.counters.decodes
        stats.backlog = sum(registration.backlog for registration in self._registrations)
        stats.coalesced = sum(registration.buffer.coalesced for registration in self._registrations)
        stats.dropped_incarnations = sum(registration.buffer.dropped for registration in self._registrations)
        working = all(stream.status.condition is Condition.WORKING for stream in self._streams)
        since = max((stream.status.since for stream in self._streams), default=0.0)
        stats.watching_since = since if working else None
        return stats

    def last_resource_version(self, namespace: str | None = None) -> str:
        """The version that the store of a namespace (or the only one) reflects; empty at first."""
        return self._partition_of(namespace or "").store.resource_version

    # ---- life

    def start(self) -> None:
        """Begin to list and watch; a second call does nothing. Needs the running loop.

        Raises:
            RuntimeError: it was stopped.
        """
        if self._stopped:
            raise RuntimeError(f"{self!r} was stopped; ask the factory for a new one")
        if self._started:
            return
        self._started = True
        for stream in self._streams:
            stream.start("initial")
        if self._options.resync_period is not None:
            self._chore(self._resync_forever(self._options.resync_period), "resync")

    async def stop(self) -> None:
        """End streams and handlers' tasks and let the objects go; it cannot be started again."""
        self._started, self._stopped = False, True
        async with self._turn:
            tasks = [task for stream in self._streams if (task := stream.cancel()) is not None]
            tasks += [task for task in self._chores if not task.done()]
            for task in tasks:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for registration in list(self._registrations):
            await registration.close()
        self._synced.clear()
        for stream in self._streams:
            stream.set_status(Condition.STOPPED)
        calls, self.on_stop = self.on_stop, []
        for call in calls:
            call()
        for stream in self._streams:
            await stream.partition.discard()

    async def wait_synced(self, timeout: float | None = None) -> None:
        """Return when `has_synced` and all indexes asked for are built.

        Raises:
            CacheNotSyncedError: not within `timeout` seconds; the text says what each stream waits for.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._synced.wait()
                await self._idle.wait()
        except TimeoutError:
            raise self._not_synced(f"not synced within {timeout:g} s") from None

    def retry_now(self) -> None:
        """Let streams that wait try again at once: a CRD was installed, a Role was bound."""
        for stream in self._streams:
            stream.reflector.retry_now()

    def require(self, detail: Detail) -> None:
        """Have at least this much of each object: an upgrade lists anew, beside the live store."""
        if detail <= self._wanted:
            return
        self._wanted = detail
        if self._started:
            self._synced.clear()
            self._chore(self._upgrade(), "upgrade")
        else:
            for stream in self._streams:
                stream.renew()

    async def _upgrade(self) -> None:
        # One upgrade at a time: another one that waited here may find its work done.
        async with self._upgrading:
            behind = [stream for stream in self._streams if stream.reflector.detail < self._wanted]
            async with self._turn:
                stopped = [task for stream in behind if (task := stream.cancel()) is not None]
            if stopped:
                await asyncio.wait(stopped)
            for stream in behind:
                stream.partition.fifo.clear()
                stream.renew()
                stream.start("upgrade")

    # ---- handlers and indexes

    def add_handler(self, handler: Handler, *, detail: Detail | None = None, name: str = "") -> Registration:
        """Have a handler called for every object there is, and for every change from then on.

        A handler that comes late is replayed what the store holds as additions with `initial=True`, in
        slices; it has a `has_synced` of its own.

        Args:
            handler: its methods are called on the loop's thread, never two at a time.
            detail: how much of each object it needs; by default all that is wanted of the informer now.
            name: for logs; its class's name by default.
        """
        registration = Registration(
            handler,
            needs=self._wanted if detail is None else detail,
            name=name or type(handler).__qualname__,
            stats=self._stats,
            log=self._log,
            synced=lambda: self.has_synced,
            forget=self._forget,
        )
        self.require(registration.needs)
        self._registrations.append(registration)
        late = [s.partition for s in self._streams if not s.partition.attach(registration)]
        for _ in late:
            registration.replay_planned()
        if late:
            self._chore(self._replay(registration, late), "replay")
        return registration

    async def _replay(self, registration: Registration, partitions: Sequence[Partition]) -> None:
        for partition in partitions:
            async with self._turn:
                await partition.replay(registration)

    @property
    def has_handlers(self) -> bool:
        """Whether anybody is told of changes."""
        return bool(self._registrations)

    def _forget(self, registration: Registration) -> None:
        self._registrations.remove(registration)
        for stream in self._streams:
            stream.partition.detach(registration)

    def add_index(self, index: Index) -> None:
        """Have the objects found by one more index; at once when there are none yet, else when it is built.

        `wait_synced` waits for it; reads by it before that raise `CacheNotSyncedError`. The same index
        again does nothing.

        Raises:
            ConfigurationError: another index has that name.
        """
        present = self._indexes.find(index.name) or self._building.get(index.name)
        if present is not None:
            if present != index:
                raise ConfigurationError(
                    f"{self.resource.group_resource} already has another index named {index.name!r}"
                )
            return
        if all(stream.partition.detail is None for stream in self._streams) and not self._turn.locked():
            self._indexes = self._indexes.with_index(index)
            for stream in self._streams:
                stream.partition.reindex(self._indexes)
            return
        self._building[index.name] = index
        self._idle.clear()
        self._chore(self._build(index), "index")

    async def _build(self, index: Index) -> None:
        async with self._turn:
            more = self._indexes.with_index(index)
            for stream in self._streams:
                await stream.partition.add_index(index, more)
            self._indexes = more
            del self._building[index.name]
            if not self._building:
                self._idle.set()

    @property
    def index_set(self) -> IndexSet:
        """The indexes that are ready, to compute with what an object would be filed under."""
        return self._indexes

    async def resync(self) -> None:
        """Let every handler see every object again, as an update from itself to itself."""
        for stream in self._streams:
            if stream.partition.synced:
                stream.partition.fifo.sync()
                await stream.partition.process()

    async def _resync_forever(self, period: float) -> None:
        while True:
            # Up to a tenth more or less, so that informers do not replay in step.
            await asyncio.sleep(period * (0.9 + 0.2 * self._runtime.random.random()))
            await self.resync()

    # ---- for the reader

    def partitions_for(self, namespace: str | None) -> Sequence[Partition]:
        """The partitions that a read has to look at.

        Raises:
            NotCachedError: the namespace is not watched.
            CacheNotSyncedError: a partition that the read needs has no complete list yet.
        """
        if namespace is not None and self.namespaces is not None:
            wanted: Sequence[_Stream] = (self._stream_of(namespace),)
        else:
            wanted = self._streams
        for stream in wanted:
            if stream.partition.detail is None:
                raise self._not_synced("read before its first list was complete")
        return [stream.partition for stream in wanted]

    def index_ready(self, name: str) -> None:
        """Raise `NotCachedError` or `CacheNotSyncedError` unless reads by the index are possible."""
        if name in self._indexes:
            return
        if name in self._building:
            raise CacheNotSyncedError(
                f"index {name!r} of {self.resource.group_resource} is still being built; await wait_synced()"
            )
        known = ", ".join(index.name for index in self._indexes.indexes) or "none"
        raise NotCachedError(
            f"{self.resource.group_resource} has no index {name!r} (it has: {known}); "
            f"declare it in a reconciler (indexes, or reads with Read(kind, indexes=…)), or with "
            f"informer.add_index(Index({name!r}))"
        )

    def partition_of(self, namespace: str) -> Partition | None:
        """The partition that has the objects of a namespace, synced or not; None when it is not watched."""
        if self.namespaces is None:
            return self._streams[0].partition
        for stream in self._streams:
            if stream.partition.namespace == namespace:
                return stream.partition
        return None

    def _partition_of(self, namespace: str) -> Partition:
        return self._streams[0].partition if self.namespaces is None else self._stream_of(namespace).partition

    def _stream_of(self, namespace: str) -> _Stream:
        for stream in self._streams:
            if stream.partition.namespace == namespace:
                return stream
        watched = ", ".join(self.namespaces or ())
        raise NotCachedError(
            f"{self.resource.group_resource} is not watched in namespace {namespace!r}, only in: {watched}"
        )

    def _not_synced(self, what: str) -> CacheNotSyncedError:
        waiting = [
            stream.status.message or f"{stream.scope}: {stream.status.condition.value}"
            for stream in self._streams
            if not stream.ready(self._wanted)
        ]
        reasons = "; ".join(waiting) if self._started else "it was not started"
        return CacheNotSyncedError(f"the cache of {self.resource.group_resource} was {what}: {reasons}")

    # ---- streams

    def _new_stream(self, namespace: str | None) -> _Stream:
        return _Stream(self, StreamScope(self.resource, namespace, self.labels, self.fields))

    def make(self, raw: bytes, detail: Detail) -> CachedObject:
        """The cached form of an object's bytes, transforms applied."""
        if detail is Detail.STRIPPED:
            raw = strip_managed_fields(raw)
            if self._transform is not None:
                raw = self._transform(raw)
        indexes = self._indexes
        metadata, held = indexes.read(raw)
        if self._compressor is not None and detail is not Detail.METADATA:
            obj = self._compressor.keep(raw, detail, metadata)
        else:
            obj = CachedObject.of(raw, detail, metadata)
        if held is not None:
            obj.index_values = indexes.values_from(held, obj)
        return obj

    def check_synced(self) -> None:
        """Look whether the informer is synced now: a stream has processed a list, or given up for a while."""
        if self._synced.is_set():
            return
        pending = [stream for stream in self._streams if not stream.ready(self._wanted)]
        if pending:
            if self._options.forbidden_holds_sync or len(pending) == len(self._streams):
                return
            if any(stream.status.condition is not Condition.FORBIDDEN for stream in pending):
                return
        self._synced.set()
        for registration in list(self._registrations):
            registration.check_synced()

    def status_changed(self, status: StreamStatus) -> None:
        """A stream's condition is another one, or it has synced."""
        self.check_synced()
        if self._on_status is not None:
            self._on_status(self, status)

    def _index_failed(self, name: str, obj: CachedObject, error: Exception) -> None:
        self._log.error("an index could not be computed", index=name, key=str(obj.key), error=str(error))

    def _chore(self, work: Any, name: str) -> None:
        task = asyncio.get_running_loop().create_task(
            work, name=f"informer {self.resource.group_resource} {name}"
        )
        self._chores.add(task)
        task.add_done_callback(self._chore_done)

    def _chore_done(self, task: asyncio.Task[None]) -> None:
        self._chores.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("an informer's work failed", work=task.get_name(), exc_info=error)


class _Stream:
    """One namespace of an informer: partition, reflector, task and status."""

    def __init__(self, informer: Informer, scope: StreamScope) -> None:
        self._informer = informer
        self.scope = scope
        owner: Any = informer
        self.partition = Partition(
            scope.namespace,
            owner._indexes,
            turn=owner._turn,
            stats=owner._stats,
            observers=informer.observers,
            make=informer.make,
            log=owner._log,
        )
        self.status = StreamStatus(scope.namespace, Condition.STOPPED, "", False, 0.0)
        self._task: asyncio.Task[None] | None = None
        self.renew()

    def renew(self) -> None:
        """Have a reflector that brings what is wanted now."""
        owner: Any = self._informer
        self.partition.expect(self._informer.detail)
        self.reflector = Reflector(
            owner._client,
            self.scope,
            self.partition,
            detail=self._informer.detail,
            options=owner._options,
            runtime=owner._runtime,
            stats=owner._stats,
            log=owner._log,
            on_working=self._working,
            on_failed=self._failed,
            on_synced=self._working,
        )

    def ready(self, detail: Detail) -> bool:
        """Whether the partition holds a processed list with that much of each object."""
        held = self.partition.detail
        return self.partition.synced and held is not None and held >= detail

    def start(self, reason: str) -> None:
        self.set_status(Condition.STARTING)
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self.reflector.run(reason), name=f"informer {self.scope}")

    def cancel(self) -> asyncio.Task[None] | None:
        """Ask the task to end, if there is one; only with the informer's turn."""
        task, self._task = self._task, None
        if task is None or task.done():
            return None
        task.cancel()
        return task

    def set_status(self, condition: Condition, message: str = "", error: Exception | None = None) -> None:
        before, synced = self.status, self.partition.synced
        if (before.condition, before.message, before.synced) == (condition, message, synced):
            return
        now = asyncio.get_running_loop().time()
        since = before.since if before.condition is condition else now
        self.status = StreamStatus(self.scope.namespace, condition, message, synced, since, error)
        self._informer.status_changed(self.status)

    def _working(self) -> None:
        was = self.status.condition
        if was in (Condition.ABSENT, Condition.FORBIDDEN, Condition.FAILING):
            owner: Any = self._informer
            owner._log.info("the stream works again", stream=str(self.scope), was=was.value)
        self.set_status(Condition.WORKING)
        self._informer.check_synced()

    def _failed(self, failed: Failed) -> None:
        owner: Any = self._informer
        condition, message = condition_of(failed.trouble), explain(self.scope, failed)
        fresh = self.status.condition is not condition and (
            condition is not Condition.FAILING or failed.attempts >= _QUIET_FAILURES
        )
        log = owner._log.warning if fresh else owner._log.debug
        log(message, trouble=failed.trouble.value, attempts=failed.attempts)
        if condition is not Condition.FAILING or fresh or self.status.condition is Condition.FAILING:
            self.set_status(condition, message, failed.error)


class InformerReader:
    """The bare reads of an informer's store; any thread may use them."""

    def __init__(self, informer: Informer) -> None:
        self._informer = informer

    def get(self, key: ObjectKey) -> CachedObject | None:
        informer = self._informer
        namespace = key.namespace if informer.namespaces is not None else None
        for partition in informer.partitions_for(namespace):
            if (found := partition.store.get(key)) is not None:
                return found
        return None

    def list(self, namespace: str | None = None) -> list[CachedObject]:
        found: list[CachedObject] = []
        for partition in self._informer.partitions_for(namespace):
            found += retried(lambda store=partition.store: store.snapshot(namespace))
        return found

    def by_index(self, name: str, value: str, namespace: str | None = None) -> list[CachedObject]:
        self._informer.index_ready(name)
        found: list[CachedObject] = []
        for partition in self._informer.partitions_for(namespace):
            found += retried(lambda store=partition.store: store.by_index(name, value))
        if namespace is not None and self._informer.namespaces is None:
            found = [obj for obj in found if obj.metadata.namespace == namespace]
        return found
