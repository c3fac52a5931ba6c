"""Controllers in a manager: what they are asked, what they keep in shape, what they tell."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from helpers.servers import CONFIG_MAPS, Session, eventually
from pydantic import Field

from reconcile import (
    Condition,
    ControllerOptions,
    CustomResource,
    Manager,
    ManagerOptions,
    Model,
    ObjectMeta,
    ObjectReconciler,
    QueueOptions,
    Reconciler,
    Request,
    ResourceType,
    Result,
    TerminalError,
    Watch,
    find_condition,
    generation_changed,
    set_condition,
)
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.client.waiting import is_gone
from reconcile.crd import install_crds

EVENTS = ResourceType("events.k8s.io", "v1", "Event", "events")


class ShelfSpec(Model):
    books: dict[str, str] = Field(default_factory=dict)
    fail: bool = False


class ShelfStatus(Model):
    count: int | None = None
    conditions: list[Condition] = Field(default_factory=list)


class Shelf(CustomResource, group="integration.example.com", version="v1", plural="shelves"):
    spec: ShelfSpec
    status: ShelfStatus | None = None


def shelf(session: Session, name: str = "s", namespace: str | None = None, **spec: Any) -> Shelf:
    metadata = ObjectMeta(name=name, namespace=namespace or session.namespace)
    return Shelf(metadata=metadata, spec=ShelfSpec(**spec))


@asynccontextmanager
async def running(session: Session, *reconcilers: Any, **arguments: Any) -> AsyncIterator[Manager]:
    """A manager over the test's namespace."""
    namespaces = arguments.pop("namespaces", [session.namespace])
    options = ManagerOptions(log_level="error")
    manager = Manager(
        await session.connected(),
        reconcilers=reconcilers,
        namespaces=namespaces,
        options=options,
        **arguments,
    )
    async with manager:
        yield manager


class Shelves(ObjectReconciler[Shelf]):
    """Keeps a ConfigMap beside each Shelf, and says so in its status."""

    owns = (ConfigMap,)

    async def reconcile(self, obj: Shelf, /) -> None:
        if obj.spec.fail:
            raise RuntimeError("no wood left")
        books = ConfigMap(
            metadata=ObjectMeta(name=f"{obj.metadata.name}-books", namespace=obj.metadata.namespace),
            data=obj.spec.books,
        )
        await self.client.apply(books, owner=obj)
        status = ShelfStatus(count=len(obj.spec.books))
        await self.client.apply_status(obj, status)
        self.events.event(obj, "Normal", "Filled", "Fill", f"holds {len(obj.spec.books)} books")

    async def on_error(self, obj: Shelf, error: Exception, /) -> None:
        conditions: list[Condition] = []
        set_condition(
            conditions,
            Condition(type="Ready", status="False", reason="Failed", message=str(error)),
            now=self.runtime.now(),
        )
        await self.client.apply_status(obj, ShelfStatus(conditions=conditions))


async def test_an_owned_object_is_made_and_repaired(session: Session) -> None:
    client, books = session.client, f"{session.namespace}/s-books"
    async with running(session, Shelves(), crd_installer=install_crds):
        created = await client.create(shelf(session, books={"a": "1"}))
        made = await client.wait_for(ConfigMap, books, lambda found: found is not None)
        assert made is not None and made.data == {"a": "1"}
        assert made.metadata.owner_references[0].uid == created.metadata.uid
        # Somebody else spoils it, somebody deletes it, the user changes what is wanted.
        await client.patch(ConfigMap, books, {"data": {"a": "spoiled"}})
        await client.wait_for(ConfigMap, books, lambda found: found is not None and found.data == {"a": "1"})
        await client.delete(ConfigMap, books)
        await client.wait_for(ConfigMap, books, lambda found: found is not None and found.data == {"a": "1"})
        await client.patch(Shelf, created.key, {"spec": {"books": {"b": "2"}}})
        await client.wait_for(ConfigMap, books, lambda found: found is not None and len(found.data) == 2)
        await client.wait_for(
            Shelf, created.key, lambda found: found is not None and (found.status or ShelfStatus()).count == 2
        )


async def test_an_error_goes_to_the_status_and_is_tried_again(session: Session) -> None:
    client = session.client
    async with running(session, Shelves(), crd_installer=install_crds) as manager:
        created = await client.create(shelf(session, fail=True))

        def failed(found: Shelf | None) -> bool:
            told = find_condition(found.status.conditions, "Ready") if found and found.status else None
            return told is not None and told.message == "no wood left"

        await client.wait_for(Shelf, created.key, failed)
        stats = manager.controller("shelf").stats
        await eventually(lambda: stats.errors >= 3, "it is tried again")
        await client.patch(Shelf, created.key, {"spec": {"fail": False}})
        found = await client.wait_for(
            Shelf, created.key, lambda found: found is not None and (found.status or ShelfStatus()).count == 0
        )
        # The status is applied whole: what the error left is gone.
        assert found is not None and found.status is not None and found.status.conditions == []


async def test_a_finalizer_is_there_before_and_goes_after(session: Session) -> None:
    client, trace = session.client, []
    name = "example.com/tidy"
    hold = asyncio.Event()

    class Tidy(ObjectReconciler[ConfigMap]):
        labels = "tidy=yes"
        finalizer = name

        async def reconcile(self, obj: ConfigMap, /) -> None:
            live = await self.client.get(ConfigMap, obj.key)
            trace.append(("reconcile", name in live.metadata.finalizers))

        async def finalize(self, obj: ConfigMap, /) -> Result | None:
            trace.append(("finalize", obj.metadata.deletion_timestamp is not None))
            return None if hold.is_set() else Result(requeue_after=0.05)

    async with running(session, Tidy()):
        created = await client.create(
            session.config_map("a", labels={"tidy": "yes"}, finalizers=["example.com/x"])
        )
        await eventually(lambda: trace, "reconciled")
        await client.delete(created)
        await eventually(lambda: trace.count(("finalize", True)) >= 3, "asked until it is done")
        assert (await client.get(ConfigMap, created.key)).metadata.finalizers == ["example.com/x", name]
        hold.set()

        async def left() -> bool:
            return (await client.get(ConfigMap, created.key)).metadata.finalizers == ["example.com/x"]

        await eventually(left, "its own finalizer goes, the other's stays")
        await client.patch(created, {"metadata": {"finalizers": None}})
        await client.wait_for(ConfigMap, created.key, is_gone())
    first = trace.index(("finalize", True))
    assert set(trace[:first]) == {("reconcile", True)} and set(trace[first:]) == {("finalize", True)}


async def test_a_reconcile_that_takes_too_long_is_cancelled(session: Session) -> None:
    trace: list[str] = []

    class Slow(Reconciler[ConfigMap]):
        labels = "slow=yes"
        options = ControllerOptions(timeout=0.2)

        async def reconcile(self, request: Request, /) -> None:
            trace.append("begun")
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                trace.append("cancelled")
                raise

    async with running(session, Slow()) as manager:
        await session.client.create(session.config_map("a", labels={"slow": "yes"}))
        await eventually(lambda: len(trace) >= 4, "cancelled and tried again")
        assert trace[:4] == ["begun", "cancelled"] * 2
        assert manager.controller("configmap").stats.timeouts >= 2


async def test_plain_reconcilers_run_in_threads(session: Session) -> None:
    threads: list[int] = []
    together = threading.Barrier(3, timeout=20)

    class Plain(ObjectReconciler[ConfigMap]):
        labels = "plain=yes"
        options = ControllerOptions(max_concurrent_reconciles=3)

        def reconcile(self, obj: ConfigMap, /) -> None:
            if "done" in obj.data:
                return
            together.wait()
            threads.append(threading.get_ident())
            seen = self.cache.sync.get(ConfigMap, obj.key)
            assert seen is not None
            self.client.sync.patch(ConfigMap, obj.key, {"data": {"done": "yes"}})

    async with running(session, Plain()):
        for number in range(3):
            await session.client.create(session.config_map(f"c{number}", labels={"plain": "yes"}))
        for number in range(3):
            await session.client.wait_for(
                ConfigMap,
                f"{session.namespace}/c{number}",
                lambda found: found is not None and "done" in found.data,
            )
    assert len(set(threads)) == 3 and threading.get_ident() not in threads


async def test_results_terminal_errors_and_predicates(session: Session) -> None:
    runs: list[str] = []

    class Picky(Reconciler[Shelf]):
        predicates = (generation_changed,)

        async def reconcile(self, request: Request, /) -> Result | None:
            runs.append(request.name)
            if request.name == "terminal":
                raise TerminalError("never")
            return Result(requeue_after=0.05) if request.name == "again" and runs.count("again") < 4 else None

    client = session.client
    async with running(session, Picky(), crd_installer=install_crds):
        for name in ("terminal", "again"):
            await client.create(shelf(session, name))
        await eventually(lambda: runs.count("again") == 4, "asked again three times")
        # Neither status nor labels are a new generation.
        key = f"{session.namespace}/terminal"
        await client.patch(Shelf, key, {"metadata": {"labels": {"a": "b"}}})
        await client.patch(Shelf, key, {"status": {"count": 1}}, subresource="status")
        await client.patch(Shelf, f"{session.namespace}/again", {"spec": {"books": {"x": "y"}}})
        await eventually(lambda: runs.count("again") == 5, "the spec is")
        assert runs.count("terminal") == 1


async def test_other_kinds_are_mapped_to_keys(session: Session) -> None:
    seen: list[str] = []

    class Reader(Reconciler[Shelf]):
        name = "reader"
        watches = (Watch(Secret, to="shelves_of", labels="for"),)

        def shelves_of(self, secret: Secret) -> list[str]:
            return [f"{secret.metadata.namespace}/{secret.metadata.labels['for']}"]

        async def reconcile(self, request: Request, /) -> None:
            seen.extend(f"{request.name} {cause.type} {cause.kind}" for cause in request.causes)

    client = session.client
    async with running(session, Reader(), crd_installer=install_crds):
        secret = await client.create(
            Secret(metadata=ObjectMeta(name="x", namespace=session.namespace, labels={"for": "one"}))
        )
        await eventually(lambda: "one Added Secret" in seen, "the addition")
        await client.patch(secret, {"metadata": {"labels": {"for": "two"}}})
        await eventually(
            lambda: {"one Updated Secret", "two Updated Secret"} <= set(seen),
            "before and after are both mapped",
        )


async def test_events_are_counted_in_a_series(session: Session) -> None:
    client = session.client

    class Chatty(ObjectReconciler[ConfigMap]):
        labels = "chatty=yes"

        async def reconcile(self, obj: ConfigMap, /) -> None:
            self.events.event(obj, "Warning", "Boring", "Look", "seen it before")

    async with running(session, Chatty()):
        created = await client.create(session.config_map("a", labels={"chatty": "yes"}))
        for number in range(3):
            await client.patch(created, {"data": {"n": str(number)}})
            await asyncio.sleep(0.1)

        async def counted() -> Any:
            events = await client.list(EVENTS, namespace=session.namespace)
            return [each for each in events if (each.get("series") or {}).get("count", 0) >= 2]

        (event,) = await eventually(counted, "one Event object with a series")
    assert event["regarding"]["name"] == "a" and event["regarding"]["uid"] == created.metadata.uid
    assert (event["type"], event["reason"], event["action"], event["note"]) == (
        "Warning", "Boring", "Look", "seen it before",
    )  # fmt: skip
    assert event["reportingController"] == "configmap"


async def test_several_namespaces_and_no_others(session: Session) -> None:
    runs: list[str] = []
    other, outside = await session.another_namespace(), await session.another_namespace()

    class Everywhere(Reconciler[ConfigMap]):
        labels = "mine=yes"

        async def reconcile(self, request: Request, /) -> None:
            runs.append(request.namespace)

    async with running(session, Everywhere(), namespaces=[session.namespace, other]):
        for namespace in (outside, session.namespace, other):
            await session.client.create(session.config_map("a", namespace=namespace, labels={"mine": "yes"}))
        await eventually(lambda: len(runs) >= 2, "both namespaces")
        await asyncio.sleep(0.2)
    assert sorted(runs) == sorted([session.namespace, other])


async def test_probes_and_metrics_are_served(session: Session) -> None:
    healthy = True

    def check() -> None:
        if not healthy:
            raise RuntimeError("not well")

    manager = Manager(
        await session.connected(),
        reconcilers=[Shelves()],
        namespaces=[session.namespace],
        health_address="127.0.0.1:0",
        metrics_address="127.0.0.1:0",
        crd_installer=install_crds,
        options=ManagerOptions(log_level="error"),
    )
    manager.add_health_check("mood", check)
    async with manager, aiohttp.ClientSession() as browser:
        assert set(manager.addresses) == {"health", "metrics"}

        async def get(what: str, path: str) -> tuple[int, str]:
            async with browser.get(f"http://{manager.addresses[what]}{path}") as answer:
                return answer.status, await answer.text()

        assert await get("health", "/readyz") == (200, "ok")
        assert (await get("health", "/healthz"))[0] == 200
        healthy = False
        status, text = await get("health", "/healthz?verbose")
        assert status == 500 and "[-]mood failed" in text
        assert (await get("health", "/readyz"))[0] == 200
        await session.client.create(shelf(session))
        await eventually(lambda: manager.controller("shelf").stats.success >= 1, "one reconcile")
        metrics = (await get("metrics", "/metrics"))[1]
        assert 'controller_runtime_reconcile_total{controller="shelf",result="success"}' in metrics
        assert 'workqueue_adds_total{controller="shelf",name="shelf"' in metrics


async def test_a_restarted_manager_takes_up_where_it_was(session: Session) -> None:
    """Objects made, changed and deleted while nobody watched are brought into shape at the start."""
    client = session.client
    await install_crds(client, [Shelf])
    for number in range(5):
        await client.create(shelf(session, f"s{number}", books={"n": str(number)}))
    async with running(session, Shelves()):
        for number in range(5):
            await client.wait_for(
                ConfigMap, f"{session.namespace}/s{number}-books", lambda found: found is not None
            )
    await client.patch(Shelf, f"{session.namespace}/s0", {"spec": {"books": {"n": "changed"}}})
    await client.delete(ConfigMap, f"{session.namespace}/s1-books")
    async with running(session, Shelves()):
        changed = await client.wait_for(
            ConfigMap,
            f"{session.namespace}/s0-books",
            lambda found: found is not None and found.data["n"] == "changed",
        )
        assert changed is not None
        await client.wait_for(ConfigMap, f"{session.namespace}/s1-books", lambda found: found is not None)


async def test_no_key_is_lost_among_conflicts_and_failures(session: Session) -> None:
    """Every object reaches its end state though reconciles fail and other writers interfere."""
    client = session.client
    running_now: set[str] = set()
    overlaps: list[str] = []
    failures = iter(range(10**9))

    class Stubborn(ObjectReconciler[ConfigMap]):
        labels = "stubborn=yes"
        options = ControllerOptions(
            max_concurrent_reconciles=8, queue=QueueOptions(base_delay=0.005, max_delay=0.1)
        )

        async def reconcile(self, obj: ConfigMap, /) -> None:
            name = obj.metadata.name or ""
            if name in running_now:
                overlaps.append(name)
            running_now.add(name)
            try:
                await asyncio.sleep(0)
                if next(failures) % 3 == 0:
                    raise RuntimeError("unlucky")
                if obj.data.get("seen") != obj.data.get("wanted"):
                    obj.data["seen"] = obj.data.get("wanted", "")
                    await self.client.update(obj)
            finally:
                running_now.discard(name)

    async with running(session, Stubborn()):
        made = [
            await client.create(session.config_map(f"c{number}", {"wanted": "0"}, labels={"stubborn": "yes"}))
            for number in range(25)
        ]
        for round_number in range(1, 4):
            await asyncio.gather(
                *(client.patch(each, {"data": {"wanted": str(round_number)}}) for each in made)
            )

        async def all_done() -> bool:
            found = await client.list(CONFIG_MAPS, namespace=session.namespace, labels="stubborn=yes")
            return all(each["data"].get("seen") == "3" for each in found)

        await eventually(all_done, "all have seen the last state", 40)
    assert overlaps == []
