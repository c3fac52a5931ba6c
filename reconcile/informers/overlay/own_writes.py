"""A client's writes as its process's caches see them: the wiring between client, informers and reconciles.

client ──write_finished──▶ OwnWrites ──▶ overlay of each informer of the resource
                               ▲
reconcile begins ──settle──────┘ ──▶ live read of what is in doubt
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reconcile.client.seams import Write, WriteObserver, WriteOutcome
from reconcile.errors import ReconcileError
from reconcile.informers.cached_object import CachedObject, Detail
from reconcile.informers.overlay.answers import NO_EFFECT, is_gone, is_partial, metadata_alone
from reconcile.informers.overlay.doubts import Doubt, LiveRead
from reconcile.informers.overlay.live import current_version, read_live
from reconcile.informers.overlay.reader import OverlayReader
from reconcile.informers.reading import StoreReader
from reconcile.informers.resource_versions import is_comparable
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.metadata import ObjectMetadata, decode_metadata

if TYPE_CHECKING:
    from reconcile.informers.informer import Informer
    from reconcile.informers.source import RawClient

SETTLE_TIMEOUT: Final = 30.0
"""Seconds that a live read may take before the reconcile that needs it fails, and is tried again later."""

PROVE_AFTER: Final = 1.0
"""Seconds after which a deletion whose answer named no version is looked up, if no write has followed it."""


class UnsettledWriteError(ReconcileError):
    """An earlier write has to be looked up on the server before the reconcile may begin, and could not be.

    The reconcile is retried with backoff. Nothing was decided on a cache that may be older than the write.
    """


@dataclass(slots=True)
class OwnWritesStats:
    """What is counted.

    Attributes:
        barriers: reconciles that waited for a live read.
        barrier_seconds: for how long, all together.
        barrier_failures: of them, those whose live read failed; the reconcile was put off.
        live_reads: live reads made.
        failures: answers of writes that could not be read; the next reconcile reads live.
    """

    barriers: int = 0
    barrier_seconds: float = 0.0
    barrier_failures: int = 0
    live_reads: int = 0
    failures: int = 0


class OwnWrites:
    """Keeps the overlays of one factory's informers; a `WriteObserver` of the client they read from.

        own = OwnWrites(client, log=log)
        client.add_observer(own)
        factory = InformerFactory(client, reader=own.reader)

    A manager does that by itself. Belongs to the event loop's thread.

    Attributes:
        stats: what is counted.
    """

    def __init__(self, client: RawClient, *, log: Any) -> None:
        self.stats = OwnWritesStats()
        self._client = client
        self._log = log
        self._readers: dict[tuple[str, str], list[OverlayReader]] = {}
        self._primaries: set[Informer] = set()
        self._begun: dict[Write, _Begun] = {}
        self._observers: dict[ResourceType, list[WriteObserver]] = {}
        self._calls = 0
        self._doubtful = False
        self._live: set[LiveRead] = set()
        self._proving: dict[OverlayReader, asyncio.Task[None]] = {}

    # ---- informers

    def reader(self, informer: Informer, bare: StoreReader) -> StoreReader:
        """The reader of a new informer; what `InformerFactory(reader=…)` calls."""
        reader = OverlayReader(informer, bare)
        informer.observers.append(reader)
        resource = (informer.resource.group, informer.resource.plural)
        self._readers.setdefault(resource, []).append(reader)

        def stopped() -> None:
            reader.close()
            if (task := self._proving.get(reader)) is not None:
                task.cancel()
            self._primaries.discard(informer)
            readers = self._readers[resource]
            readers.remove(reader)
            if not readers:
                del self._readers[resource]

        informer.on_stop.append(stopped)
        return reader

    def readers(self) -> Iterator[OverlayReader]:
        """The reader of every informer."""
        for readers in tuple(self._readers.values()):
            yield from tuple(readers)

    async def stop(self) -> None:
        """End the live reads that are under way; reconciles that wait for them are put off."""
        tasks = [*self._live, *self._proving.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def reconciles(self, informer: Informer) -> None:
        """The informer's objects are what a controller reconciles: of them, everybody's doubts count."""
        self._primaries.add(informer)

    # ---- writes

    def write_started(self, write: Write, /) -> None:
        readers = self._readers.get((write.resource_type.group, write.resource_type.plural))
        if not readers or write.dry_run:
            return
        self._calls += 1
        known: tuple[str, str] = ("", "")
        if write.verb == "delete" and not write.subresource:
            for reader in readers:
                known = max(known, reader.overlay.known(write.key), key=lambda each: len(each[0]))
        self._begun[write] = _Begun(self._calls, known)
        for observer in self._observers.get(write.resource_type, ()):
            observer.write_started(write)

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        begun = self._begun.pop(write, None)
        if begun is None:
            return
        readers = self._readers.get((write.resource_type.group, write.resource_type.plural), ())
        self._calls += 1
        for reader in tuple(readers):
            if reader.informer.stopped or not _in_namespaces(reader.informer, write):
                continue
            try:
                self._take(reader, write, outcome, begun)
            except Exception as error:
                # An observer must not raise; a transform of the user's may.
                self.stats.failures += 1
                self._log.error(
                    "cannot read what a write was answered; the next reconcile reads live",
                    key=str(write.key),
                    resource=write.resource_type.group_resource,
                    error=f"{type(error).__name__}: {error}",
                )
                self._doubt(reader, write, barrier=outcome.succeeded)
            if reader.overlay.unproved is not None and reader not in self._proving:
                task = asyncio.create_task(self._prove(reader), name="proof of own deletions")
                self._proving[reader] = task
                task.add_done_callback(lambda _, reader=reader: self._proving.pop(reader))
        for observer in tuple(self._observers.get(write.resource_type, ())):
            observer.write_finished(write, outcome)

    def observe(self, resource: ResourceType, observer: WriteObserver) -> None:
        """Tell of each write of a resource, after the overlays; dry runs are none."""
        self._observers.setdefault(resource, []).append(observer)

    def unobserve(self, resource: ResourceType, observer: WriteObserver) -> None:
        """Tell no more."""
        observers = self._observers[resource]
        observers.remove(observer)
        if not observers:
            del self._observers[resource]

    def _take(self, reader: OverlayReader, write: Write, outcome: WriteOutcome, begun: _Begun) -> None:
        if outcome.unknown:
            self._doubt(reader, write, barrier=False)
        elif outcome.error is not None:
            return
        elif not write.returns_object:
            if write.subresource not in NO_EFFECT:
                self._doubt(reader, write, barrier=True)
        elif outcome.object is None:
            self._bury(reader, write, outcome, begun)
        else:
            self._answer(reader, write, outcome.object, begun)

    def _bury(self, reader: OverlayReader, write: Write, outcome: WriteOutcome, begun: _Begun) -> None:
        """A deletion answered with a Status: somebody of that name is gone."""
        uid, version = begun.known
        if outcome.uid and outcome.uid != uid:
            uid, version = outcome.uid, ""
        if not uid:
            self._doubt(reader, write, barrier=True)
            return
        reader.overlay.bury(write.key, uid, version, began=begun.number, ended=self._calls)

    def _answer(self, reader: OverlayReader, write: Write, raw: bytes, begun: _Begun) -> None:
        informer, overlay = reader.informer, reader.overlay
        # Whole objects are decoded once; transforms may take away what the answer has to be asked about.
        whole = informer.make(raw, Detail.FULL) if informer.detail is Detail.FULL else None
        metadata = decode_metadata(raw) if whole is None else whole.metadata
        version, key = metadata.resource_version, metadata.key
        if is_gone(write.verb, metadata, raw):
            overlay.answered(version, begun.number)
            overlay.bury(key, metadata.uid, version, ending=version, began=begun.number, ended=self._calls)
            return
        other_form = is_partial(metadata) and informer.detail is not Detail.METADATA
        if not version or other_form or informer.resource.version != write.resource_type.version:
            # The answer is not what the informer would hold: what that is, only the server can say.
            self._doubt(reader, write, key=key, barrier=True, version=version)
            return
        obj = whole or self._cached(informer, metadata, raw)
        overlay.answered(version, begun.number)
        match reader.selection.has(obj):
            case True:
                overlay.show(obj, began=begun.number, ended=self._calls)
            case False:
                if write.verb != "create" or overlay.sees(key):
                    overlay.hide(key, version, began=begun.number, ended=self._calls)
            case None:
                self._doubt(reader, write, key=key, barrier=True, version=version)

    @staticmethod
    def _cached(informer: Informer, metadata: ObjectMetadata, raw: bytes) -> CachedObject:
        if informer.detail is Detail.METADATA and not is_partial(metadata):
            raw = metadata_alone(raw)
        return informer.make(raw, informer.detail)

    # ---- doubts

    def _doubt(
        self,
        reader: OverlayReader,
        write: Write,
        *,
        barrier: bool,
        key: ObjectKey | None = None,
        version: str = "",
    ) -> None:
        informer = reader.informer
        if not informer.started or not (write.controller or informer in self._primaries):
            return
        key = key or write.key
        now = asyncio.get_running_loop().time()
        reader.overlay.expired += reader.doubts.expire(now)
        reader.doubts.raise_(
            key.namespace,
            key.name,
            controller=write.controller,
            key=write.reconcile_key,
            barrier=barrier,
            now=now,
            version=version,
        )
        self._doubtful = True

    @property
    def doubtful(self) -> bool:
        """Whether anything is in doubt: without it, no reconcile has to look."""
        return self._doubtful

    async def settle(self, controller: str, key: ObjectKey, primary: Informer) -> None:
        """Return when a reconcile may rely on its reads: what concerns it and is in doubt was read live.

        Args:
            controller: the controller's name.
            key: what is about to be reconciled.
            primary: the informer of the kind that the controller reconciles.

        Raises:
            UnsettledWriteError: the server could not be asked within 30 s.
        """
        readings = self._readings(controller, key, primary)
        if not readings:
            return
        loop = asyncio.get_running_loop()
        started = loop.time()
        self.stats.barriers += 1
        try:
            await asyncio.wait(readings)
        finally:
            self.stats.barrier_seconds += loop.time() - started
        for reading in readings:
            error = asyncio.CancelledError() if reading.cancelled() else reading.result()
            if error is not None:
                self.stats.barrier_failures += 1
                raise UnsettledWriteError(
                    f"an earlier write of {controller} concerns {key}, and the server could not be asked "
                    f"what became of it: {type(error).__name__}: {error}; the reconcile is put off"
                ) from error

    def _readings(self, controller: str, key: ObjectKey, primary: Informer) -> list[LiveRead]:
        readings: list[LiveRead] = []
        doubtful = False
        for reader in self.readers():
            for doubt in reader.doubts:
                if reader.overlay.proves(doubt.namespace, doubt.version):
                    reader.doubts.settle(doubt)
                    continue
                doubtful = True
                if doubt.concerns(controller, key, primary=reader.informer is primary):
                    readings.append(self._reading(reader, doubt))
        self._doubtful = doubtful
        return readings

    def _reading(self, reader: OverlayReader, doubt: Doubt) -> LiveRead:
        if doubt.reading is None or doubt.reading.done():
            self.stats.live_reads += 1
            reading = asyncio.create_task(
                self._read(reader, doubt), name=f"live read of {reader.informer.resource.group_resource}"
            )
            self._live.add(reading)
            reading.add_done_callback(self._live.discard)
            doubt.reading = reading
        return doubt.reading

    async def _read(self, reader: OverlayReader, doubt: Doubt) -> Exception | None:
        """The error, if the read fails: those who wait for it may have gone."""
        try:
            async with asyncio.timeout(SETTLE_TIMEOUT):
                await read_live(self._client, reader, doubt.namespace, doubt.name)
        except Exception as error:
            return error
        reader.doubts.settle(doubt)
        self._doubtful = any(len(each.doubts) for each in self.readers())
        return None

    async def _prove(self, reader: OverlayReader) -> None:
        """Find versions that prove deletions, of which the answers named none, where no later write does."""
        pause = PROVE_AFTER
        while True:
            await asyncio.sleep(pause)
            key = reader.overlay.unproved
            if key is None or reader.informer.stopped:
                return
            self._calls += 1
            began = self._calls
            try:
                async with asyncio.timeout(SETTLE_TIMEOUT):
                    version = await current_version(self._client, reader, key)
            except Exception:
                pause = SETTLE_TIMEOUT
                continue
            if not is_comparable(version):
                return
            reader.overlay.answered(version, began)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A write under way: its place in the order of calls, and whom a deletion can have meant."""

    number: int
    known: tuple[str, str]


def _in_namespaces(informer: Informer, write: Write) -> bool:
    return informer.namespaces is None or write.key.namespace in informer.namespaces
