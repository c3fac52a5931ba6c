"""Stories of Deployments and ReplicaSets on a real kube-apiserver: the real controllers beside ours.

Nightly: the real controllers' histories are recorded anew and must be those that are committed; ours, in the
place of the two real ones, must be the same. Everything else of the cluster is real, but for the nodes.
"""

from __future__ import annotations

import pytest
from helpers.histories.mutants import REFUSED, Mutant
from helpers.histories.play import History
from helpers.histories.real import control_plane, play_all
from helpers.histories.recorded import difference, recorded
from helpers.histories.scripts import all_scripts

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.nightly,
    pytest.mark.real_time,
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("needs_control_plane"),
]

SCRIPTS = all_scripts()


def compare(found: dict[str, History]) -> None:
    theirs = recorded()
    told = {name: difference(theirs[name], history) for name, history in found.items()}
    differing = {name: text for name, text in told.items() if text}
    checks = sum(history.checks for history in found.values())
    steps = sum(len(history.steps) for history in found.values())
    print(f"{len(found)} scripts, {steps} steps, bounds looked at {checks} times, {len(differing)} differ")
    assert not differing, "\n\n".join(
        f"{name} ({SCRIPTS[name].why}):\n{text}" for name, text in differing.items()
    )


async def test_the_real_controllers_still_tell_what_is_recorded() -> None:
    async with control_plane(ours=False) as plane:
        compare(await play_all(plane, SCRIPTS.values(), ours=False, expected=recorded()))


async def test_ours_tell_the_same() -> None:
    async with control_plane(ours=True) as plane:
        compare(await play_all(plane, SCRIPTS.values(), ours=True, expected=recorded()))


@pytest.mark.parametrize("mutant", REFUSED, ids=lambda one: one.name)
async def test_a_broken_rule_about_refusals_is_noticed(mutant: Mutant) -> None:
    async with control_plane(ours=True) as plane:
        with mutant.at_work():
            found = await play_all(
                plane, [SCRIPTS[mutant.script]], ours=True, expected=recorded(), patience=20.0
            )
    assert difference(recorded()[mutant.script], found[mutant.script])
