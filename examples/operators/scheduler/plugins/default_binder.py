"""DefaultBinder: the decision is written to the pod's `binding`."""

from __future__ import annotations

from ..framework import CycleState, Plugin, Surroundings
from ..pods import PodInfo, reference


class DefaultBinder(Plugin):
    name = "DefaultBinder"

    async def bind(self, state: CycleState, pod: PodInfo, node: str, around: Surroundings, /) -> bool:
        await around.manager.client.bind(reference(pod), node)
        return True
