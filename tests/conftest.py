"""Coroutine tests run on an event loop of their own: virtual time, or real time where marked.

Tests marked `nightly` run only when they are asked for: `pytest -m nightly`, as `.ci/nightly` does.

Property tests draw the same examples in every run, so that a change is judged by itself and not by luck; no
example fails for the time it took on a busy machine.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from reconcile.runtime import VirtualTimeLoop

settings.register_profile(
    "fixed", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fixed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("kind").addoption(
        "--kind", action="store_true", help="Run tests/e2e on a kind cluster, and download what that takes."
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "nightly" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("nightly") is not None]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item.get_closest_marker("nightly") is None]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    real = pyfuncitem.get_closest_marker("real_time") is not None
    factory = asyncio.new_event_loop if real else VirtualTimeLoop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_bounded(pyfuncitem.obj(**arguments)))
    return True


async def _bounded(test: Any) -> None:
    """A test that leaves a task behind fails: nothing may outlive its owner."""
    before = asyncio.all_tasks()
    await test
    for _ in range(3):
        await asyncio.sleep(0)
    leaked = [task for task in asyncio.all_tasks() - before if not task.done()]
    assert not leaked, f"tasks left behind: {leaked}"
