"""The seam of shards: what a controller asks of whoever divides its keys among replicas.

Feed ──is it ours?──▶ queue ──▶ worker ──whose term?──▶ OwnRuns ──▶ Run
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from reconcile.controllers.leadership import Term, led
from reconcile.objects.identity import ObjectKey

if TYPE_CHECKING:
    from reconcile.controllers.request import Request
    from reconcile.controllers.run import Outcome, Run

Owns: TypeAlias = Callable[[ObjectKey], bool]
"""Whether a key is among those that are meant."""


class ShardGate(Protocol):
    """Says which keys are this process's own. Asked for every key, again and again: it must be quick."""

    def term_of(self, key: ObjectKey, /) -> Term | None:
        """The term in which a key may be reconciled here now; None while it belongs to another replica."""
        ...


class OwnRuns:
    """Runs the reconciles of keys that are this process's own, each in the term of its shard."""

    def __init__(self, gate: ShardGate) -> None:
        self._gate = gate
        self._running: dict[ObjectKey, asyncio.Task[Outcome]] = {}

    async def run(self, run: Run, request: Request) -> Outcome | None:
        """Reconcile once; None where the key was not ours, or was lost meanwhile."""
        term = self._gate.term_of(request.key)
        if term is None:
            return None
        with led(term):
            task = asyncio.create_task(_outcome(run, request), name=f"reconcile of {request.key}")
        self._running[request.key] = task
        try:
            await _ended(task)
        finally:
            del self._running[request.key]
        return None if term.over or task.cancelled() else task.result()

    def interrupt(self, owns: Owns) -> None:
        """Cancel the reconciles of these keys that are under way."""
        for key, task in self._running.items():
            if owns(key):
                task.cancel()

    async def drain(self, owns: Owns) -> None:
        """Return when no reconcile of these keys is under way."""
        while tasks := [task for key, task in self._running.items() if owns(key)]:
            await asyncio.wait(tasks)


async def _outcome(run: Run, request: Request) -> Outcome:
    return await run(request)


async def _ended(task: asyncio.Task[Outcome]) -> None:
    """Wait for a task; being cancelled cancels it, and is passed on when it has ended."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
            task.cancel()
    if cancelled is not None:
        raise cancelled
