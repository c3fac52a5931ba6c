"""The example scheduler as a service: plugins that fail, several profiles, who is told what; virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from examples.operators import hollow_nodes
from examples.operators.scheduler import Scheduler
from examples.operators.scheduler.framework import CycleState, Plugin, Plugins, Refusal
from examples.operators.scheduler.nodes import NodeInfo
from examples.operators.scheduler.pods import PodInfo
from examples.operators.scheduler.profile import Profile, default_profile
from reconcile import ConfigurationError, Manager, find_condition
from reconcile.api.core.v1 import Pod
from reconcile.api.events.v1 import Event
from reconcile.testing.builders import a_node, a_pod
from reconcile.testing.cluster import Cluster


class Fragile(Plugin):
    """Fails for some pods, at some point."""

    name = "Fragile"

    def __init__(self, point: str) -> None:
        self.point = point

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: object, /) -> None:
        self._fail("pre_filter", pod)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        self._fail("filter", pod)

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: object, snapshot: object, /) -> bool:
        self._fail("pre_score", pod)
        return True

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        self._fail("score", pod)
        return 0

    def reserve(self, state: CycleState, pod: PodInfo, node: str, /) -> Refusal | None:
        self._fail("reserve", pod)

    def _fail(self, point: str, pod: PodInfo) -> None:
        if point == self.point and pod.labels.get("app") == "unlucky":
            raise ValueError("it broke")


def run(cluster: Cluster, **options: Any) -> None:
    def setup(manager: Manager) -> None:
        manager.add(Scheduler(manager, **options))
        hollow_nodes.setup(manager)

    cluster.run(setup)
    for name in ("a", "b"):
        cluster.create(a_node(name).build())
    cluster.settle()


def with_plugin(plugin: Plugin) -> Profile:
    default = default_profile()
    return Profile(Plugins((*default.plugins, plugin)), default.weights)


def told(cluster: Cluster, name: str) -> tuple[str | None, str | None]:
    """Reason and message of the pod's condition."""
    found = find_condition(cluster.get(Pod, f"default/{name}").status.conditions, "PodScheduled")
    assert found is not None
    return found.reason, found.message


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ("pre_filter", 'running PreFilter plugin "Fragile": it broke'),
        ("filter", 'running "Fragile" filter plugin: it broke'),
        ("pre_score", 'running PreScore plugin "Fragile": it broke'),
        ("score", 'running Score plugins: plugin "Fragile" failed with: it broke'),
        ("reserve", 'running Reserve plugin "Fragile": it broke'),
    ],
)
def test_a_plugin_that_fails_is_told_and_the_loop_goes_on(cluster: Cluster, point: str, message: str) -> None:
    run(cluster, profile=with_plugin(Fragile(point)))
    cluster.create(a_pod("unlucky").labelled(app="unlucky").build())
    cluster.create(a_pod("lucky").labelled(app="lucky").build())
    cluster.advance(seconds=5)
    assert told(cluster, "unlucky") == ("SchedulerError", message)
    assert cluster.get(Pod, "default/lucky").spec.node_name in ("a", "b"), told(cluster, "lucky")
    notes = {each.note for each in cluster.list(Event) if each.regarding.name == "unlucky"}
    assert notes == {message}


def test_a_pod_whose_plugin_failed_is_tried_again_by_itself(cluster: Cluster) -> None:
    fragile = Fragile("filter")
    run(cluster, profile=with_plugin(fragile))
    cluster.create(a_pod("unlucky").labelled(app="unlucky").build())
    cluster.settle()
    fragile.point = "nowhere"
    cluster.advance(seconds=11)
    assert cluster.get(Pod, "default/unlucky").spec.node_name


def test_each_profile_places_the_pods_that_ask_for_it(cluster: Cluster) -> None:
    class Never(Plugin):
        name = "Never"

        def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
            return self.refuse("node(s) were not wanted")

    run(cluster, profiles={"default-scheduler": default_profile(), "never": with_plugin(Never())})
    for name, scheduler in (("one", ""), ("two", "never"), ("three", "nobody")):
        waiting = a_pod(name).build()
        waiting.spec.scheduler_name = scheduler or None
        cluster.create(waiting)
    cluster.settle()
    assert cluster.get(Pod, "default/one").spec.node_name
    reason, message = told(cluster, "two")
    assert reason == "Unschedulable"
    assert (message or "").startswith("0/2 nodes are available: 2 node(s) were not wanted.")
    assert not cluster.get(Pod, "default/three").status.conditions
    events = [each for each in cluster.list(Event) if each.action in ("Scheduling", "Binding")]
    told_by = {(each.regarding.name, each.reporting_controller) for each in events}
    assert told_by == {("one", "default-scheduler"), ("two", "never")}


@pytest.mark.parametrize("weights", [{"Nobody": 1}, {"NodeAffinity": 0}, {"NodeAffinity": -1}])
def test_a_weight_that_means_nothing_is_refused_at_once(weights: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(weights))):
        Profile(default_profile().plugins, weights)


def test_a_profile_has_one_order_and_somebody_who_binds() -> None:
    plugins = default_profile().plugins
    for without in ("PrioritySort", "DefaultBinder"):
        with pytest.raises(ConfigurationError, match="needs"):
            Profile(Plugins(each for each in plugins if each.name != without))
    with pytest.raises(ConfigurationError, match="twice"):
        Profile(Plugins((*plugins, plugins[0])))
