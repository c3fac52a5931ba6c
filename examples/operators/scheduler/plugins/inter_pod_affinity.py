"""InterPodAffinity: near some pods, away from others, within one value of a topology key.

Affinity looks both ways: the terms of the pod that waits, and those of the pods that run and do not want
it beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from reconcile.api.core.v1 import Node, Pod

from ..events import Change, HelpedBy
from ..framework import MAX_SCORE, SKIP, Adjustable, CycleState, Plugin, Refusal
from ..nodes import NodeInfo
from ..pods import AffinityTerm, PodInfo
from ..snapshot import Snapshot
from ..tallies import Part

Place = tuple[str, str]
"""A topology key and one value of it."""

_HARD_AFFINITY_WEIGHT = 1


@dataclass(slots=True)
class _Counts(Adjustable):
    """How many pods stand in each place that matters to the pod."""

    welcomes_itself: bool
    namespaces: Mapping[str, Mapping[str, str]]
    affinity: Counter[Place] = field(default_factory=Counter[Place])
    anti_affinity: Counter[Place] = field(default_factory=Counter[Place])
    unwelcome: Counter[Place] = field(default_factory=Counter[Place])

    def copy(self) -> _Counts:
        return _Counts(
            self.welcomes_itself,
            self.namespaces,
            Counter(self.affinity),
            Counter(self.anti_affinity),
            Counter(self.unwelcome),
        )

    def count(self, pod: PodInfo, other: PodInfo, node: NodeInfo, sign: int) -> None:
        """Count one pod that is on the node, or is not any more."""
        for term in other.affinity.required_anti:
            if term.matches(pod, self.namespaces):
                _put(self.unwelcome, node, term, sign)
        required = pod.affinity.required
        if required and all(term.matches(other, self.namespaces) for term in required):
            for term in required:
                _put(self.affinity, node, term, sign)
        for term in pod.affinity.required_anti:
            if term.matches(other, self.namespaces):
                _put(self.anti_affinity, node, term, sign)

    @property
    def first_of_its_kind(self) -> bool:
        """The first pod of a series that wants to be near itself has to start somewhere."""
        return self.welcomes_itself and not any(self.affinity.values())


class InterPodAffinity(Plugin):
    name = "InterPodAffinity"

    def events(self) -> Sequence[HelpedBy]:
        return [
            HelpedBy(Pod, Change.ADDED | Change.POD_LABELS | Change.DELETED, _after_pod),
            HelpedBy(Node, Change.ADDED | Change.NODE_LABELS, _after_node),
        ]

    def pre_filter(self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /) -> Literal["skip"] | None:
        namespaces = snapshot.namespace_labels
        required = pod.affinity.required
        has_terms = bool(required or pod.affinity.required_anti)
        if not has_terms and not snapshot.nodes_with_affinity:
            return SKIP
        welcomes_itself = all(term.matches(pod, namespaces) for term in required)

        def count(node: NodeInfo) -> Part:
            alone = _Counts(welcomes_itself, namespaces)
            for other in (node.pods if has_terms else node.pods_with_affinity).values():
                alone.count(pod, other, node, 1)
            return alone.affinity, alone.anti_affinity, alone.unwelcome

        sums = snapshot.tallies.sums((self.name, pod.kin), snapshot.nodes, count, 3)
        counts = _Counts(welcomes_itself, namespaces, *sums)
        if not has_terms and not counts.unwelcome:
            return SKIP
        state[self.name] = counts
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, /) -> None:
        counts: _Counts = state[self.name]
        counts.count(pod, other, node, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, /) -> None:
        counts: _Counts = state[self.name]
        counts.count(pod, other, node, -1)

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        counts: _Counts = state[self.name]
        if not _near(pod.affinity.required, counts, node):
            return self.refuse("node(s) didn't match pod affinity rules", final=True)
        for term in pod.affinity.required_anti:
            if counts.anti_affinity[term.topology_key, node.labels.get(term.topology_key, "")]:
                return self.refuse("node(s) didn't match pod anti-affinity rules")
        if counts.unwelcome and any(counts.unwelcome[place] for place in node.labels.items()):
            return self.refuse("node(s) didn't satisfy existing pods anti-affinity rules")
        return None

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, /
    ) -> bool:
        namespaces = snapshot.namespace_labels
        has_wishes = bool(pod.affinity.preferred or pod.affinity.preferred_anti)
        if not has_wishes and not snapshot.nodes_with_affinity:
            return False

        def count(node: NodeInfo) -> Part:
            wishes: Counter[Place] = Counter()
            for other in node.pods.values() if has_wishes else ():
                for sign, terms in ((1, pod.affinity.preferred), (-1, pod.affinity.preferred_anti)):
                    for weight, term in terms:
                        if term.matches(other, namespaces):
                            _put(wishes, node, term, sign * weight)
            for other in node.pods_with_affinity.values():
                for sign, terms in ((1, _wanted(other)), (-1, other.affinity.preferred_anti)):
                    for weight, term in terms:
                        if term.matches(pod, namespaces):
                            _put(wishes, node, term, sign * weight)
            return (wishes,)

        (wishes,) = snapshot.tallies.sums((f"{self.name} wishes", pod.kin), snapshot.nodes, count, 1)
        state[self.name] = wishes
        return bool(wishes)

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        wishes: Counter[Place] = state[self.name]
        return sum(wishes[place] for place in node.labels.items())

    def normalize(self, state: CycleState, scores: list[int], nodes: Sequence[NodeInfo], /) -> list[int]:
        smallest, largest = min(scores), max(scores)
        if smallest == largest:
            return [0 for _ in scores]
        return [int(MAX_SCORE * ((score - smallest) / (largest - smallest))) for score in scores]


def _wanted(pod: PodInfo) -> Iterable[tuple[int, AffinityTerm]]:
    """What a running pod would like near it; its hard terms count as a small wish."""
    yield from ((_HARD_AFFINITY_WEIGHT, term) for term in pod.affinity.required)
    yield from pod.affinity.preferred


def _near(required: Sequence[AffinityTerm], counts: _Counts, node: NodeInfo) -> bool:
    if not all(term.topology_key in node.labels for term in required):
        return False
    there = all(counts.affinity[term.topology_key, node.labels[term.topology_key]] for term in required)
    return there or counts.first_of_its_kind


def _put(places: Counter[Place], node: NodeInfo, term: AffinityTerm, weight: int) -> None:
    value = node.labels.get(term.topology_key)
    if value is not None:
        places[term.topology_key, value] += weight


def _after_pod(pod: PodInfo, old: PodInfo | None, new: PodInfo | None) -> bool:
    """A pod that it wants near came, one that it wants away went, or one went that did not want it."""
    if old is not None and new is not None and new.uid == pod.uid:
        return True
    if any(each is not None and not each.holds_room for each in (old, new)):
        return False
    near, apart = pod.affinity.required, pod.affinity.required_anti
    if new is not None:
        came_near = _all_match(near, new) and (old is None or not _all_match(near, old))
        went_away = old is not None and _all_match(apart, old) and not _all_match(apart, new)
        return came_near or went_away
    return old is not None and (_all_match(apart, old) or _all_match(old.affinity.required_anti, pod))


def _all_match(terms: Sequence[AffinityTerm], pod: PodInfo) -> bool:
    return bool(terms) and all(term.matches(pod, {}) for term in terms)


def _after_node(pod: PodInfo, old: NodeInfo | None, new: NodeInfo) -> bool:
    """A node came into a place that counts, went out of it, or moved to another."""
    near, apart = pod.affinity.required, pod.affinity.required_anti
    if old is None:
        return bool(apart) or any(term.topology_key in new.labels for term in near)
    for term in near:
        value = new.labels.get(term.topology_key)
        if value is not None and value != old.labels.get(term.topology_key):
            return True
    for term in apart:
        value = old.labels.get(term.topology_key)
        if value is not None and value != new.labels.get(term.topology_key):
            return True
    return False
