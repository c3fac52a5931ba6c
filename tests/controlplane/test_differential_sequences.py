"""Drawn sequences of requests are answered alike by the real server and the embedded one.

What differs is shrunk to the fewest requests that show it. The sequences are the same in every run.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.differential import Ask, post, real_server
from helpers.differential_run import Both, both, converse, make_namespace
from helpers.differential_sequences import placed, sequences
from helpers.drawn_definitions import DEFINITIONS
from hypothesis import HealthCheck, given, note, settings

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

_NIGHTLY_REQUESTS = 20_000


class World:
    """Both servers, and a loop to talk to them on."""

    def __init__(self, runner: asyncio.Runner, servers: Both) -> None:
        self._runner = runner
        self._servers = servers
        self._numbers = itertools.count()
        self.asked = 0
        self.statuses: Counter[int] = Counter()

    def answers_alike(self, questions: list[Ask]) -> None:
        """Put the questions in a namespace of their own; fails where the answers differ."""
        namespace = f"drawn-{next(self._numbers):06}"

        async def talk() -> list[str]:
            await make_namespace(namespace, self._servers)
            comparison = await converse(self._servers, [placed(ask, namespace) for ask in questions])
            self.asked += comparison.asked
            self.statuses.update(comparison.statuses)
            return comparison.found

        found = self._runner.run(talk())
        note("\n".join(str(question) for question in questions))
        assert not found, "\n".join(found)


@pytest.fixture(scope="module")
def world(control_plane: Any) -> Iterator[World]:
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    with asyncio.Runner() as runner:
        servers = both(real, lambda: None)
        entered = runner.run(servers.__aenter__())

        async def define() -> None:
            for definition in DEFINITIONS:
                for ask in (entered.real, entered.ours):
                    await ask(post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition))
            for path in ("v1/namespaces/default/widgets", "v1/realms", "v2/realms"):
                await converse(entered, [Ask("WAIT", f"/apis/drawn.example.com/{path}")])

        runner.run(define())
        found = World(runner, entered)
        yield found
        print(f"\n{found.asked} drawn requests compared; by status: {dict(sorted(found.statuses.items()))}")
        runner.run(servers.__aexit__(None, None, None))


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(sequences(20))
def test_drawn_sequences_are_answered_alike(world: World, questions: list[Ask]) -> None:
    world.answers_alike(questions)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(sequences(20, watches=False))
def test_drawn_sequences_without_watches_are_answered_alike(world: World, questions: list[Ask]) -> None:
    world.answers_alike(questions)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_drawn_sequences_are_answered_alike(world: World) -> None:
    @settings(max_examples=2_500, suppress_health_check=list(HealthCheck))
    @given(sequences(40, watches=False))
    def plain(questions: list[Ask]) -> None:
        world.answers_alike(questions)

    @settings(max_examples=300, suppress_health_check=list(HealthCheck))
    @given(sequences(40))
    def watched(questions: list[Ask]) -> None:
        world.answers_alike(questions)

    plain()
    watched()
    assert world.asked >= _NIGHTLY_REQUESTS, f"only {world.asked} requests were drawn"
