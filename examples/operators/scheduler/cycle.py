"""One pod's decision: filter, score, choose. Pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .framework import CycleState, has
from .nodes import NodeInfo
from .pods import PodInfo
from .profile import Profile
from .snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one pod.

    Attributes:
        node: the chosen node; empty when there is none.
        message: why there is none, in kube-scheduler's words.
        rejected_by: names of the plugins that said no, so that the queue knows what could help.
        scores: the total of each node that passed, when more than one did.
    """

    node: str = ""
    message: str = ""
    rejected_by: frozenset[str] = frozenset()
    scores: dict[str, int] = field(default_factory=dict)
    state: CycleState = field(default_factory=dict, repr=False)


def decide(profile: Profile, snapshot: Snapshot, pod: PodInfo, dice: random.Random) -> Decision:
    """Choose a node; of several equally good ones, one at random."""
    nodes = snapshot.nodes
    if not nodes:
        return Decision(message="no nodes available to schedule pods")
    state: CycleState = {}
    for plugin in profile.plugins:
        if has(plugin, "pre_filter"):
            reason = plugin.pre_filter(state, pod, snapshot)
            if reason is not None:
                text = f"0/{len(nodes)} nodes are available: {reason}."
                return Decision(message=text, rejected_by=frozenset([plugin.name]))
    feasible, reasons, rejected_by = _filter(profile, state, pod, nodes)
    if not feasible:
        return Decision(message=fit_error(len(nodes), reasons), rejected_by=frozenset(rejected_by))
    if len(feasible) == 1:
        return Decision(node=feasible[0].name, state=state)
    scores = _score(profile, state, pod, feasible, snapshot)
    best = max(scores.values())
    chosen = dice.choice([name for name, score in scores.items() if score == best])
    return Decision(node=chosen, scores=scores, state=state)


def _filter(
    profile: Profile, state: CycleState, pod: PodInfo, nodes: Iterable[NodeInfo]
) -> tuple[list[NodeInfo], list[str], set[str]]:
    """The nodes that can take the pod; for the others, the reasons of the first plugin that said no."""
    plugins = [plugin for plugin in profile.plugins if has(plugin, "filter")]
    feasible: list[NodeInfo] = []
    reasons: list[str] = []
    rejected_by: set[str] = set()
    for node in nodes:
        for plugin in plugins:
            found = plugin.filter(state, pod, node)
            if found:
                reasons.extend(found)
                rejected_by.add(plugin.name)
                break
        else:
            feasible.append(node)
    return feasible, reasons, rejected_by


def _score(
    profile: Profile, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot
) -> dict[str, int]:
    totals = dict.fromkeys((node.name for node in nodes), 0)
    for plugin in profile.plugins:
        if not has(plugin, "score") or not plugin.pre_score(state, pod, nodes, snapshot):
            continue
        scores = plugin.normalize(state, [plugin.score(state, pod, node) for node in nodes], nodes)
        weight = profile.weight(plugin)
        for node, score in zip(nodes, scores, strict=True):
            totals[node.name] += weight * score
    return totals


def fit_error(nodes: int, reasons: Iterable[str]) -> str:
    """
    >>> fit_error(3, ["Insufficient cpu", "node(s) were unschedulable", "Insufficient cpu"])
    '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.'
    """
    counted = sorted(f"{count} {reason}" for reason, count in Counter(reasons).items())
    return f"0/{nodes} nodes are available: {', '.join(counted)}."
