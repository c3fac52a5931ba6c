"""NodeAffinity: the pod's nodeSelector and its affinity to nodes, required and preferred."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from reconcile.api.core.v1 import (
    Node,
    NodeSelector,
    NodeSelectorTerm,
    PreferredSchedulingTerm,
)

from ..events import Change, HelpedBy
from ..framework import SKIP, CycleState, Plugin, PluginError, Refusal, normalized
from ..node_terms import matches
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Snapshot


class NodeAffinity(Plugin):
    name = "NodeAffinity"
    local = True

    def events(self) -> Sequence[HelpedBy]:
        return [HelpedBy(Node, Change.ADDED | Change.NODE_LABELS, _after_node)]

    def pre_filter(
        self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /
    ) -> Refusal | frozenset[str] | Literal["skip"] | None:
        """A pod whose every term names nodes (a DaemonSet's) is asked for on those alone."""
        required = _required(pod)
        if required is None:
            return None if pod.spec.node_selector else SKIP
        named: set[str] = set()
        for term in required.node_selector_terms:
            names = [
                set(each.values)
                for each in term.match_fields
                if each.key == "metadata.name" and each.operator == "In"
            ]
            if not names:
                return None
            named |= set.intersection(*names)
        if not required.node_selector_terms:
            return None
        return frozenset(named) or self.refuse("pod affinity terms conflict", final=True)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        if not matches_required(pod, node):
            return self.refuse("node(s) didn't match Pod's node affinity/selector", final=True)
        return None

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: object, snapshot: object, /) -> bool:
        wrong = _unreadable([wish.preference for wish in _preferred(pod)])
        if wrong:
            raise PluginError(wrong)
        return bool(_preferred(pod))

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        return sum(term.weight for term in _preferred(pod) if matches_term(term.preference, node))

    def normalize(self, state: CycleState, scores: list[int], nodes: Sequence[NodeInfo], /) -> list[int]:
        return normalized(scores)


def _after_node(pod: PodInfo, old: NodeInfo | None, new: NodeInfo) -> bool:
    if matches_required(pod, new):
        return old is None or not matches_required(pod, old)
    # Where a term cannot be read nobody knows.
    required = _required(pod)
    return required is not None and bool(_unreadable(required.node_selector_terms))


def _unreadable(terms: Sequence[NodeSelectorTerm]) -> str:
    """What is wrong with the first requirement that the server took and nobody can ask; empty if none."""
    for number, term in enumerate(terms):
        for place, each in enumerate(term.match_expressions):
            if each.operator in ("Gt", "Lt") and not _is_number(each.values[0]):
                where = f"[{number}].matchExpressions[{place}].values[0]"
                rule = "for 'Gt', 'Lt' operators, the value must be an integer"
                return f'{where}: Invalid value: "{each.values[0]}": {rule}'
    return ""


def _is_number(text: str) -> bool:
    return text.lstrip("+-").isdecimal() and len(text) < 20


def matches_required(pod: PodInfo, node: NodeInfo) -> bool:
    """Whether the node has what nodeSelector and the required affinity ask for."""
    if not pod.spec.node_selector.items() <= node.labels.items():
        return False
    required = _required(pod)
    if required is None:
        return True
    return any(matches_term(term, node) for term in required.node_selector_terms)


def _required(pod: PodInfo) -> NodeSelector | None:
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    return affinity.required_during_scheduling_ignored_during_execution if affinity else None


def _preferred(pod: PodInfo) -> Sequence[PreferredSchedulingTerm]:
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    return affinity.preferred_during_scheduling_ignored_during_execution if affinity else []


def matches_term(term: NodeSelectorTerm, node: NodeInfo) -> bool:
    """All expressions and fields of a term hold; a term without any matches nothing."""
    return matches(term, node.labels, node.name)
