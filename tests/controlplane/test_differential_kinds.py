"""Valid objects of every built-in kind, broken one field at a time, are refused for the same causes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.differential import real_server
from helpers.differential_breakages import difference, questions, samples
from helpers.differential_lines import KINDS, missing, report
from helpers.differential_run import both, make_namespace

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

_NAMESPACE = "broken-objects"
_STRIDE = 5
"""In the first tier every fifth breakage is asked, in the nightly run all."""

# How many breakages of a kind are judged otherwise still. These are rules that are not written yet: a number
# may only fall, and docs/explanation/embedded-server.md says what is missing.
NOT_YET: dict[str, int] = {
    "Pod": 64,
    "Service": 3,
    "PersistentVolume": 1,
    "ReplicationController": 4,
    "Node": 4,
    "Deployment": 1,
    "ReplicaSet": 1,
    "StatefulSet": 10,
    "DaemonSet": 1,
    "Job": 2,
    "HorizontalPodAutoscaler": 2,
    "PodDisruptionBudget": 1,
    "ClusterRole": 4,
}


@pytest.fixture(scope="module")
def met() -> Iterator[Counter[tuple[str, bool]]]:
    """How often each kind was asked in good and bad form; printed at the end."""
    counts: Counter[tuple[str, bool]] = Counter()
    yield counts
    print(f"\n{report(counts.elements(), KINDS)}")


async def _differing(kind: str, control_plane: Any, met: Counter[Any], stride: int) -> list[str]:
    """Where validation of the kind differs, one line a breakage."""
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    found: list[str] = []
    async with both(real, lambda: None) as servers:
        await make_namespace(_NAMESPACE, servers)
        asked = questions(kind, _NAMESPACE)
        for name, question in [*asked[:2], *asked[2::stride]]:
            one, other = await asyncio.gather(servers.real(question), servers.ours(question))
            text = difference(one, other)
            if text:
                found.append(f"{name}: {text}")
            assert name != "valid" or one.status < 400, f"the sample is not valid: {one.body}"
            met[f"kind: {kind}", one.status < 400] += 1
    return found


@pytest.mark.parametrize("kind", samples(_NAMESPACE))
async def test_a_share_of_breakages_is_judged_alike(kind: str, control_plane: Any, met: Counter[Any]) -> None:
    found = await _differing(kind, control_plane, met, _STRIDE)
    assert len(found) <= NOT_YET.get(kind, 0), "\n".join(found)


def test_every_kind_is_met_in_good_and_bad_form(met: Counter[tuple[str, bool]], request: Any) -> None:
    asked = [item for item in request.session.items if item.path == request.path]
    if len(asked) < len(samples(_NAMESPACE)):
        pytest.skip("only some of the kinds were asked")
    assert not missing(met.elements(), KINDS), f"never met: {', '.join(missing(met.elements(), KINDS))}"


@pytest.mark.nightly
@pytest.mark.parametrize("kind", samples(_NAMESPACE))
async def test_every_breakage_is_judged_alike(kind: str, control_plane: Any, met: Counter[Any]) -> None:
    found = await _differing(kind, control_plane, met, 1)
    assert len(found) <= NOT_YET.get(kind, 0), "\n".join(found)
