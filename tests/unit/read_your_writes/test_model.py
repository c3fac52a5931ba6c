"""The specification of read-your-writes against the real client, informers, overlay and controllers."""

from __future__ import annotations

import pytest
from helpers.overlay_machine import OverlayMachine
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test


def _run(machine: type[OverlayMachine], examples: int, steps: int) -> dict[str, int]:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    )
    print("read-your-writes model:", ", ".join(f"{n} {what}" for what, n in machine.counts.items()))
    return machine.counts


class _FirstTier(OverlayMachine):
    pass


class _Nightly(OverlayMachine):
    pass


class _Bare(OverlayMachine):
    """Nothing is promised of own writes: what is left holds for every informer."""

    overlay = False
    promised = False


def test_reads_never_go_back_and_no_change_is_missed() -> None:
    counts = _run(_FirstTier, 120, 40)
    assert counts["echoes dropped"] and counts["unknown outcomes"], "the examples are too tame to judge by"


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_reads_never_go_back_and_no_change_is_missed_at_length() -> None:
    _run(_Nightly, 10_000, 60)


def test_without_a_promise_the_model_asks_only_what_any_informer_keeps() -> None:
    _run(_Bare, 20, 40)
