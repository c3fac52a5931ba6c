"""The example operators in the place of the real ones, on a real kube-apiserver.

The real controller-manager runs with everything but its deployment and replicaset controllers; there is no
scheduler and no kubelet but ours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from reconcile.cli.demo.command import NAMESPACE, demo_manifests
from reconcile.cli.demo.on_cluster import tell_on_cluster
from reconcile.cli.demo.scene import Scene, is_rolled_out
from reconcile.cli.demo.story import GuestbookStory, tell
from reconcile.cli.demo.view import PlainView
from reconcile.cli.locate import example_operators
from reconcile.client.client import Client
from reconcile.crd import install_crds
from reconcile.manager import Manager, ManagerOptions
from reconcile.runtime import SystemRuntime
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

pytestmark = [pytest.mark.controlplane, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def plane(needs_control_plane: None) -> Iterator[ControlPlane]:
    controllers = ("*", "-deployment-controller", "-replicaset-controller")
    with ControlPlane(ControlPlaneOptions(controllers=controllers)) as plane:
        yield plane


def operators(client: Client) -> Manager:
    import importlib

    manager = Manager(client, crd_installer=install_crds, options=ManagerOptions(log_level="error"))
    package = example_operators().__name__
    for name in ("database", "deployment", "replicaset", "scheduler"):
        importlib.import_module(f"{package}.{name}").setup(manager)
    importlib.import_module(f"{package}.hollow_nodes").setup(manager, lifecycle=False)
    return manager


def get(plane: ControlPlane, *what: str) -> Any:
    return json.loads(plane.kubectl("get", *what, "-o", "json"))


@pytest.mark.real_time
async def test_a_guestbook_lives_on_our_controllers_and_kubectl_cannot_tell(plane: ControlPlane) -> None:
    lines: list[str] = []
    async with (
        Client.from_kubeconfig(plane.kubeconfig) as client,
        operators(client),
        Scene(client, SystemRuntime()) as scene,
    ):
        story = GuestbookStory(client, scene, demo_manifests(), NAMESPACE)
        apply, roll, scale, *_ = story.steps
        await tell(scene, [apply, roll, scale], PlainView(lines.append), timeout=90)

        def kubectl(*words: str) -> str:
            return plane.kubectl(*words)

        in_thread = asyncio.to_thread
        status = await in_thread(kubectl, "rollout", "status", "deployment/frontend", "--timeout=30s")
        assert "successfully rolled out" in status
        await in_thread(kubectl, "rollout", "undo", "deployment/frontend")
        await in_thread(kubectl, "rollout", "status", "deployment/frontend", "--timeout=60s")
        await scene.until(lambda scene: all(map(is_rolled_out, scene.deployments)))
        history = await in_thread(kubectl, "rollout", "history", "deployment/frontend")
        assert [line.split()[0] for line in history.splitlines() if line[:1].isdigit()] == ["2", "3"]
        frontend = (await in_thread(get, plane, "deployment", "frontend"))["metadata"]
        assert frontend["annotations"]["deployment.kubernetes.io/revision"] == "3"
        pods = (await in_thread(get, plane, "pods", "-l", "tier=frontend"))["items"]
        assert {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods} == {"v5"}
        database = await in_thread(get, plane, "database", "orders")
        assert database["status"]["phase"] == "Ready"


@pytest.mark.real_time
async def test_the_safe_part_of_the_story_leaves_nothing_behind(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    context = await asyncio.to_thread(plane.kubectl, "config", "current-context")
    lines: list[str] = []
    await tell_on_cluster(context.strip(), timeout=60, view=PlainView(lines.append))
    assert any("delete: done" in line for line in lines)
    found = await asyncio.to_thread(get, plane, "namespaces")
    left = [
        item["metadata"]["name"]
        for item in found["items"]
        if item["metadata"]["name"].startswith("reconcile-demo-") and item["status"]["phase"] == "Active"
    ]
    assert left == []
