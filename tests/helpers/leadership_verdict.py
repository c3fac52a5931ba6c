"""Who wrote while who led: the judge of single-writer, as a plain function of what the server committed.

    LeaseCommit  ──┐   in the order of the server's revisions, from the server's own records alone
                   ├── judge ──▶ Verdict: violations, and what was there to be judged
    ObjectCommit ──┘

A write is lawful where the last commit of its Lease before it names its writer as the holder. Nothing else
excuses a write, but for one fact that a client cannot know of: the Lease was taken from a living holder by
somebody outside of the election (it was deleted, or a stranger was written into it). Until that holder hears
of it, it may write as long as its last renewal lets it: such writes are counted as `tolerated`, and those
after that time are violations like any other.

The election itself is judged too: a contender that takes a Lease over earlier than its duration after the
holder's last renewal is a violation, and so is a write whose writer nobody knows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LeaseCommit:
    """One revision of a Lease.

    Attributes:
        lease: its name.
        revision: the resourceVersion; of a deletion, that of the deletion.
        holder: who holds it from here on; empty when it was given away or deleted.
        writer: who asked for it, as the server knows its users.
        received: seconds; when the server began with the request; not a number when nobody knows.
        committed: seconds; when the server had answered it; the same.
    """

    lease: str
    revision: int
    holder: str
    writer: str
    received: float
    committed: float


@dataclass(frozen=True, slots=True)
class ObjectCommit:
    """One revision of an object that only the holder of a Lease may write.

    Attributes:
        lease: the Lease that its writer must hold.
        revision: as in `LeaseCommit`.
        what: the object, for people.
        writer: who asked for it, as the server knows its users; empty when nobody knows.
        received: as in `LeaseCommit`.
    """

    lease: str
    revision: int
    what: str
    writer: str
    received: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What the election promises.

    Attributes:
        lease_duration: seconds, by a right clock, that a contender waits at least: the option divided by
            the rate of the fastest clock.
        outlives: seconds after the receipt of its last renewal that a holder may write when it does not
            hear that the Lease was taken from it: the option `lease_duration` divided by the rate of the
            slowest clock.
        contenders: who takes part; anybody else who writes to a Lease is a stranger.
        announcement: what names of Leases contain by which replicas say no more than that they are there.
            Another replica deletes those that have run out.
    """

    lease_duration: float
    outlives: float
    contenders: frozenset[str]
    announcement: str = "-replica-"


@dataclass(frozen=True, slots=True)
class Takeover:
    """A Lease that went from one holder to another without being given away.

    Attributes:
        lease, loser, winner: which, from whom, to whom.
        renewed: seconds; when the loser's last renewal was committed.
        seconds: from that to the commit of the winner's acquisition.
    """

    lease: str
    loser: str
    winner: str
    renewed: float
    seconds: float


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        violations: one line each; none is what is asked for.
        writes: how many writes were judged.
        tolerated: writes of holders that did not know yet that a stranger had taken the Lease.
        changes: how often the holder changed.
        releases: how often a holder gave the Lease away.
        seized: how often a stranger took the Lease from a holder.
        takeovers: of Leases that had run out.
    """

    violations: list[str] = field(default_factory=list)
    writes: int = 0
    tolerated: int = 0
    changes: int = 0
    releases: int = 0
    seized: int = 0
    takeovers: list[Takeover] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        """Take another verdict's findings into this one."""
        self.violations += other.violations
        self.writes += other.writes
        self.tolerated += other.tolerated
        self.changes += other.changes
        self.releases += other.releases
        self.seized += other.seized
        self.takeovers += other.takeovers

    def counts(self) -> str:
        """All of it in one line."""
        longest = max((each.seconds for each in self.takeovers if each.seconds > 0), default=0.0)
        return (
            f"{self.writes} writes, {self.changes} changes of the holder ({self.releases} given away, "
            f"{len(self.takeovers)} taken over after at most {longest:.2f} s, {self.seized} seized), "
            f"{self.tolerated} tolerated, {len(self.violations)} violations"
        )


@dataclass(slots=True)
class _Term:
    """What one Lease was between two commits that changed its holder."""

    holder: str
    start: int
    renewed: LeaseCommit
    end: LeaseCommit | None = None
    seized: bool = False


def judge(leases: Iterable[LeaseCommit], writes: Iterable[ObjectCommit], rules: Rules) -> Verdict:
    """The verdict on what the server committed; the order of the arguments does not matter."""
    verdict = Verdict()
    by_lease: dict[str, list[LeaseCommit]] = {}
    for commit in sorted(leases, key=lambda each: each.revision):
        by_lease.setdefault(commit.lease, []).append(commit)
    terms = {name: _terms(commits, rules, verdict) for name, commits in by_lease.items()}
    for write in sorted(writes, key=lambda each: each.revision):
        verdict.writes += 1
        _judge_write(write, terms.get(write.lease, []), rules, verdict)
    return verdict


def _terms(commits: Sequence[LeaseCommit], rules: Rules, verdict: Verdict) -> list[_Term]:
    terms: list[_Term] = []
    for commit in commits:
        present = terms[-1] if terms else None
        if present is not None and present.holder == commit.holder and commit.holder:
            # A stranger that writes down the holder again renews nothing.
            if commit.writer == commit.holder:
                present.renewed = commit
            continue
        if present is not None:
            present.end = commit
            if present.holder:
                _judge_end(present, commit, rules, verdict)
        if commit.holder:
            verdict.changes += 1
        terms.append(_Term(commit.holder, commit.revision, commit))
    return terms


def _judge_end(term: _Term, end: LeaseCommit, rules: Rules, verdict: Verdict) -> None:
    if end.writer == term.holder:
        verdict.releases += 1
    elif term.holder not in rules.contenders:
        return
    elif end.writer not in rules.contenders:
        term.seized = True
        verdict.seized += 1
    else:
        waited = end.received - term.renewed.received
        swept = not end.holder and rules.announcement in end.lease
        if not swept:
            verdict.takeovers.append(
                Takeover(
                    end.lease,
                    term.holder,
                    end.holder,
                    term.renewed.committed,
                    end.committed - term.renewed.committed,
                )
            )
        if not swept and end.holder != end.writer:
            verdict.violations.append(
                f"lease {end.lease} at {end.revision}: {end.writer} wrote {end.holder or 'nobody'} into it "
                f"while {term.holder} held it"
            )
        elif waited < rules.lease_duration:
            verdict.violations.append(
                f"lease {end.lease} at {end.revision}: {end.writer} took it from {term.holder} "
                f"{waited:.3f} s after its last renewal, earlier than {rules.lease_duration:g} s"
            )


def _judge_write(write: ObjectCommit, terms: Sequence[_Term], rules: Rules, verdict: Verdict) -> None:
    index = bisect_left(terms, write.revision, key=lambda term: term.start) - 1
    holder = terms[index].holder if index >= 0 else ""
    if write.writer and holder == write.writer:
        return
    own = next((term for term in reversed(terms[: index + 1]) if term.holder == write.writer), None)
    # Times that nobody knows compare as false, and so accuse nobody.
    too_late = own is not None and write.received > own.renewed.received + rules.outlives
    if own is not None and own.seized and not too_late:
        verdict.tolerated += 1
        return
    since = terms[index].start if index >= 0 else 0
    lost = f"; it led until {own.end.revision}" if own is not None and own.end is not None else ""
    verdict.violations.append(
        f"{write.what} at {write.revision} by {write.writer or 'nobody knows whom'} while "
        f"{holder or 'nobody'} led (lease {write.lease} since {since}){lost}"
    )
