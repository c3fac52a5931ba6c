"""The client's verbs against a real kube-apiserver."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from reconcile.api.apiextensions.v1 import CustomResourceDefinition
from reconcile.api.apps.v1 import Deployment
from reconcile.api.core.v1 import ConfigMap, Namespace, Pod
from reconcile.client import Client, Write, WriteOutcome
from reconcile.client.raw import decode_event
from reconcile.client.waiting import crd_established, has_condition, is_gone
from reconcile.errors import (
    AlreadyExistsError,
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    TransportError,
)
from reconcile.objects.identity import GroupVersionKind, ResourceType
from reconcile.objects.kinds import MetadataOnly
from reconcile.objects.meta import ObjectMeta
from reconcile.testing.control_plane import ControlPlane

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps")
WIDGETS = ResourceType("test.example.com", "v1", "Widget", "widgets")
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.test.example.com"},
    "spec": {
        "group": "test.example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "default"},
    "spec": {"containers": [{"name": "c", "image": "i"}], "automountServiceAccountToken": False},
}


def config_map(name: str, **data: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"), data=data)


async def test_the_life_of_an_object(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        created = await client.create(config_map("life", a="1"))
        with pytest.raises(AlreadyExistsError):
            await client.create(config_map("life"))
        read = await client.get(ConfigMap, "default/life")
        assert read == created
        read.data["b"] = "2"
        updated = await client.update(read)
        read.data["c"] = "3"
        with pytest.raises(ConflictError):
            await client.update(read)
        assert (await client.patch(updated, {"data": {"a": None}})).data == {"b": "2"}
        operations = [{"op": "test", "path": "/data/b", "value": "no"}]
        with pytest.raises(InvalidError):
            await client.patch(ConfigMap, "default/life", operations, type="json")
        patched = await client.patch(ConfigMap, "default/life", {"data": {"s": "1"}}, type="strategic")
        assert patched.data == {"b": "2", "s": "1"}
        patched.data["s"] = "2"
        assert (await client.patch_from(None, patched, lock=True)).data["s"] == "2"
        with pytest.raises(ConflictError):
            patched.data["s"] = "3"
            await client.patch_from(None, patched, lock=True)
        with pytest.raises(ConflictError):
            await client.delete(patched, resource_version="1")
        assert await client.delete(patched) is None
        assert await client.get_or_none(ConfigMap, "default/life") is None
        with pytest.raises(NotFoundError, match="life"):
            await client.delete(ConfigMap, "default/life")


async def test_delete_of_an_object_spares_one_created_anew_under_its_name(
    control_plane: ControlPlane,
) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        first = await client.create(config_map("anew"))
        await client.delete(first)
        await client.create(config_map("anew"))
        with pytest.raises(ConflictError):
            await client.delete(first)
        await client.delete(ConfigMap, "default/anew")


async def test_dry_run_and_validation(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        dry = await client.create(config_map("dry"), dry_run=True)
        assert dry.metadata.uid
        assert await client.get_or_none(ConfigMap, "default/dry") is None
        with pytest.raises(InvalidError) as caught:
            await client.create(config_map("Not A Name"))
        assert caught.value.causes[0].field == "metadata.name"
        from reconcile.errors import BadRequestError

        plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "dota": {}}
        with pytest.raises(BadRequestError, match="dota"):
            await client.create(plain, namespace="default", field_validation="Strict")


async def test_apply_owns_what_it_says_and_drops_what_it_said_before(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        owner = await client.create(config_map("owner"))
        first = await client.apply(config_map("applied", a="1", b="1"), owner=owner)
        assert first.metadata.owner_references[0].uid == owner.metadata.uid
        second = await client.apply(config_map("applied", a="2"), owner=owner)
        assert second.data == {"a": "2"}
        with pytest.raises(ConflictError, match="reconcile"):
            await client.apply(config_map("applied", a="3"), field_manager="other", force=False)
        await client.apply(await client.get(ConfigMap, "default/applied"))


async def test_status_of_that_very_object(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        pod = Pod.__resource_type__
        created = await client.create(POD)
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        applied = await client.apply_status(created, status)
        assert applied["status"]["phase"] == "Running"
        assert has_condition("Ready")(await client.get(Pod, "default/p"))
        await client.delete(created, grace_period_seconds=0)
        await client.create(POD)
        with pytest.raises(InvalidError, match=r"metadata\.uid"):
            await client.apply_status(created, status)
        await client.delete(pod, "default/p", grace_period_seconds=0)


async def test_binding_eviction_and_scale(control_plane: ControlPlane) -> None:
    class Observer:
        def __init__(self) -> None:
            self.outcomes: list[tuple[Write, WriteOutcome]] = []

        def write_started(self, write: Write, /) -> None:
            pass

        def write_finished(self, write: Write, outcome: WriteOutcome, /) -> None:
            self.outcomes.append((write, outcome))

    observer = Observer()
    async with Client.from_kubeconfig(control_plane.kubeconfig, observers=[observer]) as client:
        pod = await client.create({**POD, "metadata": {"name": "bound", "namespace": "default"}})
        await client.bind(pod, "node-1")
        bound = await client.get(Pod, "default/bound")
        assert bound.spec is not None and bound.spec.node_name == "node-1"
        with pytest.raises(ConflictError):
            await client.bind(pod, "node-2")
        await client.evict(pod, grace_period_seconds=0)
        assert await client.get_or_none(Pod, "default/bound") is None
        await client.create(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "d", "namespace": "default"},
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": {"a": "b"}},
                    "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]},
                },
            }
        )
        assert (await client.scale(Deployment, "default/d", 4))["spec"]["replicas"] == 4
        deployment = await client.get(Deployment, "default/d")
        assert deployment.spec is not None and deployment.spec.replicas == 4
    told = [
        (write.verb, write.subresource, outcome.object is not None) for write, outcome in observer.outcomes
    ]
    assert told == [
        ("create", "", True),
        ("create", "binding", False),
        ("create", "binding", False),
        ("create", "eviction", False),
        ("create", "", True),
        ("patch", "scale", False),
    ]


async def test_lists_pages_and_streams_agree(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        await client.create(Namespace(metadata=ObjectMeta(name="many")))
        for number in range(25):
            labels = {"even": str(number % 2 == 0)}
            meta = ObjectMeta(name=f"c{number:02}", namespace="many", labels=labels)
            await client.create(ConfigMap(metadata=meta, data={"x": '},{"metadata":' * 50}))
        listed = await client.list(ConfigMap, namespace="many")
        names = [item.metadata.name for item in listed]
        assert names == [f"c{number:02}" for number in range(25)]
        paged = [
            item async for page in client.pages(ConfigMap, namespace="many", page_size=7) for item in page
        ]
        assert paged == list(listed)
        assert [item async for item in client.stream(ConfigMap, namespace="many")] == list(listed)
        assert len(await client.list(ConfigMap, namespace="many", labels={"even": "True"})) == 13
        (one,) = await client.list(ConfigMap, namespace="many", fields={"metadata.name": "c07"})
        assert one.metadata.name == "c07"
        metadata = await client.list(MetadataOnly(ConfigMap), namespace="many", limit=3)
        assert [item.name for item in metadata] == names[:3]
        assert metadata.remaining == 22
        raw: list[bytes] = []
        async with client.list_raw(CONFIG_MAPS, namespace="many") as answer:
            async for items in answer:
                raw += items
        assert len(raw) == 25
        assert answer.head.kind == "ConfigMapList"
        assert answer.head.metadata is not None and answer.head.metadata.resource_version
        await client.delete_collection(ConfigMap, namespace="many", labels="even=True")
        assert len(await client.list(ConfigMap, namespace="many")) == 12


async def test_watch_from_a_list(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        start = (await client.list(ConfigMap, namespace="default")).resource_version
        seen: list[tuple[str, str]] = []
        async with client.watch(ConfigMap, namespace="default", resource_version=start) as watch:
            created = await client.create(config_map("watched"))
            await client.patch(created, {"data": {"a": "1"}})
            await client.delete(created)
            async for event in watch:
                seen.append((event.type, event.object.metadata.name))
                if event.type == "DELETED":
                    break
        assert seen == [("ADDED", "watched"), ("MODIFIED", "watched"), ("DELETED", "watched")]
        async with client.watch_raw(MetadataOnly(ConfigMap), timeout_seconds=1) as lines:
            async for line in lines:
                assert decode_event(line).type in ("ADDED", "BOOKMARK")


async def test_a_kind_that_comes_with_its_definition(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        gvk = GroupVersionKind("test.example.com", "v1", "Widget")
        with pytest.raises(ConfigurationError, match="CustomResourceDefinition installed"):
            await client.resource_type(gvk)
        await client.apply(CRD)
        await client.wait_for(CustomResourceDefinition, "widgets.test.example.com", crd_established)
        # Discovery follows the condition a moment later.
        async with asyncio.timeout(60):
            while WIDGETS not in await client.discovery.resource_types():
                await asyncio.sleep(0.05)
        widget = {
            "apiVersion": "test.example.com/v1",
            "kind": "Widget",
            "metadata": {"name": "w"},
            "spec": {},
        }
        created = await client.create(widget, namespace="default")
        assert await client.resource_type(gvk) == WIDGETS
        with pytest.raises(ConfigurationError, match=r"Widgets; .* test\.example\.com/v1 Widget"):
            await client.resource_type(GroupVersionKind("test.example.com", "v1", "Widgets"))
        updated = await client.create_or_patch(created, lambda w: w["spec"].update(size=3))
        assert updated[1] == "patched"
        assert (await client.create_or_patch(created, lambda w: w["spec"].update(size=3)))[1] == "unchanged"
        waiting = asyncio.create_task(client.wait_for(WIDGETS, "default/w", is_gone()))
        await client.delete(WIDGETS, "default/w")
        assert await waiting is None
        assert len(await client.list(WIDGETS, namespace="default")) == 0
        served = await client.discovery.resource_types()
        assert Pod.__resource_type__ in served and WIDGETS in served


async def test_impersonation_and_forbidden(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig, impersonate="jane") as client:
        with pytest.raises(ForbiddenError, match='User "jane" cannot list resource "configmaps"'):
            await client.list(ConfigMap, namespace="default")


async def test_a_stopped_api_server_is_named(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        await asyncio.to_thread(control_plane.stop_apiserver, kill=True)
        try:
            with pytest.raises(TransportError, match="is the API server running"):
                await client.get(Namespace, "default")
        finally:
            await asyncio.to_thread(control_plane.start_apiserver)


async def test_waiting_outlives_a_crash_of_the_api_server(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        await client.create(config_map("awaited", a="1"))
        seen: list[str] = []

        def ready(found: ConfigMap | None) -> bool:
            assert found is not None
            seen.append(found.data["a"])
            return found.data["a"] == "2"

        waiting = asyncio.create_task(client.wait_for(ConfigMap, "default/awaited", ready, timeout=90))
        async with asyncio.timeout(90):
            while not seen:
                await asyncio.sleep(0.01)
            # In time for the watch to be open; killed, since an orderly stop waits for it to be closed.
            await asyncio.sleep(0.5)
            await asyncio.to_thread(control_plane.restart_apiserver, kill=True)
            await client.patch(ConfigMap, "default/awaited", {"data": {"a": "2"}})
            found = await waiting
        assert found is not None and found.data == {"a": "2"}
        # It listed anew: the first state was seen again, or the second at once.
        assert seen[0] == "1" and seen[-1] == "2" and len(seen) >= 2


async def test_a_watch_of_a_compacted_version_is_gone(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client, asyncio.timeout(90):
        first = await client.create(config_map("compacted"))
        # Two, since the revision that is compacted at is kept, and a watch starts after its version.
        for number in range(2):
            await client.patch(first, {"data": {"a": str(number)}})
        await asyncio.to_thread(control_plane.compact_etcd)
        # The server's own cache would still know the past.
        await asyncio.to_thread(control_plane.restart_apiserver, kill=True)
        with pytest.raises(GoneError) as gone:
            async with client.watch(
                ConfigMap, resource_version=first.metadata.resource_version, timeout_seconds=20
            ) as watch:
                async for _ in watch:
                    pass
        assert (gone.value.code, gone.value.reason) == (410, "Expired")


async def test_the_official_packages_configuration_and_models(control_plane: ControlPlane) -> None:
    from kubernetes import client as official
    from kubernetes import config as official_config

    from reconcile.client.interop import from_official, to_official

    configuration = official.Configuration()
    await asyncio.to_thread(
        official_config.load_kube_config,
        str(control_plane.kubeconfig),
        client_configuration=configuration,
    )
    async with Client.from_configuration(configuration) as client:
        created = await client.create(config_map("official", a="1"))
        model = to_official(created, official.V1ConfigMap)
        assert model.metadata is not None and model.metadata.uid == created.metadata.uid
        back = from_official(model, ConfigMap)
        assert back.data == created.data and back.metadata.uid == created.metadata.uid
        await client.delete(created)
