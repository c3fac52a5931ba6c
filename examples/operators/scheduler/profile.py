"""Which plugins run, in which order, and how much each one's score counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .framework import Plugin, Plugins
from .plugins.balanced_allocation import BalancedAllocation
from .plugins.default_binder import DefaultBinder
from .plugins.default_preemption import DefaultPreemption
from .plugins.dynamic_resources import DynamicResources
from .plugins.image_locality import ImageLocality
from .plugins.inter_pod_affinity import InterPodAffinity
from .plugins.node_affinity import NodeAffinity
from .plugins.node_name import NodeName
from .plugins.node_ports import NodePorts
from .plugins.node_unschedulable import NodeUnschedulable
from .plugins.priority_sort import PrioritySort
from .plugins.resources_fit import NodeResourcesFit
from .plugins.scheduling_gates import SchedulingGates
from .plugins.taint_toleration import TaintToleration
from .plugins.topology_spread import PodTopologySpread


@dataclass(frozen=True, slots=True)
class Profile:
    """A way to schedule.

    Attributes:
        plugins: in the order in which they are asked.
        weights: by plugin name; 1 where absent.
    """

    plugins: Plugins
    weights: Mapping[str, int] = field(default_factory=dict[str, int])

    def weight(self, plugin: Plugin) -> int:
        return self.weights.get(plugin.name, 1)


def default_profile() -> Profile:
    """kube-scheduler's default profile, as far as this example goes."""
    return Profile(
        plugins=Plugins(
            (
                SchedulingGates(),
                PrioritySort(),
                NodeUnschedulable(),
                NodeName(),
                TaintToleration(),
                NodeAffinity(),
                NodePorts(),
                NodeResourcesFit(),
                PodTopologySpread(),
                InterPodAffinity(),
                DynamicResources(),
                DefaultPreemption(),
                BalancedAllocation(),
                ImageLocality(),
                DefaultBinder(),
            )
        ),
        weights={
            "TaintToleration": 3,
            "NodeAffinity": 2,
            "PodTopologySpread": 2,
            "InterPodAffinity": 2,
            "DynamicResources": 2,
        },
    )
