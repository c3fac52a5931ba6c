"""The example scheduler beside kube-scheduler: the same scripts on the same real server, the same histories.

What pods go through state by state (condition, nominated node, node, disruption), what events tell them,
and how many pods each node gets. `helpers.scheduling_histories.told` says what is not compared.
"""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from helpers import scheduling_scene
from helpers.scheduling_scene import MARKER
from helpers.scheduling_stage import SCRIPTS, play_all, recorded, stage, stage_options, version_of

from examples.operators.scheduler.framework import CycleState, Surroundings
from examples.operators.scheduler.plugins.default_binder import DefaultBinder
from examples.operators.scheduler.plugins.dynamic_resources import DynamicResources
from examples.operators.scheduler.plugins.priority_sort import PrioritySort
from examples.operators.scheduler.plugins.scheduling_gates import SchedulingGates
from examples.operators.scheduler.pods import PodInfo, reference
from reconcile.testing.control_plane import ControlPlane

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

SHARE = 20


async def _bind_to_the_marker(
    self: DefaultBinder, state: CycleState, pod: PodInfo, node: str, around: Surroundings
) -> bool:
    await around.manager.client.bind(reference(pod), MARKER)
    return True


MUTANTS: dict[str, tuple[type[Any], str, Any, str]] = {
    "gates do not count": (
        SchedulingGates,
        "pre_enqueue",
        lambda self, pod, snapshot: None,
        "a-gated-pod-takes-no-room",
    ),
    "a pod is tried before its claims are there": (
        DynamicResources,
        "pre_enqueue",
        lambda self, pod, snapshot: None,
        "a-claim-of-devices-that-is-made-late",
    ),
    "priorities do not count": (
        PrioritySort,
        "less",
        lambda self, pod, queued_at: (queued_at,),
        "room-for-one-goes-to-who-matters-most",
    ),
    "pods are bound elsewhere": (DefaultBinder, "bind", _bind_to_the_marker, "a-gate-that-is-lifted"),
}
"""Rules that clusters standing still do not show, each wrong in one way, and a script that shows it."""


@pytest.mark.timeout(600)
async def test_a_share_of_the_scripts_goes_as_kube_scheduler_played_them(needs_control_plane: None) -> None:
    histories = recorded()
    share = Random(9).sample(SCRIPTS, SHARE)
    wrong: dict[str, list[str]] = {}
    async with ControlPlane(stage_options(kube_scheduler=False)) as plane:
        assert version_of(plane) == histories["version"]
        async with stage(plane, kube_scheduler=False) as here:
            for script in share:
                if found := await here.compare(script, histories["scripts"][script.name]):
                    wrong[script.name] = found
    assert not wrong, "\n".join(f"{name}\n  " + "\n  ".join(found) for name, found in wrong.items())


@pytest.mark.timeout(600)
async def test_a_rule_that_is_wrong_is_noticed(
    needs_control_plane: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = recorded()["scripts"]
    scripts = {script.name: script for script in SCRIPTS}
    async with (
        ControlPlane(stage_options(kube_scheduler=False)) as plane,
        stage(plane, kube_scheduler=False) as here,
    ):
        for mutant, (plugin, name, replacement, script) in MUTANTS.items():
            with monkeypatch.context() as patched:
                patched.setattr(plugin, name, replacement)
                # One of them leaves a pod without a node for good.
                patched.setattr(scheduling_scene, "PATIENCE", 20.0)
                assert await here.compare(scripts[script], histories[script], plays=1), mutant


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_all_scripts_go_as_beside_kube_scheduler(needs_control_plane: None) -> None:
    # Twice: what kube-scheduler itself does now one way and now another may be done either way.
    expected: list[dict[str, dict[str, Any]]] = []
    for _ in range(2):
        async with ControlPlane(stage_options(kube_scheduler=True)) as plane:
            expected.append(await play_all(plane, SCRIPTS, kube_scheduler=True))
    wrong: dict[str, list[str]] = {}
    async with (
        ControlPlane(stage_options(kube_scheduler=False)) as plane,
        stage(plane, kube_scheduler=False) as here,
    ):
        for script in SCRIPTS:
            if found := await here.compare(script, *(each[script.name] for each in expected)):
                wrong[script.name] = found
    for theme, count in Counter(script.theme for script in SCRIPTS).items():
        print(f"{count:3} scripts about {theme}")
    print(f"{len(SCRIPTS)} scripts beside kube-scheduler, {len(wrong)} went otherwise")
    assert not wrong, "\n".join(f"{name}\n  " + "\n  ".join(found) for name, found in wrong.items())


def test_the_recorded_histories_are_of_these_scripts() -> None:
    assert {script.name for script in SCRIPTS} == set(recorded()["scripts"])
