"""The demo's story in virtual time: one seed, one history; and a process that dies anywhere changes nothing.

Nightly, the operators' process is killed after every single write; in the normal run after every 41st.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.demo_story import Telling, tell_story

STRIDE = 41


@pytest.fixture(scope="module")
def undisturbed() -> Telling:
    return tell_story(seed=1)


def test_one_seed_gives_one_history_to_the_byte(undisturbed: Telling) -> None:
    started = time.process_time()
    again = tell_story(seed=1)
    spent = time.process_time() - started
    assert again.history == undisturbed.history
    assert again.state == undisturbed.state
    assert again.history.count("\n") > 300
    print(f"{again.seconds:.1f} s of story in {spent:.2f} s of CPU time")


def test_another_seed_gives_another_history_and_the_same_state(undisturbed: Telling) -> None:
    other = tell_story(seed=2)
    assert other.history != undisturbed.history
    assert other.state == undisturbed.state


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_history_does_not_hang_on_the_order_of_hashes(undisturbed: Telling, hash_seed: str) -> None:
    tests = Path(__file__).parent.parent
    program = (
        "import hashlib; from helpers.demo_story import tell_story;"
        "print(hashlib.sha256(tell_story(seed=1).history.encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == hashlib.sha256(undisturbed.history.encode()).hexdigest()


def test_a_death_after_any_write_ends_in_the_same_state(undisturbed: Telling) -> None:
    check_deaths(undisturbed, range(1, undisturbed.writes + 1, STRIDE))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_death_after_every_write_in_turn_ends_in_the_same_state(undisturbed: Telling) -> None:
    check_deaths(undisturbed, range(1, undisturbed.writes + 1))


def check_deaths(undisturbed: Telling, places: range) -> None:
    for nth in places:
        telling = tell_story(seed=1, die_after_write=nth)
        assert telling.deaths == 1, f"write {nth}: nobody died"
        difference = difflib.unified_diff(
            undisturbed.state.splitlines(), telling.state.splitlines(), "undisturbed", f"death {nth}", n=0
        )
        assert telling.state == undisturbed.state, "\n".join(difference)
    print(f"{len(places)} deaths in {undisturbed.writes} writes")
