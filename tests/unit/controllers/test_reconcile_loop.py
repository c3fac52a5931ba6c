"""What happens around a reconcile: results, errors, time-outs, threads, log lines."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from helpers.managed import WIDGETS, World, settle, widget, widget_path

from reconcile import (
    ControllerOptions,
    NotFoundError,
    ObjectReconciler,
    Reconciler,
    Request,
    Result,
    TerminalError,
    WriteRefusedError,
)


class Noting(Reconciler[Any]):
    """Does what the test says and notes every request."""

    kind = WIDGETS

    def __init__(self, behaviour: Any = lambda request: None, **options: Any) -> None:
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self.times: list[float] = []
        self.options = ControllerOptions(**options)

    async def reconcile(self, request: Request, /) -> Result | None:
        self.requests.append(request)
        self.times.append(round(asyncio.get_running_loop().time(), 4))
        outcome = self.behaviour(request)
        return await outcome if asyncio.iscoroutine(outcome) else outcome


async def test_every_object_is_reconciled_and_the_request_says_why() -> None:
    reconciler = Noting()
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        assert [str(r.key) for r in reconciler.requests] == ["default/a"]
        first = reconciler.requests[0]
        assert [str(cause) for cause in first.causes] == ["Added Widget.example.com default/a"]
        assert first.causes[0].initial and first.priority == -100 and first.attempt == 0
        world.server.put(widget_path("a"), widget(size=2))
        await settle()
        assert reconciler.requests[1].causes[0].type == "Updated" and reconciler.requests[1].priority == 0
        world.server.delete(widget_path("a"))
        await settle()
        assert reconciler.requests[2].causes[0].type == "Deleted"
        stats = world.manager.controller("widget").stats
        assert (stats.success, stats.errors, stats.active_workers) == (3, 0, 0)


async def test_an_error_is_retried_with_backoff_and_success_ends_it() -> None:
    def behaviour(request: Request) -> None:
        if request.attempt < 3:
            raise ValueError(f"attempt {request.attempt}")

    reconciler = Noting(behaviour)
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        await settle(60)
        assert [r.attempt for r in reconciler.requests] == [0, 1, 2, 3]
        gaps = [round(b - a, 4) for a, b in zip(reconciler.times, reconciler.times[1:], strict=False)]
        assert gaps == [0.005, 0.01, 0.02]
        assert [str(c) for c in reconciler.requests[1].causes] == ["Retried ValueError: attempt 0"]
        assert world.manager.controller("widget").stats.errors == 3
    lines = [json.loads(line) for line in world.log.getvalue().splitlines()]
    failures = [line for line in lines if line["message"].startswith("reconcile failed")]
    assert failures[0]["key"] == "default/a" and failures[0]["controller"] == "widget"
    assert failures[0]["reconcile_id"] == reconciler.requests[0].reconcile_id
    assert failures[0]["error"] == "ValueError: attempt 0" and failures[0]["time"].startswith("2026-01-01T")


@pytest.mark.parametrize(
    ("details", "level"),
    [
        ({"group": "example.com", "kind": "widgets", "name": "a"}, "info"),
        ({"group": "example.com", "kind": "widgets", "name": "b"}, "error"),
        ({"kind": "widgets", "name": "a"}, "error"),
        ({"kind": "pods", "name": "a"}, "error"),
    ],
    ids=["itself", "a neighbour", "another group", "another kind"],
)
async def test_an_object_deleted_in_mid_reconcile_is_no_fault(details: dict[str, str], level: str) -> None:
    def behaviour(request: Request) -> None:
        if request.attempt == 0:
            raise NotFoundError("not found", code=404, reason="NotFound", details=details)

    reconciler = Noting(behaviour)
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        await settle(60)
        assert [r.attempt for r in reconciler.requests] == [0, 1]
    lines = [json.loads(line) for line in world.log.getvalue().splitlines()]
    (line,) = [line for line in lines if line["message"] == "reconcile failed; retried"]
    assert line["level"] == level and ("exception" in line) == (level == "error")


async def test_a_terminal_error_waits_for_the_next_event() -> None:
    def behaviour(request: Request) -> None:
        raise TerminalError("never")

    reconciler = Noting(behaviour)
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        await settle(5000)
        assert len(reconciler.requests) == 1
        world.server.put(widget_path("a"), widget(size=2))
        await settle()
        assert len(reconciler.requests) == 2
        assert world.manager.controller("widget").stats.terminal_errors == 2


@pytest.mark.parametrize("after", [90, timedelta(minutes=1.5)])
async def test_requeue_after_runs_the_key_again(after: Any) -> None:
    reconciler = Noting(
        lambda request: Result(requeue_after=after) if request.causes[0].type == "Added" else None
    )
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        await settle(89)
        assert len(reconciler.requests) == 1
        await settle(2)
        assert [c.type for c in reconciler.requests[1].causes] == ["Requeued"]
        assert world.manager.controller("widget").stats.requeue_after == 1


async def test_a_wrong_return_value_is_a_clear_terminal_error() -> None:
    reconciler = Noting(lambda request: 5)
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        await settle(100)
        assert len(reconciler.requests) == 1
    assert "must return None or a Result, got int" in world.log.getvalue()


async def test_exit_and_stray_cancellation_do_not_end_the_loop() -> None:
    async def stray() -> None:
        task = asyncio.create_task(asyncio.sleep(10))
        await asyncio.sleep(0)
        task.cancel()
        await task

    def behaviour(request: Request) -> Any:
        if request.attempt == 0:
            raise SystemExit(3)
        return stray() if request.attempt == 1 else None

    reconciler = Noting(behaviour)
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        await settle(10)
        assert len(reconciler.requests) == 3
        assert world.manager.controller("widget").stats.panics == 2


async def test_a_timeout_cancels_an_async_reconcile_and_retries_it() -> None:
    cancelled = []

    async def behaviour() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    reconciler = Noting(lambda request: behaviour() if request.attempt == 0 else None, timeout=3)
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        await settle(10)
        assert cancelled == [True] and len(reconciler.requests) == 2
        assert world.manager.controller("widget").stats.timeouts == 1
    assert "took longer than 3 s" in world.log.getvalue()


async def test_a_task_left_behind_by_a_timed_out_reconcile_cannot_write() -> None:
    refused = []
    left: list[asyncio.Task[None]] = []

    class Leaving(Reconciler[Any]):
        kind = WIDGETS
        options = ControllerOptions(timeout=3)

        async def reconcile(self, request: Request, /) -> None:
            if request.attempt == 0:
                left.append(asyncio.create_task(self.later(request)))
                await asyncio.sleep(1000)

        async def later(self, request: Request) -> None:
            await asyncio.sleep(5)
            try:
                await self.client.patch(WIDGETS, request.key, {"spec": {"late": True}})
            except WriteRefusedError as error:
                refused.append(str(error))

    world = World(Leaving())
    world.server.put(widget_path("a"), widget())
    async with world:
        await settle(10)
        assert refused and "timed out" in refused[0]
        assert "late" not in world.server.objects[widget_path("a")]["spec"]
        await asyncio.gather(*left)


async def test_a_plain_reconciler_runs_in_a_thread_with_the_sync_client() -> None:
    seen = []

    class Plain(ObjectReconciler[Any]):
        kind = WIDGETS

        def reconcile(self, obj: Any, /) -> None:
            seen.append(self.cache.sync.get(WIDGETS, "default/a")["spec"])
            if "touched" not in obj["spec"]:
                self.client.sync.patch(WIDGETS, "default/a", {"spec": {"touched": True}})
                self.log.info("touched it")

    world = World(Plain())
    world.server.put(widget_path("a"), widget(size=1))
    async with world:
        await settle(1)
        assert world.server.objects[widget_path("a")]["spec"] == {"size": 1, "touched": True}
        assert seen == [{"size": 1}, {"size": 1, "touched": True}]
    logged = [json.loads(line) for line in world.log.getvalue().splitlines()]
    (line,) = [line for line in logged if line["message"] == "touched it"]
    assert line["key"] == "default/a" and line["reconcile_id"]


async def test_a_plain_reconciler_that_runs_late_cannot_write_and_keeps_its_key() -> None:
    refused: list[str] = []
    runs: list[float] = []
    loop = asyncio.get_running_loop()

    class Late(Reconciler[Any]):
        kind = WIDGETS
        options = ControllerOptions(timeout=3, max_concurrent_reconciles=2)

        def reconcile(self, request: Request, /) -> None:
            runs.append(loop.time())
            if len(runs) > 1:
                return
            self.client.sync.get(WIDGETS, request.key)  # slow: the server takes ten seconds
            try:
                self.client.sync.patch(WIDGETS, request.key, {"spec": {"late": True}})
            except WriteRefusedError as error:
                refused.append(str(error))

    world = World(Late())
    world.server.put(widget_path("a"), widget())
    async with world:
        world.server.put(widget_path("b"), widget())
        await settle()
        world.server.delay = 10
        start = loop.time()
        runs.clear()
        world.server.put(widget_path("a"), widget(size=2))
        await settle(20)
        assert refused and "timed out" in refused[0]
        assert "late" not in world.server.objects[widget_path("a")]["spec"]
        assert runs[0] == start and runs[1] >= start + 10, (
            "the key stays in processing until the thread is back"
        )


async def test_an_object_reconciler_gets_a_private_object_and_nothing_for_what_is_gone() -> None:
    seen: list[Any] = []

    class Objects(ObjectReconciler[Any]):
        kind = WIDGETS

        async def reconcile(self, obj: Any, /) -> None:
            seen.append(obj["spec"])
            obj["spec"] = "changed"

    world = World(Objects())
    world.server.put(widget_path("a"), widget(size=1))
    async with world:
        world.server.put(widget_path("a"), widget(size=2))
        await settle()
        world.server.delete(widget_path("a"))
        await settle()
        assert seen == [{"size": 1}, {"size": 2}]
        assert world.manager.controller("widget").stats.success == 3


async def test_on_error_writes_the_status_and_may_decide_what_follows() -> None:
    class Failing(ObjectReconciler[Any]):
        kind = WIDGETS

        def __init__(self) -> None:
            self.runs = 0

        async def reconcile(self, obj: Any, /) -> None:
            self.runs += 1
            raise ValueError("no room")

        async def on_error(self, obj: Any, error: Exception, /) -> Result | None:
            if obj["spec"] == {"stop": True}:
                raise TerminalError
            status = {"status": {"message": str(error)}}
            await self.client.patch(WIDGETS, f"default/{obj['metadata']['name']}", status)
            return Result(requeue_after=100)

    reconciler = Failing()
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        await settle(50)
        # The status write is an event like any other: one more run, whose write changes nothing here either.
        assert world.server.objects[widget_path("a")]["status"] == {"message": "no room"}
        world.server.put(widget_path("a"), widget(stop=True))
        await settle()
        runs = reconciler.runs
        await settle(5000)
        assert reconciler.runs <= runs + 1


async def test_different_keys_run_at_the_same_time_as_options_allow() -> None:
    running = most = 0

    async def behaviour() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1

    reconciler = Noting(lambda request: behaviour(), max_concurrent_reconciles=3)
    world = World(reconciler)
    for number in range(9):
        world.server.put(widget_path(f"w{number}"), widget())
    async with world:
        await settle(10)
        assert len(reconciler.requests) == 9 and most == 3


async def test_stop_lets_a_reconcile_finish_and_then_cancels() -> None:
    ended: list[str] = []

    async def behaviour(seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            ended.append("finished")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    reconciler = Noting(
        lambda request: behaviour(2 if request.key.name == "quick" else 100), max_concurrent_reconciles=2
    )
    world = World(reconciler)
    world.server.put(widget_path("quick"), widget())
    world.server.put(widget_path("slow"), widget())
    async with world:
        pass
    assert ended == ["finished", "cancelled"]
    assert asyncio.get_running_loop().time() < 8
