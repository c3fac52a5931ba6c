"""One pod's decision: filter, score, choose; with nothing to choose from, look for a remedy. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from .filtering import NOTHING, fit_error, try_node
from .framework import SKIP, Attempt, CycleState, Refusal, Remedy, has
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
        remedy: what would help a pod that fits nowhere; None for a pod that has a node.
    """

    node: str = ""
    message: str = ""
    rejected_by: frozenset[str] = frozenset()
    scores: dict[str, int] = field(default_factory=dict)
    state: CycleState = field(default_factory=CycleState, repr=False)
    remedy: Remedy | None = None


@dataclass(slots=True)
class Filtered:
    """What filters say of the nodes: those that can take the pod, and why the others cannot.

    Attributes:
        elsewhere: the refusal of every node that is not in `refusals`.
        everywhere: whether `pre_filter` refused all nodes; its reason then stands for itself.
    """

    feasible: list[NodeInfo] = field(default_factory=list[NodeInfo])
    refusals: dict[str, Refusal] = field(default_factory=dict[str, Refusal])
    elsewhere: Refusal = NOTHING
    everywhere: bool = False


def decide(profile: Profile, snapshot: Snapshot, pod: PodInfo, dice: random.Random) -> Decision:
    """Choose a node; of several equally good ones, one at random."""
    nodes = snapshot.nodes
    if not nodes:
        return Decision(message="no nodes available to schedule pods")
    state = CycleState()
    found = find_feasible(profile, snapshot, pod, state)
    if not found.feasible:
        return _refused(profile, snapshot, pod, state, found, len(nodes))
    if len(found.feasible) == 1:
        return Decision(node=found.feasible[0].name, state=state)
    by_plugin = score_nodes(profile, snapshot, pod, state, found.feasible)
    totals = {node: sum(scores.values()) for node, scores in by_plugin.items()}
    best = max(totals.values())
    chosen = dice.choice([name for name, score in totals.items() if score == best])
    return Decision(node=chosen, scores=totals, state=state)


def find_feasible(profile: Profile, snapshot: Snapshot, pod: PodInfo, state: CycleState) -> Filtered:
    """Ask every filter for every node; where room was made for the pod, that node alone if it will do."""
    found = Filtered()
    nodes: Sequence[NodeInfo] = snapshot.nodes
    wanted: frozenset[str] | None = None
    narrowed_by: list[str] = []
    for plugin in profile.plugins:
        if not has(plugin, "pre_filter"):
            continue
        answer = plugin.pre_filter(state, pod, snapshot)
        if isinstance(answer, Refusal):
            return Filtered(elsewhere=answer, everywhere=True)
        if answer == SKIP:
            state.skipped.add(plugin.name)
        elif answer is not None:
            wanted = answer if wanted is None else wanted & answer
            narrowed_by.append(plugin.name)
            if not wanted:
                reason = f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(narrowed_by))}] simultaneously"
                return Filtered(elsewhere=Refusal((reason,), final=True), everywhere=True)
    if wanted is not None:
        nodes = [node for node in nodes if node.name in wanted]
        reason = f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(narrowed_by))}]"
        found.elsewhere = Refusal((reason,), final=True, plugin=narrowed_by[0])
    nominated = snapshot.node(pod.nominated_node) if pod.nominated_node else None
    if nominated is not None and try_node(profile.plugins, state, pod, nominated, snapshot) is None:
        found.feasible.append(nominated)
        return found
    for node in nodes:
        refusal = try_node(profile.plugins, state, pod, node, snapshot)
        if refusal is None:
            found.feasible.append(node)
        else:
            found.refusals[node.name] = refusal
    return found


def score_nodes(
    profile: Profile, snapshot: Snapshot, pod: PodInfo, state: CycleState, nodes: Sequence[NodeInfo]
) -> dict[str, dict[str, int]]:
    """By node, the weighted score of each plugin."""
    found: dict[str, dict[str, int]] = {node.name: {} for node in nodes}
    for plugin in profile.plugins:
        if not has(plugin, "score") or not plugin.pre_score(state, pod, nodes, snapshot):
            continue
        scores = plugin.normalize(state, [plugin.score(state, pod, node) for node in nodes], nodes)
        weight = profile.weight(plugin)
        for node, score in zip(nodes, scores, strict=True):
            found[node.name][plugin.name] = weight * score
    return found


def _refused(
    profile: Profile, snapshot: Snapshot, pod: PodInfo, state: CycleState, found: Filtered, count: int
) -> Decision:
    remedy, told = Remedy(), list[str]()
    attempt = Attempt(pod, state, snapshot, found.refusals, found.elsewhere, profile.plugins)
    for plugin in profile.plugins:
        offered = plugin.post_filter(attempt) if has(plugin, "post_filter") else None
        if offered is None:
            continue
        if offered.node:
            remedy, told = offered, []
            break
        if offered.message:
            told.append(offered.message)
        if offered.clear_nomination:
            remedy = offered
    if found.everywhere:
        message = f"0/{count} nodes are available: {', '.join(found.elsewhere.reasons)}."
    else:
        message = fit_error(count, found.refusals, found.elsewhere)
    if told:
        message += f" {', '.join(told)}"
    rejected_by = {refusal.plugin for refusal in (*found.refusals.values(), found.elsewhere)} - {""}
    return Decision(message=message, rejected_by=frozenset(rejected_by), remedy=remedy, state=state)
