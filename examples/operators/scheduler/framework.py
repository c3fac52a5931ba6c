"""What a plugin is. A plugin is one rule; the cycle asks the rules in this order:

    pre_enqueue  may the pod be tried at all? (scheduling gates, claims that are not there)
    pre_filter   once for the pod: prepare; name the only nodes that can do, or say that none can
    filter       for each node: can it take the pod?
    post_filter  no node can: what could be done about it (preemption)?
    pre_score    once for the pod: prepare, or say that there is nothing to score
    score        for each node that passed: how good is it?
    normalize    once: bring the scores to 0..100
    reserve      the node is chosen: note what the pod takes, before the next pod is decided
    permit       the pod may go, may not, or has to wait for somebody
    pre_bind     write what has to be true before the pod is bound, and wait for it
    bind         write the decision
    post_bind    the pod is bound
    unreserve    any of these failed: take back what `reserve` noted, the last plugin first

A plugin defines the points it needs. Up to `permit` they are computation only; from `pre_bind` on they run
beside the next decisions, and may write (`binding.py`). What a plugin prepares for one pod it keeps in the
cycle's `state`, under its own name: a plugin object itself has no memory between pods. Where preemption tries
how things would be without some pods, it works on a copy of the state, which `add_pod` and `remove_pod` keep
right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reconcile import Manager, ObjectKey

from .events import HelpedBy
from .failing import PluginError as PluginError
from .nodes import NodeInfo
from .pods import PodInfo
from .snapshot import Snapshot

MAX_SCORE = 100

SKIP: Literal["skip"] = "skip"
"""From `pre_filter`: the plugin has no filter to apply to this pod."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """That a pod cannot go somewhere.

    Attributes:
        reasons: in kube-scheduler's words; each is counted over the nodes.
        final: no pod that goes away would change it, so that preemption need not look.
        plugin: whose word it is.
        pending: what is missing is on its way; the pod is tried again without backoff once it is there.
    """

    reasons: tuple[str, ...]
    final: bool = False
    plugin: str = ""
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """From `permit`: the pod keeps its node and waits for `WaitingPods.allow`.

    Attributes:
        seconds: after which it is refused; at most 15 minutes.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class PreFlight:
    """From `pre_bind_pre_flight`: `pre_bind` has something to do.

    Attributes:
        parallel: whether it may run beside that of other plugins.
    """

    parallel: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a plugin reaches while a pod is being bound.

    Attributes:
        manager: for its client, clock and event recorder.
        snapshot: the picture of the cluster, which goes on changing.
        scheduler: the name that events are told under.
    """

    manager: Manager
    snapshot: Snapshot
    scheduler: str


class CycleState(dict[str, Any]):
    """What the plugins prepared for one pod, by plugin name; and which of them have no filter for it."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped: set[str] = set()

    def copy(self) -> CycleState:
        """For a trial: what plugins adjust for pods that come or go is copied, the rest is shared."""
        twin = CycleState()
        twin.skipped = self.skipped
        for name, value in self.items():
            twin[name] = value.copy() if isinstance(value, Adjustable) else value
        return twin


class Adjustable:
    """Prepared state that `add_pod` and `remove_pod` change."""

    def copy(self) -> Any:
        raise AssertionError("adjustable state says how it is copied")


@dataclass(frozen=True, slots=True)
class Remedy:
    """What `post_filter` found.

    Attributes:
        node: where the pod can go once the victims are gone; empty where nothing helps.
        victims: the pods to be removed, the most important first.
        message: why nothing helps, in kube-scheduler's words.
        clear_nomination: the node that an earlier remedy named for the pod is of no use any more.
        deallocate: claims to be allocated anew, because what they have is out of reach.
    """

    node: str = ""
    victims: tuple[PodInfo, ...] = ()
    message: str = ""
    clear_nomination: bool = False
    deallocate: tuple[ObjectKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far a cycle came for a pod that fits nowhere: what `post_filter` looks at.

    Attributes:
        refusals: by node; `elsewhere` for the nodes that are not in it.
        plugins: of the profile, whose filters a trial asks.
    """

    pod: PodInfo
    state: CycleState
    snapshot: Snapshot
    refusals: Mapping[str, Refusal]
    elsewhere: Refusal
    plugins: Plugins


class Plugin:
    """Base of all plugins; every point does nothing."""

    name: str = ""
    reads: Sequence[type[Any]] = ()
    """Kinds that it looks at in the snapshot, and that none of its `events` names."""

    local: bool = False
    """Whether `filter` and `score` look at nothing but the pod's shape and the node: what they say is then
    remembered for the next pod of that shape, until the node changes."""

    def less(self, pod: PodInfo, queued_at: float, /) -> tuple[Any, ...] | None:
        """queueSort: a sort key for waiting pods, smallest first; None from all but one plugin."""
        return None

    def events(self) -> Sequence[HelpedBy]:
        """What may help a pod that this plugin refused; nothing else brings the pod back before its time."""
        return ()

    def pre_enqueue(self, pod: PodInfo, snapshot: Snapshot, /) -> Refusal | None:
        """Why the pod must not be tried yet; None when it may. Asked again when one of `events` happens.

        Nobody is told: who made the pod knows what it waits for.
        """
        return None

    def pre_filter(
        self, state: CycleState, pod: PodInfo, snapshot: Snapshot, /
    ) -> Refusal | frozenset[str] | Literal["skip"] | None:
        """A refusal of all nodes, the names of the only nodes worth asking, SKIP, or None for all of them."""
        return None

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, /) -> None:
        """Adjust the state: `other` would be on the node too."""

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, node: NodeInfo, /) -> None:
        """Adjust the state: `other` would be gone from the node."""

    def filter(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> Refusal | None:
        """Why this node cannot take the pod; None when it can."""
        return None

    def post_filter(self, attempt: Attempt, /) -> Remedy | None:
        """What helps a pod that fits nowhere; None from all plugins that know nothing."""
        return None

    def pre_score(
        self, state: CycleState, pod: PodInfo, nodes: Sequence[NodeInfo], snapshot: Snapshot, /
    ) -> bool:
        """Prepare to score; False when this plugin has no preference for this pod."""
        return True

    def score(self, state: CycleState, pod: PodInfo, node: NodeInfo, /) -> int:
        return 0

    def normalize(self, state: CycleState, scores: list[int], nodes: Sequence[NodeInfo], /) -> list[int]:
        """The scores of all nodes, each 0 to 100."""
        return scores

    def reserve(self, state: CycleState, pod: PodInfo, node: str, /) -> Refusal | None:
        """Note what the pod takes; after a refusal or a PluginError every plugin's `unreserve` is called."""
        return None

    def unreserve(self, state: CycleState, pod: PodInfo, node: str, /) -> None:
        """Take back what `reserve` noted; also when it noted nothing, and more than once."""

    def permit(self, state: CycleState, pod: PodInfo, node: str, /) -> Refusal | Wait | None:
        """A last word before the binding begins; None lets the pod go."""
        return None

    def pre_bind_pre_flight(self, state: CycleState, pod: PodInfo, node: str, /) -> PreFlight | None:
        """Whether `pre_bind` has something to do; None when not, and it is not called then."""
        return PreFlight()

    async def pre_bind(
        self, state: CycleState, pod: PodInfo, node: str, around: Surroundings, /
    ) -> Refusal | None:
        """Make true what the pod needs on the node; an error sends it back to the queue."""
        return None

    async def take_back(self, state: CycleState, pod: PodInfo, node: str, around: Surroundings, /) -> None:
        """Take back what `pre_bind` wrote, as far as it should not stay: the pod is not bound after all."""

    async def bind(self, state: CycleState, pod: PodInfo, node: str, around: Surroundings, /) -> bool:
        """Write the decision; False leaves it to the next plugin."""
        return False

    def post_bind(self, state: CycleState, pod: PodInfo, node: str, /) -> None:
        """The pod is bound: clean up."""

    async def deallocate(self, pod: PodInfo, key: ObjectKey, around: Surroundings, /) -> None:
        """Carry out a remedy that named a claim."""

    def refuse(self, *reasons: str, final: bool = False) -> Refusal:
        """A refusal in this plugin's name."""
        return Refusal(reasons, final, self.name)


class Plugins(tuple[Plugin, ...]):
    """Plugins in their order, and by the points that are asked most."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.sorters = self.with_point("less")
        self.gates = self.with_point("pre_enqueue")
        self.pre_filters = self.with_point("pre_filter")
        self.filters = self.with_point("filter")
        self.post_filters = self.with_point("post_filter")
        self.scorers = self.with_point("score")
        self.adjusters = self.with_point("add_pod")
        self.reservers = self.with_point("reserve")
        self.unreservers = self.with_point("unreserve")[::-1]
        self.permitters = self.with_point("permit")
        self.pre_binders = self.with_point("pre_bind")
        self.binders = self.with_point("bind")
        self.post_binders = self.with_point("post_bind")
        # Local ones first, as far as nothing else comes between: what they say together is remembered.
        local = 0
        while local < len(self.filters) and self.filters[local].local:
            local += 1
        self.local_filters, self.other_filters = self.filters[:local], self.filters[local:]

    def with_point(self, point: str) -> tuple[Plugin, ...]:
        return tuple(each for each in self if has(each, point))


def has(plugin: Plugin, point: str) -> bool:
    """Whether the plugin defines an extension point, so that others are not called for nothing."""
    return getattr(type(plugin), point) is not getattr(Plugin, point)


def normalized(scores: Sequence[int], *, reverse: bool = False) -> list[int]:
    """Scores in proportion to the largest, which becomes 100; with `reverse`, 0 becomes 100."""
    largest = max(scores, default=0)
    if largest == 0:
        return [MAX_SCORE if reverse else 0 for _ in scores]
    scaled = [MAX_SCORE * score // largest for score in scores]
    return [MAX_SCORE - score for score in scaled] if reverse else scaled
