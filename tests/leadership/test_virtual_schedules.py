"""Schedules of faults at random in virtual time: thousands of them, each the same in every run.

Whole managers at the usual numbers (15, 10 and 2 seconds), on machines whose clocks differ in rate by a
fifth, on the embedded server; single-writer is judged by what its storage committed.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest
from helpers.leadership_verdict import Verdict
from helpers.leadership_virtual import LEASE, RETRY
from helpers.leadership_virtual_faults import FAULTS, Sweep, run_sweep


def test_nobody_writes_who_does_not_lead() -> None:
    verdict, happened = run_sweep(Sweep(range(50)))
    print(f"50 schedules: {verdict.counts()}; {dict(happened)}")
    assert verdict.violations == []
    assert happened.keys() == {fault.__name__ for fault in FAULTS}
    assert verdict.changes > 100


def test_no_key_is_in_two_replicas() -> None:
    verdict, happened = run_sweep(Sweep(range(8), shards=5, objects=6))
    print(f"8 schedules of shards: {verdict.counts()}; {dict(happened)}")
    assert verdict.violations == []
    assert verdict.changes > 40


def test_the_judge_finds_what_leaders_write_that_are_not_fenced() -> None:
    sweep = Sweep(range(4), guarded=False, tick=0.1, faults=("freeze_the_leader",))
    verdict, _ = run_sweep(sweep)
    print(f"4 schedules without a guard: {verdict.counts()}")
    assert any("led until" in violation for violation in verdict.violations)


def test_a_write_that_a_stop_cuts_short_is_not_overtaken_by_the_release() -> None:
    sweep = Sweep(range(12), faults=("terminate_while_writes_are_late",), tick=0.1, grace=0.0)
    verdict, happened = run_sweep(sweep)
    assert happened["terminate_while_writes_are_late"] > 12
    assert verdict.violations == []


def test_a_dead_leader_is_followed_within_lease_duration_and_retry_period() -> None:
    sweep = Sweep(range(12), faults=("kill_the_leader", "freeze_the_leader"), skewed=False)
    verdict, _ = run_sweep(sweep)
    assert verdict.violations == []
    assert len(verdict.takeovers) > 6
    for takeover in verdict.takeovers:
        # A tenth of a second is for requests and answers on their way.
        assert takeover.seconds < LEASE + RETRY + 0.1, takeover


def test_the_same_seed_is_the_same_story() -> None:
    first, second = (run_sweep(Sweep(range(7, 9)))[0] for _ in range(2))
    assert first == second


@pytest.mark.nightly
@pytest.mark.timeout(14400)
def test_ten_thousand_schedules() -> None:
    verdict, happened = spread(Sweep(range(100_000, 110_000)))
    print(f"10000 schedules: {verdict.counts()}; {dict(happened)}")
    assert verdict.violations == []
    assert happened.keys() == {fault.__name__ for fault in FAULTS}


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_a_thousand_schedules_of_shards() -> None:
    verdict, happened = spread(Sweep(range(100_000, 101_000), shards=7, objects=10, rounds=3))
    print(f"1000 schedules of shards: {verdict.counts()}; {dict(happened)}")
    assert verdict.violations == []


def spread(sweep: Sweep) -> tuple[Verdict, Counter[str]]:
    """Run the schedules in two processes."""
    total, happened = Verdict(), Counter[str]()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for verdict, hits in pool.map(run_sweep, sweep.parts(250)):
            total.add(verdict)
            happened += hits
    return total, happened
