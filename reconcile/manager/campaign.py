"""Runs the leader-elected group whenever this process leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from reconcile.client.preconditions import Seen
from reconcile.controllers.leadership import LeaderElector, Term
from reconcile.controllers.logs import Logger
from reconcile.manager.groups import RunnableGroup

TOLERATED_SECONDS = 20.0
"""How long work may go on after its lead is lost, until the process is called unhealthy."""


class Campaign:
    """One elector and the group that follows it, from the start of the manager to its end.

    Attributes:
        leading: whether this process leads now.
    """

    def __init__(
        self,
        elector: LeaderElector | None,
        group: RunnableGroup | None,
        failed: Callable[[BaseException], None],
        log: Logger | None,
        *,
        seen: Seen | None = None,
    ) -> None:
        self.leading = False
        self._elector = elector
        self._failed = failed
        self._seen = seen
        self._ending = asyncio.Event()
        self._lost_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        if elector is not None and group is not None and log is not None:
            self._task = asyncio.create_task(self._lead(elector, group, log), name="leader-election")

    @classmethod
    def none(cls) -> Self:
        """The campaign of a manager without election, and of one that has not started yet."""
        return cls(None, None, lambda error: None, None)

    async def _lead(self, elector: LeaderElector, group: RunnableGroup, log: Logger) -> None:
        try:
            while not self._ending.is_set():
                await elector.acquire()
                self.leading = True
                log.info("leading", election=elector.name)
                term = Term(elector.name, self._seen, elector=elector)
                group.start(term)
                try:
                    await elector.lost()
                finally:
                    self.leading = False
                term.over = True
                self._lost_at = asyncio.get_running_loop().time()
                log.warning("lost the lead; leader-elected work is cancelled", election=elector.name)
                # No grace: another process may lead already.
                await group.cancel()
                self._lost_at = None
        except Exception as error:
            self._failed(error)

    def check(self) -> None:
        """Raises while work goes on that should have ended with the lead a while ago.

        Either the work does not end (a thread, which nobody can stop), or the elector has not noticed. Only
        a new process helps then. The tolerated time is controller-runtime's.
        """
        held: Callable[[], float] | None = getattr(self._elector, "seconds_held", None)
        if self.leading and held is not None and held() < -TOLERATED_SECONDS:
            raise RuntimeError(f"the lease ended {-held():.0f} s ago, and this process still leads")
        if self._lost_at is not None:
            late = asyncio.get_running_loop().time() - self._lost_at
            if late > TOLERATED_SECONDS:
                raise RuntimeError(f"the lead was lost {late:.0f} s ago, and its work has not ended yet")

    async def end(self) -> None:
        """Stop campaigning; the lease stays as it is until our work has ended.

        While this process leads it goes on to listen: a lead that is lost during the shutdown cancels what
        still runs.
        """
        self._ending.set()
        if self._task is not None and not self.leading:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def release(self) -> None:
        """Give the lead away where it is held; our work has ended."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._elector is not None:
            await self._elector.release()
