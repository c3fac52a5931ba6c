"""The seam of leader election: what a manager asks of whoever decides that this process leads."""

from __future__ import annotations

from typing import Protocol

from reconcile.client.client import Client
from reconcile.client.seams import WriteGuard
from reconcile.controllers.logs import Logger
from reconcile.runtime import Runtime


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
