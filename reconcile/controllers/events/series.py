"""Which events become objects, which a count: client-go's rules for events.k8s.io/v1. Pure.

Events are alike when type, action, reason, reporting controller and instance, regarding and related are;
the note may differ. The first of a series is created. The second makes the object a series of two. Later
ones are counted here and written every half hour while they last; a series that was silent for six minutes
is written a last time and forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

EventType = Literal["Normal", "Warning"]

FINISH_AFTER = timedelta(minutes=6)
REFRESH_EVERY = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Reference:
    """The object that an event is about, as an ObjectReference.

    Attributes:
        api_version, kind, namespace, name, uid, resource_version: of the object; empty when unknown. The
            resource version says nothing about who it is: references that differ in it alone are equal,
            so that a status write between two events does not part their series.
    """

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str = ""
    resource_version: str = field(default="", compare=False)

    def as_json(self) -> dict[str, str]:
        fields = {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "resourceVersion": self.resource_version,
        }
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class EventKey:
    """What makes events alike.

    Attributes:
        version: of the object, where each version's events are a series of their own.
    """

    type: str
    action: str
    reason: str
    controller: str
    instance: str
    regarding: Reference
    related: Reference | None
    version: str = ""


@dataclass(slots=True)
class EventRecord:
    """One event, or one series of like events.

    Attributes:
        key: what makes it alike to others.
        note: text of the first.
        name, namespace: of the Event object.
        first, last: when it was observed first and last.
        count: how often; 1 is no series yet.
        written: the count that the server has; 0 before the creation succeeded.
        refreshed: when the server was told last.
    """

    key: EventKey
    note: str
    name: str
    namespace: str
    first: datetime
    last: datetime
    count: int = 1
    written: int = 0
    refreshed: datetime | None = None


class EventSeries:
    """The records of one recorder, by key."""

    def __init__(self, *, capacity: int = 4096) -> None:
        self._records: dict[EventKey, EventRecord] = {}
        self._capacity = capacity
        self._due = 0

    def __len__(self) -> int:
        return len(self._records)

    def observe(
        self, key: EventKey, note: str, name: str, namespace: str, now: datetime
    ) -> EventRecord | None:
        """Note one event; returns its record when the server has to be told of it now."""
        record = self._records.get(key)
        if record is not None and now - record.last >= FINISH_AFTER:
            # Silent for so long that the series is over, whether or not `due` has come by since.
            del self._records[key]
            record = None
        if record is None:
            if len(self._records) >= self._capacity:
                # The longest known goes; should it occur again, it begins anew.
                del self._records[next(iter(self._records))]
            record = EventRecord(key, note, name, namespace, now, now)
            self._records[key] = record
            return record
        record.count += 1
        record.last = now
        return record if record.count == 2 else None

    def due(self, now: datetime) -> list[EventRecord]:
        """Series to write now: those that go on and were not refreshed lately, and those that are over."""
        found: list[EventRecord] = []
        for key, record in list(self._records.items()):
            if now - record.last >= FINISH_AFTER:
                del self._records[key]
                if record.count > max(record.written, 1):
                    found.append(record)
            elif (
                record.count > max(record.written, 1)
                and now - (record.refreshed or record.first) >= REFRESH_EVERY
            ):
                found.append(record)
        return found

    def unwritten(self) -> list[EventRecord]:
        """Series with a count that the server does not know yet; for the flush at the end."""
        return [record for record in self._records.values() if record.count > max(record.written, 1)]

    def forget(self, record: EventRecord) -> None:
        """The server refused it: the next like it begins anew."""
        if self._records.get(record.key) is record:
            del self._records[record.key]
