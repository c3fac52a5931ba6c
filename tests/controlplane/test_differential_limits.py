"""Drawn pods meet drawn limit ranges, quotas and security levels alike on the real and the embedded server.

The draws are the same in every run. What is used of a quota is compared after each pod.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from helpers.differential import Ask, get, post, real_server
from helpers.differential_compare import Comparison
from helpers.differential_limit_ranges import claim
from helpers.differential_pod_security import labels
from helpers.differential_quotas import made_known
from helpers.differential_run import Both, both, converse, make_namespace
from helpers.drawn_limits import limit_ranges, pods, quotas, security_levels, security_pods
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

Body = dict[str, Any]
_CALM = {"suppress_health_check": list(HealthCheck), "deadline": None}


class World:
    """Both servers, and a loop to talk to them on."""

    def __init__(self, runner: asyncio.Runner, servers: Both) -> None:
        self._runner = runner
        self._numbers = itertools.count()
        self.servers = servers
        self.asked = 0
        self.refused = 0

    def namespace(self) -> str:
        return f"limits-{next(self._numbers):06}"

    def agree(self, talk: Coroutine[Any, Any, Comparison]) -> None:
        comparison = self._runner.run(talk)
        self.asked += comparison.asked
        assert not comparison.found, "\n".join(comparison.found)


@pytest.fixture(scope="module")
def world(control_plane: Any) -> Iterator[World]:
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    with asyncio.Runner() as runner:
        servers = both(real, lambda: None)
        found = World(runner, runner.run(servers.__aenter__()))
        yield found
        print(f"\n{found.asked} requests about drawn limits compared, {found.refused} refused")
        runner.run(servers.__aexit__(None, None, None))


async def _ranged(world: World, limit_range: Body, drawn: list[Body]) -> Comparison:
    namespace = world.namespace()
    core = f"/api/v1/namespaces/{namespace}"
    await make_namespace(namespace, world.servers)
    small = claim("w", "1Mi")
    # Whether it is valid is not in question here.
    asks = [
        post(f"{core}/limitranges", limit_range),
        Ask("UNTIL", f"{core}/persistentvolumeclaims?dryRun=All", small, label="minimum storage"),
    ]
    comparison = await converse(world.servers, asks)
    for pod in drawn:
        real, _ = await comparison.ask(post(f"{core}/pods", pod, dryRun="All"))
        world.refused += real.status == 403
    return comparison


async def _limited(world: World, drawn_quota: tuple[Body, list[str]], drawn: list[Body]) -> Comparison:
    hard, scopes = drawn_quota
    namespace = world.namespace()
    core = f"/api/v1/namespaces/{namespace}"
    await make_namespace(namespace, world.servers)
    # One quota for pods: of several, the real server's caches decide which refuses first.
    asks = made_known(core, "drawn", hard, **({"scopes": scopes} if scopes else {}))
    if scopes:
        # One with scopes cannot be known by an object of its own.
        asks += made_known(core, "known", {"secrets": "1"})
    comparison = await converse(world.servers, asks)
    for index, pod in enumerate(drawn):
        named = {**pod, "metadata": {"name": f"p{index}"}}
        real, _ = await comparison.ask(post(f"{core}/pods", named))
        world.refused += real.status == 403
        await comparison.ask(get(f"{core}/resourcequotas"))
    return comparison


async def _secured(
    world: World, enforce: tuple[str, str], warn: tuple[str, str], drawn: list[Body]
) -> Comparison:
    namespace = world.namespace()
    given = labels(enforce=enforce[0], enforce_version=enforce[1], warn=warn[0], warn_version=warn[1])
    core = f"/api/v1/namespaces/{namespace}"
    comparison = Comparison(world.servers.real, world.servers.ours)
    await comparison.ask(post("/api/v1/namespaces", {"metadata": {"name": namespace, "labels": given}}))
    for ask in (world.servers.real, world.servers.ours):
        await ask(post(f"{core}/serviceaccounts", {"metadata": {"name": "default"}}))
    for pod in drawn:
        real, _ = await comparison.ask(post(f"{core}/pods", pod, dryRun="All"))
        world.refused += real.status == 403
    return comparison


def _check_limit_ranges(world: World, limit_range: Body, drawn: list[Body]) -> None:
    note(str(limit_range))
    world.agree(_ranged(world, limit_range, drawn))


_many_pods = st.lists(pods(), min_size=3, max_size=8)


@settings(max_examples=25, **_CALM)
@given(limit_ranges(), _many_pods)
def test_drawn_pods_meet_drawn_limit_ranges_alike(world: World, limit_range: Body, drawn: list[Body]) -> None:
    _check_limit_ranges(world, limit_range, drawn)


@settings(max_examples=20, **_CALM)
@given(quotas(), _many_pods)
def test_drawn_pods_are_charged_to_drawn_quotas_alike(
    world: World, quota: tuple[Body, list[str]], drawn: list[Body]
) -> None:
    world.agree(_limited(world, quota, drawn))


@settings(max_examples=30, **_CALM)
@given(security_levels(), security_levels(), st.lists(security_pods(), min_size=4, max_size=10))
def test_drawn_pods_meet_drawn_security_levels_alike(
    world: World, enforce: tuple[str, str], warn: tuple[str, str], drawn: list[Body]
) -> None:
    world.agree(_secured(world, enforce, warn, drawn))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_drawn_limits_are_met_alike(world: World) -> None:
    @settings(max_examples=300, **_CALM)
    @given(limit_ranges(), _many_pods)
    def ranges(limit_range: Body, drawn: list[Body]) -> None:
        _check_limit_ranges(world, limit_range, drawn)

    @settings(max_examples=300, **_CALM)
    @given(quotas(), _many_pods)
    def limited(quota: tuple[Body, list[str]], drawn: list[Body]) -> None:
        world.agree(_limited(world, quota, drawn))

    @settings(max_examples=400, **_CALM)
    @given(security_levels(), security_levels(), st.lists(security_pods(), min_size=4, max_size=10))
    def secured(enforce: tuple[str, str], warn: tuple[str, str], drawn: list[Body]) -> None:
        world.agree(_secured(world, enforce, warn, drawn))

    ranges()
    limited()
    secured()
    assert world.refused > 500, f"only {world.refused} requests were refused"
