"""How the story is shown: live tables on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from reconcile.api.apps.v1 import Deployment
from reconcile.cli.demo.scene import Scene, database_status, is_ready, is_rolled_out
from reconcile.cli.demo.story import Step, Told
from reconcile.cli.demo.summary import Summary, plain
from reconcile.cli.demo.trace import pod_state
from reconcile.objects.owners import controller_of

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_REFRESH = 0.1
_LINES = 8
_DOT = {"Running, ready": "[green]●[/]", "Running": "[yellow]●[/]", "Terminating": "[red]○[/]"}


class View(Protocol):
    """Shows a story; entered before its first step, left after its last."""

    async def __aenter__(self) -> View: ...

    async def __aexit__(self, *exc: object) -> None: ...

    def watch(self, scene: Scene) -> None: ...

    def line(self, at: float, text: str) -> None: ...

    def step_begins(self, step: Step, number: int, count: int) -> None: ...

    def step_ends(self, told: Told) -> None: ...

    def finish(self, summary: Summary) -> None: ...


def view_for(terminal: bool) -> View:
    return LiveView() if terminal else PlainView(lambda text: print(text, flush=True))


class PlainView:
    """One line for every change that is worth one."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    async def __aenter__(self) -> PlainView:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    def watch(self, scene: Scene) -> None:
        return None

    def line(self, at: float, text: str) -> None:
        self._write(f"{at:7.2f}  {text}")

    def step_begins(self, step: Step, number: int, count: int) -> None:
        self._write(f"== {number}/{count} {step.text}")

    def step_ends(self, told: Told) -> None:
        self._write(f"== {told.step.name}: done in {told.seconds:.1f} s")

    def finish(self, summary: Summary) -> None:
        self._write(plain(summary))


class LiveView:
    """Tables that follow the scene ten times a second."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = console or Console(file=sys.stdout)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._scene: Scene | None = None
        self._task: asyncio.Task[None] | None = None
        self._title = "starting"
        self._lines: list[str] = []

    async def __aenter__(self) -> LiveView:
        self._live.start()
        self._task = asyncio.create_task(self._follow(), name="demo-view")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._live.stop()
        if self._scene is not None:
            self._console.print(self._picture(self._scene))

    def watch(self, scene: Scene) -> None:
        self._scene = scene

    def line(self, at: float, text: str) -> None:
        self._lines = [*self._lines[1 - _LINES :], f"{at:6.1f}  {text}"]

    def step_begins(self, step: Step, number: int, count: int) -> None:
        self._title = f"{number}/{count}  {step.text}"

    def step_ends(self, told: Told) -> None:
        self._console.print(f"[green]✔[/] {told.step.text} [dim]{told.seconds:.1f} s[/]")

    def finish(self, summary: Summary) -> None:
        from rich.table import Table

        table = Table(title="Summary", title_justify="left", show_header=False, box=None, padding=(0, 2))
        for line in plain(summary).splitlines():
            head, _, rest = line.partition(" ")
            table.add_row(f"[bold]{head}[/]", rest.strip())
        self._console.print(table)

    async def _follow(self) -> None:
        while True:
            if self._scene is not None:
                self._live.update(self._picture(self._scene), refresh=True)
            await asyncio.sleep(_REFRESH)

    def _picture(self, scene: Scene) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        lines = Text("\n".join(self._lines), style="dim", overflow="ellipsis", no_wrap=True)
        return Group(Text(self._title, style="bold"), _workloads(scene), _nodes(scene), lines)


def _workloads(scene: Scene) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2), header_style="bold")
    for heading in ("Deployment", "ReplicaSet", "Image", "Pods", "Ready"):
        table.add_column(heading, no_wrap=True)
    for deployment in scene.deployments:
        _deployment_rows(table, scene, deployment)
    for database in scene.databases:
        phase = database_status(database).get("phase", "")
        color = "green" if phase == "Ready" else "yellow"
        name = database["metadata"]["name"]
        dots = _dots(pod for pod in scene.pods if pod.metadata.name.startswith(f"{name}-"))
        table.add_row(f"Database {name}", "", "", dots, f"[{color}]{phase}[/]")
    return table


def _deployment_rows(table: object, scene: Scene, deployment: Deployment) -> None:
    from rich.table import Table

    assert isinstance(table, Table)
    first = True
    for replica_set in scene.replica_sets:
        owner = controller_of(replica_set)
        pods = [pod for pod in scene.pods if _controls(replica_set.metadata.uid, pod)]
        if owner is None or owner.uid != deployment.metadata.uid or not (pods or replica_set.spec.replicas):
            continue
        image = replica_set.spec.template.spec.containers[0].image or ""
        status = deployment.status
        color = "green" if is_rolled_out(deployment) else "yellow"
        table.add_row(
            deployment.metadata.name if first else "",
            replica_set.metadata.name.rpartition("-")[2],
            image.rpartition("/")[2],
            _dots(pods),
            f"[{color}]{status.available_replicas or 0}/{deployment.spec.replicas or 0}[/]" if first else "",
        )
        first = False


def _controls(uid: str, pod: object) -> bool:
    owner = controller_of(pod)
    return owner is not None and owner.uid == uid


def _dots(pods: object) -> str:
    return " ".join(_DOT.get(pod_state(pod), "[dim]●[/]") for pod in pods)  # type: ignore[attr-defined]


def _nodes(scene: Scene) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2), header_style="bold")
    for heading in ("Node", "Zone", "", "Pods"):
        table.add_column(heading, no_wrap=True)
    for node in scene.nodes:
        here = [pod for pod in scene.pods if pod.spec.node_name == node.metadata.name]
        table.add_row(
            node.metadata.name,
            node.metadata.labels.get("topology.kubernetes.io/zone", ""),
            "[green]Ready[/]" if is_ready(node) else "[red]NotReady[/]",
            " ".join(f"[{_color(pod_state(pod))}]{_short(pod.metadata.name)}[/]" for pod in here),
        )
    return table


def _color(state: str) -> str:
    return {"Running, ready": "green", "Running": "yellow", "Terminating": "red"}.get(state, "dim")


def _short(name: str) -> str:
    """The part of a pod's name that people tell it by."""
    parts = name.split("-")
    return f"{'-'.join(parts[:-2]) or parts[0]}-{parts[-1]}" if len(parts) > 2 else name
