"""Informers against a real kube-apiserver through faults; each fault is shown to have occurred."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from helpers.informing import Recorder

from reconcile.client import Client
from reconcile.errors import CacheNotSyncedError, ConfigurationError
from reconcile.informers import Cache, Condition, Index, Informer, InformerFactory, InformerOptions, ListMode
from reconcile.objects.identity import ResourceType
from reconcile.testing.control_plane import ControlPlane

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

CONFIG_MAPS = ResourceType("", "v1", "ConfigMap", "configmaps")
NAMESPACES = ResourceType("", "v1", "Namespace", "namespaces", namespaced=False)
CRDS = ResourceType(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
GADGETS = ResourceType("informers.example.com", "v1", "Gadget", "gadgets")
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgets.informers.example.com"},
    "spec": {
        "group": "informers.example.com",
        "scope": "Namespaced",
        "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


def _config_map(name: str, namespace: str, **data: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


async def _until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s: {what}") from None


async def _created_once_discovered(client: Client, obj: dict[str, Any]) -> None:
    """Create an object of a kind that is served already and that discovery will list in a moment."""
    async with asyncio.timeout(60):
        while True:
            try:
                await client.create(obj)
                return
            except ConfigurationError:
                await asyncio.sleep(0.2)


async def _equal(client: Client, informer: Informer, resource: ResourceType, namespace: str) -> None:
    """Wait until the store holds exactly what the server holds."""

    async def on_server() -> dict[str, str]:
        found = await client.list(resource, namespace=namespace)
        return {obj["metadata"]["name"]: obj["metadata"]["resourceVersion"] for obj in found}

    async with asyncio.timeout(60):
        while True:
            wanted = await on_server()
            if {obj.key.name: obj.resource_version for obj in informer.reader.list(namespace)} == wanted:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("mode", list(ListMode))
async def test_store_and_deliveries_follow_the_server(control_plane: ControlPlane, mode: ListMode) -> None:
    space = f"follow-{mode.value}"
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        await client.create(_namespace(space))
        for number in range(25):
            await client.create(_config_map(f"early-{number}", space, number=str(number)))
        factory = InformerFactory(client, options=InformerOptions(list_mode=mode, page_size=7))
        informer = factory.informer(CONFIG_MAPS, namespaces=[space])
        informer.add_index(Index("data.number"))
        recorder = Recorder()
        informer.add_handler(recorder)
        await factory.start()
        try:
            await informer.wait_synced(30)
            await client.create(_config_map("late", space, number="3"))
            await client.patch(CONFIG_MAPS, f"{space}/late", {"data": {"number": "4"}})
            await client.delete(CONFIG_MAPS, f"{space}/early-0")
            await _equal(client, informer, CONFIG_MAPS, space)
            await _until(lambda: "delete" in recorder.kinds(), "the deletion is delivered")
            assert {obj.key.name for obj in Cache(factory).index(CONFIG_MAPS, "data.number", "4").cached} == {
                "early-4",
                "late",
            }
            assert all(call[3] for call in recorder.calls if call[0] == "add" and "early" in call[1])
            assert informer.stats().relists == {}
        finally:
            await factory.stop()


async def test_restart_of_the_server_is_resumed_without_a_new_list(control_plane: ControlPlane) -> None:
    space = "restarted"
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        await client.create(_namespace(space))
        factory = InformerFactory(client)
        informer = factory.informer(CONFIG_MAPS, namespaces=[space])
        recorder = Recorder()
        informer.add_handler(recorder)
        await factory.start()
        try:
            await informer.wait_synced(30)
            await client.create(_config_map("before", space))
            await _equal(client, informer, CONFIG_MAPS, space)
            await asyncio.to_thread(control_plane.restart_apiserver, kill=True)
            await client.create(_config_map("after", space))
            await _equal(client, informer, CONFIG_MAPS, space)
            assert informer.stats().failures, "the cut was met"
            await _until(lambda: recorder.kinds() == ["add", "add"], "both are delivered")
        finally:
            await factory.stop()


async def test_definition_deleted_and_recreated_while_watched(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        factory = InformerFactory(client, options=InformerOptions(absent_retry=0.5))
        informer = factory.informer(GADGETS, namespaces=["default"])
        recorder = Recorder()
        informer.add_handler(recorder)
        await factory.start()
        try:
            await _until(lambda: informer.status()[0].condition is Condition.ABSENT, "absent at first")
            with pytest.raises(CacheNotSyncedError, match="CustomResourceDefinition"):
                await informer.wait_synced(0.1)
            gadget = {
                "apiVersion": "informers.example.com/v1",
                "kind": "Gadget",
                "metadata": {"name": "one", "namespace": "default"},
            }
            for round_ in range(2):
                await client.create(CRD)
                async with asyncio.timeout(60):
                    while informer.status()[0].condition is not Condition.WORKING:
                        await asyncio.sleep(0.05)
                await _created_once_discovered(client, gadget)
                await _until(lambda r=round_: recorder.kinds().count("add") == r + 1, "added")
                await client.delete(CRDS, "gadgets.informers.example.com")
                await _until(lambda: informer.status()[0].condition is Condition.ABSENT, "absent again")
            await client.create(CRD)
            await _until(lambda: informer.status()[0].condition is Condition.WORKING, "back")
            await _until(lambda: recorder.kinds().count("delete") == 2, "both deletions are delivered")
            assert recorder.kinds() == ["add", "delete", "add", "delete"]
            assert informer.reader.list() == []
        finally:
            await factory.stop()
            await client.delete(CRDS, "gadgets.informers.example.com")


async def test_forbidden_namespace_names_the_rule_and_others_go_on(control_plane: ControlPlane) -> None:
    async with Client.from_kubeconfig(control_plane.kubeconfig) as admin:
        for space in ("allowed", "closed"):
            await admin.create(_namespace(space))
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}
        for space in ("allowed",):
            metadata = {"name": "reader", "namespace": space}
            role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata}
            await admin.create({**role, "rules": [rule]})
            binding = {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
                "subjects": [{"kind": "User", "name": "someone", "apiGroup": "rbac.authorization.k8s.io"}],
            }
            await admin.create(binding)
        await admin.create(_config_map("seen", "allowed"))
        async with Client.from_kubeconfig(control_plane.kubeconfig_for("someone")) as client:
            factory = InformerFactory(client, namespaces=["allowed", "closed"])
            informer = factory.informer(CONFIG_MAPS)
            await factory.start()
            try:
                await informer.wait_synced(30)
                cache = Cache(factory)
                await _until(lambda: cache.get(CONFIG_MAPS, "allowed/seen") is not None, "the others go on")
                with pytest.raises(CacheNotSyncedError, match=r'resources: \["configmaps"\].*closed'):
                    cache.get(CONFIG_MAPS, "closed/x")
            finally:
                await factory.stop()


async def test_metadata_informer_upgrades_to_whole_objects(control_plane: ControlPlane) -> None:
    space = "upgraded"
    async with Client.from_kubeconfig(control_plane.kubeconfig) as client:
        await client.create(_namespace(space))
        await client.create(_config_map("one", space, text="x" * 5000))
        factory = InformerFactory(client)
        informer = factory.informer(CONFIG_MAPS, namespaces=[space], metadata_only=True)
        await factory.start()
        try:
            await informer.wait_synced(30)
            assert informer.stats().bytes < 3000
            factory.informer(CONFIG_MAPS, namespaces=[space])
            await informer.wait_synced(30)
            found = Cache(factory).get(CONFIG_MAPS, f"{space}/one")
            assert found is not None and found["data"]["text"] == "x" * 5000
        finally:
            await factory.stop()
