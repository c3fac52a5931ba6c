"""Several write guards as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconcile.client.seams import Write, WriteGuard, WriteOutcome
from reconcile.controllers.leadership import current_term

if TYPE_CHECKING:
    from reconcile.client.client import Client


class ElectionGuard:
    """An elector's guard, not asked about work that belongs to a term of another elector.

    Managers may share a client, and so its chain of guards; each leads or does not by itself. A guard that
    is a `WriteObserver` too is told how its writes end.
    """

    def __init__(self, elector: object, guard: WriteGuard) -> None:
        self._elector = elector
        self._guard = guard

    def check(self, write: Write, /) -> float | None:
        return self._guard.check(write) if self._concerned else None

    def write_started(self, write: Write, /) -> None:
        """What matters is how it ends."""

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        finished = getattr(self._guard, "write_finished", None)
        if finished is not None and self._concerned:
            finished(write, outcome)

    @property
    def _concerned(self) -> bool:
        term = current_term()
        return term is None or term.elector in (None, self._elector)


class GuardChain:
    """Asks each guard in turn; any may refuse, and the shortest of their limits counts."""

    def __init__(self) -> None:
        self._guards: list[WriteGuard] = []

    def add(self, guard: WriteGuard) -> None:
        self._guards.append(guard)

    def remove(self, guard: WriteGuard) -> None:
        self._guards.remove(guard)

    def check(self, write: Write, /) -> float | None:
        limit: float | None = None
        for guard in self._guards:
            seconds = guard.check(write)
            if seconds is not None and (limit is None or seconds < limit):
                limit = seconds
        return limit


def guard_chain_of(client: Client) -> GuardChain:
    """The chain that a client asks; made around a guard that it has already."""
    present = client.guard
    if isinstance(present, GuardChain):
        return present
    chain = GuardChain()
    if present is not None:
        chain.add(present)
    client.guard = chain
    return chain
