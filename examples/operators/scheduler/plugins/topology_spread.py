"""PodTopologySpread: pods of a kind are spread over zones, nodes or any other label.

For each constraint pods are counted by the values of its topology key. A hard constraint (DoNotSchedule)
refuses nodes where the count would exceed the smallest one by more than `maxSkew`; a soft one
(ScheduleAnyway) prefers small counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from reconcile import LabelSelector, LabelSelectorRequirement, Selector
from reconcile.api.core.v1 import TopologySpreadConstraint

from ..framework import MAX_SCORE, CycleState, Plugin
from ..nodes import NodeInfo
from ..pods import PodInfo, selector_of
from ..snapshot import Snapshot
from .node_affinity import matches_required
from .tolerations import untolerated

_HOSTNAME = "kubernetes.io/hostname"
_MISMATCH = "node(s) didn't match pod topology spread constraints"


@dataclass(slots=True)
class Constraint:
    """One constraint of a pod, and the matching pods by topology value once they are counted."""

    key: str
    max_skew: int
    min_domains: int
    selector: Selector
    honor_affinity: bool
    honor_taints: bool
    counts: dict[str, int] = field(default_factory=dict[str, int])
    weight: float = 1.0

    @property
    def smallest(self) -> int:
        """The global minimum: 0 while there are fewer domains than `minDomains`."""
        if len(self.counts) < self.min_domains:
            return 0
        return min(self.counts.values(), default=0)

    def includes(self, pod: PodInfo, node: NodeInfo) -> bool:
        """Whether the pods of this node are counted: the node inclusion policies."""
        if self.honor_affinity and not matches_required(pod, node):
            return False
        return not (
            self.honor_taints and untolerated(node.taints, pod.spec.tolerations, ("NoSchedule", "NoExecute"))
        )


class PodTopologySpread(Plugin):
    name = "PodTopologySpread"

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /) -> str | None:
        constraints = constraints_of(pod, "DoNotSchedule")
        state[self.name] = constraints
        if constraints:
            for node in snapshot.nodes:
                if all(constraint.key in node.labels for constraint in constraints):
                    _count(constraints, pod, node)
        return None

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Sequence[str]:
        constraints: list[Constraint] = state[self.name]
        for constraint in constraints:
            value = node.labels.get(constraint.key)
            if value is None:
                return (f"{_MISMATCH} (missing required label)",)
            itself = int(constraint.selector.matches(pod.labels))
            if constraint.counts.get(value, 0) + itself - constraint.smallest > constraint.max_skew:
                return (_MISMATCH,)
        return ()

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, /
    ) -> bool:
        constraints = constraints_of(pod, "ScheduleAnyway")
        state[self.name] = constraints
        if not constraints:
            return False
        candidates = [node for node in nodes if all(each.key in node.labels for each in constraints)]
        for constraint in constraints:
            values = dict.fromkeys((node.labels[constraint.key] for node in candidates), 0)
            constraint.counts = values
            # More domains make each count smaller: the logarithm evens that out between constraints.
            constraint.weight = math.log(len(values) + 2)
        for node in snapshot.nodes:
            if all(constraint.key in node.labels for constraint in constraints):
                _count(constraints, pod, node, known_only=True)
        return True

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        constraints: list[Constraint] = state[self.name]
        if not all(constraint.key in node.labels for constraint in constraints):
            return -1
        total = sum(
            constraint.counts[node.labels[constraint.key]] * constraint.weight + constraint.max_skew - 1
            for constraint in constraints
        )
        return math.floor(total + 0.5)

    def normalize(self, state: CycleState, scores: list[int], nodes: Sequence[NodeInfo], /) -> list[int]:
        valid = [score for score in scores if score >= 0]
        smallest, largest = min(valid, default=0), max(valid, default=0)
        if largest == 0:
            return [MAX_SCORE if score >= 0 else 0 for score in scores]
        return [MAX_SCORE * (largest + smallest - score) // largest if score >= 0 else 0 for score in scores]


def constraints_of(pod: PodInfo, when: str) -> list[Constraint]:
    return [
        Constraint(
            key=constraint.topology_key,
            max_skew=constraint.max_skew,
            min_domains=constraint.min_domains or 1,
            selector=_selector(constraint, pod),
            honor_affinity=(constraint.node_affinity_policy or "Honor") == "Honor",
            honor_taints=(constraint.node_taints_policy or "Ignore") == "Honor",
        )
        for constraint in pod.spec.topology_spread_constraints
        if constraint.when_unsatisfiable == when
    ]


def _selector(constraint: TopologySpreadConstraint, pod: PodInfo) -> Selector:
    selector = constraint.label_selector
    extra = [
        LabelSelectorRequirement(key=key, operator="In", values=[pod.labels[key]])
        for key in constraint.match_label_keys
        if key in pod.labels
    ]
    if selector is None or not extra:
        return selector_of(selector)
    expressions = [*selector.match_expressions, *extra]
    return Selector.from_api(LabelSelector(match_labels=selector.match_labels, match_expressions=expressions))


def _count(
    constraints: Sequence[Constraint], pod: PodInfo, node: NodeInfo, *, known_only: bool = False
) -> None:
    for constraint in constraints:
        value = node.labels[constraint.key]
        if (known_only and value not in constraint.counts) or not constraint.includes(pod, node):
            continue
        matching = sum(
            other.key.namespace == pod.key.namespace
            and not other.deleting
            and constraint.selector.matches(other.labels)
            for other in node.pods.values()
        )
        constraint.counts[value] = constraint.counts.get(value, 0) + matching
