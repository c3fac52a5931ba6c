"""From an informer's deliveries to keys on a queue: predicates, then mappers, then priority."""

from __future__ import annotations

from reconcile.controllers.change import Change
from reconcile.controllers.echoes import EchoFilter
from reconcile.controllers.logs import Logger
from reconcile.controllers.mappers import as_mapper
from reconcile.controllers.request import Cause
from reconcile.controllers.sharding import Owns, ShardGate
from reconcile.controllers.stats import ControllerStats
from reconcile.controllers.watch import Watch
from reconcile.errors import CacheNotSyncedError
from reconcile.informers.cached_object import CachedObject
from reconcile.objects.identity import ObjectKey
from reconcile.objects.kinds import resource_type_of
from reconcile.workqueue import LOW_PRIORITY, WorkQueue


class Feed:
    """The handler of one watch of one controller; called in the informer's task.

    A predicate or mapper that raises loses that one event for this controller: it is counted and logged
    with the object's key, and the watch goes on. One that reads a cache which is not synced yet, while the
    controller starts, is asked again when all are: `catch_up`.
    """

    def __init__(
        self,
        watch: Watch,
        queue: WorkQueue[ObjectKey],
        stats: ControllerStats,
        log: Logger,
        *,
        shards: ShardGate | None = None,
    ) -> None:
        self._watch = watch
        self._kind = watch.kind
        self._kind_name = str(resource_type_of(watch.kind).group_kind)
        assert not isinstance(watch.to, str), "a definition knows the methods that its watches name"
        self._mapper = as_mapper(watch.to)
        self._accepts = tuple(each.accepts for each in watch.predicates)
        self._priority = watch.priority
        self._queue = queue
        self._stats = stats
        self.echoes: EchoFilter | None = None
        self._log = log
        self._shards = shards
        self._early: list[tuple[Change, Owns | None]] | None = []

    def catch_up(self) -> None:
        """All caches of the controller are synced: ask again for what could not be told before."""
        early, self._early = self._early or (), None
        for change, owns in early:
            self._deliver(change, owns)

    def on_add(self, obj: CachedObject, initial: bool) -> None:
        if self.echoes is not None:
            self.echoes.forget(obj.place)
        self._deliver(Change(self._kind, None, obj, initial=initial))

    def on_update(self, old: CachedObject, new: CachedObject) -> None:
        if self.echoes is None or self.echoes.hears(old, new):
            self.deliver_update(old, new)

    def deliver_update(self, old: CachedObject, new: CachedObject) -> None:
        """An update that is no echo."""
        self._deliver(Change(self._kind, old, new))

    def on_delete(self, old: CachedObject, final_state_unknown: bool) -> None:
        if self.echoes is not None:
            self.echoes.forget(old.place)
        self._deliver(Change(self._kind, old, None, final_state_unknown=final_state_unknown))

    def on_unseen(self, obj: CachedObject) -> None:
        """Readers were shown an object of an own write, and no event will tell what became of it."""
        self._deliver(Change(self._kind, obj, None, final_state_unknown=True))

    def replay(self, obj: CachedObject, owns: Owns) -> None:
        """Tell of an object as if it had come now, to these keys only."""
        self._deliver(Change(self._kind, None, obj, initial=True), owns)

    def _deliver(self, change: Change, owns: Owns | None = None) -> None:
        try:
            for accepts in self._accepts:
                if not accepts(change):
                    return
            keys = self._keys(change)
        except Exception as error:
            if self._early is not None and isinstance(error, CacheNotSyncedError):
                self._early.append((change, owns))
                return
            self._stats.mapping_errors += 1
            self._log.error(
                "a predicate or mapper failed; the event is lost to this controller",
                kind=self._kind_name,
                object=str(change.key),
                change=change.type,
                error=f"{type(error).__name__}: {error}",
            )
            return
        if not keys:
            return
        priority = self._priority
        if priority is None:
            priority = LOW_PRIORITY if change.initial or change.unchanged else 0
        cause = Cause(
            change.type,
            self._kind_name,
            change.key,
            resource_version=change.metadata.resource_version,
            initial=change.initial,
        )
        for key in keys:
            if owns is not None and not owns(key):
                continue
            if self._shards is None or self._shards.term_of(key) is not None:
                self._queue.add(key, cause=cause, priority=priority)

    def _keys(self, change: Change) -> dict[ObjectKey, None]:
        """Keys of the old state and the new one, each once: an object that moved tells both sides."""
        keys: dict[ObjectKey, None] = {}
        if change.new is not None:
            keys.update(dict.fromkeys(self._mapper.keys(change.new, lambda: change.object)))
        if change.old is not None:
            keys.update(dict.fromkeys(self._mapper.keys(change.old, lambda: change.old_object)))
        return keys
