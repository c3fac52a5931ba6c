"""When a cluster has come to rest: decided from the queues, exactly, and not by waiting a while.

At rest means that nothing is ready to run, no key is queued, in a worker or waiting for a retry, no event is
late on its way to a process, no process is about to come back, and every key that asked to be looked at
again (`requeue_after`) has been looked at since the last change that any controller made, and changed
nothing. That is a fixpoint: a further run would find the same world. What beats on its own, heartbeats and
resyncs, does not hold it up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from reconcile.controllers.loop import Controller
from reconcile.errors import ReconcileError
from reconcile.objects.identity import ObjectKey
from reconcile.runtime import VirtualTimeLoop
from reconcile.testing.process import Process

_SAME_LOOK_SECONDS = 0.001


class NotSettledError(ReconcileError):
    """A cluster did not come to rest in the time it was given; the text names what is still moving."""


class Settling:
    """Brings a cluster in virtual time to rest; keeps what it knows of quiet keys between calls."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop
        self._quiet: dict[tuple[str, str, ObjectKey], int] = {}

    def settle(self, processes: Iterable[Process], *, within: float) -> None:
        """Let time pass until the cluster is at rest; raises `NotSettledError` after `within` seconds."""
        processes = tuple(processes)
        deadline = self._loop.time() + within
        while True:
            self._loop.run_until_idle()
            self._raise_failures(processes)
            self._raise_heat(processes)
            due, looked_at = self._next_work(processes)
            if due is None:
                return
            if due > deadline:
                raise NotSettledError(self._complaint(processes, within))
            changes = _changes(processes)
            self._loop.run_until_idle(until=due)
            soon = self._due_by(processes, due + _SAME_LOOK_SECONDS)
            for identity in looked_at:
                if identity not in soon:
                    self._quiet[identity] = changes

    def _next_work(
        self, processes: tuple[Process, ...]
    ) -> tuple[float | None, list[tuple[str, str, ObjectKey]]]:
        """When the next work is due, and the keys that are looked at again then; None at rest."""
        changes = _changes(processes)
        due: float | None = None
        looked_at: list[tuple[str, str, ObjectKey]] = []
        for process in processes:
            if not process.running:
                if process.returns_at is not None:
                    return self._next_timer(), []
                continue
            if process.starting or process.transport.recovering or process.transport.next_arrival is not None:
                return self._next_timer(), []
            for controller in process.manager.controllers:
                if _is_busy(controller):
                    return self._next_timer(), []
                queue = controller.queue
                assert queue is not None
                for key, at in queue.core.scheduled():
                    identity = (process.name, controller.name, key)
                    if not queue.retries(key) and self._quiet.get(identity) == changes:
                        continue
                    if due is None or at < due:
                        due, looked_at = at, [identity]
                    elif at == due:
                        looked_at.append(identity)
        return due, looked_at

    @staticmethod
    def _due_by(processes: tuple[Process, ...], time: float) -> set[tuple[str, str, ObjectKey]]:
        """Keys whose look was a rounding error early: they are looked at again at once."""
        return {
            (process.name, controller.name, key)
            for process in processes
            for controller in (process.manager.controllers if process.running else ())
            if controller.queue is not None
            for key, at in controller.queue.core.scheduled()
            if at <= time
        }

    def _next_timer(self) -> float:
        """When something busy can go on: without any timer, never."""
        timer = self._loop.next_timer()
        return math.inf if timer is None else timer

    @staticmethod
    def _raise_failures(processes: tuple[Process, ...]) -> None:
        for process in processes:
            process.raise_failure()

    @staticmethod
    def _raise_heat(processes: tuple[Process, ...]) -> None:
        for process in processes:
            if hot := process.changes.hot:
                process.changes.hot = None
                controller, key = hot
                raise NotSettledError(
                    f"{controller} {key}: its reconciles change something again and again without a pause, "
                    "each change waking the next; compare before writing, or wait for what is written"
                )

    @staticmethod
    def _complaint(processes: tuple[Process, ...], within: float) -> str:
        lines = [f"the cluster did not come to rest within {within:g} s of virtual time; still moving:"]
        for process in processes:
            for controller in process.manager.controllers if process.running else ():
                queue = controller.queue
                if queue is None or not controller.synced.is_set():
                    lines.append(f"  {controller.name}: its watches are not synced")
                    continue
                lines += [
                    f"  {controller.name} {item.key}: in a reconcile that does not end"
                    for item in queue.core.processing
                ]
                lines += [
                    f"  {controller.name} {key}: {_state(queue.retries(key))}"
                    for key, _ in queue.core.scheduled()
                ]
        return "\n".join(lines[:20])


def _state(failures: int) -> str:
    return f"failed {failures} times" if failures else "asks to be run again, and changes something each time"


def _changes(processes: tuple[Process, ...]) -> int:
    return sum(process.changes.by_controllers for process in processes)


def _is_busy(controller: Controller) -> bool:
    queue = controller.queue
    if queue is None or not controller.synced.is_set():
        return True
    return bool(len(queue) or queue.core.processing)
