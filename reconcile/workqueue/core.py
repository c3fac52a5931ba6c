"""The workqueue as a plain data structure: no event loop, no clock, the time is an argument.

A key is in at most one of three places: waiting for a time, ready, or in a worker. What is added while
it is in a worker becomes its successor and takes its place when the worker is done. So a key is never in
two workers and nothing that was added is lost (client-go's dirty and processing sets, as one item).

    add ──────────────▶ ready ──take──▶ processing ──done──▶ (gone, or its successor's turn)
    add_after, retry ─▶ waiting ──due──▲
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Hashable, Iterator
from copy import copy
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

import msgspec

from reconcile.workqueue.backoff import Backoff
from reconcile.workqueue.histogram import Histogram
from reconcile.workqueue.options import QueueOptions
from reconcile.workqueue.spacing import Spacing

K = TypeVar("K", bound=Hashable)

_WAITING, _READY, _PROCESSING, _STALE = range(4)

DURATION_BOUNDS = tuple(10.0**exponent for exponent in range(-8, 4))
"""client-go's buckets of queue and work durations: twelve, from 10 ns to 1000 s."""

SHORTEST_DELAY = 0.001
"""Seconds. Less than this a clock may not be able to tell, and the key would be due again and again."""

_KEPT_BUCKETS = 8
_KEPT_STALE = 64


class QueueItem(msgspec.Struct, Generic[K], gc=False, eq=False):
    """One key with what is known about this turn of it. Handed to a worker; read-only to callers.

    A struct outside the cyclic collector's sight: a hundred thousand of them may wait.

    Attributes:
        key: the key.
        priority: the highest priority with which it was added.
        added_at: when it was added first; waiting for a delay does not count.
        attempts: failures in turn before this run; 0 for a fresh key.
    """

    key: K
    priority: int
    added_at: float
    cause_: object
    since_: float
    """When it came to its place among those of its rank."""
    rank_: int
    """The priority under which it is filed."""
    attempts: int = 0
    state_: int = _WAITING
    wanted_at_: float = 0.0
    """While waiting, or as a successor: when it is to run."""
    started_at_: float = 0.0
    successor_: QueueItem[K] | None = None
    more_causes_: dict[object, object] | None = None

    @property
    def causes(self) -> tuple[object, ...]:
        """Every cause coalesced into this item, in order of arrival; equal ones once, the latest kept."""
        if self.more_causes_ is not None:
            return tuple(self.more_causes_.values())
        return () if self.cause_ is None else (self.cause_,)

    def add_cause_(self, cause: object) -> None:
        if self.more_causes_ is not None:
            self.more_causes_[cause] = cause
        elif self.cause_ is None or self.cause_ == cause:
            self.cause_ = cause
        else:
            self.more_causes_ = {self.cause_: self.cause_, cause: cause}

    def __repr__(self) -> str:
        return f"QueueItem({self.key!r}, priority={self.priority}, attempts={self.attempts})"


class QueueCore(Generic[K]):
    """Keys, their priorities, delays and failures.

    Guarantees:
        - a key is in at most one worker at a time;
        - a key added before `done` of its run is run again after it;
        - keys of one priority are taken in the order in which they became ready; a key whose priority is
          raised goes to the end of its new priority, unless its age has already carried it further;
        - ageing: a ready key gains one point of priority per `options.ageing` seconds, so it is taken
          after a bounded time however many keys of a higher priority arrive;
        - of several delays the earliest counts; a key that is taken has used up its delay;
        - failing keys keep their deadline under events (`reconcile.workqueue.backoff`);
        - a key that does not fail runs again `options.spacing` seconds after its last run, not earlier.

    The cost of `take` grows with the number of different priorities that are ready, not with keys.
    """

    def __init__(self, options: QueueOptions | None = None) -> None:
        self.options = options or QueueOptions()
        self.backoff: Backoff[K] = Backoff(self.options)
        self._failing = self.backoff.failing
        self._spacing: Spacing[K] | None = Spacing(self.options.spacing) if self.options.spacing else None
        self._items: dict[K, QueueItem[K]] = {}
        self._ready: dict[int, deque[QueueItem[K]]] = {}
        self._stale: dict[int, int] = {}
        self._waiting: list[tuple[float, int, QueueItem[K]]] = []
        self._waiting_count = 0
        self._sequence = 0
        self._points_per_second = 1.0 / self.options.ageing
        self.ready = 0
        """Keys that could be taken now."""
        self.processing_count = 0
        """Keys in workers."""
        self.shutting_down = False
        self.draining = False
        self.adds = 0
        self.retried = 0
        self.queue_duration = Histogram(DURATION_BOUNDS)
        self.work_duration = Histogram(DURATION_BOUNDS)

    # -- adding ------------------------------------------------------------------------------------

    def add(self, key: K, now: float, cause: object = None, priority: int = 0) -> None:
        """Let the key run as soon as a worker and its backoff allow."""
        if self.shutting_down:
            return
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = QueueItem(key, priority, now, cause, now, priority)
            if self._failing or self._spacing is not None:
                wanted = self._earliest(key, now)
                if wanted > now:
                    self._wait(item, wanted)
                    return
            self._make_ready(item)
        else:
            self._merge(item, now, now, cause, priority)

    def add_after(self, key: K, delay: float, now: float, cause: object = None, priority: int = 0) -> None:
        """Let the key run `delay` seconds from now; a run before that takes the delay's place.

        A delay of 0 or less is none; any other is `SHORTEST_DELAY` at least.
        """
        if delay <= 0:
            self.add(key, now, cause, priority)
        elif not self.shutting_down:
            at = now + max(delay, SHORTEST_DELAY)
            item = self._items.get(key)
            if item is None:
                self._add_waiting(key, self._earliest(key, at), cause, priority)
            else:
                self._merge(item, at, now, cause, priority)

    def add_rate_limited(self, key: K, now: float, cause: object = None, priority: int = 0) -> None:
        """Note a failure of the key and let it run when its backoff is over."""
        if self.shutting_down:
            return
        self.retried += 1
        at = self.backoff.failed(key, now)
        item = self._items.get(key)
        if item is None:
            self._add_waiting(key, at, cause, priority)
        else:
            self._merge(item, at, now, cause, priority)

    def _add_waiting(self, key: K, at: float, cause: object, priority: int) -> None:
        item = self._items[key] = QueueItem(key, priority, at, cause, at, priority)
        self._wait(item, at)

    def _merge(self, item: QueueItem[K], at: float, now: float, cause: object, priority: int) -> None:
        """One more reason to run a key that is already known."""
        if item.state_ == _PROCESSING:
            successor = item.successor_
            if successor is None:
                item.successor_ = QueueItem(item.key, priority, at, cause, at, priority, wanted_at_=at)
                return
            # Whether an event may run early is decided when the run is over: it may have failed.
            item = successor
            item.wanted_at_ = item.added_at = min(item.wanted_at_, at)
            item.priority = item.rank_ = max(item.priority, priority)
        elif item.state_ == _READY:
            if priority > item.priority:
                self._raise(item, now, priority)
                item = self._items[item.key]
        else:
            item.priority = item.rank_ = max(item.priority, priority)
            if at < item.wanted_at_:
                at = self._earliest(item.key, at)
                if at < item.wanted_at_:
                    self._expedite(item, at, now)
                    item = self._items[item.key]
        if cause is not None:
            item.add_cause_(cause)

    def _earliest(self, key: K, wanted: float) -> float:
        """When a key that is wanted at a time may run: by its backoff if it fails, else by its spacing."""
        if key in self._failing:
            return self.backoff.earliest(key, wanted)
        return wanted if self._spacing is None else self._spacing.earliest(key, wanted)

    def _expedite(self, item: QueueItem[K], at: float, now: float) -> None:
        moved = self._replace(item)
        self._waiting_count -= 1
        if at <= now:
            moved.added_at = moved.since_ = now
            self._make_ready(moved)
        else:
            self._wait(moved, at)

    def _raise(self, item: QueueItem[K], now: float, priority: int) -> None:
        item.priority = priority
        if priority <= item.rank_ + (now - item.since_) * self._points_per_second:
            return  # its age has carried it further than the end of that priority
        self._stale[item.rank_] = self._stale.get(item.rank_, 0) + 1
        self.ready -= 1
        moved = self._replace(item)
        moved.rank_ = priority
        moved.since_ = now
        self._make_ready(moved)

    def _replace(self, item: QueueItem[K]) -> QueueItem[K]:
        """A copy in the item's place; the old one stays behind in its heap or bucket and is skipped."""
        moved = copy(item)
        item.state_ = _STALE
        self._items[item.key] = moved
        return moved

    def _wait(self, item: QueueItem[K], at: float) -> None:
        item.state_ = _WAITING
        item.wanted_at_ = item.added_at = at
        self._sequence += 1
        self._waiting_count += 1
        waiting = self._waiting
        if len(waiting) > 2 * self._waiting_count + _KEPT_STALE:
            # Keys that are expedited again and again must not fill the heap with what they left behind.
            self._waiting = waiting = [entry for entry in waiting if entry[2].state_ == _WAITING]
            heapify(waiting)
        heappush(waiting, (at, self._sequence, item))

    def _make_ready(self, item: QueueItem[K]) -> None:
        item.state_ = _READY
        rank = item.rank_
        bucket = self._ready.get(rank)
        if bucket is None:
            self._drop_empty_buckets()
            bucket = self._ready[rank] = deque()
        bucket.append(item)
        self.ready += 1
        self.adds += 1

    def _drop_empty_buckets(self) -> None:
        if len(self._ready) >= _KEPT_BUCKETS:
            self._ready = {rank: bucket for rank, bucket in self._ready.items() if bucket}

    # -- taking ------------------------------------------------------------------------------------

    def take(self, now: float) -> QueueItem[K] | None:
        """The next key to run, now in processing until `done`; None when nothing is ready."""
        if self._waiting and self._waiting[0][0] <= now:
            self._release_due(now)
        if not self.ready:
            return None
        item = self._pop_best()
        self.ready -= 1
        self.processing_count += 1
        item.state_ = _PROCESSING
        item.started_at_ = now
        if self._failing:
            item.attempts = self.backoff.begin(item.key, now)
        waited = now - item.added_at
        durations = self.queue_duration
        durations.counts[bisect_left(DURATION_BOUNDS, waited)] += 1
        durations.sum += waited
        return item

    def _release_due(self, now: float) -> None:
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            item = heappop(waiting)[2]
            if item.state_ == _WAITING:
                self._waiting_count -= 1
                item.since_ = now
                self._make_ready(item)

    def release_due(self, now: float) -> None:
        """Make ready what is due, without taking any of it."""
        if self._waiting and self._waiting[0][0] <= now:
            self._release_due(now)

    def _pop_best(self) -> QueueItem[K]:
        """Of the heads of all priorities the one whose priority and age together are highest."""
        best: deque[QueueItem[K]] | None = None
        best_score = 0.0
        for rank, bucket in self._ready.items():
            if not bucket:
                continue
            if bucket[0].state_ == _STALE:
                self._drop_stale(rank, bucket)
                if not bucket:
                    continue
            # Ages grow alike, so "priority + age" compares as "priority - time of arrival".
            score = rank - bucket[0].since_ * self._points_per_second
            if best is None or score > best_score or (score == best_score and rank > best[0].rank_):
                best, best_score = bucket, score
        assert best is not None
        return best.popleft()

    def _drop_stale(self, rank: int, bucket: deque[QueueItem[K]]) -> None:
        while bucket and bucket[0].state_ == _STALE:
            bucket.popleft()
            self._stale[rank] -= 1

    def done(self, item: QueueItem[K], now: float) -> None:
        """The worker has finished with the item; what was added meanwhile takes its place."""
        if item.state_ != _PROCESSING:
            raise ValueError(
                f"done({item.key!r}): the item is not in processing; call done once for each get"
            )
        item.state_ = _STALE
        self.processing_count -= 1
        worked = now - item.started_at_
        durations = self.work_duration
        durations.counts[bisect_left(DURATION_BOUNDS, worked)] += 1
        durations.sum += worked
        if self._spacing is not None and not self.shutting_down:
            self._spacing.ended(item.key, now)
        successor = item.successor_
        if successor is None:
            del self._items[item.key]
            return
        item.successor_ = None
        self._items[item.key] = successor
        wanted = self._earliest(item.key, successor.wanted_at_)
        if wanted > now:
            if self.shutting_down:
                del self._items[item.key]
            else:
                self._wait(successor, wanted)
        elif self.shutting_down and not self.draining:
            del self._items[item.key]
        else:
            successor.since_ = now
            self._make_ready(successor)

    # -- failures ----------------------------------------------------------------------------------

    def forget(self, key: K) -> None:
        """The key succeeded: its next failure is its first."""
        if self._failing:
            self.backoff.forget(key)

    def retries(self, key: K) -> int:
        """Failures of the key in turn."""
        return self.backoff.failures(key)

    # -- ending ------------------------------------------------------------------------------------

    def shut_down(self, *, drain: bool) -> None:
        """Take no more keys. With `drain` those that are ready are still handed out; delayed ones never."""
        self.shutting_down = True
        self.draining = drain
        kept = {
            key: item
            for key, item in self._items.items()
            if item.state_ == _PROCESSING or (drain and item.state_ == _READY)
        }
        self._items = kept
        self._waiting.clear()
        self._waiting_count = 0
        if not drain:
            self._ready.clear()
            self._stale.clear()
            self.ready = 0

    @property
    def exhausted(self) -> bool:
        """Whether nothing will ever be handed out again."""
        return self.shutting_down and not self.ready and (not self.draining or not self.processing_count)

    # -- looking -----------------------------------------------------------------------------------

    def next_due(self) -> float | None:
        """When the earliest waiting key is due, or None; moments too early are possible, never too late."""
        waiting = self._waiting
        while waiting and waiting[0][2].state_ != _WAITING:
            heappop(waiting)
        return waiting[0][0] if waiting else None

    @property
    def waiting(self) -> int:
        """Keys that wait for a delay or a retry."""
        return self._waiting_count

    def scheduled(self) -> tuple[tuple[K, float], ...]:
        """The waiting keys and when each is due, earliest first."""
        waiting = [entry for entry in self._waiting if entry[2].state_ == _WAITING]
        return tuple((item.key, at) for at, _, item in sorted(waiting, key=lambda entry: entry[:2]))

    @property
    def processing(self) -> tuple[QueueItem[K], ...]:
        """Items in workers, in the order in which their keys arrived; looks at every key."""
        if not self.processing_count:
            return ()
        return tuple(item for item in self._items.values() if item.state_ == _PROCESSING)

    def depth_by_priority(self) -> dict[int, int]:
        """Ready keys of each priority."""
        return {
            rank: len(bucket) - self._stale.get(rank, 0)
            for rank, bucket in self._ready.items()
            if len(bucket) > self._stale.get(rank, 0)
        }

    def unfinished_seconds(self, now: float) -> tuple[float, float]:
        """Seconds of work in progress: the sum over all workers, and the longest."""
        spans = [now - item.started_at_ for item in self.processing]
        return sum(spans), max(spans, default=0.0)

    def __contains__(self, key: object) -> bool:
        """Whether the key will run: ready, waiting, or added again while in a worker."""
        item = self._items.get(key)  # type: ignore[call-overload]
        return item is not None and (item.state_ != _PROCESSING or item.successor_ is not None)

    def keys(self) -> Iterator[K]:
        """Every key known to the queue, in order of arrival."""
        return iter(self._items)
