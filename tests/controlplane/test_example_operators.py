"""The example operators in the place of the real ones, on a real kube-apiserver.

The real controller-manager runs with everything but its deployment and replicaset controllers; there is no
scheduler and no kubelet but ours.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
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

pytestmark = [pytest.mark.controlplane, pytest.mark.timeout(600)]


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
        await tell(scene, [apply, roll, scale], PlainView(lines.append), timeout=180)

        def kubectl(*words: str) -> str:
            return plane.kubectl(*words)

        in_thread = asyncio.to_thread
        status = await in_thread(kubectl, "rollout", "status", "deployment/frontend", "--timeout=120s")
        assert "successfully rolled out" in status
        await in_thread(kubectl, "rollout", "undo", "deployment/frontend")
        await in_thread(kubectl, "rollout", "status", "deployment/frontend", "--timeout=120s")
        await scene.until(lambda scene: all(map(is_rolled_out, scene.deployments)))
        await until(lambda: revisions(kubectl("rollout", "history", "deployment/frontend")), ["2", "3"])
        await until(lambda: revision_of(get(plane, "deployment", "frontend")), "3")
        await until(lambda: images_of(get(plane, "pods", "-l", "tier=frontend")), {"v5"})
        await until(lambda: get(plane, "database", "orders")["status"]["phase"], "Ready")


async def until(ask: Callable[[], object], expected: object) -> None:
    """Ask, in a thread, until the answer is the expected one; for a minute at most."""
    found: object = None
    try:
        async with asyncio.timeout(60):
            while (found := await asyncio.to_thread(ask)) != expected:
                await asyncio.sleep(0.1)
    except TimeoutError:
        assert found == expected


def revisions(history: str) -> list[str]:
    return [line.split()[0] for line in history.splitlines() if line[:1].isdigit()]


def revision_of(deployment: dict[str, Any]) -> str:
    return deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"]


def images_of(pods: dict[str, Any]) -> set[str]:
    """The versions that pods run, also those that are going."""
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods["items"]}


@pytest.mark.real_time
async def test_the_safe_part_of_the_story_leaves_nothing_behind(
    plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    context = await asyncio.to_thread(plane.kubectl, "config", "current-context")
    lines: list[str] = []
    await tell_on_cluster(context.strip(), timeout=120, view=PlainView(lines.append))
    assert any("delete: done" in line for line in lines)
    found = await asyncio.to_thread(get, plane, "namespaces")
    left = [
        item["metadata"]["name"]
        for item in found["items"]
        if item["metadata"]["name"].startswith("reconcile-demo-") and item["status"]["phase"] == "Active"
    ]
    assert left == []
