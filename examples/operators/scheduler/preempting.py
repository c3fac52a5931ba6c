"""Makes room on a node: the pods that matter less are told why, and deleted.

That takes requests, and the scheduler goes on meanwhile. Until the last victim's deletion has begun the pod
they make room for is not tried: it could fit nowhere yet, and would look for more victims.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from reconcile import APIError, Manager, NotFoundError, ObjectKey, TransportError, format_time
from reconcile.api.core.v1 import Pod

from .framework import Refusal, Remedy
from .pods import PodInfo, reference
from .telling import Teller

_PLUGIN = "DefaultPreemption"
_WHY = "preempting to accommodate a higher priority pod"


class Preemption:
    """
    Args:
        known: a pod as the informers know it.
        hold_back: keeps a victim that is not bound yet from being bound; False when that is too late.
    """

    def __init__(
        self,
        manager: Manager,
        teller: Teller,
        known: Callable[[ObjectKey], PodInfo | None],
        hold_back: Callable[[PodInfo], bool],
    ) -> None:
        self._manager = manager
        self._teller = teller
        self._known = known
        self._hold_back = hold_back
        self._last_victim: dict[str, PodInfo | None] = {}

    def gate(self, pod: PodInfo) -> Refusal | None:
        """Why a pod must not be tried yet: its victims are on their way out."""
        if pod.uid not in self._last_victim:
            return None
        last = self._last_victim[pod.uid]
        if last is not None:
            now = self._known(last.key)
            if now is None or now.uid != last.uid or now.deleting:
                return None
        reason = "waiting for the preemption for this pod to be finished"
        return Refusal((reason,), final=True, plugin=_PLUGIN)

    def begin(self, pod: PodInfo, remedy: Remedy) -> Sequence[PodInfo]:
        """The victims that have to be deleted; from now on the pod is not tried."""
        victims = [victim for victim in remedy.victims if not victim.deleting]
        if victims:
            self._last_victim[pod.uid] = None
        return victims

    async def carry_out(
        self, pod: PodInfo, node: str, victims: Sequence[PodInfo], outranked: Sequence[PodInfo]
    ) -> bool:
        """Delete the victims; `outranked` wait for the same node, and have to look for another.

        Returns False when something failed: the pod is better tried again at once.
        """
        try:
            for other in outranked:
                await self._teller.write(other, nominated="")
            *others, last = victims
            results = await asyncio.gather(
                *(self._condemn(victim, pod, node) for victim in others), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result
            self._last_victim[pod.uid] = last
            await self._condemn(last, pod, node)
        except (APIError, TransportError):
            return False
        finally:
            del self._last_victim[pod.uid]
        return True

    async def _condemn(self, victim: PodInfo, pod: PodInfo, node: str) -> None:
        note = f"Preempted by pod {pod.uid} on node {node}"
        if self._hold_back(victim):
            note += " (in kube-scheduler memory)."
        else:
            try:
                await self._delete(victim, pod.scheduler)
            except NotFoundError:
                return
        events = self._teller.events(pod)
        events.event(reference(victim), "Normal", "Preempted", "Preempting", note)

    async def _delete(self, victim: PodInfo, scheduler: str) -> None:
        client = self._manager.client
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "PreemptionByScheduler",
            "message": f"{scheduler}: {_WHY}",
            "lastProbeTime": None,
            "lastTransitionTime": format_time(self._manager.runtime.now()),
            "observedGeneration": victim.generation,
        }
        told = {"metadata": {"uid": victim.uid}, "status": {"conditions": [condition]}}
        await client.patch(Pod, victim.key, told, type="strategic", subresource="status")
        await client.delete(reference(victim))
