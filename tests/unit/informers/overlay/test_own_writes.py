"""Between client and informers: whose answers reach which overlay, and in what form."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from helpers.informing import settle
from helpers.scripted_server import PODS, ScriptedServer

from reconcile.client.client import Client
from reconcile.client.seams import Write, WriteOutcome
from reconcile.errors import IncompleteObjectError, OutcomeUnknownError
from reconcile.informers import Informer, InformerFactory, InformerOptions, Lister
from reconcile.informers.overlay import OverlayReader, OwnWrites, UnsettledWriteError
from reconcile.informers.overlay.doubts import MOST_NAMES
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.objects.kinds import MetadataOnly
from reconcile.objects.patches import apply_merge_patch
from reconcile.runtime import SimulatedRuntime

KEY = ObjectKey("default", "a")


class World:
    """A scripted server, a factory whose caches see the writes that the test says were made."""

    def __init__(self, options: InformerOptions | None = None, **arguments: Any) -> None:
        self.server = ScriptedServer()
        self.runtime = SimulatedRuntime(0)
        self.client = Client(self.server, runtime=self.runtime)
        self.own = OwnWrites(self.client, log=structlog.get_logger())
        self.factory = InformerFactory(
            self.client, self.runtime, options, reader=self.own.reader, **arguments
        )

    async def informer(self, kind: Any = PODS, **arguments: Any) -> Informer:
        informer = self.factory.informer(kind, **arguments)
        await self.factory.start()
        await informer.wait_synced(60)
        await settle()
        return informer

    def write(self, verb: Any = "patch", key: ObjectKey = KEY, **arguments: Any) -> Write:
        """A write that has begun."""
        write = Write(verb, arguments.pop("resource_type", PODS), key, **arguments)
        self.own.write_started(write)
        return write

    def answer(self, write: Write, obj: dict[str, Any] | None = None, **outcome: Any) -> None:
        raw = None if obj is None else json.dumps(obj).encode()
        self.own.write_finished(write, WriteOutcome(object=raw, **outcome))

    def wrote(self, obj: dict[str, Any], verb: Any = "patch", **arguments: Any) -> None:
        self.answer(self.write(verb, **arguments), obj)


@asynccontextmanager
async def world(options: InformerOptions | None = None, **arguments: Any) -> AsyncIterator[World]:
    made = World(options, **arguments)
    try:
        yield made
    finally:
        await made.own.stop()
        await made.factory.stop()
        await made.client.close()


def pod(version: int, patch: dict[str, Any] | None = None) -> dict[str, Any]:
    obj = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": "a",
            "namespace": "default",
            "uid": "uid-1",
            "resourceVersion": str(version),
            "labels": {"app": "web"},
            "managedFields": [{"manager": "me"}],
        },
        "spec": {"nodeName": "n1"},
    }
    return apply_merge_patch(obj, patch or {})


def size(informer: Informer) -> int:
    assert isinstance(informer.reader, OverlayReader)
    return len(informer.reader.overlay.records)


async def test_while_nothing_was_written_reads_are_those_of_the_store() -> None:
    async with world() as each:
        each.server.put("a")
        informer = await each.informer()
        assert informer.reader.get(KEY) is informer.bare_reader.get(KEY)
        assert informer.reader.list() == informer.bare_reader.list()


async def test_every_form_of_a_kind_sees_the_answer_and_bare_reads_do_not() -> None:
    async with world() as each:
        informer = await each.informer()
        each.wrote(pod(50))
        assert Lister[Any](informer, PODS).get(KEY)["spec"] == {"nodeName": "n1"}
        assert Lister[Any](informer, MetadataOnly(PODS)).get(KEY).resource_version == "50"
        assert Lister[Any](informer, PODS).list(labels="app=web").keys == [KEY]
        assert not Lister[Any](informer, PODS).list(labels="app=db")
        assert Lister[Any](informer, PODS, bare=True).get(KEY) is None


async def test_what_failed_and_what_was_a_dry_run_leave_nothing() -> None:
    async with world() as each:
        informer = await each.informer()
        each.answer(each.write(dry_run=True), pod(50))
        each.answer(each.write(), error=ValueError())
        assert size(informer) == 0 and not each.own.doubtful


async def test_a_namespace_that_is_not_watched_is_none_of_its_business() -> None:
    async with world(namespaces=["other"]) as each:
        informer = await each.informer()
        each.wrote(pod(50))
        assert size(informer) == 0


async def test_what_is_not_selected_leaves_nothing_and_what_left_the_selection_hides_the_old() -> None:
    async with world() as each:
        informer = await each.informer(labels="app=web")
        each.wrote(pod(50, {"metadata": {"labels": {"app": "db"}}}), "create")
        assert size(informer) == 0
        each.wrote(pod(51))
        assert informer.reader.get(KEY) is not None
        each.wrote(pod(52, {"metadata": {"labels": {"app": "db"}}}))
        assert informer.reader.get(KEY) is None and informer.reader.list() == []


async def test_a_metadata_only_informer_keeps_metadata_only() -> None:
    async with world() as each:
        informer = await each.informer(MetadataOnly(PODS))
        each.wrote(pod(50))
        found = informer.reader.get(KEY)
        assert found is not None and json.loads(found.raw)["kind"] == "PartialObjectMetadata"
        with pytest.raises(IncompleteObjectError):
            found.decode(PODS)


async def test_stripped_and_transformed_informers_keep_what_they_keep_of_the_answer() -> None:
    def without_node(raw: bytes) -> bytes:
        obj = json.loads(raw)
        obj["spec"].pop("nodeName", None)
        return json.dumps(obj).encode()

    async with world(transforms={PODS: without_node}) as each:
        informer = await each.informer()
        each.wrote(pod(50))
        found = informer.reader.get(KEY)
        assert found is not None and not found.complete
        obj = json.loads(found.raw)
        assert obj["spec"] == {} and "managedFields" not in obj["metadata"]


async def test_a_transform_that_fails_on_an_answer_fails_no_write() -> None:
    def fail(raw: bytes) -> bytes:
        raise ValueError("no")

    async with world(transforms={PODS: fail}) as each:
        informer = await each.informer()
        each.wrote(pod(50))
        assert size(informer) == 0 and each.own.stats.failures == 1


@pytest.mark.parametrize("form", ["metadata", "another version"])
async def test_an_answer_in_a_form_that_the_informer_has_not_is_looked_up_instead(form: str) -> None:
    async with world() as each:
        informer = await each.informer()
        if form == "metadata":
            partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
            each.wrote({**partial, "metadata": pod(50)["metadata"]}, controller="me", reconcile_key=KEY)
        else:
            other = ResourceType("", "v2", "Pod", "pods")
            each.wrote(pod(50), resource_type=other, controller="me", reconcile_key=KEY)
        assert size(informer) == 0 and each.own.doubtful
        each.server.version = 60
        await each.own.settle("me", KEY, informer)
        assert not list(informer.reader.doubts)  # pyright: ignore[reportAttributeAccessIssue]


async def test_the_next_reconcile_of_the_writer_waits_for_a_live_read_and_no_other_does() -> None:
    async with world() as each:
        informer = await each.informer()
        pods = await each.informer(ResourceType("", "v1", "Node", "nodes", namespaced=False))
        each.answer(
            each.write("create", controller="me", reconcile_key=KEY),
            error=OutcomeUnknownError("cut"),
            unknown=True,
        )
        before = len(each.server.requests)
        await each.own.settle("me", ObjectKey("default", "b"), pods)
        await each.own.settle("you", KEY, pods)
        assert len(each.server.requests) == before
        await each.own.settle("me", KEY, pods)
        assert dict(each.server.requests[-1].query)["fieldSelector"] == "metadata.name=a"
        await each.own.settle("me", KEY, pods)
        assert each.own.stats.live_reads == 1 and not each.own.doubtful
        assert informer.reader.get(KEY) is None


async def test_a_barrier_counts_for_every_reconcile_of_its_controller() -> None:
    async with world() as each:
        informer = await each.informer()
        write = each.write(
            "create", subresource="binding", returns_object=False, controller="me", reconcile_key=KEY
        )
        each.answer(write)
        await each.own.settle("me", ObjectKey("default", "another"), informer)
        assert each.own.stats.live_reads == 1


async def test_a_token_changes_nothing_that_could_be_read() -> None:
    async with world() as each:
        await each.informer()
        each.answer(each.write("create", subresource="token", returns_object=False, controller="me"))
        assert not each.own.doubtful


async def test_reconciles_that_wait_for_the_same_share_one_read_and_its_failure_puts_them_off() -> None:
    async with world() as each:
        informer = await each.informer()
        write = each.write(
            "delete_collection",
            ObjectKey("default", ""),
            returns_object=False,
            controller="me",
            reconcile_key=KEY,
        )
        each.answer(write)
        each.server.refuse_lists.append(OutcomeUnknownError("cut"))
        waits = [each.own.settle("me", ObjectKey("default", name), informer) for name in "abc"]
        results = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(result) for result in results] == [UnsettledWriteError] * 3
        assert each.own.stats.live_reads == 1
        await each.own.settle("me", KEY, informer)
        assert not each.own.doubtful


async def test_many_names_in_doubt_become_their_namespace() -> None:
    async with world() as each:
        informer = await each.informer()
        for number in range(MOST_NAMES + 50):
            write = each.write(
                key=ObjectKey("default", f"p{number}"), controller="me", reconcile_key=ObjectKey("x", "y")
            )
            each.answer(write, error=OutcomeUnknownError("cut"), unknown=True)
        assert isinstance(informer.reader, OverlayReader)
        assert len(informer.reader.doubts) == MOST_NAMES + 1
        await each.own.settle("me", ObjectKey("x", "y"), informer)
        assert len(informer.reader.doubts) == 0


async def test_an_informer_that_is_stopped_lets_everything_go() -> None:
    async with world() as each:
        informer = await each.informer()
        each.wrote(pod(50))
        await each.factory.remove(informer)
        assert size(informer) == 0 and list(each.own.readers()) == []
        await informer.stop()
        each.wrote(pod(51))
        again = await each.informer()
        assert size(again) == 0


async def test_a_deletion_whose_answer_names_nobody_is_looked_up() -> None:
    async with world() as each:
        informer = await each.informer()
        each.answer(each.write("delete", controller="me", reconcile_key=KEY))
        assert each.own.doubtful
        await each.own.settle("me", KEY, informer)
        assert informer.reader.get(KEY) is None


async def test_a_deletion_in_a_selection_is_proved_by_a_small_list() -> None:
    async with world() as each:
        made = each.server.put("a", labels={"app": "web"})
        informer = await each.informer(labels="app=web")
        write = each.write("delete")
        each.server.objects.clear()
        each.server.version += 5
        each.answer(write, uid=made["metadata"]["uid"])
        assert informer.reader.get(KEY) is None
        await settle(2)
        assert isinstance(informer.reader, OverlayReader)
        assert informer.reader.overlay.unproved is None
        each.server.watch.send("DELETED", {**made, "metadata": {**made["metadata"], "resourceVersion": "9"}})
        await settle()
        assert informer.reader.get(KEY) is None and size(informer) == 0
