"""A running controller: watches feed a queue, workers empty it.

informers ──deliveries──▶ Feed ──keys──▶ WorkQueue ──▶ worker ──▶ Run ──outcome──▶ queue
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from reconcile.controllers.definition import ControllerDefinition
from reconcile.controllers.echoes import EchoFilter
from reconcile.controllers.feed import Feed
from reconcile.controllers.mappers import key_of, to_self
from reconcile.controllers.request import Cause, Request
from reconcile.controllers.run import InterruptedReconcileError, Outcome, Run
from reconcile.controllers.services import Services
from reconcile.controllers.sharding import OwnRuns, Owns
from reconcile.controllers.stats import ControllerStats
from reconcile.controllers.watch import Read, Source, Watch
from reconcile.errors import CacheNotSyncedError, ConflictError, NotFoundError
from reconcile.informers.indexes import Index
from reconcile.informers.informer import Informer
from reconcile.informers.overlay import OverlayReader
from reconcile.informers.registration import Registration
from reconcile.objects.identity import ObjectKey
from reconcile.objects.kinds import resource_type_of
from reconcile.workqueue import QueueItem, QueueShutDown, WorkQueue

_SLICE_SECONDS = 0.005
_SOURCE_RESTART_SECONDS = (1.0, 30.0)


@dataclass(frozen=True, slots=True)
class _RunningWatch:
    watch: Watch
    informer: Informer
    registration: Registration
    feed: Feed

    def listen(self) -> None:
        """Hear also of what the informer's handlers are not told: own writes that came to nothing."""
        reader = self.informer.reader
        if isinstance(reader, OverlayReader):
            reader.listeners.append(self.feed.on_unseen)

    def remove(self) -> None:
        """Hear nothing any more."""
        self.registration.remove()
        reader = self.informer.reader
        if isinstance(reader, OverlayReader) and self.feed.on_unseen in reader.listeners:
            reader.listeners.remove(self.feed.on_unseen)


class Controller:
    """Runs one definition. `run` may be called again after it ended (leadership comes and goes).

    Attributes:
        name: the controller's name.
        stats: what it counts; kept over several runs.
        queue: the queue of the current run, None when not running.
        synced: set while it runs and every watch has been delivered.
        warm: set once the caches it needs are synced, whether it runs or waits for the lead.
    """

    def __init__(self, definition: ControllerDefinition, services: Services) -> None:
        self.definition = definition
        self.name = definition.name
        self.stats = ControllerStats()
        self.queue: WorkQueue[ObjectKey] | None = None
        self._services = services
        self._log = services.log
        self._stopping = asyncio.Event()
        self._own_runs = None if services.shards is None else OwnRuns(services.shards)
        self._running_watches: list[_RunningWatch] = []
        self._set_up = False
        self._setting_up = asyncio.Lock()
        self.synced = asyncio.Event()
        self.warm = asyncio.Event()

    @property
    def needs_leader_election(self) -> bool:
        return self.definition.options.needs_leader_election

    async def set_up(self) -> None:
        """Give the reconciler what it is promised and call its `setup`, once, before any watch starts."""
        async with self._setting_up:
            if self._set_up:
                return
            self._services.give_to(self.definition.reconciler)
            await self.definition.reconciler.setup()
            self._set_up = True

    async def warm_up(self) -> None:
        """Fill the caches that a run will need, and return when they are synced.

        For a controller that waits for the lead: when it gets it, its first reconcile starts at once.
        Raises `CacheNotSyncedError` as `run` does.
        """
        await self.set_up()
        await self._caches_synced(self._hold_informers(), self._sync_deadline())
        self.warm.set()

    async def run_once(self, request: Request) -> Outcome:
        """Reconcile one request, with no queue and no retry, once the caches are synced."""
        await self.warm_up()
        return await Run(self.definition, self._services, self._informer_of(self._watches()[0]))(request)

    async def release(self) -> None:
        """Let the caches go that nobody else asked for; the controller does not run again."""
        self.warm.clear()
        await self._services.informers.release(self)

    def stop(self) -> None:
        """Ask the run to end: no new reconcile begins, those under way finish, then `run` returns."""
        self._stopping.set()
        if self.queue is not None:
            self.queue.shut_down()

    async def run(self) -> None:
        """Watch, wait until every watch is synced, then reconcile until `stop` or cancellation.

        Cancelling ends reconciles under way at their next await; a plain reconciler's thread is waited
        for. Raises `CacheNotSyncedError` when a watch does not sync in `options.sync_timeout`.
        """
        if self.queue is not None:
            raise RuntimeError(f"controller {self.name} is running already")
        self._stopping.clear()
        self.synced.clear()
        queue: WorkQueue[ObjectKey] = WorkQueue(self.definition.options.queue)
        self.queue = queue
        tasks: list[asyncio.Task[None]] = []
        watches: list[_RunningWatch] = []
        echoes: EchoFilter | None = None
        try:
            await self.set_up()
            informers = self._hold_informers()
            watches = [self._start_watch(watch, queue) for watch in self._watches()]
            self._running_watches = watches
            if not await self._until_synced(watches, informers):
                return
            for running in watches:
                running.feed.catch_up()
            self.warm.set()
            self.synced.set()
            tasks = [
                asyncio.create_task(self._feed_from(source), name=f"{self.name}-{source.name}")
                for source in self.definition.sources
            ]
            self._log.info("controller started", workers=self.definition.options.max_concurrent_reconciles)
            echoes = self._hush_echoes(watches[0])
            await self._work(queue, Run(self.definition, self._services, watches[0].informer, echoes))
        finally:
            queue.shut_down()
            if echoes is not None:
                echoes.detach()
            for task in tasks:
                task.cancel()
            self._running_watches = []
            for running in watches:
                running.remove()
            if tasks:
                await asyncio.wait(tasks)
            self.synced.clear()
            self.queue = None

    # -- watches and sources -----------------------------------------------------------------------

    def _watches(self) -> list[Watch]:
        definition = self.definition
        primary = Watch(
            definition.kind,
            to_self(),
            predicates=definition.predicates,
            labels=definition.labels,
            fields=definition.fields,
        )
        return [primary, *definition.watches]

    def _hold_informers(self) -> list[Informer]:
        """The informers of all that is watched and read, kept for this controller, with their indexes."""
        found: dict[Informer, None] = {}
        for watch in self._watches():
            found[self._informer_of(watch)] = None
        primary = next(iter(found))
        self._add_indexes(primary, self.definition.indexes)
        for read in self.definition.reads:
            informer = self._informer_of(read)
            self._add_indexes(informer, read.indexes)
            found[informer] = None
        return list(found)

    def _informer_of(self, what: Watch | Read) -> Informer:
        return self._services.informers.informer(
            what.kind,
            namespaces=what.namespaces if isinstance(what, Read) else None,
            labels=what.labels,
            fields=what.fields,
            holder=self,
        )

    @staticmethod
    def _add_indexes(informer: Informer, indexes: tuple[Index, ...]) -> None:
        for index in indexes:
            informer.add_index(index)

    def _start_watch(self, watch: Watch, queue: WorkQueue[ObjectKey]) -> _RunningWatch:
        informer = self._informer_of(watch)
        feed = Feed(watch, queue, self.stats, self._log, shards=self._services.shards)
        registration = informer.add_handler(feed, name=f"controller {self.name}")
        running = _RunningWatch(watch, informer, registration, feed)
        running.listen()
        return running

    def _hush_echoes(self, primary: _RunningWatch) -> EchoFilter | None:
        """Have the primary watch leave out the events of statuses that this controller's reconciles wrote."""
        own_writes, reader = self._services.own_writes, primary.informer.reader
        heard = self.definition.options.own_status_events
        if heard or own_writes is None or not isinstance(reader, OverlayReader):
            return None
        echoes = EchoFilter(self.name, reader, deliver=primary.feed.deliver_update, stats=self.stats)
        echoes.attach(own_writes)
        primary.feed.echoes = echoes
        return echoes

    async def _until_synced(self, watches: list[_RunningWatch], informers: list[Informer]) -> bool:
        """Wait for all watches; False when the controller was stopped meanwhile."""
        stopped = asyncio.create_task(self._stopping.wait(), name=f"{self.name}-stopping")
        synced = asyncio.create_task(self._all_synced(watches, informers), name=f"{self.name}-sync")
        try:
            await asyncio.wait({stopped, synced}, return_when=asyncio.FIRST_COMPLETED)
            if synced.done():
                synced.result()
                return True
            return False
        finally:
            for task in (stopped, synced):
                task.cancel()
            await asyncio.wait({stopped, synced})

    async def _all_synced(self, watches: list[_RunningWatch], informers: list[Informer]) -> None:
        deadline = self._sync_deadline()
        for running in watches:
            await self._synced_until(running.informer, running.registration, deadline)
        await self._caches_synced(informers, deadline)

    async def _caches_synced(self, informers: list[Informer], deadline: float) -> None:
        for informer in informers:
            await self._synced_until(informer, informer, deadline)

    def _sync_deadline(self) -> float:
        return asyncio.get_running_loop().time() + self.definition.options.sync_timeout

    async def _synced_until(self, informer: Informer, what: Informer | Registration, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await what.wait_synced()
        except TimeoutError:
            troubles = "; ".join(each.message for each in informer.status() if each.message)
            raise CacheNotSyncedError(
                f"controller {self.name}: the watch of {informer.resource} did not sync within "
                f"{self.definition.options.sync_timeout:g} s"
                + (f": {troubles}" if troubles else "; the server has not answered its list yet")
            ) from None

    async def _feed_from(self, source: Source) -> None:
        """Keep one source running; one that fails is started again after a growing delay."""
        loop = asyncio.get_running_loop()

        def enqueue(
            key: ObjectKey | str, /, *, reason: str = "", priority: int = 0, after: float = 0.0
        ) -> None:
            cause = Cause("External", source.name, detail=reason)
            try:
                running = asyncio.get_running_loop() is loop
            except RuntimeError:
                running = False
            if running:
                self.enqueue(key_of(key), cause, priority=priority, after=after)
            else:
                loop.call_soon_threadsafe(
                    lambda: self.enqueue(key_of(key), cause, priority=priority, after=after)
                )

        delay, longest = _SOURCE_RESTART_SECONDS
        while True:
            try:
                await source.run(enqueue)
                return
            except Exception as error:
                self._log.error(
                    "a source failed and is started again",
                    source=source.name,
                    after=delay,
                    error=f"{type(error).__name__}: {error}",
                )
            await asyncio.sleep(delay)
            delay = min(longest, delay * 2)

    def enqueue(self, key: ObjectKey, cause: Cause, *, priority: int = 0, after: float = 0.0) -> None:
        """Reconcile the key; nothing happens while the controller does not run."""
        if self.queue is not None:
            self.queue.add_after(key, after, cause=cause, priority=priority)

    # -- shards ------------------------------------------------------------------------------------

    async def replay(self, owns: Owns) -> None:
        """Reconcile these keys, now this process's own, as at a start: all that the caches lead to."""
        loop = asyncio.get_running_loop()
        slice_ends = loop.time() + _SLICE_SECONDS
        for running in tuple(self._running_watches):
            for obj in running.informer.reader.list():
                running.feed.replay(obj, owns)
                if loop.time() >= slice_ends:
                    await asyncio.sleep(0)
                    slice_ends = loop.time() + _SLICE_SECONDS

    def interrupt(self, owns: Owns) -> None:
        """Cancel the reconciles of these keys, which are this process's own no more."""
        if self._own_runs is not None:
            self._own_runs.interrupt(owns)

    async def drain(self, owns: Owns) -> None:
        """Return when no reconcile of these keys is under way; none is begun where the gate refuses them."""
        if self._own_runs is not None:
            await self._own_runs.drain(owns)

    # -- workers -----------------------------------------------------------------------------------

    async def _work(self, queue: WorkQueue[ObjectKey], run: Run) -> None:
        workers = [
            asyncio.create_task(self._worker(queue, run), name=f"{self.name}-worker-{number}")
            for number in range(self.definition.options.max_concurrent_reconciles)
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            # Also when cancelled again: a worker is done when its reconciler's thread has returned.
            await asyncio.wait(workers)

    async def _worker(self, queue: WorkQueue[ObjectKey], run: Run) -> None:
        loop = asyncio.get_running_loop()
        slice_ends = loop.time() + _SLICE_SECONDS
        while True:
            try:
                item = await queue.get()
            except QueueShutDown:
                return
            self.stats.active_workers += 1
            started = loop.time()
            try:
                request = Request(
                    item.key,
                    item.causes,  # pyright: ignore[reportArgumentType]
                    item.attempts,
                    self._services.runtime.uuid(),
                    item.priority,
                )
                if self._own_runs is None:
                    outcome = await run(request)
                else:
                    outcome = await self._own_runs.run(run, request)
                if outcome is None:
                    # Another replica's: what it failed with here must not slow its way back.
                    queue.forget(item.key)
                else:
                    self.stats.duration.observe(loop.time() - started)
                    self._settle(queue, item, request, outcome, loop.time() - started)
            finally:
                self.stats.active_workers -= 1
                queue.done(item)
            now = loop.time()
            if now >= slice_ends:
                # Reconciles that never wait must not keep the rest of the loop from running.
                await asyncio.sleep(0)
                slice_ends = loop.time() + _SLICE_SECONDS

    def _settle(
        self,
        queue: WorkQueue[ObjectKey],
        item: QueueItem[ObjectKey],
        request: Request,
        outcome: Outcome,
        seconds: float,
    ) -> None:
        """What an outcome means for the queue, the counters and the log."""
        stats, key, error, result = self.stats, item.key, outcome.error, outcome.result
        now = asyncio.get_running_loop().time()
        if error is None:
            stats.last_success = now
            queue.forget(key)
            if result is not None and result.delay > 0:
                stats.requeue_after += 1
                priority = item.priority if result.priority is None else result.priority
                queue.add_after(key, result.delay, cause=Cause("Requeued"), priority=priority)
            else:
                stats.success += 1
            return
        stats.errors += 1
        stats.last_error = now
        stats.timeouts += outcome.timed_out
        stats.panics += isinstance(error, InterruptedReconcileError)
        if outcome.undecodable:
            stats.decode_errors += 1
            queue.forget(key)
            self._log_failure(
                "the object does not decode; waiting for its next version", request, error, seconds
            )
            return
        text = f"{type(error).__name__}: {error}"
        if result is not None:
            queue.forget(key)
            if result.delay > 0:
                priority = item.priority if result.priority is None else result.priority
                queue.add_after(key, result.delay, cause=Cause("Retried", detail=text), priority=priority)
            self._log_failure("reconcile failed; on_error decided what follows", request, error, seconds)
        elif outcome.terminal:
            stats.terminal_errors += 1
            queue.forget(key)
            self._log_failure("reconcile failed; not retried", request, error, seconds)
        else:
            queue.add_rate_limited(key, cause=Cause("Retried", detail=text), priority=item.priority)
            self._log_failure("reconcile failed; retried", request, error, seconds)

    def _log_failure(self, text: str, request: Request, error: Exception, seconds: float) -> None:
        if isinstance(error, ConflictError) or self._is_gone(error, request):
            # Somebody else was faster, or has deleted the object: part of every day, and the retry sees it.
            self._log.info(text, key=str(request.key), reconcile_id=request.reconcile_id, error=str(error))
            return
        self._log.error(
            text,
            key=str(request.key),
            reconcile_id=request.reconcile_id,
            attempt=request.attempt,
            seconds=round(seconds, 6),
            error=f"{type(error).__name__}: {error}",
            exc_info=error,
        )

    def _is_gone(self, error: Exception, request: Request) -> bool:
        """Whether the primary object was not found: it was deleted in mid-reconcile."""
        if not isinstance(error, NotFoundError):
            return False
        resource, told = resource_type_of(self.definition.kind), error.details
        found = (told.get("group") or "", told.get("kind"), told.get("name"))
        return found == (resource.group, resource.plural, request.key.name)
