"""Whatever is done to the queue, in whatever order: its guarantees hold."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reconcile.workqueue import QueueCore, QueueItem, QueueOptions

KEYS = st.sampled_from("abcdef")
PRIORITIES = st.sampled_from([-100, 0, 0, 0, 7])


class QueueMachine(RuleBasedStateMachine):
    """A model beside the queue: for each key the latest time by which it must be ready, and its causes."""

    spacing = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.options = QueueOptions(base_delay=1.0, max_delay=30.0, spacing=self.spacing)
        self.ended: dict[str, float] = {}
        self.core: QueueCore[str] = QueueCore(self.options)
        self.now = 0.0
        self.due: dict[str, float] = {}
        self.causes: dict[str, dict[int, None]] = {}
        self.working: list[QueueItem[str]] = []
        self.failures: dict[str, int] = {}
        self.deadline: dict[str, float] = {}
        self.runs_since_deadline_set: dict[str, int] = {}
        self.number = 0

    def expect(self, key: str, at: float) -> int:
        self.number += 1
        self.due[key] = min(self.due.get(key, at), at)
        self.causes.setdefault(key, {})[self.number] = None
        return self.number

    @rule(key=KEYS, priority=PRIORITIES)
    def add(self, key: str, priority: int) -> None:
        self.core.add(key, self.now, self.expect(key, self.now), priority)

    @rule(key=KEYS, delay=st.integers(0, 20), priority=PRIORITIES)
    def add_after(self, key: str, delay: int, priority: int) -> None:
        self.core.add_after(key, delay, self.now, self.expect(key, self.now + delay), priority)

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        item = self.core.take(self.now)
        if item is None:
            for key in self.due.keys() - {working.key for working in self.working} - self.deadline.keys():
                free_at = self.ended.get(key, -self.spacing) + self.spacing
                assert max(self.due[key], free_at) > self.now, "a key was due and did not run"
            return
        if item.key not in self.deadline:
            assert self.ended.get(item.key, -self.spacing) + self.spacing <= self.now, "two runs too close"
        assert all(item.key != other.key for other in self.working), "one key in two workers"
        assert self.due.pop(item.key) <= self.now, "a key ran before it was due"
        assert item.causes == tuple(self.causes.pop(item.key)), "a cause was lost"
        assert item.attempts == self.failures.get(item.key, 0)
        if item.key in self.deadline and self.now < self.deadline[item.key]:
            early = self.runs_since_deadline_set[item.key] = self.runs_since_deadline_set[item.key] + 1
            assert early == 1, "a backoff was cut short twice"
        self.working.append(item)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def succeed(self, data: st.DataObject) -> None:
        item = self.working.pop(data.draw(st.integers(0, len(self.working) - 1)))
        self.core.forget(item.key)
        self.failures.pop(item.key, None)
        self.deadline.pop(item.key, None)
        self.core.done(item, self.now)
        self.ended[item.key] = self.now

    @precondition(lambda self: self.working)
    @rule(data=st.data(), done_first=st.booleans())
    def fail(self, data: st.DataObject, done_first: bool) -> None:
        item = self.working.pop(data.draw(st.integers(0, len(self.working) - 1)))
        key = item.key
        if done_first:
            self.core.done(item, self.now)
        # Early runs neither count nor move the deadline.
        if key not in self.deadline or self.now >= self.deadline[key]:
            count = self.failures.get(key, 0)
            self.failures[key] = count + 1
            self.deadline[key] = self.now + min(30.0, 2.0**count)
            self.runs_since_deadline_set[key] = 0
        self.core.add_rate_limited(key, self.now, self.expect(key, self.deadline[key]))
        if not done_first:
            self.core.done(item, self.now)
        self.ended[key] = self.now
        assert self.core.retries(key) == self.failures[key]

    @invariant()
    def counts_agree(self) -> None:
        assert self.core.processing_count == len(self.working)
        assert sum(self.core.depth_by_priority().values()) == self.core.ready
        for key in self.due:
            assert key in self.core, "a key was lost"

    def teardown(self) -> None:
        for item in self.working:
            self.core.done(item, self.now)
        self.working.clear()
        later = self.now + 1000.0
        seen = set()
        while (item := self.core.take(later)) is not None:
            assert item.key not in seen
            seen.add(item.key)
            self.core.forget(item.key)
            self.core.done(item, later)
        assert seen == set(self.due), "a key was lost, or ran without reason"
        assert list(self.core.keys()) == []


QueueMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
TestQueue = QueueMachine.TestCase


class SpacedQueueMachine(QueueMachine):
    """The same, and a key that does not fail never runs again too early."""

    spacing = 3.0


SpacedQueueMachine.TestCase.settings = QueueMachine.TestCase.settings
TestSpacedQueue = SpacedQueueMachine.TestCase


class OrderMachine(RuleBasedStateMachine):
    """Inside one priority, keys that were never raised come in the order in which they became ready."""

    def __init__(self) -> None:
        super().__init__()
        self.core: QueueCore[int] = QueueCore()
        self.now = 0.0
        self.next = 0
        self.expected: dict[int, list[int]] = {}

    @rule(priority=PRIORITIES, again=st.booleans())
    def add(self, priority: int, again: bool) -> None:
        self.core.add(self.next, self.now, None, priority)
        self.expected.setdefault(priority, []).append(self.next)
        if again:
            self.core.add(self.next, self.now, None, priority)
        self.next += 1

    @rule(seconds=st.floats(0.01, 50))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take(self) -> None:
        item = self.core.take(self.now)
        if item is not None:
            assert self.expected[item.priority].pop(0) == item.key
            self.core.done(item, self.now)


OrderMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
TestOrder = OrderMachine.TestCase
