"""Discovery, waiting for conditions, and the sync facade."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from helpers.fake_transport import FakeResponse, FakeTransport, failing

from reconcile.client import Client
from reconcile.client.waiting import crd_established, exists, has_condition, is_gone
from reconcile.errors import ConfigurationError, ForbiddenError, TransportError
from reconcile.objects.identity import GroupVersionKind, ResourceType
from reconcile.runtime import SimulatedRuntime, SystemRuntime

PODS = ResourceType("", "v1", "Pod", "pods")
DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")


def aggregated(*resources: tuple[str, str, str]) -> dict[str, Any]:
    return {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": "v1",
                        "resources": [
                            {"resource": plural, "scope": "Namespaced", "responseKind": {"kind": kind}}
                        ],
                    }
                ],
            }
            for group, kind, plural in resources
        ],
    }


CORE = aggregated(("", "Pod", "pods"))
APPS = aggregated(("apps", "Deployment", "deployments"), ("x.io", "Widget", "widgets"))


def client_of(*answers: Any) -> tuple[Client, FakeTransport]:
    transport = FakeTransport(*answers)
    return Client(transport, runtime=SimulatedRuntime()), transport


async def test_everything_is_asked_once_for_all_who_wait() -> None:
    client, transport = client_of(CORE, APPS)
    kinds = [DEPLOYMENT, GroupVersionKind("", "v1", "Pod"), GroupVersionKind("x.io", "v1", "Widget")]
    found = await asyncio.gather(*[client.resource_type(kind) for kind in kinds])
    assert [str(resource_type) for resource_type in found] == [
        "apps/v1 Deployment",
        "v1 Pod",
        "x.io/v1 Widget",
    ]
    assert found[0].path("n") == "/apis/apps/v1/namespaces/n/deployments"
    assert [request.path for request in transport.requests] == ["/api", "/apis"]
    assert "apidiscovery.k8s.io;v=v2;" in transport.request.headers["accept"]


async def test_a_missing_kind_names_what_is_close_and_is_asked_for_again_after_a_while() -> None:
    later = aggregated(("x.io", "Gadget", "gadgets"))
    client, transport = client_of(CORE, APPS, CORE, later)
    with pytest.raises(ConfigurationError, match=r"x.io/v1 Widgets; close to it are x.io/v1 Widget"):
        await client.resource_type(GroupVersionKind("x.io", "v1", "Widgets"))
    with pytest.raises(ConfigurationError, match="it serves apps/v1 Deployment"):
        await client.resource_type(GroupVersionKind("extensions", "v1beta1", "Deployment"))
    gadget = GroupVersionKind("x.io", "v1", "Gadget")
    with pytest.raises(ConfigurationError, match="close to it are x"):
        await client.resource_type(gadget)
    with pytest.raises(ConfigurationError, match=r"Zzzzz; x.io/v1 has Widget"):
        await client.resource_type(GroupVersionKind("x.io", "v1", "Zzzzz"))
    with pytest.raises(ConfigurationError, match="CustomResourceDefinition installed"):
        await client.resource_type(GroupVersionKind("zzz.io", "v7", "Qqqqq"))
    assert len(transport.requests) == 2
    await asyncio.sleep(11)
    assert (await client.resource_type(gadget)).plural == "gadgets"


CRDS = ResourceType(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
CRD = {"apiVersion": CRDS.api_version, "kind": CRDS.kind, "metadata": {"name": "gadgets.x.io"}}
GADGET = GroupVersionKind("x.io", "v1", "Gadget")


async def test_a_kind_that_this_client_defined_is_asked_for_at_once_and_until_it_is_served() -> None:
    later = aggregated(("x.io", "Gadget", "gadgets"))
    client, transport = client_of(CORE, APPS, CRD, CORE, APPS, CORE, later)
    with pytest.raises(ConfigurationError):
        await client.resource_type(GADGET)
    await client.patch(CRDS, "gadgets.x.io", CRD)
    with pytest.raises(ConfigurationError):
        await client.resource_type(GADGET)
    with pytest.raises(ConfigurationError):
        await client.resource_type(GADGET)
    assert len(transport.requests) == 5, "asked at once, and not in every turn of the loop"
    await asyncio.sleep(0.2)
    assert (await client.resource_type(GADGET)).plural == "gadgets"


async def test_after_a_definition_was_deleted_nothing_is_taken_for_known() -> None:
    later = aggregated(("x.io", "Gadget", "gadgets"))
    client, transport = client_of(CORE, later, {"kind": "Status", "status": "Success"}, CORE, APPS)
    await client.resource_type(GADGET)
    await client.delete(CRDS, "gadgets.x.io")
    with pytest.raises(ConfigurationError):
        await client.resource_type(GADGET)
    assert len(transport.requests) == 5


async def test_a_dry_run_and_a_refused_write_define_nothing() -> None:
    client, transport = client_of(CORE, APPS, CRD, failing(403, "Forbidden"))
    with pytest.raises(ConfigurationError):
        await client.resource_type(GADGET)
    await client.patch(CRDS, "gadgets.x.io", CRD, dry_run=True)
    with pytest.raises(ForbiddenError):
        await client.patch(CRDS, "gadgets.x.io", CRD)
    with pytest.raises(ConfigurationError):
        await client.resource_type(GADGET)
    assert len(transport.requests) == 4


async def test_an_old_server_is_asked_group_version_by_group_version() -> None:
    document = {
        "kind": "APIResourceList",
        "resources": [
            {"name": "deployments", "kind": "Deployment", "namespaced": True},
            {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
        ],
    }
    client, transport = client_of({"kind": "APIVersions"}, document, failing(404, "NotFound"))
    assert (await client.resource_type(DEPLOYMENT)).plural == "deployments"
    with pytest.raises(ConfigurationError):
        await client.resource_type(GroupVersionKind("nope.io", "v1", "X"))
    assert [request.path for request in transport.requests] == ["/api", "/apis/apps/v1", "/apis/nope.io/v1"]


def pod(version: str, ready: str = "False", uid: str = "u") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "n", "resourceVersion": version, "uid": uid},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def listed(*items: Any) -> dict[str, Any]:
    return {"kind": "PodList", "metadata": {"resourceVersion": "10"}, "items": list(items)}


def events(*pairs: tuple[str, Any]) -> FakeResponse:
    return FakeResponse(
        200, *[json.dumps({"type": kind, "object": obj}).encode() + b"\n" for kind, obj in pairs]
    )


async def test_waiting_for_a_condition() -> None:
    client, transport = client_of(
        listed(pod("1")), events(("BOOKMARK", pod("11")), ("MODIFIED", pod("12", "True")))
    )
    found = await client.wait_for(PODS, "n/p", has_condition("Ready"))
    assert found["metadata"]["resourceVersion"] == "12"
    assert dict(transport.request.query)["fieldSelector"] == "metadata.name=p"
    assert dict(transport.request.query)["resourceVersion"] == "10"


async def test_waiting_goes_on_after_a_broken_watch() -> None:
    gone = events(("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"}))
    client, _ = client_of(
        listed(), gone, listed(), TransportError("cut"), listed(), events(("ADDED", pod("12")))
    )
    assert await client.wait_for(PODS, "n/p", exists) == pod("12")


async def test_waiting_for_deletion() -> None:
    client, _ = client_of(listed(pod("1")), events(("DELETED", pod("12"))))
    assert await client.wait_for(PODS, "n/p", is_gone()) is None
    client, _ = client_of(listed(pod("1", uid="other")))
    assert await client.wait_for(PODS, "n/p", is_gone("u")) == pod("1", uid="other")


async def test_waiting_ends_in_time() -> None:
    client, _ = client_of(*[lambda _: listed(pod("1")), lambda _: events()] * 100)
    with pytest.raises(TimeoutError, match="Pod n/p was not as awaited within 3 s"):
        await client.wait_for(PODS, "n/p", has_condition("Ready"), timeout=3)


def test_conditions_of_objects() -> None:
    crd = {
        "metadata": {"generation": 2},
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    }
    assert crd_established(crd) and not crd_established(None)
    crd["status"]["conditions"][0]["observedGeneration"] = 1
    assert not crd_established(crd)
    assert not has_condition("Ready", reason="Now")({"status": {"conditions": [{"type": "Ready"}]}})


@pytest.mark.real_time
async def test_the_sync_facade_serves_worker_threads_and_refuses_the_loops_own() -> None:
    transport = FakeTransport(pod("1"), pod("2"))
    client = Client(transport, runtime=SystemRuntime())
    sync = client.sync
    found = await client.runtime.run_in_thread(lambda: sync.get(PODS, "n/p"), name="worker")
    assert found == pod("1")
    with pytest.raises(RuntimeError, match="must not be called on the event loop"):
        sync.get(PODS, "n/p")


async def test_the_sync_facade_in_a_simulated_runtime_keeps_the_reconciles_name() -> None:
    from reconcile.client import Write, WriteOutcome, attributed
    from reconcile.objects.identity import ObjectKey

    seen: list[str] = []

    class Observer:
        def write_started(self, write: Write, /) -> None:
            seen.append(write.controller)

        def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
            pass

    client = Client(FakeTransport(pod("1")), runtime=SimulatedRuntime(), observers=[Observer()])
    sync = client.sync
    with attributed("c", ObjectKey("n", "p")):
        await client.runtime.run_in_thread(lambda: sync.patch(PODS, "n/p", {}), name="worker")
    assert seen == ["c"]
