"""The specification of read-your-writes against the real client, informers, overlay and controllers."""

from __future__ import annotations

from helpers.overlay_machine import OverlayMachine
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test


def _run(machine: type[OverlayMachine], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    )
    print("read-your-writes model:", ", ".join(f"{n} {what}" for what, n in machine.counts.items()))


class _Bare(OverlayMachine):
    """Nothing is promised of own writes: what is left holds for every informer."""

    promised = False


def test_without_a_promise_the_model_asks_only_what_any_informer_keeps() -> None:
    _run(_Bare, 20, 40)
