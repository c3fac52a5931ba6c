"""Start, stop, failures, leadership: the manager's order of things."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import threading
from typing import Any, ClassVar

import pytest
from helpers.managed import WIDGETS, World, settle, widget, widget_path
from helpers.object_server import ObjectServer

from reconcile import ConfigurationError, ControllerOptions, Manager, ManagerOptions, Reconciler, Request
from reconcile.client.client import Client
from reconcile.errors import CacheNotSyncedError
from reconcile.runtime import VirtualTimeLoop


class Noting(Reconciler[Any]):
    kind = WIDGETS

    def __init__(self, name: str = "", **options: Any) -> None:
        self.name = name
        self.keys: list[str] = []
        self.set_up: list[str] = []
        self.options = ControllerOptions(**options)

    async def setup(self) -> None:
        assert self.client and self.cache and self.events and self.log and self.runtime
        self.set_up.append("setup")

    async def reconcile(self, request: Request, /) -> None:
        self.keys.append(request.key.name)


class Part:
    """A runnable that notes when it runs."""

    def __init__(
        self, name: str, log: list[str], *, leader: bool = False, error: Exception | None = None
    ) -> None:
        self.name = name
        self.needs_leader_election = leader
        self._log = log
        self._error = error

    async def run(self) -> None:
        self._log.append(f"{self.name} started")
        try:
            if self._error is not None:
                await asyncio.sleep(5)
                raise self._error
            await asyncio.sleep(10**9)
        finally:
            self._log.append(f"{self.name} ended")


class Elector:
    """Leads when the test says so."""

    name = "test-lease"
    guard = None

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.won = asyncio.Event()
        self.gone = asyncio.Event()

    def prepare(self, client: Any, runtime: Any, log: Any) -> None:
        self.log.append("prepared")

    async def acquire(self) -> None:
        await self.won.wait()
        self.gone.clear()
        self.log.append("acquired")

    async def lost(self) -> None:
        await self.gone.wait()
        self.won.clear()
        self.log.append("lost")

    async def release(self) -> None:
        self.log.append("released")


async def test_start_returns_when_controllers_are_synced_and_stop_leaves_nothing() -> None:
    reconciler = Noting()
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    async with world:
        assert reconciler.set_up == ["setup"] and reconciler.keys == ["a"]
        assert world.manager.controller("widget").synced.is_set()
    assert world.server.watches == []


async def test_a_manager_runs_again_after_stop() -> None:
    reconciler = Noting()
    world = World(reconciler)
    world.server.put(widget_path("a"), widget())
    for _ in range(3):
        await world.manager.start()
        await settle()
        await world.manager.stop()
    assert reconciler.keys == ["a"] * 3
    await world.client.close()


async def test_a_runnable_that_fails_ends_the_manager_with_its_error() -> None:
    log: list[str] = []
    world = World(Part("other", log), Part("bad", log, error=ValueError("broken")))
    async with world:
        with pytest.raises(ValueError, match="broken"):
            await world.manager.wait()
    assert log == ["other started", "bad started", "bad ended", "other ended"]


async def test_controllers_and_runnables_come_and_go_at_run_time() -> None:
    log: list[str] = []
    world = World()
    world.server.put(widget_path("a"), widget())
    async with world:
        late = Noting()
        world.manager.add(late)
        world.manager.add(Part("part", log))
        await settle(1)
        assert late.keys == ["a"] and log == ["part started"]
        await world.manager.remove("widget")
        await world.manager.remove("part")
        world.server.put(widget_path("b"), widget())
        await settle(1)
        assert late.keys == ["a"] and log[-1] == "part ended"
        again = Noting()
        world.manager.add(again)
        await settle(1)
        assert sorted(again.keys) == ["a", "b"]
        with pytest.raises(ConfigurationError, match="nothing of the name"):
            await world.manager.remove("nobody")


async def test_leader_elected_work_follows_the_lead_and_the_lease_is_released_last() -> None:
    log: list[str] = []
    elector = Elector(log)
    elected, always = Noting(), Noting("always", needs_leader_election=False)
    world = World(elected, always, Part("leading", log, leader=True), leader_election=elector)
    world.server.put(widget_path("a"), widget())
    async with world:
        assert always.keys == ["a"] and elected.keys == []
        elector.won.set()
        await settle(1)
        assert elected.keys == ["a"] and log == ["prepared", "acquired", "leading started"]
        elector.gone.set()
        await settle(1)
        assert log[-2:] == ["lost", "leading ended"]
        world.server.put(widget_path("b"), widget())
        await settle(1)
        assert elected.keys == ["a"] and always.keys == ["a", "b"]
        elector.won.set()
        await settle(1)
        assert sorted(elected.keys) == ["a", "a", "b"]
    assert log[-2:] == ["leading ended", "released"]


async def test_a_watch_that_does_not_sync_ends_the_manager_and_names_itself() -> None:
    world = World(Noting(sync_timeout=20))
    world.server.refuse = lambda request: (403, "Forbidden")
    with pytest.raises(CacheNotSyncedError, match=r"Widget did not sync within 20 s: .*orbid"):
        await world.manager.start()
    await world.client.close()


async def test_two_managers_of_one_client_do_not_know_of_each_other() -> None:
    first = World(Noting())
    second = Manager(
        first.client, reconcilers=[other := Noting()], runtime=first.runtime, log=first.manager.log
    )
    first.server.put(widget_path("a"), widget())
    async with first:
        await second.start()
        await second.stop()
        assert other.keys == ["a"]
        first.server.put(widget_path("b"), widget())
        await settle()
        assert first.manager.controller("widget").stats.success == 2


async def test_a_manager_watches_only_its_namespaces() -> None:
    reconciler = Noting()
    world = World(reconciler, namespaces=["one", "two"])
    for namespace in ("one", "two", "three"):
        world.server.put(widget_path(f"in-{namespace}", namespace), widget())
    async with world:
        assert sorted(reconciler.keys) == ["in-one", "in-two"]
    assert not [r for r in world.server.requests if r.path == WIDGETS.path()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"namespaces": "one"}, "expected a list"),
        ({"namespaces": []}, "the list is empty"),
        ({"namespaces": [""]}, "an empty name"),
        ({"metrics_address": "8080"}, "metrics_address: expected host:port"),
        ({"health_address": "host:http"}, "health_address: expected host:port"),
        ({"leader_election": 5}, "expected a Lease's name"),
        ({"reconcilers": [object()]}, "cannot run"),
    ],
)
def test_arguments_that_cannot_work_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Manager(**arguments)


async def test_crds_are_installed_before_anything_watches() -> None:
    order: list[str] = []

    async def install(client: Any, kinds: Any) -> None:
        order.append(",".join(kind.__name__ for kind in kinds))
        order.extend(request.path for request in world.server.requests)

    from reconcile.objects.meta import KubernetesObject

    class Custom(KubernetesObject):
        __resource_type__ = WIDGETS
        __crd_options__: ClassVar[Any] = ()

    world = World(crd_installer=install)
    reconciler = Noting()
    reconciler.kind = Custom
    world.manager.add(reconciler)
    async with world:
        assert order == ["Custom", "/version"]


def run_with_signals(
    reconciler: Any, *numbers: int, grace: float = 5.0
) -> tuple[Manager, BaseException | None]:
    """`Manager.run` on a real loop, with signals sent once the controller is up."""
    server = ObjectServer()
    server.put(widget_path("a"), widget())
    manager = Manager(
        Client(server),
        reconcilers=[reconciler],
        options=ManagerOptions(graceful_shutdown_timeout=grace, log_format="json", log_level="error"),
    )

    def send() -> None:
        import time

        for number in numbers:
            reconciler.up.wait(10)
            os.kill(os.getpid(), number)
            time.sleep(0.2)

    threading.Thread(target=send, daemon=True).start()
    try:
        manager.run()
    except BaseException as error:
        return manager, error
    return manager, None


class Slow(Reconciler[Any]):
    kind = WIDGETS

    def __init__(self, seconds: float) -> None:
        self.up = threading.Event()
        self.ended = ""
        self.seconds = seconds

    async def reconcile(self, request: Request, /) -> None:
        self.up.set()
        try:
            await asyncio.sleep(self.seconds)
            self.ended = "finished"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise


def test_the_first_signal_drains_and_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    reconciler = Slow(0.5)
    _, error = run_with_signals(reconciler, signal.SIGTERM)
    assert error is None and reconciler.ended == "finished"
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_second_signal_aborts() -> None:
    reconciler = Slow(60)
    _, error = run_with_signals(reconciler, signal.SIGTERM, signal.SIGINT, grace=30)
    assert isinstance(error, SystemExit) and error.code == 1 and reconciler.ended == "cancelled"


# What is left behind is thrown away with its loop, and says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_thread_that_does_not_return_does_not_keep_the_process() -> None:
    let_go = threading.Event()
    stuck: list[threading.Thread] = []

    class Stuck(Slow):
        def reconcile(self, request: Request, /) -> None:  # type: ignore[override]
            stuck.append(threading.current_thread())
            self.up.set()
            let_go.wait(60)

    _, error = run_with_signals(Stuck(0), signal.SIGTERM, grace=0.2)
    assert error is None and stuck[0].is_alive()
    # The thread keeps what is left behind alive: collected here, it is not met by a later test.
    let_go.set()
    stuck[0].join(10)
    gc.collect()


def test_run_takes_any_loop() -> None:
    world_server = ObjectServer()
    loop_times: list[float] = []

    class Ending(Reconciler[Any]):
        kind = WIDGETS

        async def reconcile(self, request: Request, /) -> None:
            await asyncio.sleep(3600)
            loop_times.append(asyncio.get_running_loop().time())
            manager.request_stop()

    world_server.put(widget_path("a"), widget())
    manager = Manager(Client(world_server), reconcilers=[Ending()], options=ManagerOptions(log_level="error"))
    manager.run(loop_factory=VirtualTimeLoop)
    assert loop_times and loop_times[0] >= 3600


async def test_log_lines_are_json_with_the_runtimes_time() -> None:
    world = World(Noting())
    async with world:
        pass
    lines = [json.loads(line) for line in world.log.getvalue().splitlines()]
    started = next(line for line in lines if line["message"] == "controller started")
    assert started["level"] == "info" and started["controller"] == "widget"
    assert started["time"].startswith("2026-01-01T00:00:00")
