"""Our Deployment and ReplicaSet controllers tell the stories that the real ones told.

The histories of the real controllers are recorded (`helpers/histories/recorded`, by
`tools/record_workload_histories.py`); here ours play the same scripts on the embedded server in virtual time.
`tests/controlplane/test_workload_histories.py` plays them on a real kube-apiserver, both sides.
"""

from __future__ import annotations

import pytest
from helpers.histories.embedded import play
from helpers.histories.mutants import MUTANTS, Mutant
from helpers.histories.normal import LEFT_OUT
from helpers.histories.recorded import difference, recorded
from helpers.histories.script import Script
from helpers.histories.scripts import all_scripts

SCRIPTS = all_scripts()

SHARE = (
    "adopt-a-pod",
    "bounds-4-0-100p",
    "crash-loop",
    "deadline-passed-and-rolled-back",
    "delete-orphan",
    "history-limit-1",
    "image-cannot-be-pulled-and-next",
    "longest-name",
    "min-ready-seconds-never-over",
    "node-lost-and-back",
    "others-delete-the-present-of-two",
    "pause-in-mid-rollout-and-scale",
    "quota-set",
    "recreate-stuck",
    "roll-four-times-at-once",
    "rollback-annotation-last",
    "scale-three-revisions-down",
    "set-labels-of-the-template",
    "undo-twice",
    "who-goes-doubled-up",
    "who-goes-ready-last",
    "wrong-negative",
)
"""Played at every change; the nightly tier plays all."""

OFTEN_MUTANTS = (
    "surge off by one",
    "rank reversed: who shares its node",
    "rank reversed: since when it is ready",
    "Available is missing",
    "Progressing is missing",
    "collisions are not counted",
    "the new revision has all its pods at once",
    "the revision is not raised",
    "adoption without the uid",
    "Recreate does not wait for old pods",
    "scaling in mid-rollout is the new revision's",
)


@pytest.fixture(scope="module")
def theirs() -> object:
    return recorded()


def judge(script: Script, theirs: dict[str, object]) -> None:
    found = play(script)
    told = difference(theirs[script.name], found)  # type: ignore[arg-type]
    assert not told, f"{script.name} ({script.why}):\n{told}"


@pytest.mark.parametrize("name", SHARE)
def test_a_history_is_the_real_controllers(name: str, theirs: dict[str, object]) -> None:
    judge(SCRIPTS[name], theirs)


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - set(SHARE)))
def test_every_history_is_the_real_controllers(name: str, theirs: dict[str, object]) -> None:
    judge(SCRIPTS[name], theirs)


def test_every_script_has_a_reason_of_its_own_and_a_record(theirs: dict[str, object]) -> None:
    reasons = [script.why for script in SCRIPTS.values()]
    print(f"{len(SCRIPTS)} scripts, {len(MUTANTS)} mutants")
    assert len(SCRIPTS) >= 120 and len(set(reasons)) == len(reasons)
    assert set(theirs) == set(SCRIPTS)
    assert len(LEFT_OUT.splitlines()) < 10


def caught(mutant: Mutant, theirs: dict[str, object]) -> bool:
    """Whether the mutant's script tells another story, or does not get to its end."""
    with mutant.at_work():
        try:
            found = play(SCRIPTS[mutant.script])
        except AssertionError:
            return True
    return bool(difference(theirs[mutant.script], found))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "mutant", [one for one in MUTANTS if one.name in OFTEN_MUTANTS], ids=lambda one: one.name
)
def test_a_broken_rule_is_noticed(mutant: Mutant, theirs: dict[str, object]) -> None:
    assert caught(mutant, theirs)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "mutant", [one for one in MUTANTS if one.name not in OFTEN_MUTANTS], ids=lambda one: one.name
)
def test_every_broken_rule_is_noticed(mutant: Mutant, theirs: dict[str, object]) -> None:
    assert caught(mutant, theirs)


def test_every_mutant_names_a_script() -> None:
    assert {mutant.script for mutant in MUTANTS} <= set(SCRIPTS)
    assert {mutant.name for mutant in MUTANTS} >= set(OFTEN_MUTANTS)
