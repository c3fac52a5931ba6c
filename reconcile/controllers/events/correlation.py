"""Which events become objects, which a count: client-go's rules for core/v1 events. Pure.

Events of one object, type, reason and text are one Event with a count. From the tenth text within ten minutes
on, the texts of one reason share one Event, whose text is the last of them and says so. An object has 25
writes of a type to spend, and gets one more every five minutes: what exceeds that is told to nobody.

The built-in controllers write their events so, and `kubectl describe` shows every text of theirs: where
`series` keeps the first text of like events, this keeps the texts apart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from reconcile.controllers.events.series import Reference

SIMILAR = 10
SIMILAR_WITHIN = timedelta(seconds=600)
BURST = 25
REFILL_SECONDS = 300.0
CAPACITY = 4096

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CoreEventKey:
    """What makes events similar.

    Attributes:
        type, reason: of the event.
        component: who reports it.
        regarding: the object that it is about.
    """

    type: str
    reason: str
    component: str
    regarding: Reference


@dataclass(slots=True)
class CoreEventRecord:
    """One core/v1 Event.

    Attributes:
        key: what makes it similar to others.
        note: the text to write.
        name, namespace: of the Event object.
        first, last: when it was observed first and last.
        count: how often.
        written: the count that the server has; 0 before the creation succeeded.
    """

    key: CoreEventKey
    note: str
    name: str
    namespace: str
    first: datetime
    last: datetime
    count: int = 1
    written: int = 0


@dataclass(slots=True)
class _Similar:
    last: datetime
    notes: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


class EventCorrelation:
    """The records of one recorder."""

    def __init__(self) -> None:
        self._similar: _Recent[CoreEventKey, _Similar] = _Recent()
        self._records: _Recent[tuple[CoreEventKey, str | None], CoreEventRecord] = _Recent()
        self._buckets: _Recent[tuple[str, str, Reference], _Bucket] = _Recent()

    def observe(
        self, key: CoreEventKey, note: str, name: str, namespace: str, now: datetime
    ) -> CoreEventRecord | None:
        """Note one event; returns its record when the server has to be told of it."""
        similar = self._similar.get(key)
        if similar is None or now - similar.last > SIMILAR_WITHIN:
            similar = _Similar(now)
        similar.notes.add(note)
        similar.last = now
        self._similar.put(key, similar)
        own: str | None = note
        if len(similar.notes) >= SIMILAR:
            similar.notes.pop()
            own, note = None, f"(combined from similar events): {note}"
        record = self._records.get((key, own))
        if record is None:
            record = CoreEventRecord(key, note, name, namespace, now, now)
        else:
            record.note, record.last, record.count = note, now, record.count + 1
        self._records.put((key, own), record)
        return record if self._spend((key.component, key.type, key.regarding), now) else None

    def forget(self, record: CoreEventRecord) -> None:
        """The server refused it: the next like it begins anew."""
        for own in (record.note, None):
            if self._records.get((record.key, own)) is record:
                self._records.drop((record.key, own))

    def _spend(self, source: tuple[str, str, Reference], now: datetime) -> bool:
        bucket = self._buckets.get(source) or _Bucket(BURST, now)
        passed = (now - bucket.at).total_seconds()
        bucket.tokens = min(bucket.tokens + max(passed, 0.0) / REFILL_SECONDS, BURST)
        bucket.at = now
        self._buckets.put(source, bucket)
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True


class _Recent(Generic[K, V]):
    """A dict that forgets what was not used for longest."""

    def __init__(self) -> None:
        self._entries: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > CAPACITY:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)
