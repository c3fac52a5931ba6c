"""The rules of the workqueue's core, one test a rule; the time is a number."""

from __future__ import annotations

from typing import TypeVar

import pytest

from reconcile.errors import ConfigurationError
from reconcile.workqueue import LOW_PRIORITY, QueueCore, QueueOptions

K = TypeVar("K")


def taken(core: QueueCore[K], now: float) -> list[K]:
    keys: list[K] = []
    while (item := core.take(now)) is not None:
        keys.append(item.key)
        core.done(item, now)
    return keys


def test_keys_come_in_order_of_arrival_and_once() -> None:
    core: QueueCore[str] = QueueCore()
    for key in ("a", "b", "a", "c", "b"):
        core.add(key, 0.0)
    assert taken(core, 0.0) == ["a", "b", "c"]


def test_a_key_added_while_in_a_worker_runs_again_after_done() -> None:
    core: QueueCore[str] = QueueCore()
    core.add("a", 0.0)
    item = core.take(0.0)
    assert item is not None
    core.add("a", 0.0, "again")
    assert core.take(0.0) is None
    core.done(item, 1.0)
    again = core.take(1.0)
    assert again is not None and again.key == "a" and again.causes == ("again",)


def test_done_twice_is_an_error() -> None:
    core: QueueCore[str] = QueueCore()
    core.add("a", 0.0)
    item = core.take(0.0)
    assert item is not None
    core.done(item, 0.0)
    with pytest.raises(ValueError, match="not in processing"):
        core.done(item, 0.0)


def test_every_cause_is_kept_equal_ones_once() -> None:
    core: QueueCore[str] = QueueCore()
    for cause in ("x", "y", "x", None, "z"):
        core.add("a", 0.0, cause)
    item = core.take(0.0)
    assert item is not None and item.causes == ("x", "y", "z")


def test_of_several_delays_the_earliest_counts() -> None:
    core: QueueCore[str] = QueueCore()
    core.add_after("a", 10, 0.0)
    core.add_after("a", 5, 0.0)
    core.add_after("a", 20, 0.0)
    assert core.next_due() == 5.0
    assert taken(core, 4.9) == []
    assert taken(core, 5.0) == ["a"]
    assert taken(core, 100.0) == []


def test_an_immediate_add_takes_the_place_of_a_delay() -> None:
    core: QueueCore[str] = QueueCore()
    core.add_after("a", 10, 0.0, "later")
    core.add("a", 1.0, "now")
    item = core.take(1.0)
    assert item is not None and item.causes == ("later", "now")
    core.done(item, 1.0)
    assert taken(core, 50.0) == []


def test_higher_priority_first_and_a_raised_key_at_the_end_of_its_new_priority() -> None:
    core: QueueCore[str] = QueueCore()
    core.add("low", 0.0, priority=LOW_PRIORITY)
    core.add("raised", 0.0, priority=LOW_PRIORITY)
    core.add("b", 0.0)
    core.add("raised", 0.0, priority=0)
    core.add("urgent", 0.0, priority=10)
    assert taken(core, 0.0) == ["urgent", "b", "raised", "low"]


def test_a_lower_priority_does_not_lower_a_key() -> None:
    core: QueueCore[str] = QueueCore()
    core.add("a", 0.0, priority=5)
    core.add("a", 0.0, priority=LOW_PRIORITY)
    item = core.take(0.0)
    assert item is not None and item.priority == 5


def test_ageing_keeps_low_priorities_from_starving() -> None:
    core: QueueCore[str] = QueueCore(QueueOptions(ageing=0.3))
    core.add("low", 0.0, priority=LOW_PRIORITY)
    now, served = 0.0, 0
    while True:
        now += 0.1
        core.add(f"key-{served}", now)
        item = core.take(now)
        assert item is not None
        core.done(item, now)
        if item.key == "low":
            break
        served += 1
    assert now == pytest.approx(30.0, abs=0.5)


def test_a_raise_never_moves_a_key_back() -> None:
    core: QueueCore[str] = QueueCore(QueueOptions(ageing=0.3))
    core.add("old", 0.0, priority=LOW_PRIORITY)
    core.add("new", 59.0, priority=0)
    core.add("old", 60.0, priority=0)  # its age has carried it to 100 already
    assert taken(core, 60.0) == ["old", "new"]


def test_backoff_doubles_to_its_maximum_and_success_forgets() -> None:
    core: QueueCore[str] = QueueCore(QueueOptions(base_delay=1, max_delay=5))
    now, pauses = 0.0, []
    core.add("a", now)
    for _ in range(5):
        item = core.take(now)
        assert item is not None
        core.add_rate_limited("a", now)
        core.done(item, now)
        due = core.next_due()
        assert due is not None
        pauses.append(due - now)
        now = due
    assert pauses == [1, 2, 4, 5, 5]
    assert core.retries("a") == 5
    core.forget("a")
    assert core.retries("a") == 0


def fail(core: QueueCore[str], now: float) -> bool:
    item = core.take(now)
    if item is None:
        return False
    core.add_rate_limited(item.key, now)
    core.done(item, now)
    return True


def test_a_storm_cuts_a_backoff_short_once_and_does_not_inflate_it() -> None:
    core: QueueCore[str] = QueueCore(QueueOptions(base_delay=8, max_delay=1000))
    core.add("a", 0.0)
    assert fail(core, 0.0)
    runs = 0
    for tick in range(1, 79):
        now = tick / 10
        core.add("a", now, f"event {tick}")
        runs += fail(core, now)
    assert runs == 1, "one early run in the eight seconds of the first backoff"
    assert core.retries("a") == 1
    assert core.next_due() == 8.0
    assert fail(core, 8.0)
    assert core.retries("a") == 2 and core.next_due() == 24.0


def test_an_event_during_a_failing_run_counts_as_the_early_one() -> None:
    core: QueueCore[str] = QueueCore(QueueOptions(base_delay=8))
    core.add("a", 0.0)
    for expected in (True, False):
        item = core.take(0.0)
        assert (item is not None) is expected or not expected
        if item is None:
            break
        core.add("a", 0.0, "meanwhile")
        core.add_rate_limited("a", 0.0)
        core.done(item, 0.0)
    item = core.take(0.0)
    assert item is None and core.next_due() == 8.0
    late = core.take(8.0)
    assert late is not None and late.causes == ("meanwhile",) and late.attempts == 1


def test_an_event_during_a_succeeding_run_runs_at_once() -> None:
    core: QueueCore[str] = QueueCore(QueueOptions(base_delay=8))
    core.add("a", 0.0)
    assert fail(core, 0.0)
    core.add("a", 0.0)
    item = core.take(0.0)
    assert item is not None and item.attempts == 1
    core.add("a", 0.0)
    core.forget("a")
    core.done(item, 0.0)
    assert taken(core, 0.0) == ["a"]


def test_a_token_bucket_bounds_all_retries_together() -> None:
    core: QueueCore[int] = QueueCore(QueueOptions(retries_per_second=10, retry_burst=2, base_delay=0.001))
    for key in range(5):
        core.add_rate_limited(key, 0.0)
    due = []
    while (at := core.next_due()) is not None:
        due.extend([round(at, 3)] * len(taken(core, at)))
    assert due == [0.001, 0.001, 0.1, 0.2, 0.3]


def test_expediting_a_delayed_key_over_and_over_does_not_fill_the_heap() -> None:
    core: QueueCore[str] = QueueCore()
    for now in range(10_000):
        core.add_after("a", 36_000, float(now))
        core.add("a", float(now))
        assert taken(core, float(now)) == ["a"]
    assert len(core._waiting) < 200


def test_shut_down_drops_what_waits_and_drain_hands_out_what_is_ready() -> None:
    for drain in (False, True):
        core: QueueCore[str] = QueueCore()
        for key in ("a", "b"):
            core.add(key, 0.0)
        core.add_after("later", 1, 0.0)
        item = core.take(0.0)
        assert item is not None
        core.add("a", 0.0)
        core.shut_down(drain=drain)
        core.add("new", 0.0)
        core.done(item, 0.0)
        assert taken(core, 10.0) == (["b", "a"] if drain else [])
        assert core.exhausted and list(core.keys()) == []


def test_depth_is_counted_by_priority() -> None:
    core: QueueCore[str] = QueueCore()
    core.add("a", 0.0, priority=LOW_PRIORITY)
    core.add("b", 0.0, priority=LOW_PRIORITY)
    core.add("b", 0.0, priority=3)
    core.add_after("c", 5, 0.0)
    assert core.depth_by_priority() == {LOW_PRIORITY: 1, 3: 1}
    assert core.ready == 2 and core.waiting == 1


def test_many_priorities_do_not_leave_empty_buckets_behind() -> None:
    core: QueueCore[int] = QueueCore()
    for number in range(1000):
        core.add(number, 0.0, priority=number)
        item = core.take(0.0)
        assert item is not None
        core.done(item, 0.0)
    assert len(core._ready) <= 9


@pytest.mark.parametrize(
    "options",
    [
        {"base_delay": 0},
        {"base_delay": 2, "max_delay": 1},
        {"ageing": 0},
        {"retry_burst": 0},
        {"retries_per_second": 0},
        {"spacing": -0.1},
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        QueueOptions(**options)  # type: ignore[arg-type]


def test_a_delay_that_a_clock_cannot_tell_is_long_enough_to_pass() -> None:
    core: QueueCore[str] = QueueCore()
    now = 1e9
    assert now + 1e-9 == now, "so short that the key would be due at once, for ever"
    core.add_after("a", 1e-9, now)
    assert core.take(now) is None
    due = core.next_due()
    assert due is not None and due > now and core.take(due) is not None


def test_no_delay_at_all_stays_none() -> None:
    core: QueueCore[str] = QueueCore()
    core.add_after("a", 0.0, 5.0)
    assert taken(core, 5.0) == ["a"]


def spaced(*events: float) -> list[float]:
    """When a key runs that is added at these times, each run taking 1 s, with a spacing of 10 s."""
    core: QueueCore[str] = QueueCore(QueueOptions(spacing=10.0))
    runs: list[float] = []
    for now in range(100):
        if now in events:
            core.add("a", now)
        if (item := core.take(now)) is not None:
            runs.append(now)
            if now + 0.5 in events:
                core.add("a", now + 0.5)
            core.done(item, now + 1.0)
    return runs


@pytest.mark.parametrize(
    ("events", "runs"),
    [
        ((0.0,), [0]),
        ((0.0, 2.0, 3.0), [0, 11]),
        ((0.0, 0.5), [0, 11]),
        ((0.0, 30.0), [0, 30]),
        ((0.0, 2.0, 12.0), [0, 11, 22]),
    ],
    ids=["first at once", "gathered", "added while it runs", "after a pause at once", "and so on"],
)
def test_spaced_runs_gather_what_comes_in_between(events: tuple[float, ...], runs: list[int]) -> None:
    assert spaced(*events) == runs


def test_spacing_holds_back_no_other_key_and_no_retry() -> None:
    core: QueueCore[str] = QueueCore(QueueOptions(spacing=10.0, base_delay=1.0))
    core.add("a", 0.0)
    assert taken(core, 0.0) == ["a"]
    core.add("b", 1.0)
    assert taken(core, 1.0) == ["b"]
    core.add("a", 10.0)
    item = core.take(10.0)
    assert item is not None and item.key == "a"
    core.add_rate_limited("a", 10.0)
    core.done(item, 10.0)
    assert core.scheduled() == (("a", 11.0),)


def test_a_delay_within_the_spacing_waits_for_its_end_and_a_longer_one_keeps_its_time() -> None:
    core: QueueCore[str] = QueueCore(QueueOptions(spacing=10.0))
    for key in ("a", "b"):
        core.add(key, 0.0)
    taken(core, 0.0)
    core.add_after("a", 3.0, 0.0)
    core.add_after("b", 30.0, 0.0)
    assert core.scheduled() == (("a", 10.0), ("b", 30.0))


def test_a_draining_queue_hands_out_what_came_while_its_key_ran_whatever_the_spacing() -> None:
    core: QueueCore[str] = QueueCore(QueueOptions(spacing=10.0))
    core.add("a", 0.0)
    item = core.take(0.0)
    assert item is not None
    core.add("a", 0.0)
    core.shut_down(drain=True)
    core.done(item, 1.0)
    assert taken(core, 1.0) == ["a"] and core.exhausted


def test_keys_that_ran_long_ago_are_not_remembered() -> None:
    core: QueueCore[int] = QueueCore(QueueOptions(spacing=10.0))
    for number in range(1000):
        core.add(number, float(number))
        assert taken(core, float(number)) == [number]
    assert core._spacing is not None and len(core._spacing) == 10
