"""Runs the leader-elected group whenever this process leads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from reconcile.controllers.leadership import LeaderElector, Term
from reconcile.controllers.logs import Logger
from reconcile.manager.groups import RunnableGroup


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
    ) -> None:
        self.leading = False
        self._elector = elector
        self._failed = failed
        self._task: asyncio.Task[None] | None = None
        if elector is not None and group is not None and log is not None:
            self._task = asyncio.create_task(self._lead(elector, group, log), name="leader-election")

    @classmethod
    def none(cls) -> Self:
        """The campaign of a manager without election, and of one that has not started yet."""
        return cls(None, None, lambda error: None, None)

    async def _lead(self, elector: LeaderElector, group: RunnableGroup, log: Logger) -> None:
        try:
            while True:
                await elector.acquire()
                self.leading = True
                log.info("leading", election=elector.name)
                term = Term(elector.name)
                group.start(term)
                await elector.lost()
                term.over = True
                self.leading = False
                log.warning("lost the lead; leader-elected work is cancelled", election=elector.name)
                # No grace: another process may lead already.
                await group.stop(0)
        except Exception as error:
            self._failed(error)

    async def end(self) -> None:
        """Stop campaigning; the group and the lease stay as they are until our work has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def release(self) -> None:
        """Give the lead away where it is held."""
        if self._elector is not None:
            await self._elector.release()
