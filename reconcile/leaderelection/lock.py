"""The election's algorithm, one step at a time. Pure: no clock, no dice, no server.

        Attempt ─┬─ we lead ──▶ Replace ──ok──▶ Settled
                 │                 │ refused
                 └─ we don't ──▶ Read ◀────────┘
                                   │
                    held by another, still valid ──▶ Settled
                    absent ──▶ Create, empty ──▶ Settled
                    free, expired or ours ──▶ Replace ──▶ Settled

It is client-go's (tools/leaderelection), with four differences, each towards fewer leaders at once:

- validity counts from the *start* of the request that renewed the Lease, not from its answer;
- a leader that sees another holder has lost at once, not after the renew deadline;
- a Lease that is not there, or has no holder and was not given away, is no proof that nobody leads: its
  leader may not have noticed yet. An empty one is put in its place, and taken when nobody has claimed it
  for the whole duration (an absence cannot be told from another one, so its length says nothing);
- a Lease binds others for their own duration at least, whatever duration somebody wrote into it.

Every `now` is local time that counts suspended time. What is written into a Lease is never compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from reconcile.leaderelection.options import LeaseOptions
from reconcile.leaderelection.record import LeaseRecord, whole_seconds

_MOST_READS = 3

# -- what may happen -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """It is time to get the lead, or to renew it.

    Attributes:
        moment: the wall clock's time, to be written into the Lease.
    """

    moment: str


@dataclass(frozen=True, slots=True)
class Found:
    """The Lease was read; None: there is none."""

    record: LeaseRecord | None


@dataclass(frozen=True, slots=True)
class Stored:
    """The server took what was written."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The server did not take it, or did not answer: nothing is known of what it holds now.

    Attributes:
        overtaken: somebody else wrote first.
    """

    overtaken: bool = False


@dataclass(frozen=True, slots=True)
class Resigned:
    """The lead is given up here, whatever the Lease says."""


Event: TypeAlias = Attempt | Found | Stored | Failed | Resigned

# -- what is to be done then -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """Read the Lease, and tell of it by `Found` or `Failed`."""


@dataclass(frozen=True, slots=True)
class Create:
    """Create the Lease with this record; tell of it by `Stored` or `Failed`."""

    record: LeaseRecord


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace the record in the Lease as it was seen last, and only if it is still so.

    Told of by `Stored` or `Failed`.
    """

    record: LeaseRecord


@dataclass(frozen=True, slots=True)
class Settled:
    """The attempt is over; `leads(state, …)` says how."""


Command: TypeAlias = Read | Create | Replace | Settled


@dataclass(frozen=True, slots=True)
class LeaseState:
    """What one process knows about one Lease.

    Attributes:
        options: the election's numbers.
        identity: our own, which nobody else has.
        record: the Lease as seen or written last; None when it is not there or was never read.
        observed_at: local time at which it was first seen to be as it is.
        held_from: local time from which our renewal counts; None when we do not lead.
        attempt_at, moment: local time and wall-clock time at which the present attempt began.
        writing: what was sent and not answered yet.
        reads: how often the present attempt has read the Lease.
        slow_paths: renewals that had to read the Lease first.
    """

    options: LeaseOptions
    identity: str
    record: LeaseRecord | None = None
    observed_at: float = 0.0
    held_from: float | None = None
    attempt_at: float = 0.0
    moment: str = ""
    writing: LeaseRecord | None = None
    reads: int = 0
    slow_paths: int = 0


def step(state: LeaseState, event: Event, now: float) -> tuple[LeaseState, Command]:
    """What an event makes of the state, and what is to be done next."""
    match event:
        case Attempt(moment):
            return _begin(replace(state, attempt_at=now, moment=moment, writing=None, reads=0), now)
        case Found(record):
            return _decide(noticed(state, record, now), now)
        case Stored():
            return _stored(state, now), Settled()
        case Failed(overtaken):
            return _failed(state, overtaken)
        case Resigned():
            return replace(state, held_from=None, writing=None), Settled()


def noticed(state: LeaseState, record: LeaseRecord | None, now: float) -> LeaseState:
    """The state after the Lease was seen to be so; None: to be absent."""
    if record == state.record:
        return state
    # Absent or emptied it is nobody else's yet: nobody may take it before our own time is over.
    ours = record is None or record.holder == state.identity or record.is_vacant
    held_from = state.held_from if ours else None
    return replace(state, record=record, observed_at=now, held_from=held_from)


def leads(state: LeaseState, now: float) -> bool:
    """Whether this process may act as the leader."""
    return state.held_from is not None and now < state.held_from + state.options.renew_deadline


def lease_ends(state: LeaseState) -> float:
    """Local time before which nobody else can have taken our Lease; only while we hold it."""
    return (state.held_from or 0.0) + state.options.lease_duration


def expires(state: LeaseState) -> float:
    """Local time at which what was seen of the Lease, or of its absence, stops binding us."""
    record, options = state.record, state.options
    if record is None or record.is_released or (options.trust_absence and not record.holder):
        return 0.0
    return state.observed_at + _duration(record, options)


def _duration(record: LeaseRecord, options: LeaseOptions) -> float:
    """Seconds for which another's Lease binds us: as long as it says, and as long as ours would."""
    own = options.lease_duration
    return own if record.duration == whole_seconds(own) else max(own, float(record.duration))


def _begin(state: LeaseState, now: float) -> tuple[LeaseState, Command]:
    if state.record is not None and leads(state, now):
        record = state.record.renewed_at(state.moment, state.options.lease_duration)
        return replace(state, writing=record), Replace(record)
    return _read(state)


def _read(state: LeaseState) -> tuple[LeaseState, Command]:
    return replace(state, writing=None, reads=state.reads + 1), Read()


def _decide(state: LeaseState, now: float) -> tuple[LeaseState, Command]:
    record, options = state.record, state.options
    leading = leads(state, now)
    if record is None:
        if leading or options.trust_absence:
            first = LeaseRecord(transitions=-1).taken_by(state.identity, state.moment, options.lease_duration)
        else:
            first = LeaseRecord.vacant(state.moment, options.lease_duration)
        return replace(state, writing=first), Create(first)
    if record.holder == state.identity or (leading and record.is_vacant):
        renewed = replace(record, holder=state.identity).renewed_at(state.moment, options.lease_duration)
        slow_paths = state.slow_paths + (state.held_from is not None)
        return replace(state, writing=renewed, slow_paths=slow_paths), Replace(renewed)
    if now < expires(state):
        return state, Settled()
    taken = record.taken_by(state.identity, state.moment, options.lease_duration)
    return replace(state, writing=taken), Replace(taken)


def _stored(state: LeaseState, now: float) -> LeaseState:
    record = state.writing
    ours = record is not None and record.holder == state.identity
    return replace(
        state,
        record=record,
        observed_at=now,
        held_from=state.attempt_at if ours else None,
        writing=None,
    )


def _failed(state: LeaseState, overtaken: bool) -> tuple[LeaseState, Command]:
    optimistic = state.writing is not None and not state.reads
    # A leader that was overtaken must know by whom now, not in the next period.
    uncertain = overtaken and state.held_from is not None and state.reads < _MOST_READS
    if optimistic or uncertain:
        return _read(state)
    return replace(state, writing=None), Settled()
