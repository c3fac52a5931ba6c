"""The end of the story: what there is, what it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.cli.demo.scene import Scene
from reconcile.cli.demo.story import Told
from reconcile.controllers.stats import ControllerStats
from reconcile.manager import Manager


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of one story.

    Attributes:
        objects: how many of each kind there are at the end.
        reconciles: how many each controller did.
        steps: name and seconds of each step.
        seconds: the whole story.
    """

    objects: tuple[tuple[str, int], ...]
    reconciles: tuple[tuple[str, int], ...]
    steps: tuple[tuple[str, float], ...]

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.steps)


def summary_of(scene: Scene, manager: Manager, told: Sequence[Told]) -> Summary:
    objects = (
        ("nodes", len(scene.nodes)),
        ("deployments", len(scene.deployments)),
        ("replica sets", len(scene.replica_sets)),
        ("pods", len(scene.pods)),
        ("databases", len(scene.databases)),
    )
    reconciles = tuple((each.name, _reconciles(each.stats)) for each in manager.controllers)
    return Summary(objects, reconciles, tuple((each.step.name, each.seconds) for each in told))


def _reconciles(stats: ControllerStats) -> int:
    return stats.success + stats.requeue_after + stats.errors


def plain(summary: Summary) -> str:
    """The summary as plain lines."""
    objects = ", ".join(f"{count} {name}" for name, count in summary.objects if count)
    busy = sum(count for _, count in summary.reconciles)
    each = ", ".join(f"{name} {count}" for name, count in summary.reconciles)
    lines = [f"objects     {objects}", f"reconciles  {busy} ({each})"]
    lines += [f"converged   {name}: {seconds:.1f} s" for name, seconds in summary.steps]
    lines.append(f"story       {summary.seconds:.1f} s")
    return "\n".join(lines)
