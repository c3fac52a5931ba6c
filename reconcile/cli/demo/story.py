"""What happens in the demo, step by step. Knows no terminal; time comes from the running loop alone.

A step does something to the cluster and is done when the observed scene is as it should be. The loops that
bring it there are the example operators, or whoever does their work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from reconcile.api.apps.v1 import Deployment
from reconcile.api.core.v1 import Node
from reconcile.apiserver.loading import Document
from reconcile.cli.demo.scene import Scene, database_status, everything_runs, is_ready, is_rolled_out
from reconcile.cli.failures import CommandError
from reconcile.cli.manifests import apply_manifests
from reconcile.client.client import Client

FIELD_MANAGER = "reconcile-demo"
DEAD = "hollow.example.com/dead"
NEW_IMAGE = "us-docker.pkg.dev/google-samples/containers/gke/gb-frontend:v6"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a story.

    Attributes:
        name: short, for tables and for the message of a failure.
        text: what is told when it begins.
        act: does it.
        done: whether the scene is as it should be.
        timeout: seconds from the act until it must be done.
    """

    name: str
    text: str
    act: Callable[[], Awaitable[object]]
    done: Callable[[Scene], bool]
    timeout: float


@dataclass(frozen=True, slots=True)
class Told:
    """A step that is over, and the seconds that it took."""

    step: Step
    seconds: float


class Listener(Protocol):
    """Whoever shows the story."""

    def step_begins(self, step: Step, number: int, count: int) -> None: ...

    def step_ends(self, told: Told) -> None: ...


async def tell(
    scene: Scene, steps: Sequence[Step], listener: Listener, *, timeout: float | None = None
) -> list[Told]:
    """Do one step after the other.

    Args:
        timeout: seconds for all of them.

    Raises:
        CommandError: a step was not done in its time, or the whole story was not; names the step and what
            was missing.
    """
    loop = asyncio.get_running_loop()
    deadline = None if timeout is None else loop.time() + timeout
    told: list[Told] = []
    for number, step in enumerate(steps, start=1):
        listener.step_begins(step, number, len(steps))
        began = loop.time()
        until = began + step.timeout if deadline is None else min(began + step.timeout, deadline)
        try:
            async with asyncio.timeout_at(until):
                await step.act()
                await scene.until(step.done)
        except TimeoutError as error:
            whole = deadline is not None and until == deadline
            limit = (
                f"the story's {timeout:g} seconds were over" if whole else f"not done in {step.timeout:g} s"
            )
            raise CommandError(f"step {number}, {step.name}: {limit}; {missing(scene)}") from error
        except CommandError as error:
            raise CommandError(f"step {number}, {step.name}: {error}", status=error.status) from error
        told.append(Told(step, loop.time() - began))
        listener.step_ends(told[-1])
    return told


def missing(scene: Scene) -> str:
    """What keeps the scene from being complete, for the message of a failure."""
    found = [
        f"deployment {each.metadata.name} has {each.status.updated_replicas or 0} new and "
        f"{each.status.available_replicas or 0} available of {each.spec.replicas or 0} pods"
        for each in scene.deployments
        if not is_rolled_out(each)
    ]
    found += [f"node {each.metadata.name} is not ready" for each in scene.nodes if not is_ready(each)]
    for database in scene.databases:
        phase = database_status(database).get("phase", "unknown")
        if phase != "Ready":
            found.append(f"database {database['metadata']['name']} is {phase}")
    for pod in scene.pods:
        if not pod.spec.node_name:
            found.append(f"pod {pod.metadata.name} has no node")
    return "; ".join(found[:5]) or "everything runs, but the step's own condition does not hold"


class GuestbookStory:
    """The story on the embedded server: apply, roll, scale, lose a node, get it back."""

    def __init__(self, client: Client, scene: Scene, manifests: Sequence[Document], namespace: str) -> None:
        self._client = client
        self._scene = scene
        self._manifests = manifests
        self._namespace = namespace
        self._lost = ""

    @property
    def steps(self) -> list[Step]:
        count = len(self._manifests)
        return [
            Step(
                "apply",
                f"Applying {count} objects: nodes, a guestbook, a database",
                self._apply,
                self._all_applied_run,
                10.0,
            ),
            Step(
                "roll",
                f"Rolling frontend to {NEW_IMAGE.rpartition('/')[2]}",
                self._roll,
                lambda scene: self._image_is_out(scene) and everything_runs(scene),
                15.0,
            ),
            Step(
                "scale",
                "Scaling frontend from 3 to 6",
                self._scale,
                lambda scene: self._has_replicas(scene, 6) and everything_runs(scene),
                10.0,
            ),
            Step(
                "kill a node",
                "Killing a node that runs the frontend",
                self._kill,
                self._loss_is_repaired,
                20.0,
            ),
            Step(
                "repair",
                "Bringing the node back",
                self._revive,
                lambda scene: self._node_is_back(scene) and everything_runs(scene),
                15.0,
            ),
        ]

    @property
    def lost_node(self) -> str:
        """The node that was killed; empty before that."""
        return self._lost

    async def _apply(self) -> None:
        await apply_manifests(
            self._client, self._manifests, namespace=self._namespace, field_manager=FIELD_MANAGER
        )

    def _all_applied_run(self, scene: Scene) -> bool:
        counts = {
            "Deployment": len(scene.deployments),
            "Database": len(scene.databases),
            "Node": len(scene.nodes),
        }
        wanted = {kind: sum(each.kind == kind for each in self._manifests) for kind in counts}
        return counts == wanted and all(map(is_ready, scene.nodes)) and everything_runs(scene)

    async def _roll(self) -> None:
        container = {"name": "frontend", "image": NEW_IMAGE}
        await self._patch_frontend({"spec": {"template": {"spec": {"containers": [container]}}}})

    def _image_is_out(self, scene: Scene) -> bool:
        pods = [pod for pod in scene.pods if pod.metadata.labels.get("tier") == "frontend"]
        return bool(pods) and all(pod.spec.containers[0].image == NEW_IMAGE for pod in pods)

    async def _scale(self) -> None:
        await self._patch_frontend({"spec": {"replicas": 6}})

    def _has_replicas(self, scene: Scene, replicas: int) -> bool:
        frontend = scene.deployment("frontend")
        return frontend is not None and frontend.spec.replicas == replicas and is_rolled_out(frontend)

    async def _kill(self) -> None:
        crowd: dict[str, int] = {}
        for pod in self._scene.pods:
            if pod.metadata.labels.get("tier") == "frontend" and pod.spec.node_name:
                crowd[pod.spec.node_name] = crowd.get(pod.spec.node_name, 0) + 1
        if not crowd:
            raise CommandError("no frontend pod has a node")
        self._lost = min(crowd, key=lambda name: (-crowd[name], name))
        await self._annotate_node({DEAD: "true"})

    def _loss_is_repaired(self, scene: Scene) -> bool:
        """The node is seen to be lost, and everything runs elsewhere."""
        node = scene.node(self._lost)
        stay = [
            pod
            for pod in scene.pods
            if pod.spec.node_name == self._lost and not pod.metadata.deletion_timestamp
        ]
        return node is not None and not is_ready(node) and not stay and everything_runs(scene)

    async def _revive(self) -> None:
        await self._annotate_node({DEAD: None})

    def _node_is_back(self, scene: Scene) -> bool:
        """Ready again, and the pods that nobody could stop there are gone."""
        node = scene.node(self._lost)
        leaving = any(pod.metadata.deletion_timestamp for pod in scene.pods)
        return node is not None and is_ready(node) and not leaving

    async def _patch_frontend(self, patch: dict[str, object]) -> None:
        key = f"{self._namespace}/frontend"
        await self._client.patch(Deployment, key, patch, type="strategic", field_manager=FIELD_MANAGER)

    async def _annotate_node(self, annotations: dict[str, str | None]) -> None:
        patch = {"metadata": {"annotations": annotations}}
        await self._client.patch(Node, self._lost, patch, field_manager=FIELD_MANAGER)
