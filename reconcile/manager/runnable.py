"""What a manager runs besides controllers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Runnable(Protocol):
    """A part of the process with a life of its own: a poller, a server, a reporter.

    One that has a method `stop()` is asked by it to end and has the graceful shutdown time for that; one
    without is cancelled. Returning is fine at any time; raising ends the manager with that error.

    Attributes:
        name: unique in its manager; for logs, and for `Manager.remove`.
        needs_leader_election: whether it runs on the leader alone.
    """

    name: str

    @property
    def needs_leader_election(self) -> bool: ...

    async def run(self) -> None:
        """Runs until it is done, stopped or cancelled. May be run again when leadership returns."""
        ...
