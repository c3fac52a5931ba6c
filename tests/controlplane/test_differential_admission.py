"""Webhooks and policies do on the embedded server what they do on a real one.

The same configurations on both servers, the same requests to both; the answers are compared, and what the
webhooks were asked on the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import admission_conversion_cases, admission_policy_cases, admission_webhook_cases
from helpers.admission_drawn import ask_drawn
from helpers.admission_judge import AdmissionJudge
from helpers.differential import real_server
from helpers.differential_run import both, make_namespace
from helpers.webhook_server import WebhookServer

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

_MODULES = (admission_webhook_cases, admission_policy_cases, admission_conversion_cases)
CASES = {name: case for module in _MODULES for name, case in module.CASES.items()}
LINES = tuple(line for module in _MODULES for line in module.LINES)
ONE_FORM = {key: reason for module in _MODULES for key, reason in module.ONE_FORM.items()}


@pytest.fixture(scope="module")
def met() -> Iterator[Counter[tuple[str, bool]]]:
    """How often each line was met, in good and bad form; printed at the end."""
    counts: Counter[tuple[str, bool]] = Counter()
    yield counts
    for line in LINES:
        print(f"\n{line:<45}{counts[line, True]:>5} good{counts[line, False]:>5} bad", end="")


@pytest.mark.parametrize("name", sorted(CASES))
async def test_both_servers_ask_alike(
    name: str, control_plane: Any, met: Counter[Any], tmp_path: Path
) -> None:
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    namespace = f"admission-{sorted(CASES).index(name):04}"
    async with both(real, lambda: None) as servers, WebhookServer(tmp_path, f"hook.{namespace}.svc") as hooks:
        await make_namespace(namespace, servers)
        judge = AdmissionJudge(servers.real, servers.ours, hooks, namespace)
        try:
            await CASES[name](judge)
        finally:
            await judge.no_webhooks()
            await judge.no_policies()
    met.update(judge.met)
    assert not judge.found, "\n".join(judge.found)


def test_every_line_is_met_in_good_and_bad_form(met: Counter[tuple[str, bool]], request: Any) -> None:
    asked = {item.name for item in request.session.items if item.path == request.path}
    if len(asked) <= len(CASES):
        pytest.skip("only some of the cases were run")
    never = [
        f"{line} ({'good' if good else 'bad'} form)"
        for line in LINES
        for good in (True, False)
        if not met[line, good] and (line, good) not in ONE_FORM
    ]
    assert not never


@pytest.mark.parametrize(
    "rounds", [pytest.param(8, id="some"), pytest.param(150, id="many", marks=pytest.mark.nightly)]
)
async def test_drawn_webhooks_are_called_by_both_or_by_neither(
    rounds: int, control_plane: Any, tmp_path: Path
) -> None:
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    async with both(real, lambda: None) as servers, WebhookServer(tmp_path) as hooks:
        namespace = f"drawn-{rounds:04}"
        await make_namespace(namespace, servers)
        judge = AdmissionJudge(servers.real, servers.ours, hooks, namespace)
        asked, called = await ask_drawn(judge, rounds)
        await judge.no_webhooks()
    print(f"\n{rounds} drawn configurations, {asked} requests, {called} calls on each side")
    assert called
    assert not judge.found, "\n".join(judge.found)
