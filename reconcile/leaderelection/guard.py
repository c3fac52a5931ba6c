"""The fence on this side: no write of leader-elected work leaves without a lease that is still ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from reconcile.client.seams import Write, WriteOutcome
from reconcile.controllers.leadership import current_term
from reconcile.errors import WriteRefusedError


class Held(Protocol):
    """A lease as the guard sees it."""

    @property
    def described(self) -> str:
        """The Lease in words, such as `shop/operator`."""
        ...

    def seconds_to_write(self) -> float:
        """Until we stop to write by ourselves; 0 or less when that time has come."""
        ...

    def seconds_held(self) -> float:
        """Until somebody else may take the Lease."""
        ...

    def elapsed(self) -> float:
        """Local time in seconds, on a clock that counts suspended time."""
        ...


class LeaseGuard:
    """Refuses writes of work that needs the lead, unless the lease is certainly ours.

    Work that needs no lead passes; what belongs to a term that is over never does, even where the same
    process leads again. A write that passes may take what is left of the lease, on the client and on the
    server.

    Attributes:
        refused: how many writes were refused.
    """

    def __init__(self, lease: Held, *, on_expired: Callable[[], None] | None = None) -> None:
        self.refused = 0
        self._lease = lease
        self._on_expired = on_expired
        self._permitted_until = 0.0
        self._unsettled_until = 0.0

    def check(self, write: Write, /) -> float | None:
        term = current_term()
        if term is None:
            return None
        if not term.begun:
            self._refuse(
                write,
                "this process does not lead yet; `setup` runs on every replica: write in `reconcile`",
            )
        if term.over:
            self._refuse(write, "the lead it belongs to is lost")
        if self._lease.seconds_to_write() <= 0:
            if self._on_expired is not None:
                self._on_expired()
            self._refuse(write, "the lease was not renewed in time, so another process may lead")
        left = self._lease.seconds_held()
        # Never earlier than before: an earlier write may be under way still, and the lease lost meanwhile.
        self._permitted_until = max(self._permitted_until, self._lease.elapsed() + left)
        return left

    @property
    def unsettled(self) -> bool:
        """Whether a write that was given up may still be carried out by the server.

        It was cancelled, or its answer was lost; until its `timeout` parameter ends it, the lease must not
        be given away.
        """
        return self._lease.elapsed() < self._unsettled_until

    def write_started(self, write: Write, /) -> None:
        """Nothing is known yet."""

    def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
        """Remember a write of which nobody knows whether the server carries it out."""
        if outcome.unknown and current_term() is not None:
            self._unsettled_until = self._permitted_until

    def _refuse(self, write: Write, reason: str) -> None:
        self.refused += 1
        raise WriteRefusedError(
            f"{write.verb} of {write.resource_type.group_resource} {write.key} refused: {reason} "
            f"(Lease {self._lease.described})"
        )
