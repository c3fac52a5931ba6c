"""DefaultPreemption: a pod that fits nowhere may take the place of pods that matter less.

For each node that pods could be removed from, the fewest and least important ones are found whose going lets
the pod in; of the nodes, the one where that hurts least is taken. Disruption budgets are kept where possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconcile.api.core.v1 import Pod

from ..events import Change, HelpedBy
from ..filtering import fit_error, try_node
from ..framework import Attempt, CycleState, Plugin, PluginError, Refusal, Remedy
from ..nodes import NodeInfo
from ..pods import PodInfo
from ..snapshot import Budget

_NOT_HELPFUL = Refusal(("Preemption is not helpful for scheduling",), final=True)
_NO_VICTIMS = Refusal(("No preemption victims found for incoming pod",), final=True)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node, and the pods that would have to go, the most important first."""

    node: str
    victims: tuple[PodInfo, ...]
    broken_budgets: int

    @property
    def cost(self) -> tuple[float, ...]:
        """The smaller the better: budgets broken, the highest priority hurt, how much of it, how many.

        At last, the node whose most important victims have run for the shortest time.
        """
        highest = max(victim.priority for victim in self.victims)
        oldest = min(victim.started for victim in self.victims if victim.priority == highest)
        # Each victim counts, also one of a negative priority.
        total = sum(victim.priority + (1 << 31) for victim in self.victims)
        return (self.broken_budgets, highest, total, len(self.victims), -oldest)


class DefaultPreemption(Plugin):
    """
    Attributes:
        least_share, least_number: of the nodes that could help, at least so many are looked at, the first
            in a percentage.
    """

    name = "DefaultPreemption"

    def __init__(self, *, least_share: int = 10, least_number: int = 100) -> None:
        self.least_share = least_share
        self.least_number = least_number

    def events(self) -> Sequence[HelpedBy]:
        """What it waits for is not the room itself: that is for the plugins to say that want it."""
        return [HelpedBy(Pod, Change.DELETED, lambda pod, old, new: False)]

    def post_filter(self, attempt: Attempt, /) -> Remedy | None:
        reason = _not_eligible(attempt)
        if reason:
            return Remedy(message=f"preemption: {reason}")
        candidates, refusals = self._candidates(attempt)
        if candidates:
            best = min(candidates, key=lambda candidate: candidate.cost)
            return Remedy(best.node, best.victims)
        told = fit_error(len(attempt.snapshot.nodes), refusals, _NOT_HELPFUL)
        return Remedy(message=f"preemption: {told}", clear_nomination=True)

    def _candidates(self, attempt: Attempt) -> tuple[list[Candidate], dict[str, Refusal]]:
        """What could be done, and for the other nodes that were looked at why nothing can."""
        nodes = [
            node
            for node in attempt.snapshot.nodes
            if not attempt.refusals.get(node.name, attempt.elsewhere).final
        ]
        enough = min(max(len(nodes) * self.least_share // 100, self.least_number), len(nodes))
        found: list[Candidate] = []
        refusals: dict[str, Refusal] = {}
        errors: list[str] = []
        for node in nodes:
            try:
                answer = select_victims(attempt, node.copy(), attempt.state.copy())
            except PluginError as error:
                errors.append(str(error))
                continue
            if isinstance(answer, Refusal):
                refusals[node.name] = answer
                continue
            found.append(answer)
            if len(found) >= enough and any(not candidate.broken_budgets for candidate in found):
                break
        if errors and not found:
            # One node that cannot be judged matters only where no other one helps.
            each = list(dict.fromkeys(errors))
            raise PluginError(f"preemption: {each[0] if len(each) == 1 else '[' + ', '.join(each) + ']'}")
        return found, refusals


def select_victims(attempt: Attempt, node: NodeInfo, state: CycleState) -> Candidate | Refusal:
    """The least that has to go for the pod to fit; works on copies of the node and the state.

    All that matter less go first; then one after the other comes back, the most important first, if the pod
    still fits. Pods whose budget would be broken come back before others.
    """
    pod = attempt.pod
    others = [other for other in node.pods.values() if other.priority < pod.priority]
    if not others:
        return _NO_VICTIMS

    def adjust(other: PodInfo, *, comes: bool) -> None:
        if comes:
            node.add_pod(other)
        else:
            node.remove_pod(other.key)
        for plugin in attempt.plugins.adjusters:
            if plugin.name not in state.skipped:
                (plugin.add_pod if comes else plugin.remove_pod)(state, pod, other, node)

    def refusal() -> Refusal | None:
        return try_node(attempt.plugins, state, pod, node, attempt.snapshot)

    for other in others:
        adjust(other, comes=False)
    if (refused := refusal()) is not None:
        return refused
    others.sort(key=_importance)
    breaking, fine = by_budget(others, attempt.snapshot.budgets)
    victims: list[PodInfo] = []
    broken = 0

    def fits() -> bool:
        try:
            return refusal() is None
        except PluginError:
            # Who makes the node impossible to judge has to go.
            return False

    for other in (*breaking, *fine):
        adjust(other, comes=True)
        if not fits():
            adjust(other, comes=False)
            victims.append(other)
            broken += other in breaking
    victims.sort(key=_importance)
    return Candidate(node.name, tuple(victims), broken)


def by_budget(pods: Sequence[PodInfo], budgets: Iterable[Budget]) -> tuple[list[PodInfo], list[PodInfo]]:
    """The pods, in their order, whose going would break a disruption budget; and the others."""
    budgets = list(budgets)
    left = [budget.allowed for budget in budgets]
    breaking: list[PodInfo] = []
    fine: list[PodInfo] = []
    for pod in pods:
        breaks = False
        for number, budget in enumerate(budgets):
            if budget.covers(pod):
                left[number] -= 1
                breaks = breaks or left[number] < 0
        (breaking if breaks else fine).append(pod)
    return breaking, fine


def _importance(pod: PodInfo) -> tuple[int, float]:
    """Sorts the most important first: the higher priority, then who has run longer."""
    return (-pod.priority, pod.started)


def _not_eligible(attempt: Attempt) -> str:
    """Why the pod may not preempt at all, or not now; empty when it may."""
    pod = attempt.pod
    if pod.spec.preemption_policy == "Never":
        return "not eligible due to preemptionPolicy=Never."
    node = attempt.snapshot.node(pod.nominated_node) if pod.nominated_node else None
    if node is None or attempt.refusals.get(node.name, attempt.elsewhere).final:
        return ""
    if any(other.preempted and other.priority < pod.priority for other in node.pods.values()):
        return "not eligible due to a terminating pod on the nominated node."
    return ""
