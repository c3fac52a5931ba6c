"""Probes answer as the API server's do; metrics have controller-runtime's names."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from helpers.managed import WIDGETS, World, settle, widget, widget_path

from reconcile import ConfigurationError, Reconciler, Request, Result, TerminalError
from reconcile.manager.probes import Probe


def probe() -> tuple[Probe, list[tuple[str, str]]]:
    reports: list[tuple[str, str]] = []
    made = Probe("readyz", lambda check, reason: reports.append((check, reason)))
    made.add("ping", lambda: None)
    return made, reports


def broken() -> None:
    raise OSError("disk full")


async def test_a_passing_probe_says_ok_and_lists_when_asked() -> None:
    made, _ = probe()
    assert (await made.answer()).body == "ok"
    assert (await made.answer(verbose=True)).body == "[+]ping ok\nreadyz check passed\n"


async def test_a_failing_probe_lists_and_withholds_the_reason() -> None:
    made, reports = probe()
    made.add("disk", broken)
    answer = await made.answer()
    assert answer.status == 500
    assert answer.body == "[+]ping ok\n[-]disk failed: reason withheld\nreadyz check failed\n"
    assert reports == [("readyz/disk", "OSError: disk full")]


async def test_a_check_may_be_excluded_and_asked_alone() -> None:
    made, _ = probe()
    made.add("disk", broken)
    answer = await made.answer(verbose=True, exclude=("disk", "moon"))
    assert answer.status == 200
    assert "[+]disk excluded: ok" in answer.body and 'no matches for "moon"' in answer.body
    assert (await made.answer_one("ping")).body == "ok"
    assert (await made.answer_one("disk")).status == 500
    assert (await made.answer_one("moon")).status == 404


async def test_an_async_check_is_awaited() -> None:
    made, _ = probe()

    async def slow() -> None:
        raise ValueError

    made.add("slow", slow)
    assert (await made.answer()).status == 500


class Mixed(Reconciler[Any]):
    kind = WIDGETS

    async def reconcile(self, request: Request, /) -> Result | None:
        match request.key.name:
            case "fails":
                if request.attempt < 2:
                    raise ValueError
            case "terminal":
                raise TerminalError
            case "again":
                return Result(requeue_after=1000)
        return None


async def test_metrics_have_controller_runtimes_names() -> None:
    from prometheus_client import generate_latest

    world = World(Mixed())
    for name in ("fine", "fails", "terminal", "again"):
        world.server.put(widget_path(name), widget())
    async with world:
        await settle(10)
        text = generate_latest(world.manager.metrics).decode()
    lines = set(text.splitlines())
    assert {
        'controller_runtime_reconcile_total{controller="widget",result="success"} 2.0',
        'controller_runtime_reconcile_total{controller="widget",result="error"} 3.0',
        'controller_runtime_reconcile_total{controller="widget",result="requeue"} 0.0',
        'controller_runtime_reconcile_total{controller="widget",result="requeue_after"} 1.0',
        'controller_runtime_reconcile_errors_total{controller="widget"} 3.0',
        'controller_runtime_terminal_reconcile_errors_total{controller="widget"} 1.0',
        'controller_runtime_reconcile_panics_total{controller="widget"} 0.0',
        'controller_runtime_reconcile_timeouts_total{controller="widget"} 0.0',
        'controller_runtime_max_concurrent_reconciles{controller="widget"} 1.0',
        'controller_runtime_active_workers{controller="widget"} 0.0',
        'controller_runtime_reconcile_time_seconds_count{controller="widget"} 6.0',
        'controller_runtime_reconcile_time_seconds_bucket{controller="widget",le="0.005"} 6.0',
        'workqueue_adds_total{controller="widget",name="widget"} 6.0',
        'workqueue_depth{controller="widget",name="widget",priority="0"} 0.0',
        'workqueue_retries_total{controller="widget",name="widget"} 2.0',
        'workqueue_unfinished_work_seconds{controller="widget",name="widget"} 0.0',
        'workqueue_longest_running_processor_seconds{controller="widget",name="widget"} 0.0',
        'workqueue_queue_duration_seconds_count{controller="widget",name="widget"} 6.0',
        'workqueue_work_duration_seconds_bucket{controller="widget",le="1e-08",name="widget"} 6.0',
        'informer_objects{group="example.com",resource="widgets",version="v1"} 4.0',
    } <= lines
    assert text.count("controller_runtime_reconcile_time_seconds_bucket{") == 41
    assert any(line.startswith("rest_client_requests_total{") for line in lines)


@pytest.mark.real_time
async def test_probes_and_metrics_are_served() -> None:
    import aiohttp

    world = World(Mixed(), health_address="127.0.0.1:0", metrics_address="127.0.0.1:0")
    world.server.put(widget_path("fine"), widget())
    async with world, aiohttp.ClientSession() as session:
        (address,) = set(world.manager.addresses.values())

        async def get(path: str) -> tuple[int, str]:
            async with session.get(f"http://{address}{path}") as response:
                return response.status, await response.text()

        assert await get("/healthz") == (200, "ok")
        assert await get("/readyz?verbose") == (200, "[+]controllers-synced ok\nreadyz check passed\n")
        assert await get("/readyz/controllers-synced") == (200, "ok")
        assert (await get("/healthz/nothing"))[0] == 404
        status, text = await get("/metrics")
        assert status == 200 and "controller_runtime_reconcile_total" in text


@pytest.mark.real_time
async def test_a_port_in_use_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        world = World(metrics_address=f"127.0.0.1:{port}")
        with pytest.raises(ConfigurationError, match=f"metrics_address: cannot listen on 127.0.0.1:{port}"):
            await world.manager.start()
        await world.client.close()
