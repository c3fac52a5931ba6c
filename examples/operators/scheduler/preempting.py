"""Makes room on a node: the pods that matter less are told why, and deleted."""

from __future__ import annotations

from collections.abc import Iterable

from reconcile import Manager, NotFoundError, set_condition
from reconcile.api.core.v1 import Pod, PodCondition

from .framework import Remedy
from .pods import PodInfo, reference

_WHY = "preempting to accommodate a higher priority pod"


async def make_room(
    manager: Manager, scheduler: str, pod: PodInfo, remedy: Remedy, outranked: Iterable[PodInfo]
) -> None:
    """Delete the remedy's victims; `outranked` wait for the same node, and have to look for another."""
    events = manager.event_recorder(scheduler)
    for other in outranked:
        await _forget_nomination(manager, other)
    for victim in remedy.victims:
        if victim.deleting:
            continue
        try:
            await _condemn(manager, scheduler, victim)
        except NotFoundError:
            continue
        note = f"Preempted by pod {pod.uid} on node {remedy.node}"
        events.event(reference(victim), "Normal", "Preempted", "Preempting", note, related=reference(pod))


async def _condemn(manager: Manager, scheduler: str, victim: PodInfo) -> None:
    live = await manager.client.get(Pod, victim.key)
    if live.metadata.uid != victim.uid:
        return
    why = PodCondition(
        type="DisruptionTarget",
        status="True",
        reason="PreemptionByScheduler",
        message=f"{scheduler}: {_WHY}",
    )
    if set_condition(live.status.conditions, why, now=manager.runtime.now()):
        live = await manager.client.update_status(live)
    await manager.client.delete(live)


async def _forget_nomination(manager: Manager, pod: PodInfo) -> None:
    live = await manager.client.get_or_none(Pod, pod.key)
    if live is not None and live.metadata.uid == pod.uid and live.status.nominated_node_name:
        live.status.nominated_node_name = None
        await manager.client.update_status(live)
