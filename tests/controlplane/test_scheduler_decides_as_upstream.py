"""The example scheduler decides as kube-scheduler's own plugins do: cluster by cluster, node by node.

For clusters made by dice, both say of every node whether it can take the pod, why not (in the same words) and
whether anything could change that; how many points each plugin gives each node; and where preemption would
help, whom it would hurt. The table that is printed says what decided.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from helpers.go_tools import TOOLS, built
from helpers.scheduling_oracle import Verdict, ask_oracle, ask_ours
from helpers.scheduling_worlds import World, make_world

from examples.operators.scheduler import (
    device_allocator,
    device_constraints,
    device_pools,
    device_results,
    devices,
    extended_resources,
    migration,
    volume_matching,
)
from examples.operators.scheduler.default_plugins import GATES, PLUGINS
from examples.operators.scheduler.device_allocator import InUse
from examples.operators.scheduler.device_requests import Selectors, Wanted
from examples.operators.scheduler.framework import MAX_SCORE, Plugin
from examples.operators.scheduler.nodes import NodeInfo
from examples.operators.scheduler.plugins import (
    balanced_allocation,
    default_preemption,
    dynamic_resources,
    image_locality,
    inter_pod_affinity,
    node_affinity,
    node_declared_features,
    node_ports,
    node_volume_limits,
    resources_fit,
    topology_spread,
    volume_binding,
    volume_restrictions,
    volume_zone,
)
from examples.operators.scheduler.plugins.balanced_allocation import BalancedAllocation
from examples.operators.scheduler.plugins.default_preemption import Candidate
from examples.operators.scheduler.plugins.image_locality import ImageLocality
from examples.operators.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from examples.operators.scheduler.plugins.node_affinity import NodeAffinity
from examples.operators.scheduler.plugins.node_name import NodeName
from examples.operators.scheduler.plugins.node_unschedulable import NodeUnschedulable
from examples.operators.scheduler.plugins.resources_fit import NodeResourcesFit
from examples.operators.scheduler.plugins.taint_toleration import TaintToleration
from examples.operators.scheduler.plugins.topology_spread import Constraint, PodTopologySpread
from examples.operators.scheduler.plugins.volume_zone import VolumeZone
from examples.operators.scheduler.pods import PodInfo
from examples.operators.scheduler.profile import default_profile
from examples.operators.scheduler.volumes import size_of as volume_size
from reconcile import Amount


@pytest.fixture(scope="module")
def oracle() -> Path:
    return built(TOOLS / "controlplane", "scheduleroracle")


def test_the_profile_is_upstreams_default(oracle: Path) -> None:
    """The table is what kube-scheduler's code says; each row has its plugin here, with its weight."""
    answer = json.loads(subprocess.run([oracle, "profile"], capture_output=True, check=True).stdout)
    assert tuple((each["name"], each.get("weight", 0)) for each in answer["plugins"]) == PLUGINS
    assert answer["gates"] == GATES
    ours = default_profile()
    assert [plugin.name for plugin in ours.plugins] == [name for name, _ in PLUGINS]
    assert {plugin.name: ours.weight(plugin) for plugin in ours.plugins} == {
        name: weight or 1 for name, weight in PLUGINS
    }


def test_decisions_are_the_same(oracle: Path) -> None:
    check(oracle, range(200))


def test_decisions_about_volumes_are_the_same(oracle: Path) -> None:
    check(oracle, range(200_000, 200_200), theme="volumes")


def test_decisions_about_claims_are_the_same(oracle: Path) -> None:
    check(oracle, range(300_000, 300_150), theme="claims")


def test_preemptions_are_the_same(oracle: Path) -> None:
    check(oracle, range(100_000, 100_150), theme="priority")


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_many_decisions_are_the_same(oracle: Path) -> None:
    counted = check(oracle, range(1_000_000, 1_005_000))
    decided = sum(counted.values()) - counted["scores alone"] - counted["one node left"]
    assert decided >= 0.3 * sum(counted.values()), counted


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_many_decisions_about_volumes_are_the_same(oracle: Path) -> None:
    counted = check(oracle, range(3_000_000, 3_005_000), theme="volumes")
    assert sum(count for what, count in counted.items() if "Volume" in what) >= 1000, counted


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_many_decisions_about_claims_are_the_same(oracle: Path) -> None:
    counted = check(oracle, range(4_000_000, 4_002_000), theme="claims")
    assert sum(count for what, count in counted.items() if "DynamicResources" in what) >= 500, counted


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_many_preemptions_are_the_same(oracle: Path) -> None:
    counted = check(oracle, range(2_000_000, 2_003_000), theme="priority")
    assert counted["preemption"] >= 300, counted


def _count_all(constraint: Constraint, pod: PodInfo, node: NodeInfo) -> int:
    return sum(constraint.selector.matches(other.labels) for other in node.pods.values())


def _add_any(found: dict[Any, list[Any]], each: Any) -> None:
    found.setdefault((each.spec.driver, each.spec.pool.name), []).append(each)


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "cordoned nodes are taken": (NodeUnschedulable, "filter", Plugin.filter),
    "the node that a pod names is not asked for": (NodeName, "filter", Plugin.filter),
    "taints keep nobody away": (TaintToleration, "filter", Plugin.filter),
    "soft taints attract": (TaintToleration, "normalize", lambda self, state, scores, nodes: scores),
    "node affinity is not required": (node_affinity, "matches_required", lambda pod, node: True),
    "node affinity names no nodes": (NodeAffinity, "pre_filter", Plugin.pre_filter),
    "a preferred node earns one point": (NodeAffinity, "score", lambda self, state, pod, node: 1),
    "host ports never collide": (node_ports, "conflicts", lambda wanted, taken: False),
    "a full node has room": (NodeResourcesFit, "filter", Plugin.filter),
    "fullest first": (
        resources_fit,
        "_least_requested",
        lambda requested, total: requested * MAX_SCORE // total,
    ),
    "imbalance does not count": (balanced_allocation, "_balance", lambda shares: 0),
    "balance is always scored": (BalancedAllocation, "pre_score", Plugin.pre_score),
    "small images count": (image_locality, "_LEAST", 0),
    "images are not weighed": (ImageLocality, "score", lambda self, state, pod, node: 50),
    "minDomains is nothing": (
        Constraint,
        "smallest",
        property(lambda self: min(self.counts.values(), default=0)),
    ),
    "every node is counted": (Constraint, "includes", lambda self, pod, node: True),
    "going pods are counted": (topology_spread, "_matching", _count_all),
    "spread is not evened out": (topology_spread.math, "log", lambda value: 1.0),
    "nobody is spread by default": (topology_spread, "_default_constraints", lambda pod, snapshot: []),
    "spread scores as it counts": (PodTopologySpread, "normalize", Plugin.normalize),
    "the first of its kind waits": (inter_pod_affinity._Counts, "first_of_its_kind", False),
    "the unwilling are not asked": (inter_pod_affinity, "_wanted", lambda pod: iter(())),
    "affinity is not brought to 100": (InterPodAffinity, "normalize", Plugin.normalize),
    "budgets are broken": (default_preemption, "by_budget", lambda pods, budgets: ([], list(pods))),
    "the least important come back first": (
        default_preemption,
        "_importance",
        lambda pod: (pod.priority, -pod.started),
    ),
    "the node does not matter": (Candidate, "cost", property(lambda self: (self.node,))),
    "a claim of one pod is for all": (volume_restrictions, "_alone", lambda pod, volumes: frozenset()),
    "disks never collide": (volume_restrictions, "_conflict", lambda one, two: False),
    "volumes of pods are not counted": (node_volume_limits, "_present", lambda *_: {}),
    "attached volumes are not counted": (node_volume_limits, "_attachments", lambda *_: {}),
    "volumes to come are not counted": (node_volume_limits, "_to_be_made", lambda *_: None),
    "volumes of old drivers are not counted": (node_volume_limits, "migration_of", lambda source: None),
    "every node reaches a bound volume": (volume_binding, "reachable", lambda affinity, labels: True),
    "every node reaches a free volume": (volume_matching, "reachable", lambda affinity, labels: True),
    "any volume is large enough": (volume_matching, "size_of", lambda claim: Amount(0)),
    "kept volumes are not known": (volume_matching, "belongs_to", lambda volume, claim: False),
    "volumes come without a capacity": (volume_binding, "enough_capacity", lambda *_: True),
    "volumes can be made anywhere": (volume_binding, "_cannot_be_made", lambda *_: ""),
    "the largest claim chooses first": (volume_binding, "size_of", lambda claim: -volume_size(claim).nanos),
    "assumed is as it was": (volume_binding, "_assume", lambda storage, binding, node: binding),
    "nobody says who bound": (volume_matching, "BOUND_BY_CONTROLLER", "example.com/bound"),
    "old zones are not translated": (migration, "_translated", lambda volume, key: volume.spec.node_affinity),
    "old zone labels mean nothing": (volume_zone, "_BETA", {}),
    "volumes have no zone": (VolumeZone, "filter", Plugin.filter),
    "devices have no selectors": (Selectors, "match", lambda *_: True),
    "devices are never worn": (Wanted, "tolerates", lambda self, device: True),
    "devices are for every node": (device_pools, "reaches", lambda *_: True),
    "old slices count": (device_pools, "_add", _add_any),
    "half a pool will do": (device_pools.Pool, "usable", True),
    "devices need not be alike": (device_constraints.Constraint, "add", lambda *_: True),
    "capacity is endless": (device_allocator, "fits", lambda *_: True),
    "counters are endless": (device_allocator._Search, "_count", lambda *_: True),
    "devices in use are free": (devices.Devices, "in_use", lambda self: InUse()),
    "devices that wait come first": (device_pools, "_has_to_wait", lambda pool: False),
    "the last alternative is the best": (dynamic_resources, "subrequest_points", lambda *_: 1),
    "a class is configured for one request": (device_results, "_config", lambda claim, picked: []),
    "devices are used everywhere": (device_results, "_node_selector", lambda *_: None),
    "what a claim has is always near": (dynamic_resources, "_available", lambda *_: True),
    "resources are never devices": (extended_resources, "are_devices", lambda *_: False),
    "resources by name ask for nothing": (extended_resources, "_add_requests", lambda *_: None),
    "kubelets know everything": (node_declared_features, "_needed", lambda spec: iter(())),
}


THEME_OF = {
    "device": "claims",
    "dynamic_resources": "claims",
    "extended_resources": "claims",
    "spread": "spread",
    "volume": "volumes",
    "migration": "volumes",
    "preemption": "priority",
}
"""Where a wrong rule shows soonest, by a part of the name of the file that has it."""


@pytest.fixture(scope="module")
def judged(oracle: Path) -> list[tuple[World, Verdict]]:
    worlds = [make_world(Random(seed)) for seed in range(400)]
    for theme, count in {
        "priority": 300,
        "spread": 500,
        "volumes": 400,
        "claims": 300,
        "features": 40,
    }.items():
        worlds += [make_world(Random(seed), theme) for seed in range(500, 500 + count)]
    return list(zip(worlds, ask_oracle(oracle, worlds), strict=True))


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_rule_that_is_wrong_is_noticed(
    judged: list[tuple[World, Verdict]], monkeypatch: pytest.MonkeyPatch, mutant: str
) -> None:
    owner, name, replacement = MUTANTS[mutant]
    monkeypatch.setattr(owner, name, replacement)
    place = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    theme = next((theme for part, theme in THEME_OF.items() if part in place), "mixed")
    likely_first = sorted(judged, key=lambda pair: pair[0].theme != theme)
    assert any(_differs(world, theirs) for world, theirs in likely_first)


def _differs(world: World, theirs: Verdict) -> bool:
    try:
        return ask_ours(world) != theirs
    except Exception:
        return True


def check(oracle: Path, seeds: range, theme: str | None = None) -> Counter[str]:
    """Compare the worlds of these seeds; returns what decided them."""
    worlds = [make_world(Random(seed), theme) for seed in seeds]
    counted: Counter[str] = Counter()
    for seed, world, theirs in zip(seeds, worlds, ask_oracle(oracle, worlds), strict=True):
        ours = ask_ours(world)
        if ours != theirs and len(ours.writes) == len(theirs.writes) == 1:
            # Of several claims with devices out of reach kube-scheduler frees one by chance.
            ours = ask_ours(world, freed=str(theirs.writes[0].get("name", "")))
        assert ours == theirs, f"seed {seed} ({world.theme})"
        counted[_decided_by(theirs)] += 1
    for what, count in counted.most_common():
        print(f"{count:6} decided by {what}")
    return counted


def _decided_by(verdict: Verdict) -> str:
    if verdict.nominated:
        return "preemption"
    if verdict.error:
        return "an error"
    if not verdict.scores:
        return f"refusals, most by {_most(plugin for plugin, _, _ in verdict.rejected.values())}"
    if len(verdict.scores) == 1:
        return "one node left"
    best = max(sum(scores.values()) for scores in verdict.scores.values())
    others = {plugin for scores in verdict.scores.values() for plugin in scores} - {
        "NodeResourcesFit",
        "NodeResourcesBalancedAllocation",
    }
    tops = [node for node, scores in verdict.scores.items() if sum(scores.values()) == best]
    for plugin in sorted(others):
        without = {
            node: sum(scores.values()) - scores.get(plugin, 0) for node, scores in verdict.scores.items()
        }
        if [node for node in without if without[node] == max(without.values())] != tops:
            return f"the score of {plugin}"
    return "scores alone"


def _most(plugins: object) -> str:
    return Counter(plugins).most_common(1)[0][0]  # type: ignore[call-overload]
