"""Runnables that start and stop together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from reconcile.controllers.leadership import Term, led, unled
from reconcile.controllers.logs import Logger
from reconcile.manager.runnable import Runnable

_ABANDON_SECONDS = 1.0
_REPORT_SECONDS = 10.0


class RunnableGroup:
    """Runs its members while it is active; members may come and go at any time.

    Args:
        name: for log lines.
        failed: called with the error of a member that raised.
        log: where abandoned members are reported.
    """

    def __init__(self, name: str, failed: Callable[[BaseException], None], log: Logger) -> None:
        self.name = name
        self.active = False
        self._failed = failed
        self._log = log
        self._members: dict[str, Runnable] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._term: Term | None = None

    @property
    def members(self) -> tuple[Runnable, ...]:
        return tuple(self._members.values())

    def add(self, runnable: Runnable) -> None:
        """Take a member in; it starts at once when the group is active."""
        self._members[runnable.name] = runnable
        if self.active:
            self._start(runnable)

    def start(self, term: Term | None = None) -> None:
        """Start all members, and those added later; with a `term` their work belongs to it."""
        self.active = True
        self._term = term
        for runnable in self._members.values():
            self._start(runnable)

    def _start(self, runnable: Runnable) -> None:
        # Whoever adds it, it is this group's: a reconcile may add a part that outlives its own term.
        with unled() if self._term is None else led(self._term):
            task = asyncio.create_task(self._run(runnable), name=runnable.name)
        self._tasks[runnable.name] = task
        task.add_done_callback(lambda _: self._tasks.pop(runnable.name, None))

    async def _run(self, runnable: Runnable) -> None:
        try:
            await runnable.run()
        except Exception as error:
            self._failed(error)

    async def remove(self, name: str, grace: float | None) -> bool:
        """Stop one member and let it go; False when there is none of this name."""
        runnable = self._members.pop(name, None)
        if runnable is None:
            return False
        task = self._tasks.get(name)
        if task is not None:
            await self._end({task: runnable}, grace)
        return True

    async def stop(self, grace: float | None) -> None:
        """Stop all members: those that can be asked have `grace` seconds (None: for ever) to end.

        After that they are cancelled; one that a second later is still there (a thread that does not
        return) is reported and left behind.
        """
        self.active = False
        await self._end(self._running(), grace)

    async def cancel(self) -> None:
        """Cancel all members, those started last first, and wait until the last of them has ended.

        One that does not end (a thread that does not return) is reported, and waited for all the same:
        its work must not meet itself when the group starts again.
        """
        self.active = False
        running = self._running()
        for task in reversed(running):
            task.cancel()
        left = set(running)
        while left:
            _, left = await asyncio.wait(left, timeout=_REPORT_SECONDS)
            for task in left:
                self._log.error(
                    "waiting for it: it did not end when cancelled",
                    group=self.name,
                    runnable=running[task].name,
                )

    def _running(self) -> dict[asyncio.Task[None], Runnable]:
        return {task: self._members[name] for name, task in self._tasks.items() if name in self._members}

    async def _end(self, running: dict[asyncio.Task[None], Runnable], grace: float | None) -> None:
        if not running:
            return
        patient: set[asyncio.Task[None]] = set()
        for task, runnable in running.items():
            ask = getattr(runnable, "stop", None)
            if ask is not None and (grace is None or grace > 0):
                ask()
                patient.add(task)
            else:
                task.cancel()
        try:
            if patient:
                await asyncio.wait(patient, timeout=grace)
        finally:
            # Also when this wait itself is cancelled: a second signal aborts.
            for task in running:
                task.cancel()
        _, left = await asyncio.wait(running, timeout=_ABANDON_SECONDS)
        for task in running:
            if task in left:
                self._log.error(
                    "left behind: it did not end when cancelled", group=self.name, runnable=running[task].name
                )
