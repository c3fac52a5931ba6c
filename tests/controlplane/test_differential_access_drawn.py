"""Drawn roles, bindings, access reviews and attempts to grant: both servers decide alike.

What differs is shrunk to the fewest objects and questions that show it. The draws are the same in every run.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from helpers.access_servers import (
    GuardedServers,
    converse,
    guarded_control_plane,
    guarded_servers,
)
from helpers.access_worlds import PLACES, AccessWorld, access_worlds, base
from helpers.differential import Answer, Ask, Server
from hypothesis import HealthCheck, given, note, settings

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]
_NIGHTLY_REQUESTS = 5_000


class World:
    """Both servers, and a loop to talk to them on."""

    def __init__(self, runner: asyncio.Runner, servers: GuardedServers) -> None:
        self._runner = runner
        self._servers = servers
        self.asked = 0

    def decide_alike(self, drawn: AccessWorld) -> None:
        note("\n".join(str(question) for question in (*drawn.written, *drawn.asked)))
        comparison = self._runner.run(converse(self._servers, drawn.questions(), PLACES[0]))
        self.asked += comparison.asked
        assert not comparison.found, "\n".join(comparison.found)


@pytest.fixture(scope="module")
def world(needs_control_plane: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("access")
    with guarded_control_plane(directory) as plane, asyncio.Runner() as runner:
        servers = guarded_servers(plane, directory)
        entered = runner.run(servers.__aenter__())
        ordered = replace(entered, real=_in_order(entered.real), ours=_in_order(entered.ours))
        runner.run(converse(ordered, base(), PLACES[0]))
        found = World(runner, ordered)
        yield found
        print(f"\n{found.asked} drawn requests about access compared")
        runner.run(servers.__aexit__(None, None, None))


def _in_order(server: Server) -> Server:
    """Bindings are asked in no order there: which of several allows, which role is missed first, differs."""

    async def ask(question: Ask) -> Answer:
        answer = await server(question)
        body: Any = answer.body
        if isinstance(body, dict) and isinstance(body.get("status"), dict):
            status = dict(body["status"])
            if status.get("allowed") and status.get("reason"):
                status["reason"] = "by some binding"
            elif status.get("reason"):
                status["reason"] = sorted(_WORDS.findall(status["reason"]))
            for rules in ("resourceRules", "nonResourceRules", "evaluationError"):
                if isinstance(status.get(rules), str):
                    status[rules] = sorted(_WORDS.findall(status[rules]))
            body = {**body, "status": status}
        elif isinstance(body, dict) and "; resolution errors: " in str(body.get("message")):
            message, _, errors = body["message"].partition("; resolution errors: ")
            body = {**body, "message": f"{message}; {sorted(_WORDS.findall(errors))}"}
        return replace(answer, body=body)

    return ask


_WORDS = re.compile(r'[a-z]+\.rbac\.authorization\.k8s\.io "[^"]*" not found')


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(access_worlds(25))
def test_drawn_rights_are_decided_alike(world: World, drawn: AccessWorld) -> None:
    world.decide_alike(drawn)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_many_drawn_rights_are_decided_alike(world: World) -> None:
    @settings(max_examples=120, suppress_health_check=list(HealthCheck))
    @given(access_worlds(60))
    def decided_alike(drawn: AccessWorld) -> None:
        world.decide_alike(drawn)

    decided_alike()
    assert world.asked >= _NIGHTLY_REQUESTS, f"only {world.asked} requests were drawn"
