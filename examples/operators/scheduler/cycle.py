"""One pod's decision: filter, score, choose; with nothing to choose from, look for a remedy. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from operator import add

from reconcile import ObjectKey

from .filtering import NOTHING, asker, fit_error, try_node
from .framework import SKIP, Attempt, CycleState, Plugin, PluginError, Refusal, Remedy, has
from .nodes import NodeInfo
from .pods import PodInfo
from .profile import Profile
from .snapshot import Snapshot

_SMALL = 100


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one pod.

    Attributes:
        node: the chosen node; empty when there is none.
        message: why there is none, in kube-scheduler's words.
        rejected_by: names of the plugins that said no, so that the queue knows what could help.
        remedy: what would help a pod that fits nowhere; None for a pod that has a node.
        pending: those of them that wait for something which is on its way.
        looked_at: how many nodes were asked; the next decision begins behind them.
        failed: a plugin could not say yes or no: the pod is tried again, whatever happens meanwhile.
    """

    node: str = ""
    message: str = ""
    rejected_by: frozenset[str] = frozenset()
    state: CycleState = field(default_factory=CycleState, repr=False)
    remedy: Remedy | None = None
    pending: frozenset[str] = frozenset()
    looked_at: int = 0
    failed: bool = False


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


def decide(
    profile: Profile, snapshot: Snapshot, pod: PodInfo, dice: random.Random, *, start: int = 0
) -> Decision:
    """Choose a node; of several equally good ones, one at random.

    In a large cluster enough nodes are as good as all: they are asked from `start` on, in a circle, until
    `enough_nodes` can take the pod.
    """
    if not snapshot.nodes:
        return Decision(message="no nodes available to schedule pods")
    try:
        return _decide(profile, snapshot, pod, dice, start)
    except PluginError as error:
        return Decision(message=str(error), failed=True)


def _decide(profile: Profile, snapshot: Snapshot, pod: PodInfo, dice: random.Random, start: int) -> Decision:
    state = CycleState()
    found = find_feasible(profile, snapshot, pod, state, start=start)
    looked_at = len(found.feasible) + len(found.refusals)
    if not found.feasible:
        return _refused(profile, snapshot, pod, state, found, len(snapshot.nodes))
    if len(found.feasible) == 1:
        return Decision(node=found.feasible[0].name, state=state, looked_at=looked_at)
    totals = total_scores(profile, snapshot, pod, state, found.feasible)
    best = max(totals)
    chosen = dice.choice([at for at, total in enumerate(totals) if total == best])
    return Decision(
        node=found.feasible[chosen].name,
        state=state,
        looked_at=looked_at,
    )


def enough_nodes(count: int) -> int:
    """How many nodes that can take the pod are enough: all of 99, half of some hundreds, a tenth of 5,000.

    >>> enough_nodes(100), enough_nodes(1000), enough_nodes(5000)
    (100, 420, 500)
    """
    if count < _SMALL:
        return count
    share = max(50 - count // 125, 5)
    return max(count * share // 100, _SMALL)


def find_feasible(
    profile: Profile, snapshot: Snapshot, pod: PodInfo, state: CycleState, *, start: int = 0
) -> Filtered:
    """Ask the filters, node by node; where room was made for the pod, that node alone if it will do."""
    found = Filtered()
    nodes: Sequence[NodeInfo] = snapshot.nodes
    wanted: frozenset[str] | None = None
    narrowed_by: list[str] = []
    refused: Refusal | None = None
    for plugin in profile.plugins.pre_filters:
        try:
            answer = plugin.pre_filter(state, pod, snapshot)
        except Exception as error:  # whatever a plugin fails with
            raise PluginError(f'running PreFilter plugin "{plugin.name}": {error}') from error
        if isinstance(answer, Refusal):
            if answer.final:
                return Filtered(elsewhere=answer, everywhere=True)
            # Preemption may help, and asks the filters: the others prepare theirs.
            refused = answer
        elif answer == SKIP:
            state.skipped.add(plugin.name)
        elif answer is not None:
            wanted = answer if wanted is None else wanted & answer
            narrowed_by.append(plugin.name)
            if not wanted:
                names = " ".join(sorted(narrowed_by))
                reason = f"node(s) didn't satisfy plugin(s) [{names}] simultaneously"
                if len(narrowed_by) == 1:
                    reason = f"node(s) didn't satisfy plugin {names}"
                return Filtered(elsewhere=Refusal((reason,), final=True), everywhere=True)
    if refused is not None:
        return Filtered(elsewhere=refused, everywhere=True)
    if wanted is not None:
        nodes = [node for node in nodes if node.name in wanted]
        reason = f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(narrowed_by))}]"
        found.elsewhere = Refusal((reason,), final=True, plugin=narrowed_by[0])
    nominated = snapshot.node(pod.nominated_node) if pod.nominated_node else None
    if nominated is not None and try_node(profile.plugins, state, pod, nominated, snapshot) is None:
        found.feasible.append(nominated)
        return found
    enough, start = enough_nodes(len(nodes)), start % len(nodes) if nodes else 0
    ask = asker(profile.plugins, state, pod, snapshot)
    for node in chain(islice(nodes, start, None), islice(nodes, start)) if start else nodes:
        refusal = ask(node)
        if refusal is not None:
            found.refusals[node.name] = refusal
            continue
        found.feasible.append(node)
        if len(found.feasible) == enough:
            break
    return found


def score_nodes(
    profile: Profile, snapshot: Snapshot, pod: PodInfo, state: CycleState, nodes: Sequence[NodeInfo]
) -> Iterator[tuple[str, list[int]]]:
    """Of each plugin that has a preference, the weighted scores of the nodes."""
    for plugin in _scorers(profile, snapshot, pod, state, nodes):
        yield plugin.name, _weighted(profile, plugin, state, pod, nodes)


def _scorers(
    profile: Profile, snapshot: Snapshot, pod: PodInfo, state: CycleState, nodes: Sequence[NodeInfo]
) -> Iterator[Plugin]:
    for plugin in profile.plugins.scorers:
        try:
            has_preference = plugin.pre_score(state, pod, nodes, snapshot)
        except Exception as error:  # whatever a plugin fails with
            raise PluginError(f'running PreScore plugin "{plugin.name}": {error}') from error
        if has_preference:
            yield plugin


def _weighted(
    profile: Profile, plugin: Plugin, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]
) -> list[int]:
    counted = _remembered_scores if plugin.local else _scores
    try:
        scores = counted(plugin, state, pod, nodes)
    except Exception as error:  # whatever a plugin fails with
        text = f'running Score plugins: plugin "{plugin.name}" failed with: {error}'
        raise PluginError(text) from error
    scores = plugin.normalize(state, scores, nodes)
    weight = profile.weight(plugin)
    return scores if weight == 1 else [weight * score for score in scores]


def total_scores(
    profile: Profile, snapshot: Snapshot, pod: PodInfo, state: CycleState, nodes: Sequence[NodeInfo]
) -> list[int]:
    """The weighted scores of all plugins together.

    Those that look at one node alone, and whose scores are not brought in proportion to those of other nodes,
    are remembered as one sum.
    """
    alone: list[Plugin] = []
    totals = [0] * len(nodes)
    for plugin in _scorers(profile, snapshot, pod, state, nodes):
        if plugin.local and not has(plugin, "normalize"):
            alone.append(plugin)
        else:
            totals = list(map(add, totals, _weighted(profile, plugin, state, pod, nodes)))
    if alone:
        totals = list(map(add, totals, _remembered_sums(profile, alone, state, pod, nodes)))
    return totals


def _remembered_sums(
    profile: Profile, plugins: Sequence[Plugin], state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]
) -> list[int]:
    key = (*(plugin.name for plugin in plugins), pod.shape)
    weights = [(plugin, profile.weight(plugin)) for plugin in plugins]
    sums: list[int] = []
    for node in nodes:
        total = node.memo.get(key)
        if total is None:
            total = sum(weight * plugin.score(state, pod, node) for plugin, weight in weights)
            node.remember(key, total)
        sums.append(total)
    return sums


def _scores(plugin: Plugin, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]) -> list[int]:
    return [plugin.score(state, pod, node) for node in nodes]


def _remembered_scores(
    plugin: Plugin, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo]
) -> list[int]:
    key = (plugin.name, pod.shape)
    scores: list[int] = []
    for node in nodes:
        score = node.memo.get(key)
        if score is None:
            score = plugin.score(state, pod, node)
            node.remember(key, score)
        scores.append(score)
    return scores


def _refused(
    profile: Profile, snapshot: Snapshot, pod: PodInfo, state: CycleState, found: Filtered, count: int
) -> Decision:
    remedy, told, deallocate = Remedy(), list[str](), tuple[ObjectKey, ...]()
    attempt = Attempt(pod, state, snapshot, found.refusals, found.elsewhere, profile.plugins)
    for plugin in profile.plugins.post_filters:
        try:
            offered = plugin.post_filter(attempt)
        except Exception as error:  # whatever a plugin fails with
            # Told, and nothing else comes of it: the others are not asked.
            remedy, told = Remedy(), [str(error)]
            break
        if offered is None:
            continue
        deallocate += offered.deallocate
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
    said = [refusal for refusal in (*found.refusals.values(), found.elsewhere) if refusal.plugin]
    return Decision(
        message=message,
        rejected_by=frozenset(refusal.plugin for refusal in said if not refusal.pending),
        pending=frozenset(refusal.plugin for refusal in said if refusal.pending),
        remedy=replace(remedy, deallocate=deallocate),
        state=state,
        looked_at=len(found.refusals),
    )
