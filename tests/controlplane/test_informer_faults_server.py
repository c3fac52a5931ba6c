"""An informer and what befalls the server behind it: restarts, compaction, definitions, damaged storage.

Each test asserts that its fault really occurred, and compares what the handler was told with what etcd
stored (`helpers.delivery_contract`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from helpers.faulty_world import (
    SECRETS,
    FaultyWorld,
    install_definition,
    quick,
    until,
    until_async,
)

from reconcile import CustomResource, Model
from reconcile.api.apiextensions.v1 import CustomResourceDefinition
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.client.waiting import is_gone
from reconcile.errors import InvalidError, NotFoundError, ObjectDecodeError
from reconcile.informers import Condition, ListMode

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

World = Callable[..., FaultyWorld]


class GadgetSpec(Model):
    size: int


class Gadget(CustomResource, group="faults.example.com", version="v1"):
    spec: GadgetSpec


def definition(size: dict[str, Any]) -> dict[str, Any]:
    """The definition of gadgets, with the schema of `spec.size`."""
    spec = {"type": "object", "properties": {"size": size}, "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": spec}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.faults.example.com"},
        "spec": {
            "group": "faults.example.com",
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }


ANY_SIZE = definition({"x-kubernetes-preserve-unknown-fields": True})
INTEGER_SIZE = definition({"type": "integer"})


async def uninstall(w: FaultyWorld) -> None:
    """Delete the definition; return when the server has forgotten it and the informer knows."""
    await w.direct.delete(CustomResourceDefinition, "gadgets.faults.example.com")
    await w.direct.wait_for(CustomResourceDefinition, "gadgets.faults.example.com", is_gone())
    await until(lambda: w.informer.status()[0].condition is Condition.ABSENT)


class Intercepting(Transport):
    """Runs something before requests that it chooses, and notes their answers' codes."""

    def __init__(
        self,
        inner: Transport,
        chooses: Callable[[TransportRequest], bool],
        before: Callable[[], Awaitable[object]],
    ) -> None:
        self._inner = inner
        self._chooses = chooses
        self._before = before
        self.codes: list[int] = []

    async def send(self, request: TransportRequest) -> TransportResponse:
        if not self._chooses(request):
            return await self._inner.send(request)
        await self._before()
        response = await self._inner.send(request)
        self.codes.append(response.status)
        return response

    async def close(self) -> None:
        await self._inner.close()


# ---- restarts and compaction


@pytest.mark.parametrize("kill", [False, True], ids=["in order", "killed"])
async def test_the_api_server_restarts_under_load(world: World, kill: bool) -> None:
    async with world() as w:
        await w.put("kept", "1")
        await w.start()
        await w.churn(1, 20)
        before = w.plane.processes["kube-apiserver"].pid
        restart = asyncio.create_task(asyncio.to_thread(w.plane.restart_apiserver, kill=kill))
        seed = 2
        while not restart.done():
            # What the server refuses while it is not there simply has not happened.
            await w.churn(seed, 10)
            seed += 1
            await asyncio.sleep(0.05)
        await restart
        assert w.plane.processes["kube-apiserver"].pid != before
        await w.churn(1000, 30)
        await w.assert_contract()
        assert w.stats.watches >= 2
        assert len(w.handler.of("kept")) == 1
        assert w.informer.status()[0].condition is Condition.WORKING


async def test_a_restart_after_a_compaction_while_the_watch_is_down_costs_one_list(world: World) -> None:
    async with world() as w:
        for name in ("a", "b", "c"):
            await w.put(name, "1")
        await w.start()
        w.proxy.down()
        await w.churn(3)
        await w.delete("a")
        await w.delete("b")
        await w.put("b", "anew")
        await asyncio.to_thread(w.plane.compact_etcd)
        # The new server's watch cache knows nothing of before its start, and etcd has forgotten.
        await asyncio.to_thread(w.plane.restart_apiserver)
        await w.churn(4, 20)
        w.proxy.up()
        await w.assert_contract()
        assert w.stats.failures["expired"] == 1
        assert w.stats.relists == {"expired": 1}
        assert [(call.type, call.final_state_unknown) for call in w.handler.of("a")][1:] == [("delete", True)]
        assert [call.type for call in w.handler.of("b")] == ["add", "delete", "add"]
        assert len(w.handler.of("c")) == 1


async def test_a_continue_token_that_expires_costs_no_object(world: World) -> None:
    async with world(kind=SECRETS, options=quick(list_mode=ListMode.PAGES, page_size=3)) as w:
        for number in range(10):
            await w.put(f"s{number}", "1")

        async def forget() -> None:
            if not answers.codes:
                await w.put("s9", "2")
                await w.put("s0", "2")
                await w.delete("s1")
                await asyncio.to_thread(w.plane.compact_etcd)

        def continues(request: TransportRequest) -> bool:
            return any(name == "continue" for name, _ in request.query)

        w.client.transport = answers = Intercepting(w.client.transport, continues, forget)
        await w.start()
        assert answers.codes == [410], "the token had not expired"
        assert w.stats.failures == {"expired": 1}
        await w.churn(5, 20)
        await w.assert_contract()
        assert len(w.handler.of("s1")) == 0


# ---- definitions that come and go


async def test_a_definition_deleted_and_made_again_while_its_objects_are_watched(world: World) -> None:
    gadgets = Gadget.__resource_type__
    async with world(kind=gadgets, storage="faults.example.com/gadgets") as w:
        await w.factory.start()
        await until(lambda: w.informer.status()[0].condition is Condition.ABSENT)
        await install_definition(w.direct, ANY_SIZE)
        await w.start()
        first = await w.put("a", "1")
        await w.put("b", "1")
        await until(lambda: len(w.handler.calls) == 2)

        await uninstall(w)
        assert "faults.example.com" in w.informer.status()[0].message
        with pytest.raises(NotFoundError):
            await w.direct.list(gadgets, namespace=w.namespace)
        await w.settled()
        assert w.handler.held() == {}

        await install_definition(w.direct, ANY_SIZE)
        again = await w.put("a", "2")
        assert again["metadata"]["uid"] != first["metadata"]["uid"]
        await w.churn(6, 20)
        await w.assert_contract()
        assert [call.type for call in w.handler.of("a")] == ["add", "delete", "add"]
        assert w.informer.status()[0].condition is Condition.WORKING
        assert w.stats.failures["absent"] >= 2
        await uninstall(w)


# ---- objects that do not decode


async def test_an_object_that_does_not_fit_its_type_is_an_error_at_its_read_alone(world: World) -> None:
    async with world(kind=Gadget, storage="faults.example.com/gadgets") as w:
        await install_definition(w.direct, ANY_SIZE)
        wrong = {**w.object("wrong"), "spec": {"size": "large"}}
        await w.direct.create({**w.object("good"), "spec": {"size": 1}})
        await w.direct.create(wrong)
        # Since then the definition says more: that object could not be made any more.
        await w.direct.apply(INTEGER_SIZE)

        async def tightened() -> bool:
            refused = {**wrong, "metadata": {"name": "refused", "namespace": w.namespace}}
            try:
                await w.direct.create(refused, dry_run=True)
            except InvalidError:
                return True
            return False

        await until_async(tightened)
        await w.start()
        with pytest.raises(ObjectDecodeError) as caught:
            w.cache.get(Gadget, f"{w.namespace}/wrong")
        assert caught.value.key == f"{w.namespace}/wrong"
        assert "size" in caught.value.field
        listed = w.cache.list(Gadget)
        assert [gadget.metadata.name for gadget in listed] == ["good"]
        assert [error.key for error in listed.errors] == [f"{w.namespace}/wrong"]
        await w.direct.patch(w.resource, f"{w.namespace}/wrong", {"spec": {"size": 2}})
        await until(lambda: len(w.handler.of("wrong")) == 2)
        mended = w.cache.get(Gadget, f"{w.namespace}/wrong")
        assert mended is not None and mended.spec.size == 2
        await w.assert_contract()
        await uninstall(w)


async def test_an_object_that_the_server_cannot_decode_stops_nothing_for_good(world: World) -> None:
    async with world(kind=SECRETS) as w:
        await w.put("a", "1")
        await w.put("b", "1")
        await w.start()
        etcd = w.plane.etcd
        place = f"/registry/secrets/{w.namespace}/b"
        stored = etcd.get(place)
        assert stored is not None
        etcd.put(place, b"{this is no object")
        try:
            await until(lambda: w.stats.failures.get("server_error", 0) >= 3, what="the server fails")
            assert w.informer.status()[0].condition is Condition.FAILING
            assert w.cache.metadata(SECRETS, f"{w.namespace}/b") is not None, "what was known is kept"
        finally:
            etcd.put(place, json.dumps({**json.loads(stored), "type": "example.com/mended"}).encode())
        # The watch would meet the damaged version for as long as etcd remembers it.
        await w.churn(7, 20)
        await w.assert_contract()
        assert w.stats.relists == {"server_error": 1}
        mended = w.cache.get(SECRETS, f"{w.namespace}/b")
        assert mended is not None and mended["type"] == "example.com/mended"
        assert any(not change.readable for change in await w.history())
        assert w.informer.status()[0].condition is Condition.WORKING
