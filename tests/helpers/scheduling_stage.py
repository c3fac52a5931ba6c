"""A real control plane on which scripts are played before kube-scheduler or the example, with hollow nodes.

`python -m helpers.scheduling_stage [THEME…]` (in `tests/`) records what kube-scheduler does in each script,
or in those about some themes; a test plays a share of them before the example alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from helpers.example_objects import ROOT
from helpers.scheduling_histories import Written, differences, record
from helpers.scheduling_scene import prepare
from helpers.scheduling_scripts_devices import DEVICES
from helpers.scheduling_scripts_nodes import NODES
from helpers.scheduling_scripts_pods import PODS
from helpers.scheduling_scripts_troubles import TROUBLES
from helpers.scheduling_scripts_volumes import VOLUMES

from examples.operators import scheduler
from examples.operators.hollow_nodes import Kubelet, Timings
from reconcile import Client, Manager, ManagerOptions
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

SCRIPTS: tuple[Written, ...] = (*NODES, *PODS, *TROUBLES, *VOLUMES, *DEVICES)
RECORDED = ROOT / "tests" / "controlplane" / "recorded" / "kube_scheduler_histories.json"

CONTROLLERS = (
    "serviceaccount-controller",
    "resourcequota-controller",
    "disruption-controller",
    "persistentvolume-binder-controller",
    "ephemeral-volume-controller",
    "resourceclaim-controller",
)

_PLAYS = 3


def stage_options(*, kube_scheduler: bool) -> ControlPlaneOptions:
    """Nodes are ready when they are made: nobody taints them until a controller has looked."""
    return ControlPlaneOptions(
        apiserver_flags=("--disable-admission-plugins=TaintNodesByCondition",),
        controllers=CONTROLLERS,
        controller_manager_flags=("--pvclaimbinder-sync-period=1s",),
        scheduler=kube_scheduler,
    )


class Stage:
    """One control plane, with the scheduler that plays on it.

    Attributes:
        seconds: that all scripts took.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seconds = 0.0
        self._played = 0

    async def play(self, script: Written) -> dict[str, Any]:
        self._played += 1
        began = time.perf_counter()
        history = await record(self.client, script, f"script-{self._played}")
        self.seconds += time.perf_counter() - began
        return history

    async def compare(self, script: Written, *expected: dict[str, Any], plays: int = _PLAYS) -> list[str]:
        """Where this scheduler differs from what is expected; of several histories, from each of them.

        Who differs plays again, `plays` times in all: kinds are watched one by one, and in which order their
        events are seen is nobody's to say.
        """
        found: list[str] = []
        for _ in range(plays):
            found = await self._differences(script, expected)
            if not found:
                break
        return found

    async def _differences(self, script: Written, expected: tuple[dict[str, Any], ...]) -> list[str]:
        try:
            history = await self.play(script)
        except AssertionError as error:
            return [str(error)]
        return min((differences(each, history) for each in expected), key=len)


@asynccontextmanager
async def stage(plane: ControlPlane, *, kube_scheduler: bool) -> AsyncIterator[Stage]:
    async with (
        Client.from_kubeconfig(plane.kubeconfig) as client,
        Client.from_kubeconfig(plane.kubeconfig) as other,
    ):
        manager = Manager(other, options=ManagerOptions(log_level="error"))
        manager.add(Kubelet(Timings()))
        if not kube_scheduler:
            scheduler.setup(manager)
        async with manager:
            await prepare(client)
            yield Stage(client)


def version_of(plane: ControlPlane) -> str:
    return json.loads(plane.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]


async def play_all(
    plane: ControlPlane, scripts: Iterable[Written], *, kube_scheduler: bool
) -> dict[str, dict[str, Any]]:
    """The history of each script. A script in which nothing comes of it plays once more: see `compare`."""
    histories: dict[str, dict[str, Any]] = {}
    async with stage(plane, kube_scheduler=kube_scheduler) as here:
        for script in scripts:
            try:
                histories[script.name] = await here.play(script)
            except AssertionError:
                histories[script.name] = await here.play(script)
    return histories


def recorded() -> dict[str, Any]:
    """What kube-scheduler did: its version, and a history of each script."""
    return json.loads(RECORDED.read_text())


def _write(themes: list[str]) -> None:
    scripts = [script for script in SCRIPTS if not themes or script.theme in themes]
    with ControlPlane(stage_options(kube_scheduler=True)) as plane:
        histories = asyncio.run(play_all(plane, scripts, kube_scheduler=True))
        version = version_of(plane)
    if themes:
        histories = {**recorded()["scripts"], **histories}
    RECORDED.parent.mkdir(exist_ok=True)
    RECORDED.write_text(
        json.dumps({"version": version, "scripts": histories}, indent=1, sort_keys=True) + "\n"
    )


if __name__ == "__main__":
    _write(sys.argv[1:])
