"""The demo's story in virtual time: it converges, it is the same every time, its failures name the step."""

from __future__ import annotations

import asyncio

import pytest

from reconcile.cli.demo.command import demo_manifests, tell_guestbook
from reconcile.cli.demo.story import Step, tell
from reconcile.cli.demo.summary import Summary, plain
from reconcile.cli.demo.view import PlainView
from reconcile.cli.embedded import embedded_server
from reconcile.cli.failures import CommandError
from reconcile.runtime import SimulatedRuntime, VirtualTimeLoop


def tell_in_virtual_time(seed: int) -> tuple[Summary, str, list[str]]:
    shown: list[str] = []

    async def main() -> tuple[Summary, str]:
        runtime = SimulatedRuntime(seed)
        async with embedded_server(runtime=runtime) as embedded:
            view = PlainView(shown.append)
            summary, trace = await tell_guestbook(
                embedded.client, runtime, demo_manifests(), view, timeout=120
            )
            return summary, trace.text()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        summary, trace = runner.run(main())
    return summary, trace, shown


def test_the_story_converges_and_is_the_same_to_the_byte_every_time() -> None:
    summary, trace, shown = tell_in_virtual_time(seed=7)
    _, again, _ = tell_in_virtual_time(seed=7)
    assert trace == again
    assert dict(summary.objects) == {
        "nodes": 6,
        "deployments": 3,
        "replica sets": 4,
        "pods": 10,
        "databases": 1,
    }
    assert summary.steps[0][0] == "apply" and summary.steps[0][1] < 10
    assert summary.seconds < 45
    assert any("Running, ready" in line for line in shown)
    assert "story" in plain(summary)


class FakeScene:
    """A scene in which nothing ever happens."""

    nodes = deployments = databases = pods = ()

    async def until(self, holds: object) -> None:
        await asyncio.sleep(1_000_000)


async def test_a_step_that_is_not_done_in_time_is_named() -> None:
    async def nothing() -> None:
        return None

    step = Step("wait for Godot", "Waiting", nothing, lambda scene: False, timeout=5.0)
    with pytest.raises(CommandError, match=r"step 1, wait for Godot: not done in 5 s"):
        await tell(FakeScene(), [step], PlainView(lambda line: None))  # type: ignore[arg-type]
    with pytest.raises(CommandError, match=r"step 1, wait for Godot: the story's 2 seconds were over"):
        await tell(FakeScene(), [step], PlainView(lambda line: None), timeout=2.0)  # type: ignore[arg-type]
