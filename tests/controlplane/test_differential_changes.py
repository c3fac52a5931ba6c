"""What a real server makes of good changes of an object, of parts left empty, and of definitions.

    samples, full and plain ──▶ each field set to another good value, put in the place of the stored one
    plain samples           ──▶ each part there, and empty: what is filled in
    statuses                ──▶ each field set to another good value
    definitions             ──▶ rule by rule, and drawn
    custom objects          ──▶ drawn against nasty schemas: created, and updated from what is as bad

Compared are the causes with their reasons and in their order, the warnings, and the object that was accepted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from helpers.custom_values import custom_values
from helpers.differential import Answer, post, real_server
from helpers.differential_breakages import Body, Breakage, collection_of, has_status
from helpers.differential_changes import changes, empties, status_changes
from helpers.differential_custom_objects import causes_of, judged_pairs, serve
from helpers.differential_definitions import definitions, drawn_definitions
from helpers.differential_not_yet import NOT_YET
from helpers.differential_plain_samples import plain_samples
from helpers.differential_run import Both, both, make_namespace
from helpers.differential_samples import STATUSES, samples
from helpers.differential_verdicts import judged, judged_puts
from helpers.drawn_custom_objects import Pair, drawn_pairs, drawn_schemas

from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time, pytest.mark.timeout(900)]

Judged = AsyncIterator[tuple[str, Answer, str]]

_STRIDE = {"change": 127, "plain change": 97, "empty": 37, "status change": 61}
"""In the first tier a share is asked, in the nightly run all."""
_WAYS = tuple(_STRIDE)
_DRAWN, _DRAWN_BY_NIGHT = 40, 1500
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture(scope="module")
def control_plane(needs_control_plane: None) -> Iterator[ControlPlane]:
    """A real server that looks at the service accounts of pods, as ours does."""
    options = ControlPlaneOptions(apiserver_flags=("--enable-admission-plugins=ServiceAccount",))
    with ControlPlane(options) as plane:
        yield plane


def _real(control_plane: ControlPlane) -> Any:
    return real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)


def _of(way: str, namespace: str) -> dict[str, Body]:
    found = plain_samples(namespace) if way in ("plain change", "empty") else samples(namespace)
    return {kind: obj for kind, obj in found.items() if way != "status change" or has_status(kind)}


async def _created(obj: Body, namespace: str, servers: Both, found: Sequence[Breakage]) -> Judged:
    for each in found:
        question = post(collection_of(obj, namespace), each.of(obj), dryRun="All")
        answer, text = await judged(question, servers.real, servers.ours)
        yield each.name, answer, text


def _asked(way: str, kind: str, namespace: str, servers: Both, stride: int) -> Judged:
    obj = _of(way, namespace)[kind]
    unbroken = Breakage("valid", ())
    if way == "empty":
        return _created(obj, namespace, servers, [unbroken, *empties(kind, obj)[::stride]])
    status = way == "status change"
    found = status_changes(kind, obj, STATUSES[kind]) if status else changes(kind, obj)
    return judged_puts(kind, obj, namespace, servers, found[::stride], status=status)


async def _differing(way: str, kind: str, servers: Both, stride: int) -> tuple[int, list[str]]:
    """How many were asked of a kind, and where the answers differ."""
    found: list[str] = []
    count = 0
    namespace = f"changed-{way.replace(' ', '-')}"
    async for name, answer, text in _asked(way, kind, namespace, servers, stride):
        count += 1
        if text:
            found.append(f"{kind}: {name}: {text}")
        assert name != "valid" or answer.status < 400, f"the sample is not valid: {answer.body}"
    return count, found


@pytest.mark.parametrize("way", _WAYS)
async def test_a_share_of_changes_is_judged_alike(way: str, control_plane: ControlPlane) -> None:
    wrong: list[str] = []
    async with both(_real(control_plane), lambda: None) as servers:
        await make_namespace(f"changed-{way.replace(' ', '-')}", servers)
        for kind in _of(way, "any"):
            _, found = await _differing(way, kind, servers, _STRIDE[way])
            if len(found) > NOT_YET[way].get(kind, 0):
                wrong += found
    assert not wrong, "\n".join(wrong)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", _WAYS)
async def test_every_change_is_judged_alike(way: str, control_plane: ControlPlane) -> None:
    wrong: list[str] = []
    count = 0
    async with both(_real(control_plane), lambda: None) as servers:
        await make_namespace(f"changed-{way.replace(' ', '-')}", servers)
        for kind in _of(way, "any"):
            asked, found = await _differing(way, kind, servers, 1)
            count += asked
            if len(found) > NOT_YET[way].get(kind, 0):
                wrong += found
    print(f"\n{way}: {count} asked of {len(_of(way, 'any'))} kinds, {len(wrong)} differ")
    assert not wrong, "\n".join(wrong)


async def _judged_definitions(
    control_plane: ControlPlane, chosen: Callable[[dict[str, Body]], list[tuple[str, Body]]], drawn: int
) -> None:
    wrong: list[str] = []
    good = bad = 0
    async with both(_real(control_plane), lambda: None) as servers:
        for name, obj in [*chosen(definitions()), *drawn_definitions(drawn, seed=7)]:
            question = post(_DEFINITIONS, obj, dryRun="All")
            answer, text = await judged(question, servers.real, servers.ours)
            good, bad = good + (answer.status < 400), bad + (answer.status >= 400)
            if text:
                wrong.append(f"{name}: {text}")
    print(f"\ndefinitions: {good} accepted, {bad} refused, {len(wrong)} differ")
    assert good > drawn // 8 and bad > drawn // 8
    assert not wrong, "\n".join(wrong)


async def test_a_share_of_definitions_is_judged_alike(control_plane: ControlPlane) -> None:
    await _judged_definitions(control_plane, lambda found: [*found.items()][::11], _DRAWN)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_every_definition_is_judged_alike(control_plane: ControlPlane) -> None:
    await _judged_definitions(control_plane, lambda found: [*found.items()], _DRAWN_BY_NIGHT)


async def _judged_objects(control_plane: ControlPlane, schemas: int, each: int, seed: int) -> None:
    wrong: list[str] = []
    good = bad = 0
    drawn = drawn_schemas(schemas, seed)
    async with both(_real(control_plane), lambda: None) as servers:
        await serve(servers, f"nasty{seed}.example.com", drawn)
        pairs = drawn_pairs(drawn, each, seed)
        async for pair, answer, text in judged_pairs(servers, f"nasty{seed}.example.com", pairs):
            good, bad = good + (answer.status < 400), bad + (answer.status >= 400)
            if text:
                wrong.append(f"{pair.name}: {text}\n  {pair} against {drawn[pair.place]}")
    print(f"\ncustom objects: {good} accepted, {bad} refused, {len(wrong)} differ")
    assert good > schemas * each // 10 and bad > schemas * each // 10
    assert not wrong, "\n".join(wrong)


async def test_a_server_says_of_custom_values_what_was_recorded(control_plane: ControlPlane) -> None:
    cases = {f"c{number}": case for number, case in enumerate(custom_values())}
    pairs = [
        Pair(case.name, "create" if case.old is None else "update", place, case.value, case.old)
        for place, case in cases.items()
    ]
    wrong: list[str] = []
    async with both(_real(control_plane), lambda: None) as servers:
        await serve(servers, "recorded.example.com", {place: case.schema for place, case in cases.items()})
        async for pair, answer, text in judged_pairs(servers, "recorded.example.com", pairs):
            said = causes_of(answer)
            recorded = [cause.replace("spec.x", f"spec.{pair.place}") for cause in cases[pair.place].causes]
            if text or said != recorded:
                wrong.append(f"{pair.name}: {text or said}")
    assert not wrong, "\n".join(wrong)


async def test_some_custom_objects_are_judged_alike(control_plane: ControlPlane) -> None:
    await _judged_objects(control_plane, 30, 3, seed=1)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_many_custom_objects_are_judged_alike(control_plane: ControlPlane) -> None:
    await _judged_objects(control_plane, 400, 6, seed=2)
