"""PodTopologySpread: pods of a kind are spread over zones, nodes or any other label.

For each constraint pods are counted by the values of its topology key. A hard constraint (DoNotSchedule)
refuses nodes where the count would exceed the smallest one by more than `maxSkew`; a soft one
(ScheduleAnyway) prefers small counts. A pod that says nothing is spread softly over nodes and zones, among
the pods of its Services and of its controller.

A selector without any requirement counts no pods, though it matches the pod itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from reconcile import LabelSelector, LabelSelectorRequirement, Selector
from reconcile.api.core.v1 import Node, Pod, TopologySpreadConstraint

from ..events import Change, HelpedBy
from ..framework import MAX_SCORE, SKIP, Adjustable, CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import PodInfo, selector_of
from ..snapshot import Snapshot
from ..tallies import Part
from .node_affinity import matches_required
from .tolerations import untolerated

_HOSTNAME = "kubernetes.io/hostname"
_ZONE = "topology.kubernetes.io/zone"
_NOT_SCORED = -1
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
    least: int | None = None

    @property
    def smallest(self) -> int:
        """The global minimum: 0 while there are fewer domains than `minDomains`."""
        if self.least is None:
            enough = len(self.counts) >= self.min_domains
            self.least = min(self.counts.values(), default=0) if enough else 0
        return self.least

    def includes(self, pod: PodInfo, node: NodeInfo) -> bool:
        """Whether the pods of this node are counted: the node inclusion policies."""
        if self.honor_affinity and not matches_required(pod, node):
            return False
        return not (
            self.honor_taints and untolerated(node.taints, pod.spec.tolerations, ("NoSchedule", "NoExecute"))
        )


@dataclass(slots=True)
class _Filtering(Adjustable):
    """The hard constraints, their counts."""

    constraints: list[Constraint]

    def copy(self) -> _Filtering:
        return _Filtering([replace(each, counts=dict(each.counts)) for each in self.constraints])


@dataclass(frozen=True, slots=True)
class _Scoring:
    """The soft constraints, and the labels that a node must have to be scored."""

    constraints: Sequence[Constraint]
    needed: tuple[str, ...]


class PodTopologySpread(Plugin):
    name = "PodTopologySpread"

    def events(self) -> Sequence[HelpedBy]:
        pods = Change.ADDED | Change.DELETED | Change.POD_LABELS | Change.POD_TOLERATIONS
        nodes = Change.ADDED | Change.DELETED | Change.NODE_LABELS | Change.NODE_TAINTS
        return [HelpedBy(Pod, pods, _after_pod), HelpedBy(Node, nodes, _after_node)]

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /) -> Literal["skip"] | None:
        constraints = constraints_of(pod, "DoNotSchedule")
        if not constraints:
            return SKIP
        spelled = msgspec.json.encode(pod.spec.topology_spread_constraints)

        def count(node: NodeInfo) -> Part:
            """Of each constraint, the pods that count and the node itself, by domain."""
            part: list[dict[str, int]] = []
            has_all = all(constraint.key in node.labels for constraint in constraints)
            for constraint in constraints:
                if has_all and constraint.includes(pod, node):
                    value = node.labels[constraint.key]
                    part += ({value: _matching(constraint, pod, node)}, {value: 1})
                else:
                    part += ({}, {})
            return tuple(part)

        key = (self.name, pod.shape, pod.kin, spelled)
        sums = snapshot.tallies.sums(key, snapshot.nodes, count, 2 * len(constraints))
        for constraint, pods, domains in zip(constraints, sums[::2], sums[1::2], strict=True):
            constraint.counts = {value: pods[value] for value in domains}
        state[self.name] = _Filtering(constraints)
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, /) -> None:
        _adjust(state[self.name], pod, other, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, /) -> None:
        _adjust(state[self.name], pod, other, node, -1)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        filtering: _Filtering = state[self.name]
        for constraint in filtering.constraints:
            value = node.labels.get(constraint.key)
            if value is None:
                return self.refuse(f"{_MISMATCH} (missing required label)", final=True)
            itself = int(constraint.selector.matches(pod.labels))
            if constraint.counts.get(value, 0) + itself - constraint.smallest > constraint.max_skew:
                return self.refuse(_MISMATCH)
        return None

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, /
    ) -> bool:
        constraints = constraints_of(pod, "ScheduleAnyway")
        by_default = not pod.spec.topology_spread_constraints
        if by_default:
            constraints = _default_constraints(pod, snapshot)
        if not constraints:
            return False
        # A pod's own constraints leave out the nodes that lack one of the labels.
        needed = () if by_default else tuple(constraint.key for constraint in constraints)
        candidates = [node for node in nodes if all(key in node.labels for key in needed)]
        for constraint in constraints:
            if constraint.key == _HOSTNAME:
                domains = len(candidates)
            else:
                constraint.counts = dict.fromkeys((_domain(constraint, node) for node in candidates), 0)
                domains = len(constraint.counts)
            # More domains make each count smaller: the logarithm evens that out between constraints.
            constraint.weight = math.log(domains + 2)
        for node in snapshot.nodes:
            if all(key in node.labels for key in needed):
                _count(constraints, pod, node, known_only=True)
        state[self.name] = _Scoring(constraints, needed)
        return True

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        scoring: _Scoring = state[self.name]
        if not all(key in node.labels for key in scoring.needed):
            return _NOT_SCORED
        total = 0.0
        for constraint in scoring.constraints:
            if constraint.key not in node.labels:
                continue
            if constraint.key == _HOSTNAME:
                count = _matching(constraint, pod, node)
            else:
                count = constraint.counts[node.labels[constraint.key]]
            total += count * constraint.weight + constraint.max_skew - 1
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


def _default_constraints(pod: PodInfo, snapshot: Snapshot) -> list[Constraint]:
    """Of a pod without any: kube-scheduler's own, for the pods that belong together with this one."""
    selector = snapshot.workloads.selector_for(pod)
    if selects_everything(selector):
        return []
    return [
        Constraint(key, max_skew, 1, selector, honor_affinity=True, honor_taints=False)
        for key, max_skew in ((_HOSTNAME, 3), (_ZONE, 5))
    ]


def selects_everything(selector: Selector) -> bool:
    return not selector.requirements and not selector.selects_nothing


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
        value = _domain(constraint, node)
        if (known_only and value not in constraint.counts) or not constraint.includes(pod, node):
            continue
        constraint.counts[value] = constraint.counts.get(value, 0) + _matching(constraint, pod, node)


def _adjust(filtering: _Filtering, pod: PodInfo, other: PodInfo, node: NodeInfo, sign: int) -> None:
    constraints = filtering.constraints
    if other.key.namespace != pod.key.namespace:
        return
    if not all(constraint.key in node.labels for constraint in constraints):
        return
    for constraint in constraints:
        if constraint.selector.matches(other.labels) and constraint.includes(pod, node):
            value = node.labels[constraint.key]
            constraint.counts[value] = constraint.counts.get(value, 0) + sign
            constraint.least = None


def _domain(constraint: Constraint, node: NodeInfo) -> str:
    return node.labels.get(constraint.key, "")


def _matching(constraint: Constraint, pod: PodInfo, node: NodeInfo) -> int:
    """The pods of the node that count for a constraint of this pod."""
    if selects_everything(constraint.selector):
        return 0
    key = (pod.key.namespace, constraint.selector)
    count = node.memo.get(key)
    if count is None:
        count = _count_matching(constraint, pod, node)
        node.remember(key, count)
    return count


def _count_matching(constraint: Constraint, pod: PodInfo, node: NodeInfo) -> int:
    return sum(
        other.key.namespace == pod.key.namespace
        and not other.deleting
        and constraint.selector.matches(other.labels)
        for other in node.pods.values()
    )


def _after_pod(pod: PodInfo, old: PodInfo | None, new: PodInfo | None) -> bool:
    """A pod that is counted came or went, or is counted otherwise now."""
    for each in (old, new):
        if each is not None and not _takes_part(each, pod):
            return False
    constraints = constraints_of(pod, "DoNotSchedule")
    if old is not None and new is not None:
        tolerates_more = old.spec.tolerations != new.spec.tolerations
        if new.uid == pod.uid and tolerates_more and any(each.honor_taints for each in constraints):
            return True
        return any(
            each.selector.matches(old.labels) != each.selector.matches(new.labels) for each in constraints
        )
    counted = new or old
    return counted is not None and any(each.selector.matches(counted.labels) for each in constraints)


def _takes_part(other: PodInfo, pod: PodInfo) -> bool:
    if other.uid == pod.uid:
        return True
    return other.holds_room and other.key.namespace == pod.key.namespace


def _after_node(pod: PodInfo, old: NodeInfo | None, new: NodeInfo | None) -> bool:
    """A node with all topology labels came, went, or says something else of itself."""
    keys = [each.key for each in constraints_of(pod, "DoNotSchedule")]

    def has_all(node: NodeInfo | None) -> bool:
        return node is not None and all(key in node.labels for key in keys)

    if old is None or new is None or has_all(old) != has_all(new):
        return has_all(old) or has_all(new)
    moved = any(old.labels.get(key) != new.labels.get(key) for key in keys)
    return has_all(new) and (moved or old.taints != new.taints)
