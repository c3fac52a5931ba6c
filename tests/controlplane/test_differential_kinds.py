"""Valid objects of every built-in kind, broken, are refused for the same causes, or accepted alike.

Broken one field at a time, with fields that do not fit each other, and two at once; on creation, in the place
of the stored object, as its status, and applied. What is written to other
subresources is broken alike. Compared are the causes with their reasons and in their order, the warnings,
and the object that was accepted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from helpers.differential import Answer, real_server
from helpers.differential_breakages import applications, creations, has_status, line_of, pair_creations
from helpers.differential_lines import KINDS, missing, report
from helpers.differential_not_yet import NOT_YET
from helpers.differential_run import Both, both, make_namespace
from helpers.differential_samples import samples
from helpers.differential_subresource_breakages import judged_writes, written
from helpers.differential_verdicts import judged, judged_updates

from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

_STRIDE = {"create": 13, "update": 19, "status": 7, "pairs": 19, "apply": 41}
"""In the first tier a share of the breakages is asked, in the nightly run all."""
_WAYS = tuple(_STRIDE)
_SUBRESOURCE_STRIDE = 7
_ASKED = {"create": creations, "pairs": pair_creations, "apply": applications}


@pytest.fixture(scope="module")
def control_plane(needs_control_plane: None) -> Iterator[ControlPlane]:
    """A real server that looks at the service accounts of pods, as ours does."""
    options = ControlPlaneOptions(apiserver_flags=("--enable-admission-plugins=ServiceAccount",))
    with ControlPlane(options) as plane:
        yield plane


@pytest.fixture(scope="module")
def met() -> Iterator[Counter[tuple[str, bool]]]:
    """How often each kind was asked in good and bad form; printed at the end."""
    counts: Counter[tuple[str, bool]] = Counter()
    yield counts
    print(f"\n{report(counts.elements(), KINDS)}")


async def _judged(
    way: str, kind: str, namespace: str, servers: Both, stride: int
) -> AsyncIterator[tuple[str, Answer, str]]:
    if way in ("update", "status"):
        updates = judged_updates(kind, namespace, servers, stride=stride, status=way == "status")
        async for each in updates:
            yield each
        return
    asked = _ASKED[way](kind, namespace)
    for name, question in [*asked[:1], *asked[1::stride]]:
        answer, text = await judged(question, servers.real, servers.ours)
        yield name, answer, text


async def _differing(way: str, kind: str, control_plane: Any, met: Counter[Any], stride: int) -> list[str]:
    """Where validation of the kind differs, one line a breakage."""
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    found: list[str] = []
    namespace = f"broken-{way}"
    async with both(real, lambda: None) as servers:
        await make_namespace(namespace, servers)
        async for name, answer, text in _judged(way, kind, namespace, servers, stride):
            if text:
                found.append(f"{name}: {text}")
            assert name != "valid" or answer.status < 400, f"the sample is not valid: {answer.body}"
            met[line_of(kind), answer.status < 400] += 1
    return found


def _asked(way: str) -> list[str]:
    return [kind for kind in samples("any") if way != "status" or has_status(kind)]


_EVERY = [pytest.param(way, kind, id=f"{way}-{kind}") for way in _WAYS for kind in _asked(way)]


@pytest.mark.parametrize(("way", "kind"), _EVERY)
async def test_a_share_of_breakages_is_judged_alike(
    way: str, kind: str, control_plane: Any, met: Counter[Any]
) -> None:
    found = await _differing(way, kind, control_plane, met, _STRIDE[way])
    assert len(found) <= NOT_YET[way].get(kind, 0), "\n".join(found)


async def _differing_writes(name: str, control_plane: Any, stride: int) -> list[str]:
    """Where what is written to a subresource is judged otherwise, one line a breakage."""
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    found: list[str] = []
    namespace = f"broken-{name.lower().replace('/', '-')}"
    async with both(real, lambda: None) as servers:
        await make_namespace(namespace, servers)
        async for each, answer, text in judged_writes(name, namespace, servers, stride=stride):
            if text:
                found.append(f"{each}: {text}")
            assert each != "valid" or answer.status < 400, f"what is written is not valid: {answer.body}"
    return found


@pytest.mark.parametrize("name", written("any"))
async def test_a_share_of_broken_writes_to_subresources_is_judged_alike(
    name: str, control_plane: Any
) -> None:
    found = await _differing_writes(name, control_plane, _SUBRESOURCE_STRIDE)
    assert not found, "\n".join(found)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", written("any"))
async def test_every_broken_write_to_a_subresource_is_judged_alike(name: str, control_plane: Any) -> None:
    found = await _differing_writes(name, control_plane, 1)
    assert not found, "\n".join(found)


def test_every_kind_is_met_in_good_and_bad_form(met: Counter[tuple[str, bool]], request: Any) -> None:
    asked = [item for item in request.session.items if item.path == request.path]
    if len(asked) < len(_EVERY):
        pytest.skip("only some of the kinds were asked")
    assert not missing(met.elements(), KINDS), f"never met: {', '.join(missing(met.elements(), KINDS))}"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("way", "kind"), _EVERY)
async def test_every_breakage_is_judged_alike(
    way: str, kind: str, control_plane: Any, met: Counter[Any]
) -> None:
    found = await _differing(way, kind, control_plane, met, 1)
    assert len(found) <= NOT_YET[way].get(kind, 0), "\n".join(found)
