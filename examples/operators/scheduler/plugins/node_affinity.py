"""NodeAffinity: the pod's nodeSelector and its affinity to nodes, required and preferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconcile.api.core.v1 import NodeSelectorRequirement, NodeSelectorTerm

from ..framework import CycleState, Plugin, normalized
from ..nodes import NodeInfo
from ..pods import PodInfo


class NodeAffinity(Plugin):
    name = "NodeAffinity"

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Sequence[str]:
        if not matches_required(pod, node):
            return ("node(s) didn't match Pod's node affinity/selector",)
        return ()

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: object, snapshot: object, /) -> bool:
        return bool(_preferred(pod))

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        return sum(term.weight for term in _preferred(pod) if matches_term(term.preference, node))

    def normalize(self, state: CycleState, scores: list[int], nodes: Sequence[NodeInfo], /) -> list[int]:
        return normalized(scores)


def matches_required(pod: PodInfo, node: NodeInfo) -> bool:
    """Whether the node has what nodeSelector and the required affinity ask for."""
    if not pod.spec.node_selector.items() <= node.labels.items():
        return False
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    if required is None:
        return True
    return any(matches_term(term, node) for term in required.node_selector_terms)


def _preferred(pod: PodInfo):
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    return affinity.preferred_during_scheduling_ignored_during_execution if affinity else []


def matches_term(term: NodeSelectorTerm, node: NodeInfo) -> bool:
    """All expressions and fields of a term hold; a term without any matches nothing."""
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {"metadata.name": node.name}
    return all(_holds(each, node.labels) for each in term.match_expressions) and all(
        _holds(each, fields) for each in term.match_fields
    )


def _holds(requirement: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            try:
                number, bound = int(value or ""), int(requirement.values[0])
            except (ValueError, IndexError):
                return False
            return number > bound if requirement.operator == "Gt" else number < bound
        case _:
            return False
