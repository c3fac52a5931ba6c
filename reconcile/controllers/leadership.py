"""The seam of leader election: what a manager asks of whoever decides that this process leads."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from reconcile.client.client import Client
from reconcile.client.preconditions import Seen, conditional, unconditional
from reconcile.client.seams import WriteGuard
from reconcile.controllers.logs import Logger
from reconcile.runtime import Runtime


@dataclass(slots=True, eq=False)
class Term:
    """One time of leading: from the moment the lead was won until it is lost.

    Work started in a term belongs to it for good. A thread that outlives its term may not write in the
    next one: its key may be in another worker by then.

    Attributes:
        election: name of the election.
        seen: what the process's caches show of an object, for the preconditions of its writes.
        begun: False for work on behalf of a term that has not come: a standby's `setup`.
        over: whether the lead of this term is lost.
        elector: whose term it is; the guards of other electors have nothing to say about its work.
    """

    election: str
    seen: Seen | None = None
    begun: bool = True
    over: bool = False
    elector: object = None


_term: ContextVar[Term | None] = ContextVar("reconcile_term", default=None)


def current_term() -> Term | None:
    """The term that the running code belongs to; None for work that needs no lead."""
    return _term.get()


@contextmanager
def led(term: Term) -> Generator[None]:
    """Everything inside, tasks and threads started inside too, belongs to this term.

    Its updates and deletions name what they are about: see `reconcile.client.preconditions`.
    """
    token = _term.set(term)
    try:
        with nullcontext() if term.seen is None else conditional(term.seen):
            yield
    finally:
        _term.reset(token)


@contextmanager
def unled() -> Generator[None]:
    """Everything inside belongs to no term, whoever calls."""
    token = _term.set(None)
    try:
        with unconditional():
            yield
    finally:
        _term.reset(token)


class LeaderElector(Protocol):
    """Campaigns for leadership, keeps it, and says when it is gone.

    The manager calls, on its event loop and never two at a time:

        prepare → (acquire → lost)* → release

    Attributes:
        name: of the election, in logs and in the metric `leader_election_master_status`.
        guard: asked before every write of the manager's client, or None; lets a deposed leader's writes
            be refused between the loss and the end of its reconciles.
    """

    name: str

    @property
    def guard(self) -> WriteGuard | None: ...

    def prepare(self, client: Client, runtime: Runtime, log: Logger) -> None:
        """Called once, before anything else."""
        ...

    async def acquire(self) -> None:
        """Return when this process leads; from then on the elector renews by itself."""
        ...

    async def lost(self) -> None:
        """Return when this process does not lead any more."""
        ...

    async def release(self) -> None:
        """Stop campaigning and renewing; give the lead away where it is still held.

        Called after everything that needed it has ended, also when the lead was never had.
        """
        ...


@runtime_checkable
class Preflight(Protocol):
    """An elector that looks, before anything depends on it, whether it can work."""

    async def preflight(self) -> None:
        """Called once, after `prepare`. Raises `ConfigurationError` that says what is missing."""
        ...
