"""DynamicResources: devices that pods claim.

Not there yet: allocating them. A pod that claims some waits, and is told so.
"""

from __future__ import annotations

from typing import Literal

from ..framework import SKIP, Attempt, CycleState, Plugin, PluginError, Refusal, Remedy
from ..pods import PodInfo
from ..snapshot import Snapshot


class DynamicResources(Plugin):
    name = "DynamicResources"

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /) -> Refusal | Literal["skip"]:
        state[self.name] = None
        if pod.spec.resource_claims:
            return self.refuse("this scheduler does not allocate resource claims", final=True)
        return SKIP

    def post_filter(self, attempt: Attempt, /) -> Remedy:
        """kube-scheduler would take back claims of this pod that were allocated elsewhere."""
        if self.name not in attempt.state:
            # An earlier plugin refused all nodes. The word is upstream's, though it says little.
            raise PluginError("not found")
        return Remedy(message="no new claims to deallocate")
