"""From a real API server's own records to what the judge wants: etcd's history, and the audit log's users.

    etcd ──every revision──▶ ┐
                             ├─▶ LeaseCommit, ObjectCommit
    audit log ──who asked──▶ ┘     joined by resourceVersion; deletions by uid

Each incarnation of an operator has a client certificate of its own, so the audit log's user is the process
that wrote. A revision that the log does not have (the server was killed between its commit and its answer) is
attributed by the annotation that the operator writes into each object, or by the holder that a Lease names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from helpers.delivery_contract import Change
from helpers.leadership_verdict import LeaseCommit, ObjectCommit

WRITER = "test/writer"
AUDIT_RULES = (
    {"level": "None", "verbs": ["get", "list", "watch"]},
    {"level": "RequestResponse", "resources": [{"group": "", "resources": ["secrets"]}]},
    {"level": "RequestResponse", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
)


@dataclass(frozen=True, slots=True)
class _Asked:
    user: str
    received: float
    answered: float


@dataclass(slots=True)
class Record:
    """What the server did in one namespace.

    Attributes:
        leases, writes: for the judge.
        unaudited: revisions that the audit log does not have.
    """

    leases: list[LeaseCommit] = field(default_factory=list)
    writes: list[ObjectCommit] = field(default_factory=list)
    unaudited: int = 0


class AuditIndex:
    """Who asked for what, from the audit log's events."""

    def __init__(self, events: Iterable[dict[str, Any]]) -> None:
        self._written: dict[tuple[str, str, int], _Asked] = {}
        self._deleted: dict[tuple[str, str, str], _Asked] = {}
        for event in events:
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        code = event.get("responseStatus", {}).get("code", 0)
        answer = event.get("responseObject")
        if event.get("stage") != "ResponseComplete" or not 200 <= code < 300 or not isinstance(answer, dict):
            return
        reference = event["objectRef"]
        asked = _Asked(
            event["user"]["username"],
            seconds_of(event["requestReceivedTimestamp"]),
            seconds_of(event["stageTimestamp"]),
        )
        resource = reference["resource"]
        metadata = answer.get("metadata", {})
        name = reference.get("name") or metadata.get("name", "")
        place = f"{reference.get('namespace', '')}/{name}"
        if event["verb"] == "delete":
            uid = answer.get("details", {}).get("uid") or metadata.get("uid", "")
            self._deleted.setdefault((resource, place, uid), asked)
        elif version := metadata.get("resourceVersion"):
            self._written.setdefault((resource, place, int(version)), asked)

    def of_write(self, resource: str, place: str, revision: int) -> _Asked | None:
        return self._written.get((resource, place, revision))

    def of_deletion(self, resource: str, place: str, uid: str) -> _Asked | None:
        return self._deleted.get((resource, place, uid))


def record_of(
    leases: Iterable[Change],
    secrets: Iterable[Change],
    audit: AuditIndex,
    lease_of: Callable[[str], str],
    holder_of: Callable[[str], str],
) -> Record:
    """What the judge needs of one namespace.

    Args:
        leases, secrets: etcd's history of the namespace.
        audit: who asked.
        lease_of: the Lease that the writer of a Secret of this name must hold.
        holder_of: the user that a holder's identity in a Lease stands for.
    """
    record = Record()
    uids: dict[str, str] = {}
    holders: dict[str, str] = {}
    for change in leases:
        name = change.place.partition("/")[2]
        asked = _asked(change, "leases", uids, audit, record)
        holder = "" if change.object is None else change.object["spec"].get("holderIdentity", "")
        holder = holder_of(holder)
        # Nobody but the holder gives a Lease away, and nobody but the winner takes it.
        writer = asked.user if asked is not None else holder or holders.get(name, "")
        received, answered = (math.nan, math.nan) if asked is None else (asked.received, asked.answered)
        record.leases.append(LeaseCommit(name, change.revision, holder, writer, received, answered))
        holders[name] = holder
    uids.clear()
    for change in secrets:
        name = change.place.partition("/")[2]
        asked = _asked(change, "secrets", uids, audit, record)
        if asked is None and change.object is None:
            # A deletion without an answer: nobody can say whose it was.
            continue
        content = change.object or {}
        claimed = content.get("metadata", {}).get("annotations", {}).get(WRITER, "")
        writer = asked.user if asked is not None else claimed
        # The log and the object must tell the same story, or the log is read wrongly.
        assert change.object is None or writer == claimed, f"{change.place}: {writer} wrote as {claimed}"
        received = asked.received if asked is not None else math.nan
        record.writes.append(
            ObjectCommit(lease_of(name), change.revision, f"secrets {change.place}", writer, received)
        )
    return record


def _asked(
    change: Change, resource: str, uids: dict[str, str], audit: AuditIndex, record: Record
) -> _Asked | None:
    if change.object is None:
        uid = uids.pop(change.place, "")
        asked = audit.of_deletion(resource, change.place, uid)
    else:
        uid = uids[change.place] = change.object["metadata"]["uid"]
        asked = audit.of_write(resource, change.place, change.revision)
    record.unaudited += asked is None
    return asked


def seconds_of(timestamp: str) -> float:
    """An RFC 3339 time as seconds."""
    return datetime.fromisoformat(timestamp).timestamp()
