"""The algorithm by itself: single steps, and random schedules of several processes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from reconcile.leaderelection.lock import (
    Attempt,
    Command,
    Create,
    Event,
    Failed,
    Found,
    LeaseState,
    Read,
    Replace,
    Resigned,
    Settled,
    Stored,
    expires,
    leads,
    step,
)
from reconcile.leaderelection.options import LeaseOptions
from reconcile.leaderelection.record import LeaseRecord

OPTIONS = LeaseOptions("operator", namespace="shop")
OTHER = LeaseRecord("other", 15, "then", "then", 3)


def run(state: LeaseState, *steps: tuple[Event, float]) -> tuple[LeaseState, Command]:
    command: Command = Settled()
    for event, now in steps:
        state, command = step(state, event, now)
    return state, command


def fresh(**options: object) -> LeaseState:
    return LeaseState(replace(OPTIONS, **options), "me")  # type: ignore[arg-type]


def leading(at: float = 0.0) -> LeaseState:
    """Has taken a free Lease by an attempt that began at this time."""
    free = LeaseRecord("", 1, "then", "then", 3)
    state, _ = run(fresh(), (Attempt("m0"), at), (Found(free), at), (Stored(), at))
    assert leads(state, at)
    return state


def test_a_lease_that_was_given_away_is_taken_at_once() -> None:
    free = LeaseRecord("", 1, "then", "then", 3)
    state, command = run(fresh(), (Attempt("m"), 100.0), (Found(free), 100.1))
    assert command == Replace(LeaseRecord("me", 15, "m", "m", 4))
    assert not leads(state, 100.2)
    state, command = step(state, Stored(), 100.3)
    assert command == Settled() and leads(state, 100.3)


def test_it_counts_from_the_start_of_the_request_and_not_from_its_answer() -> None:
    free = LeaseRecord("", 1)
    state, _ = run(fresh(), (Attempt("m"), 100.0), (Found(free), 104.0), (Stored(), 108.0))
    assert leads(state, 109.9) and not leads(state, 110.0)


def test_another_holder_is_waited_for_as_long_as_it_is_seen_unchanged() -> None:
    state, command = run(fresh(), (Attempt("m"), 0.0), (Found(OTHER), 1.0))
    assert command == Settled() and expires(state) == 16.0
    state, command = run(state, (Attempt("m"), 10.0), (Found(replace(OTHER, renewed="later")), 11.0))
    assert command == Settled() and expires(state) == 26.0
    state, command = run(state, (Attempt("m"), 25.9), (Found(replace(OTHER, renewed="later")), 25.9))
    assert command == Settled()
    _, command = run(state, (Attempt("m"), 26.0), (Found(replace(OTHER, renewed="later")), 26.0))
    assert command == Replace(LeaseRecord("me", 15, "m", "m", 4))


def test_what_others_wrote_as_the_time_means_nothing() -> None:
    for renewed in ("", "1970-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "garbage"):
        state, _ = run(fresh(), (Attempt("m"), 0.0), (Found(replace(OTHER, renewed=renewed)), 1.0))
        assert expires(state) == 16.0


@pytest.mark.parametrize(("duration", "until"), [(0, 15.0), (1, 15.0), (15, 15.0), (60, 60.0)])
def test_a_lease_binds_for_our_duration_at_least(duration: int, until: float) -> None:
    state, _ = run(fresh(), (Attempt("m"), 0.0), (Found(replace(OTHER, duration=duration)), 0.0))
    assert expires(state) == until


def test_a_duration_that_the_server_rounded_up_is_still_ours() -> None:
    state = fresh(lease_duration=1.5, renew_deadline=1.0, retry_period=0.2)
    state, _ = run(state, (Attempt("m"), 0.0), (Found(replace(OTHER, duration=2)), 0.0))
    assert expires(state) == 1.5


def test_an_absent_lease_is_put_there_empty_and_taken_when_nobody_claims_it() -> None:
    state, command = run(fresh(), (Attempt("m"), 0.0), (Found(None), 1.0))
    vacant = LeaseRecord("", 15, "m", "m")
    assert command == Create(vacant)
    state, command = step(state, Stored(), 1.1)
    assert command == Settled() and not leads(state, 1.1) and expires(state) == 16.1
    state, command = run(state, (Attempt("m1"), 16.0), (Found(vacant), 16.0))
    assert command == Settled()
    _, command = run(state, (Attempt("m2"), 16.1), (Found(vacant), 16.1))
    assert command == Replace(LeaseRecord("me", 15, "m2", "m2", 1))


@pytest.mark.parametrize("found", [LeaseRecord(), LeaseRecord("", 15, "then", "then", 3)])
def test_a_lease_that_was_emptied_is_no_proof_that_nobody_leads(found: LeaseRecord) -> None:
    state, command = run(fresh(), (Attempt("m"), 0.0), (Found(found), 1.0))
    assert command == Settled()
    state, command = run(state, (Attempt("m"), 15.9), (Found(found), 15.9))
    assert command == Settled()
    _, command = run(state, (Attempt("m"), 16.0), (Found(found), 16.0))
    assert isinstance(command, Replace)


@pytest.mark.parametrize("found", [LeaseRecord(), LeaseRecord("", 15, "then", "then", 3)])
def test_a_leader_takes_back_a_lease_that_was_emptied(found: LeaseRecord) -> None:
    state = leading(0.0)
    state, command = run(state, (Attempt("m1"), 2.0), (Failed(overtaken=True), 2.1), (Found(found), 2.2))
    assert isinstance(command, Replace) and command.record.holder == "me" and leads(state, 2.2)
    # Not after its time: somebody else may take it then.
    state, command = run(leading(0.0), (Attempt("m1"), 10.0), (Found(found), 10.0))
    assert command == Settled()


@pytest.mark.parametrize("found", [None, LeaseRecord(), LeaseRecord("", 15, "then", "then", 3)])
def test_with_trust_in_absence_it_is_taken_at_once(found: LeaseRecord | None) -> None:
    _, command = run(fresh(trust_absence=True), (Attempt("m"), 0.0), (Found(found), 1.0))
    assert isinstance(command, Create | Replace) and command.record.holder == "me"


def test_a_leader_renews_without_reading() -> None:
    state, command = step(leading(0.0), Attempt("m1"), 2.0)
    assert command == Replace(LeaseRecord("me", 15, "m0", "m1", 4))
    state, _ = step(state, Stored(), 2.1)
    assert leads(state, 11.9) and not leads(state, 12.0) and state.slow_paths == 0


def test_a_renewal_that_is_refused_reads_first_and_goes_on() -> None:
    state, command = run(leading(0.0), (Attempt("m1"), 2.0), (Failed(overtaken=True), 2.1))
    assert command == Read()
    assert state.record is not None
    state, command = step(state, Found(replace(state.record, renewed="by hand")), 2.2)
    assert command == Replace(LeaseRecord("me", 15, "m0", "m1", 4)) and state.slow_paths == 1
    state, _ = step(state, Stored(), 2.3)
    assert leads(state, 11.9)


def test_a_leader_whose_lease_was_deleted_makes_it_anew_and_goes_on() -> None:
    state, command = run(
        leading(0.0), (Attempt("m1"), 2.0), (Failed(overtaken=True), 2.1), (Found(None), 2.2)
    )
    assert isinstance(command, Create) and leads(state, 2.2)
    state, _ = step(state, Stored(), 2.3)
    assert leads(state, 11.9)


def test_a_leader_that_sees_another_holder_has_lost_at_once() -> None:
    state, command = run(leading(0.0), (Attempt("m1"), 2.0), (Failed(overtaken=True), 2.1))
    state, command = step(state, Found(OTHER), 2.2)
    assert command == Settled() and not leads(state, 2.2) and expires(state) == 17.2


def test_a_leader_overtaken_while_it_makes_its_lease_anew_looks_who_it_was() -> None:
    state, command = run(
        leading(0.0),
        (Attempt("m1"), 2.0),
        (Failed(overtaken=True), 2.1),
        (Found(None), 2.2),
        (Failed(overtaken=True), 2.3),
    )
    assert command == Read()
    state, command = step(state, Found(OTHER), 2.4)
    assert command == Settled() and not leads(state, 2.4)


def test_a_server_that_is_away_costs_the_lead_at_the_deadline() -> None:
    state = leading(0.0)
    for now in (2.0, 4.0, 6.0, 8.0):
        state, command = run(state, (Attempt("m"), now), (Failed(), now + 1))
        assert command == Read()
        state, command = step(state, Failed(), now + 1.5)
        assert command == Settled()
    assert leads(state, 9.9) and not leads(state, 10.0)


def test_resigning_ends_it_whatever_the_lease_says_and_it_may_be_won_again() -> None:
    state, _ = step(leading(0.0), Resigned(), 5.0)
    assert not leads(state, 5.0) and state.record is not None
    state, command = run(state, (Attempt("m1"), 6.0), (Found(state.record), 6.1))
    assert command == Replace(LeaseRecord("me", 15, "m0", "m1", 4))
    state, _ = step(state, Stored(), 6.2)
    assert leads(state, 15.9)


def test_transitions_begin_anew_where_the_server_takes_no_more() -> None:
    most = LeaseRecord("", 1, transitions=2**31 - 1)
    _, command = run(fresh(), (Attempt("m"), 0.0), (Found(most), 0.0))
    assert isinstance(command, Replace) and command.record.transitions == 0


# -- several processes -----------------------------------------------------------------------------


@dataclass
class Server:
    """Stores one record; a replacement must name the version that it replaces."""

    record: LeaseRecord | None = None
    version: int = 0

    def write(self, record: LeaseRecord, version: int | None) -> bool:
        if (self.record is None) != (version is None) or (version is not None and version != self.version):
            return False
        self.record = record
        self.version += 1
        return True


@dataclass
class Process:
    """One process: its clock has an offset and a rate of its own, and it may stand still at any time."""

    name: str
    offset: float
    rate: float
    state: LeaseState
    command: Command = field(default_factory=Settled)
    version: int = 0
    # What was carried out and whose answer is under way.
    answer: Event | None = None

    def clock(self, now: float) -> float:
        return self.offset + self.rate * now

    def put(self, event: Event, now: float) -> None:
        self.state, self.command = step(self.state, event, self.clock(now))
        self.answer = None


def one_schedule(seed: int, options: LeaseOptions = OPTIONS, *, steps: int = 400) -> int:
    """Random requests, answers, losses, pauses, deletions; returns how often the lead changed."""
    dice = random.Random(seed)
    server = Server()
    now = 0.0
    # Slow and fast clocks may differ by lease_duration / renew_deadline.
    rates = [dice.choice((0.82, 1.0, 1.2)) for _ in range(3)]
    processes = [
        Process(f"p{n}", dice.uniform(0, 1e6), rate, LeaseState(options, f"p{n}"))
        for n, rate in enumerate(rates)
    ]
    changes, last = 0, ""
    for number in range(steps):
        process = dice.choice(processes)
        chance = dice.random()
        if chance < 0.02:
            server.record = None
        elif chance < 0.03 and server.record is not None:
            stranger = replace(server.record, holder="stranger", duration=dice.choice((0, 1, 15)))
            server.write(stranger, server.version)
        elif chance < 0.04 and server.record is not None:
            server.write(replace(server.record, holder="", duration=15), server.version)
        elif process.answer is not None:
            # The answer comes, or is lost: the process gives the attempt up.
            process.put(process.answer if dice.random() < 0.8 else Failed(), now)
        else:
            carry_out(process, server, dice, now, f"m{number}")
        now += dice.choice((0.0, 0.01, 0.1, 1.0, 1.0, 2.0)) if dice.random() < 0.97 else dice.uniform(0, 40)
        leaders = [each.name for each in processes if leads(each.state, each.clock(now))]
        assert len(leaders) <= 1, (seed, number, now, leaders)
        if leaders and leaders[0] != last:
            changes, last = changes + 1, leaders[0]
    return changes


def carry_out(process: Process, server: Server, dice: random.Random, now: float, moment: str) -> None:
    match process.command:
        case Settled():
            process.put(Attempt(moment), now)
        case Read():
            process.version = server.version
            process.answer = Found(server.record)
        case Create(record):
            done = server.record is None and server.write(record, None)
            process.answer = Stored() if done else Failed(overtaken=True)
            process.version = server.version
        case Replace(record):
            done = server.record is not None and server.write(record, process.version)
            process.answer = Stored() if done else Failed(overtaken=True)
            process.version = server.version if done else process.version


def test_never_two_leaders_in_any_of_a_thousand_schedules() -> None:
    changes = [one_schedule(seed) for seed in range(1000)]
    # The schedules are of use only if the lead changes in most of them.
    assert sum(changes) > 1500 and sum(1 for each in changes if each > 1) > 500


def test_the_schedules_find_what_trust_in_absence_costs() -> None:
    with pytest.raises(AssertionError, match="'p"):
        for seed in range(100):
            one_schedule(seed, replace(OPTIONS, trust_absence=True))
