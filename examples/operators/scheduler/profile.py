"""Which plugins run, in which order, and how much each one's score counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconcile import ConfigurationError

from .default_plugins import PLUGINS
from .framework import Plugin, Plugins
from .plugins.balanced_allocation import BalancedAllocation
from .plugins.default_binder import DefaultBinder
from .plugins.default_preemption import DefaultPreemption
from .plugins.dynamic_resources import DynamicResources
from .plugins.image_locality import ImageLocality
from .plugins.inter_pod_affinity import InterPodAffinity
from .plugins.node_affinity import NodeAffinity
from .plugins.node_declared_features import NodeDeclaredFeatures
from .plugins.node_name import NodeName
from .plugins.node_ports import NodePorts
from .plugins.node_unschedulable import NodeUnschedulable
from .plugins.node_volume_limits import NodeVolumeLimits
from .plugins.priority_sort import PrioritySort
from .plugins.resources_fit import NodeResourcesFit
from .plugins.scheduling_gates import SchedulingGates
from .plugins.taint_toleration import TaintToleration
from .plugins.topology_spread import PodTopologySpread
from .plugins.volume_binding import VolumeBinding
from .plugins.volume_restrictions import VolumeRestrictions
from .plugins.volume_zone import VolumeZone


@dataclass(frozen=True, slots=True)
class Profile:
    """A way to schedule.

    Attributes:
        plugins: in the order in which they are asked.
        weights: by plugin name; 1 where absent.

    Raises `ConfigurationError` for what kube-scheduler does not start with: a weight of nobody, or one that
    is not positive; a plugin twice; not one plugin that sorts the queue, or none that binds.
    """

    plugins: Plugins
    weights: Mapping[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        names = [plugin.name for plugin in self.plugins]
        for name in names:
            if names.count(name) > 1:
                raise ConfigurationError(f"plugin {name} is there twice; leave one of them out")
        for name, weight in self.weights.items():
            if name not in names:
                raise ConfigurationError(f"there is a weight for {name}, and no such plugin in the profile")
            if weight <= 0:
                raise ConfigurationError(f"the weight of {name} is {weight}; it has to be at least 1")
        if len(self.plugins.sorters) != 1:
            raise ConfigurationError("a profile needs one plugin that sorts the queue, such as PrioritySort")
        if not self.plugins.binders:
            raise ConfigurationError("a profile needs a plugin that binds, such as DefaultBinder")

    def weight(self, plugin: Plugin) -> int:
        return self.weights.get(plugin.name, 1)


def default_profile() -> Profile:
    """kube-scheduler's default profile: its plugins in its order, with its weights."""
    made = {plugin.name: plugin for plugin in _all_plugins()}
    return Profile(
        plugins=Plugins(made[name] for name, _ in PLUGINS),
        weights={name: weight for name, weight in PLUGINS if weight},
    )


def _all_plugins() -> tuple[Plugin, ...]:
    return (
        SchedulingGates(),
        PrioritySort(),
        NodeUnschedulable(),
        NodeName(),
        TaintToleration(),
        NodeAffinity(),
        NodePorts(),
        NodeResourcesFit(),
        VolumeRestrictions(),
        NodeVolumeLimits(),
        VolumeBinding(),
        VolumeZone(),
        PodTopologySpread(),
        InterPodAffinity(),
        DynamicResources(),
        DefaultPreemption(),
        BalancedAllocation(),
        ImageLocality(),
        DefaultBinder(),
        NodeDeclaredFeatures(),
    )
