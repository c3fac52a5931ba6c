"""One node asked: can it take the pod? And the refusals of many nodes told in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from .framework import CycleState, Plugin, PluginError, Plugins, Refusal
from .nodes import NodeInfo
from .pods import PodInfo
from .snapshot import Snapshot

NOTHING = Refusal(())
"""A refusal that nobody made."""


def try_node(
    plugins: Plugins, state: CycleState, pod: PodInfo, node: NodeInfo, snapshot: Snapshot
) -> Refusal | None:
    """Whether the node can take the pod, also when the pods come for which it made room.

    Those that matter as much as this one or more are counted as if they were there. The pod must fit
    without them too: it may need them gone (anti-affinity) or there (affinity), and they may never come.
    """
    expected = [
        other
        for other in snapshot.nominated_to(node.name)
        if other.priority >= pod.priority and other.uid != pod.uid
    ]
    if expected:
        fuller, adjusted = node.copy(), state.copy()
        for other in expected:
            fuller.add_pod(other)
            for plugin in plugins.adjusters:
                if plugin.name not in state.skipped:
                    plugin.add_pod(adjusted, pod, other, fuller)
        refusal = _filter(plugins, adjusted, pod, fuller)
        if refusal is not None:
            return refusal
    return _filter(plugins, state, pod, node)


def asker(
    plugins: Plugins, state: CycleState, pod: PodInfo, snapshot: Snapshot
) -> Callable[[NodeInfo], Refusal | None]:
    """`try_node` for many nodes: what is the same for all of them is looked at once."""
    if snapshot.keeps_room:
        return lambda node: try_node(plugins, state, pod, node, snapshot)
    shape = pod.shape
    others = [plugin for plugin in plugins.other_filters if plugin.name not in state.skipped]

    def ask(node: NodeInfo) -> Refusal | None:
        refusal = node.memo.get(shape, NOTHING)
        if refusal is NOTHING:
            refusal = _first_refusal(plugins.local_filters, state, pod, node)
            node.remember(shape, refusal)
        if refusal is None and others:
            return _first_refusal(others, state, pod, node)
        return refusal

    return ask


def _filter(plugins: Plugins, state: CycleState, pod: PodInfo, node: NodeInfo) -> Refusal | None:
    """The refusal of the first plugin that says no."""
    refusal = node.memo.get(pod.shape, NOTHING)
    if refusal is NOTHING:
        refusal = _first_refusal(plugins.local_filters, state, pod, node)
        node.remember(pod.shape, refusal)
    return refusal or _first_refusal(plugins.other_filters, state, pod, node)


def _first_refusal(
    plugins: Iterable[Plugin], state: CycleState, pod: PodInfo, node: NodeInfo
) -> Refusal | None:
    for plugin in plugins:
        if plugin.name not in state.skipped:
            try:
                refusal = plugin.filter(state, pod, node)
            except Exception as error:  # whatever a plugin fails with
                raise PluginError(f'running "{plugin.name}" filter plugin: {error}') from error
            if refusal is not None:
                return refusal
    return None


def fit_error(count: int, refusals: Mapping[str, Refusal], elsewhere: Refusal = NOTHING) -> str:
    """
    >>> refusals = {"a": Refusal(("Insufficient cpu",)), "b": Refusal(("node(s) were unschedulable",))}
    >>> fit_error(3, refusals, Refusal(("Insufficient cpu",)))
    '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.'
    """
    counted = Counter(reason for refusal in refusals.values() for reason in refusal.reasons)
    for reason in elsewhere.reasons if len(refusals) < count else ():
        counted[reason] += count - len(refusals)
    return f"0/{count} nodes are available:{_told(counted)}"


def _told(counted: Mapping[str, int]) -> str:
    told: Iterable[str] = sorted(f"{number} {reason}" for reason, number in counted.items())
    return f" {', '.join(told)}." if counted else ""
