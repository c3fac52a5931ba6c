"""The specification of read-your-writes as a state machine: whatever happens, in any order, it holds.

The rules are what the world does: reconciles that write, others that write, answers and events that come
late, out of step or never, watches that break off or expire, lists that are older than a write when they
arrive, time. The judgement is the world's (`helpers.overlay_world`): it is passed after every step, in every
reconcile before and after each write, and once more at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from helpers import overlay_world as does
from helpers.overlay_world import Action, World
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconcile.manager import Manager
from reconcile.objects.identity import ObjectKey

X, Y, ELSEWHERE = ObjectKey("a", "x"), ObjectKey("a", "y"), ObjectKey("b", "x")
KEYS = st.sampled_from([X, X, X, Y, ELSEWHERE])
CONTROLLERS = st.sampled_from(["first", "first", "second", "chosen"])
PODS = st.sampled_from(["p", "q"])
FLAGS = st.booleans()
COUNTS = st.integers(0, 3)

_SETS: st.SearchStrategy[Action] = st.one_of(
    st.builds(does.create_set, chosen=FLAGS, finalizer=FLAGS),
    st.builds(does.choose_set, FLAGS),
    st.builds(does.spec_of_set, COUNTS),
    st.builds(does.status_of_set, COUNTS),
    st.builds(does.apply_set, COUNTS),
    st.builds(does.apply_status_of_set, COUNTS),
    st.builds(does.scale_set, COUNTS),
    st.builds(does.delete_set, st.sampled_from([None, None, "Foreground", "Orphan"])),
    st.builds(does.release_set),
)
_PODS: st.SearchStrategy[Action] = st.one_of(
    st.builds(does.create_pod, PODS, chosen=FLAGS),
    st.builds(does.create_pod, PODS),
    st.builds(does.label_pod, PODS, FLAGS),
    st.builds(does.pod_status, PODS, st.sampled_from(["Running", "Failed"])),
    st.builds(does.bind_pod, PODS, st.sampled_from(["n1", "n2"])),
    st.builds(does.delete_pod, PODS, st.sampled_from([None, 0])),
    st.builds(does.evict_pod, PODS),
    st.builds(does.delete_pods, st.sampled_from(["", does.CHOSEN])),
)
ACTIONS = st.one_of(_SETS, _PODS)
OWN_ACTIONS = st.one_of(
    _SETS,
    _PODS,
    st.builds(does.replace_cached_set, COUNTS),
    st.builds(does.create_pod, st.just("made-")),
    st.builds(lambda n: does.patch_set({"spec": {"replicas": n}}, dry_run=True), COUNTS),
)


class OverlayMachine(RuleBasedStateMachine):
    """Steps of the world, judged. Subclasses may change how the world is made.

    Attributes:
        counts: what was done in all examples, by what it is.
    """

    counts: ClassVar[dict[str, int]]
    overlay: ClassVar[bool] = True
    promised: ClassVar[bool] = True
    setup: ClassVar[Callable[[Manager], None] | None] = None

    world: World

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.counts = {}

    @initialize(
        namespaces=st.sampled_from([None, None, ("a", "b"), ("a",)]),
        present=st.sampled_from([(X,), (X,), (X, Y), (X, ELSEWHERE), (X, Y, ELSEWHERE), ()]),
        chosen=FLAGS,
        lag=FLAGS,
    )
    def start(
        self, namespaces: Sequence[str] | None, present: Sequence[ObjectKey], chosen: bool, lag: bool
    ) -> None:
        setup = type(self).setup
        self.world = World(namespaces=namespaces, overlay=self.overlay, promised=self.promised, setup=setup)
        for key in present:
            self.world.outside(does.create_set(chosen=chosen), key)
        self.world.idle()
        self.world.transport.hold_events = lag

    # ---- the operator

    @rule(
        controller=CONTROLLERS,
        key=KEYS,
        actions=st.lists(OWN_ACTIONS, min_size=1, max_size=3),
        again=FLAGS,
    )
    def reconcile(self, controller: str, key: ObjectKey, actions: list[Action], again: bool) -> None:
        """A reconcile that writes, and perhaps a second one right after it, which must know what it wrote."""
        self.world.script(controller, key, actions)
        if again:
            self.world.script(controller, key, [])
        self.world.idle()

    @rule(controller=CONTROLLERS, key=KEYS, counts=st.lists(COUNTS, min_size=1, max_size=2), applied=FLAGS)
    def report(self, controller: str, key: ObjectKey, counts: list[int], applied: bool) -> None:
        """A reconcile as most are: in the end it writes the status."""
        write = does.apply_status_of_set if applied else does.status_of_set
        self.world.script(controller, key, [write(count) for count in counts])
        self.world.idle()

    @rule(controller=CONTROLLERS, key=KEYS)
    def look(self, controller: str, key: ObjectKey) -> None:
        """A reconcile that only reads."""
        self.world.script(controller, key, [])
        self.world.idle()

    # ---- others

    @rule(key=KEYS, action=ACTIONS)
    def others_write(self, key: ObjectKey, action: Action) -> None:
        self.world.outside(action, key)

    # ---- events

    @rule(lag=FLAGS)
    def lag(self, lag: bool) -> None:
        self.world.transport.hold_events = lag
        if not lag:
            for stream in self.world.transport.streams:
                stream.wake()
        self.world.idle()

    @precondition(lambda self: any(stream.lines for stream in self.world.transport.streams))
    @rule(number=st.integers(0, 5), count=st.sampled_from([1, 1, 2, 1000]))
    def deliver(self, number: int, count: int) -> None:
        waiting = [stream for stream in self.world.transport.streams if stream.lines]
        waiting[number % len(waiting)].deliver(count)
        self.world.idle()

    @precondition(lambda self: bool(self.world.transport.streams))
    @rule(number=st.integers(0, 5), how=st.sampled_from(["cut", "expire", "compact and cut"]))
    def lose_events(self, number: int, how: str) -> None:
        streams = self.world.transport.streams
        stream = streams[number % len(streams)]
        if how == "expire":
            stream.expire()
        else:
            if how != "cut":
                storage = self.world.server.storage
                storage.compact(storage.revision)
            stream.cut()
        self.world.idle()

    @precondition(lambda self: bool(self.world.transport.streams))
    @rule(number=st.integers(0, 5))
    def list_late(self, number: int) -> None:
        """A watch expires, and the list that takes its place is older than what happens until it arrives."""
        transport = self.world.transport
        transport.hold_events = True
        transport.holding.add("list")
        transport.streams[number % len(transport.streams)].expire()
        self.world.idle(5.0)
        transport.holding.discard("list")

    # ---- answers

    @rule(kinds=st.sets(st.sampled_from(["list", "list", "get", "write"]), max_size=2))
    def hold(self, kinds: set[Any]) -> None:
        self.world.transport.holding = set(kinds)

    @precondition(lambda self: bool(self.world.transport.waiting))
    @rule(number=st.integers(0, 3))
    def answer(self, number: int) -> None:
        waiting = self.world.transport.waiting
        self.world.transport.release(number % len(waiting))
        self.world.idle()

    @precondition(lambda self: bool(self._writes_waiting()))
    @rule(number=st.integers(0, 3))
    def lose_answer(self, number: int) -> None:
        writes = self._writes_waiting()
        self.world.transport.lose(writes[number % len(writes)])
        self.world.idle()

    @rule(fate=st.sampled_from([None, "dropped", "late"]))
    def next_write(self, fate: Any) -> None:
        self.world.transport.fates.append(fate)

    @precondition(lambda self: bool(self.world.transport.underway))
    @rule()
    def arrive_late(self) -> None:
        self.world.arrive_late()
        self.world.idle()

    def _writes_waiting(self) -> list[int]:
        return [at for at, held in enumerate(self.world.transport.waiting) if held.kind == "write"]

    # ---- time

    @rule(seconds=st.sampled_from([0.01, 1.0, 5.0, 40.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.idle(seconds)

    @rule()
    def rest(self) -> None:
        """Everything arrives; then lag again, as before."""
        lag = self.world.transport.hold_events
        self.world.settle()
        self.world.transport.hold_events = lag

    # ---- the judgement

    @invariant()
    def reads_are_possible(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.world.end()
        finally:
            world, counts = self.world, type(self).counts
            for name, more in (
                ("examples", 1),
                ("reconciles", len(world.runs)),
                ("writes", world.writes),
                ("unknown outcomes", world.unknowns),
                ("echoes dropped", world.echoes_dropped),
                ("judgements of all reads", world.reads),
            ):
                counts[name] = counts.get(name, 0) + more
            world.close()
