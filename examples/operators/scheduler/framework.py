"""What a plugin is. A plugin is one rule; the cycle asks the rules in this order:

    pre_filter   once for the pod: prepare, or say that no node can do
    filter       for each node: can it take the pod?
    pre_score    once for the pod: prepare, or say that there is nothing to score
    score        for each node that passed: how good is it?
    normalize    once: bring the scores to 0..100
    reserve      the node is chosen
    unreserve    the binding failed
    bind         write the decision

A plugin defines the points it needs. What it prepares for one pod it keeps in the cycle's `state`, under
its own name: a plugin object itself has no memory between pods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .nodes import NodeInfo
from .pods import PodInfo
from .snapshot import Snapshot

MAX_SCORE = 100

CycleState = dict[str, Any]


class Plugin:
    """Base of all plugins; every point does nothing."""

    name: str = ""

    def less(self, pod: PodInfo, queued_at: float, /) -> tuple[Any, ...] | None:
        """queueSort: a sort key for waiting pods, smallest first; None from all but one plugin."""
        return None

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /) -> str | None:
        """A reason why no node at all can take the pod, or None."""
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Sequence[str]:
        """The reasons why this node cannot take the pod; none when it can."""
        return ()

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, /
    ) -> bool:
        """Prepare to score; False when this plugin has no preference for this pod."""
        return True

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        return 0

    def normalize(self, state: CycleState, scores: list[int], nodes: Sequence[NodeInfo], /) -> list[int]:
        """The scores of all nodes, each 0 to 100."""
        return scores

    def reserve(self, state: CycleState, pod: PodInfo, node: str, /) -> None: ...

    def unreserve(self, state: CycleState, pod: PodInfo, node: str, /) -> None: ...


def has(plugin: Plugin, point: str) -> bool:
    """Whether the plugin defines an extension point, so that others are not called for nothing."""
    return getattr(type(plugin), point) is not getattr(Plugin, point)


def normalized(scores: Sequence[int], *, reverse: bool = False) -> list[int]:
    """Scores in proportion to the largest, which becomes 100; with `reverse`, 0 becomes 100."""
    largest = max(scores, default=0)
    if largest == 0:
        return [MAX_SCORE if reverse else 0 for _ in scores]
    scaled = [MAX_SCORE * score // largest for score in scores]
    return [MAX_SCORE - score for score in scaled] if reverse else scaled
