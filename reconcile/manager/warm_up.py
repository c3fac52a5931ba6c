"""Keeps the caches of a controller warm while another process leads."""

from __future__ import annotations

from reconcile.controllers.leadership import Term, led
from reconcile.controllers.loop import Controller


class WarmUp:
    """A runnable beside a leader-elected controller: ends when the controller's caches are synced.

    Args:
        term: one that has not begun; what `setup` writes would be written by every replica.
    """

    needs_leader_election = False

    def __init__(self, controller: Controller, term: Term) -> None:
        self.name = self.name_for(controller.name)
        self._controller = controller
        self._term = term

    @staticmethod
    def name_for(controller: str) -> str:
        """Its name among the runnables."""
        return f"caches of {controller}"

    async def run(self) -> None:
        with led(self._term):
            await self._controller.warm_up()
