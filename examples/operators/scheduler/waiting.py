"""Pods that have a node and wait for permission to go there."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

from .framework import Refusal
from .pods import PodInfo


class _Waiting:
    def __init__(self, pod: PodInfo, seconds: Mapping[str, float]) -> None:
        self.pod = pod
        self.pending = set(seconds)
        self.answer: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self._timers = {
            plugin: self.answer.get_loop().call_later(wait, self._too_late, plugin, wait)
            for plugin, wait in seconds.items()
        }

    def allow(self, plugin: str) -> None:
        if timer := self._timers.pop(plugin, None):
            timer.cancel()
        self.pending.discard(plugin)
        if not self.pending:
            self.end(None)

    def end(self, answer: Refusal | None) -> None:
        for timer in self._timers.values():
            timer.cancel()
        if not self.answer.done():
            self.answer.set_result(answer)

    def _too_late(self, plugin: str, wait: float) -> None:
        text = f"rejected due to timeout after waiting {_duration(wait)} at plugin {plugin}"
        self.end(Refusal((text,), plugin=plugin))


class WaitingPods:
    """What `permit` plugins talk to: they get it when they are made, and the scheduler the same one."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}

    @property
    def pods(self) -> Collection[PodInfo]:
        return [waiting.pod for waiting in self._waiting.values()]

    def pending(self, pod: PodInfo) -> frozenset[str]:
        """The plugins that have not allowed the pod yet."""
        waiting = self._waiting.get(pod.uid)
        return frozenset(waiting.pending) if waiting else frozenset()

    def allow(self, pod: PodInfo, plugin: str) -> None:
        """This plugin lets the pod go; it goes when all have."""
        if waiting := self._waiting.get(pod.uid):
            waiting.allow(plugin)

    def reject(self, pod: PodInfo, plugin: str, reason: str) -> None:
        """The pod is not to go, whatever others say."""
        if waiting := self._waiting.get(pod.uid):
            waiting.end(Refusal((reason,), plugin=plugin))

    # For the scheduler.

    def add(self, pod: PodInfo, seconds: Mapping[str, float]) -> None:
        if seconds:
            self._waiting[pod.uid] = _Waiting(pod, seconds)

    async def wait(self, pod: PodInfo) -> Refusal | None:
        """Until the pod may go (None) or may not; at once for a pod that nobody holds."""
        waiting = self._waiting.get(pod.uid)
        if waiting is None:
            return None
        try:
            return await waiting.answer
        finally:
            waiting.end(None)
            del self._waiting[pod.uid]


def _duration(seconds: float) -> str:
    """As Go prints one.

    >>> _duration(90), _duration(2), _duration(0.5), _duration(3600)
    ('1m30s', '2s', '500ms', '1h0m0s')
    """
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours:g}h{minutes:g}m{rest:g}s"
    return f"{minutes:g}m{rest:g}s" if minutes else f"{rest:g}s"
