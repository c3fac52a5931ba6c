"""Stories of Deployments and ReplicaSets on a real kube-apiserver: the real controllers beside ours.

Nightly: the real controllers' histories are recorded anew and must be those that are committed; ours, in the
place of the two real ones, must be the same. Everything else of the cluster is real, but for the nodes.

    .ci/nightly tests/controlplane/test_workload_histories.py
    pytest -m nightly tests/controlplane/test_workload_histories.py -k 'ours and 3'      # one share
"""

from __future__ import annotations

import pytest
from helpers.histories.play import History
from helpers.histories.real import control_plane, play_all
from helpers.histories.recorded import VERSION, difference, recorded
from helpers.histories.script import Script
from helpers.histories.scripts import all_scripts

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.nightly,
    pytest.mark.real_time,
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("needs_control_plane"),
]

SCRIPTS = all_scripts()
SHARES = 6
"""Each share of the scripts has a control plane of its own, so that one is soon played again."""

AGAIN = 2
"""How often a history that differs is played again: a cluster's controllers race, the real ones too."""


def share_of(number: int) -> list[Script]:
    return list(SCRIPTS.values())[number::SHARES]


def differing(found: dict[str, History]) -> dict[str, str]:
    """What each history that is not as recorded says."""
    theirs = recorded()
    told = {name: difference(theirs[name], history) for name, history in found.items()}
    return {name: text for name, text in told.items() if text}


async def judge(scripts: list[Script], *, ours: bool, expected: dict[str, History] | None) -> None:
    """Play scripts and compare; what differs is played again, and once it must be as recorded."""
    found: dict[str, History] = {}
    wrong: dict[str, str] = {}
    again: list[str] = []
    for _ in range(1 + AGAIN):
        async with control_plane(ours=ours) as plane:
            found |= await play_all(plane, scripts, ours=ours, expected=expected)
        wrong = differing(found)
        scripts = [SCRIPTS[name] for name in wrong]
        if not wrong:
            break
        again += wrong
        print("\n\n".join(f"played again: {name} ({SCRIPTS[name].why}):\n{wrong[name]}" for name in wrong))
    checks = sum(history.checks for history in found.values())
    steps = sum(len(history.steps) for history in found.values())
    print(
        f"{len(found)} scripts on {'ours' if ours else f'the real controllers of {VERSION}'}, {steps} steps, "
        f"bounds looked at {checks} times, {len(again)} played again, {len(wrong)} differ"
    )
    assert not wrong, "\n\n".join(f"{name} ({SCRIPTS[name].why}):\n{text}" for name, text in wrong.items())


def test_every_script_is_in_one_share() -> None:
    shares = [script.name for number in range(SHARES) for script in share_of(number)]
    print(f"{len(shares)} scripts")
    assert sorted(shares) == sorted(SCRIPTS) and len(shares) >= 120


@pytest.mark.parametrize("share", range(SHARES))
async def test_the_real_controllers_are_recorded_anew_and_tell_what_is_committed(share: int) -> None:
    """Recorded as `tools/record_workload_histories.py` does it: without a look at the committed ones."""
    await judge(share_of(share), ours=False, expected=None)


@pytest.mark.parametrize("share", range(SHARES))
async def test_ours_tell_the_same(share: int) -> None:
    await judge(share_of(share), ours=True, expected=recorded())
